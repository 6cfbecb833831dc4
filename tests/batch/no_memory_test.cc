// Memory that is refused, once for each time that a call asks for some: std::bad_alloc is the one
// exception the library lets through, and nothing has happened then.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <new>
#include <thread>

#include "../commit/commit_options.h"
#include "child.h"
#include "hmap/batch.h"
#include "hmap/publish.h"
#include "hmap/snapshot.h"
#include "old_files.h"
#include "raw_view.h"
#include "refuse_memory.h"
#include "values.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

struct MemoryCase {
  const char* name;
  bool commits;
  bool is_inline;
};
constexpr MemoryCase kMemoryCases[] = {
    {"Records", false, false}, {"RecordsCommit", true, false}, {"InlineCommit", true, true}};

class NoMemory : public ::testing::TestWithParam<MemoryCase> {
 protected:
  void SetUp() override {
    options_ = GetParam().commits ? commit_options() : quiet_options();
    options_.shard_bits = 2;
    if (GetParam().is_inline) options_.type = fixed_type(8, 24);
    if (GetParam().commits) options_.log_bytes = 1 << 20;
    store_.emplace(Store::open(dir_.file("store"), options_).value());
    raw_.emplace(dir_.file("store"));
    for (std::uint64_t i = 0; i < 60; ++i) put(i, i);
  }

  [[nodiscard]] std::string key(std::uint64_t number) const {
    return key_of(options_.type, number);
  }
  [[nodiscard]] std::string value(std::uint64_t stamp) const {
    return value_of(options_.type, stamp, 20 + stamp % 50);
  }
  void put(std::uint64_t number, std::uint64_t stamp) {
    ASSERT_OK(store_->put(key(number), value(stamp)));
    model_[key(number)] = value(stamp);
  }

  // Calls with the first request refused, then the second and so on, until none is left to refuse:
  // each time the store has what it had, everybody can go on, and nothing is damaged.
  void refuse_each(const std::function<Status()>& call) {
    std::uint64_t refused = 0;
    for (std::uint64_t n = 1;; ++n) {
      SCOPED_TRACE("request " + std::to_string(n));
      bool happened = true;
      Status status;
      refuse_in = n;
      try {
        status = call();
      } catch (const std::bad_alloc&) {
        happened = false;
      }
      const bool all_given = refuse_in != 0;
      refuse_in = 0;
      if (happened) {
        ASSERT_OK(status);
        ASSERT_TRUE(all_given) << "a refusal was kept secret";
        break;
      }
      ++refused;
      expect_unharmed(n);
      if (HasFailure()) return;
    }
    std::printf("%llu refusals\n", static_cast<unsigned long long>(refused));
    EXPECT_GT(refused, 0U) << "nothing asked for memory";
  }

  void expect_unharmed(std::uint64_t n) {
    for (std::uint64_t shard = 0; shard < 4; ++shard)
      ASSERT_EQ(0U, raw_->shard(shard).version % 2) << "a mark is left in shard " << shard;
    ASSERT_EQ(model_, contents(*store_));
    const Result<VerifyReport> report = store_->verify();
    ASSERT_OK(report);
    ASSERT_TRUE(report->clean()) << report->findings[0].text;
    ASSERT_TRUE(store_->stats().value().snapshots.empty());
    // A batch of some shards, in which no mark of the one before may be taken for one of its own.
    Batch batch;
    for (const std::uint64_t i : {n % 60, (n + 7) % 60}) {
      model_[key(i)] = value(n + 500);
      batch.put(key(i), model_[key(i)]);
    }
    ASSERT_OK(store_->apply(batch));
    ASSERT_EQ(model_, contents(*store_));
    put((n + 13) % 60, n + 900);
    ASSERT_EQ(model_, contents(*store_));
  }

  TempDir dir_{TempDir::Where::kMemory};
  Options options_;
  std::optional<Store> store_;
  std::optional<RawView> raw_;
  Contents model_;
};

TEST_P(NoMemory, LeavesNothingOfABatch) {
  Batch batch;
  for (std::uint64_t i = 50; i < 90; ++i) batch.put(key(i), value(i + 100));
  for (std::uint64_t i = 0; i < 8; ++i) batch.erase(key(i));
  refuse_each([&] { return store_->apply(batch); });
  for (std::uint64_t i = 50; i < 90; ++i) model_[key(i)] = value(i + 100);
  for (std::uint64_t i = 0; i < 8; ++i) model_.erase(key(i));
  EXPECT_EQ(model_, contents(*store_));
}

TEST_P(NoMemory, LeavesNothingOfACheckpoint) {
  put(1, 1'000);
  refuse_each([&] { return store_->checkpoint(); });
}

TEST_P(NoMemory, LeavesNothingOfASnapshot) {
  refuse_each([&] { return store_->snapshot().error(); });
}

// Nobody but the one who closes can be told, and of a destructor not even he: there is no
// checkpoint then, but the store is closed all the same, and has what it had.
TEST_P(NoMemory, KeepsNobodyFromClosing) {
  for (const bool destroys : {false, true}) {
    bool refused = true;
    for (std::uint64_t n = 1; refused; ++n) {
      SCOPED_TRACE("request " + std::to_string(n));
      put(n % 60, n);
      Status status;
      refuse_in = n;
      if (destroys) {
        store_.reset();
      } else {
        status = store_->close();
      }
      refused = refuse_in == 0;
      refuse_in = 0;
      ASSERT_EQ(refused && !destroys ? ENOMEM : 0, status.os_error());
      Result<Store> next = Store::open(dir_.file("store"), with_mode(options_, Mode::kExclusive));
      ASSERT_OK(next);
      store_.emplace(*std::move(next));
      ASSERT_EQ(model_, contents(*store_));
    }
  }
}

// It has nobody to tell.
TEST(NoMemoryForTheCheckpointer, IsAskedForOnceMore) {
  Watchdog watchdog;
  TempDir dir{TempDir::Where::kMemory};
  Options options = small_options();
  options.checkpoint_interval = Milliseconds(5);
  Store store = Store::open(dir.file("store"), options).value();
  is_spared = true;
  refuse_others = 5;
  ASSERT_OK(store.put("key", "value"));
  const std::uint64_t epoch = store.stats().value().epoch;
  while (refuse_others > 0 || store.stats().value().durable_epoch < epoch)
    std::this_thread::sleep_for(Milliseconds(1));
  is_spared = false;
}

// Nor has the thread that lets the old handles go.
TEST(NoMemoryForOldHandles, IsNotNeeded) {
  Watchdog watchdog;
  TempDir dir{TempDir::Where::kMemory};
  const std::string path = dir.file("store");
  Store store = Store::open(path, quiet_options()).value();
  ASSERT_OK(Store::open(dir.file("fresh"), quiet_options()).value().put("key", "new"));
  ASSERT_OK(publish(dir.file("fresh"), path));
  is_spared = true;
  refuse_others = 1'000;
  EXPECT_VALUE(store, "key", "new");
  while (maps_old_ones(path)) std::this_thread::sleep_for(Milliseconds(1));
  refuse_others = 0;
  is_spared = false;
}

// Who meets a new store opens it, and hands over the handle on the old one: both or neither.
TEST(NoMemoryToFollow, LeavesTheHandleToTheNextCall) {
  Watchdog watchdog;
  TempDir dir{TempDir::Where::kMemory};
  const std::string path = dir.file("store");
  Store store = Store::open(path, quiet_options()).value();
  int published = 0;
  const auto publish_another = [&] {
    const std::string number = std::to_string(++published);
    ASSERT_OK(Store::open(dir.file("fresh"), quiet_options()).value().put("key", number));
    ASSERT_OK(publish(dir.file("fresh"), path));
  };
  publish_another();
  bool refused = true;
  for (std::uint64_t n = 1; refused; ++n) {
    SCOPED_TRACE("request " + std::to_string(n));
    bool followed = false;
    refuse_in = n;
    try {
      followed = store.contains("key").value();
    } catch (const std::bad_alloc&) {
    }
    refused = refuse_in == 0;
    refuse_in = 0;
    if (!followed) continue;
    EXPECT_VALUE(store, "key", std::to_string(published));
    publish_another();
  }
  EXPECT_VALUE(store, "key", std::to_string(published));
}

// A batch that went on with an operation without its text would write what nobody asked for.
TEST(NoMemoryForAnOperation, LeavesTheBatchAsItWas) {
  TempDir dir{TempDir::Where::kMemory};
  Store store = Store::open(dir.file("store"), quiet_options()).value();
  for (const bool erases : {false, true}) {
    bool refused = true;
    for (std::uint64_t n = 1; refused; ++n) {
      SCOPED_TRACE("request " + std::to_string(n));
      const std::string key(100, 'k');
      const std::string value(1'000, 'v');
      Batch batch;
      batch.put("before", "1");
      refused = false;
      refuse_in = n;
      try {
        erases ? batch.erase(key) : batch.put(key, value);
      } catch (const std::bad_alloc&) {
        refused = true;
      }
      refuse_in = 0;
      batch.put("after", value);
      EXPECT_EQ(refused ? 2U : 3U, batch.size());
      ASSERT_OK(store.clear());
      ASSERT_OK(store.apply(batch));
      Contents expected{{"before", "1"}, {"after", value}};
      if (!refused && !erases) expected[key] = value;
      ASSERT_EQ(expected, contents(store));
    }
  }
}

// More refusals than the process has notes of large records, each in a new thread, which has no
// buffers yet; then there is one for the next record.
TEST(NoMemoryForLargeRecords, GivesTheirNotesBack) {
  Watchdog watchdog;
  TempDir dir{TempDir::Where::kMemory};
  Store store = Store::open(dir.file("store"), commit_options()).value();
  const std::string large = value_of(1, 9'000);
  std::atomic<std::uint64_t> refused = 0;
  for (std::uint64_t i = 0; i < 10 * format::kNotes; ++i) {
    std::thread([&] {
      refuse_in = 1 + i % 5;
      try {
        const Status status = store.put("large", large);
        if (status.os_error() == ENOMEM) {
          ++refused;
        } else {
          EXPECT_OK(status);
        }
      } catch (const std::bad_alloc&) {
        ++refused;
      }
      refuse_in = 0;
    }).join();
  }
  EXPECT_GT(refused, format::kNotes);
  ASSERT_OK(store.put("large", large));
  EXPECT_VALUE(store, "large", large);
  EXPECT_FINDS_NOTHING(store.verify());
}

// Behind a value that the log cannot hold its put waits for a checkpoint, which asks for memory
// when everybody sees the value: an exception would say that nothing had happened.
TEST(NoMemoryBehindTheLog, IsAnAnswerWhereTheValueIsSeen) {
  Watchdog watchdog;
  TempDir dir{TempDir::Where::kMemory};
  Store store = Store::open(dir.file("store"), commit_options()).value();
  std::string seen = value_of(0, 9'000);
  ASSERT_OK(store.put("large", seen));
  int answers = 0;
  bool refused = true;
  for (std::uint64_t n = 1; refused; ++n) {
    SCOPED_TRACE("request " + std::to_string(n));
    const std::string value = value_of(n, 9'000);
    bool happened = true;
    Status status;
    refuse_in = n;
    try {
      status = store.put("large", value);
    } catch (const std::bad_alloc&) {
      happened = false;
    }
    refused = refuse_in == 0;
    refuse_in = 0;
    if (happened) seen = value;
    if (happened && refused) {
      ++answers;
      EXPECT_EQ(Code::kSystem, status.code());
      EXPECT_EQ(ENOMEM, status.os_error());
    } else if (happened) {
      EXPECT_OK(status);
    }
    EXPECT_VALUE(store, "large", seen);
    EXPECT_OK(store.wait_durable());
  }
  EXPECT_GT(answers, 0);
}

INSTANTIATE_TEST_SUITE_P(, NoMemory, ::testing::ValuesIn(kMemoryCases),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace hmap::test
