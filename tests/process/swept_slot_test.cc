// A checkpoint that has found a slot's owner dead is late: the slot is somebody else's by the time
// it sweeps. What he is writing is his.
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <optional>

#include "child.h"
#include "format/hash.h"
#include "hmap/verify.h"
#include "life/checkpoint.h"
#include "life/open.h"
#include "map/hmap.h"
#include "state/space.h"
#include "stop_at.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

class SweptSlot : public ::testing::Test {
 protected:
  void TearDown() override { seam::hook.store(nullptr); }

  // Puts a large record, and stops when that is written and noted, before it becomes reachable.
  int put_large(const std::string& value) const {
    const auto own = open_session(path_, with_mode(quiet_options(), Mode::kOpen)).value();
    Engine& engine = own->engine;
    BeforeStore::to(&engine.domain(0).lock.word, [] { raise(SIGSTOP); });
    const Result<bool> put = put_entry(engine, "large", hash_key("large", engine.store_seed),
                                       {value}, PutMode::kPut, &engine.slot(own->slot).notes[0]);
    return put && *put && own->slot == 2 ? 0 : 1;
  }

  TempDir dir_{TempDir::Where::kMemory};
  const std::string path_ = dir_.file("store");
  const std::string value_ = value_of(2, 50'000);
};

TEST_F(SweptSlot, IsLeftToWhoTookItMeanwhile) {
  const auto own = open_session(path_, quiet_options()).value();
  Engine& engine = own->engine;
  Child dead([&] { return put_large(value_of(1, 30'000)); });
  ASSERT_TRUE(dead.wait().stopped());
  ASSERT_TRUE(dead.kill().killed());
  ASSERT_NE(engine.slot(2).notes[0], 0U);

  std::optional<Child> next;
  BeforeStore::to(&engine.domain(engine.layout.space_domain()).lock.word, [&] {
    next.emplace([&] { return put_large(value_); });
    ASSERT_TRUE(next->wait().stopped());
  });
  ASSERT_OK(checkpoint(engine, Milliseconds{5'000}));
  ASSERT_TRUE(next);
  EXPECT_NE(engine.slot(2).notes[0], 0U);
  // What does not count as taken any more is somebody else's at once.
  ASSERT_OK(checkpoint(engine, Milliseconds{5'000}));
  for (const char* key : {"a", "b", "c"}) {
    const std::string other = value_of(3, 50'000);
    ASSERT_TRUE(put_entry(engine, key, hash_key(key, engine.store_seed), {other}, PutMode::kPut,
                          &engine.slot(own->slot).notes[0])
                    .value());
  }
  next->signal(SIGCONT);
  EXPECT_TRUE(next->wait().exited(0));
  ASSERT_OK(close_session(*own));

  Store store = Store::open(path_, quiet_options()).value();
  EXPECT_TRUE(value_ == value_in(store, "large"));
  for (const char* key : {"a", "b", "c"})
    EXPECT_TRUE(value_of(3, 50'000) == value_in(store, key)) << key;
  const VerifyReport report = store.verify().value();
  EXPECT_TRUE(report.clean()) << report.findings[0].text;
}

}  // namespace
}  // namespace hmap::test
