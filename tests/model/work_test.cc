// What one write costs at most: how many blocks it copies. Worst is a checkpoint before each write,
// after which nothing may be stored to where it lies, and blocks of a few buckets, so that hardly
// two of those that a write touches share one.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "child.h"
#include "format/hash.h"
#include "life/checkpoint.h"
#include "life/open.h"
#include "map/hmap.h"
#include "sanitized.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

// Three of an evacuation, one or two of its overflow buckets, the spans of the new record and the
// old one, an overflow bucket of its own; who takes an extent for one of these, the extent table
// and the entry of a new span. Hardly ever all of them: of four million writes none copied more
// than 8.
constexpr u64 kCopiesMost = 8;
constexpr u64 kCopiesEver = 10;
constexpr u64 kMoreOften = 3;  // two evacuations at a time: some 25 of the writes below
constexpr u64 kKeys = kSanitized ? 4'000 : 20'000;

enum class Blocks { kSmall, kDefault };

class Work : public ::testing::TestWithParam<Blocks> {
 protected:
  // Looks what `write` copies if everything is frozen.
  template <typename Write>
  void see_copies_of(Write&& write) {
    Engine& engine = session_->engine;
    ASSERT_OK(checkpoint(engine, Milliseconds{5'000}));
    const auto copies = [&] {
      u64 all = 0;
      for (u64 d = 0; d <= engine.layout.space_domain(); ++d) all += engine.domain(d).copies;
      return all;
    };
    const u64 before = copies();
    write(engine);
    const u64 copied = copies() - before;
    ASSERT_LE(copied, kCopiesEver);
    if (copied > kCopiesMost) ++above_;
    most_ = std::max(most_, copied);
  }
  void put(u64 number, std::size_t bytes) {
    const std::string key = key_of(number);
    const std::string value = value_of(number, bytes);
    see_copies_of([&](Engine& engine) {
      ASSERT_OK(put_entry(engine, key, hash_key(key, engine.store_seed), {value}, PutMode::kPut,
                          &engine.slot(session_->slot).notes[0]));
    });
  }
  void erase(u64 number) {
    const std::string key = key_of(number);
    see_copies_of([&](Engine& engine) {
      ASSERT_OK(erase_entry(engine, key, hash_key(key, engine.store_seed)));
    });
  }

  TempDir dir_{TempDir::Where::kMemory};
  std::unique_ptr<Session> session_;
  u64 most_ = 0;
  u64 above_ = 0;  // writes that copied more than kCopiesMost
};

TEST_P(Work, AWriteCopiesFewBlocks) {
  Options options = quiet_options();
  if (GetParam() == Blocks::kDefault) options.geometry = {};
  session_ = open_session(dir_.file("store"), options).value();
  for (u64 i = 0; i < kKeys && !HasFatalFailure(); ++i) put(i, 20 + i % 7 * 30);
  for (u64 i = 0; i < kKeys && !HasFatalFailure(); i += 3) put(i, 30 + i % 11 * 20);
  for (u64 i = 0; i < kKeys && !HasFatalFailure(); i += 2) erase(i);
  EXPECT_LE(above_, kMoreOften);
  // Writes that copy nothing would show nothing.
  EXPECT_GE(most_, 5U);
}

INSTANTIATE_TEST_SUITE_P(BlocksOf, Work, ::testing::Values(Blocks::kSmall, Blocks::kDefault));

}  // namespace
}  // namespace hmap::test
