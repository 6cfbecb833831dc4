// Any number of threads may use one handle, or several handles of one store.
//
// HMAP_THREADS_OPERATIONS: writes of each writing thread (default 20,000; sanitizers 2,500).
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "child.h"
#include "sanitized.h"
#include "seeds.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kOperations = kSanitized ? 2'500 : 20'000;
constexpr std::uint64_t kWriters = 3;
constexpr std::uint64_t kReaders = 3;
constexpr std::uint64_t kKeys = 300;  // of each writer

// Which handles the threads use.
struct Setup {
  const char* name;
  int shard_bits;
  std::uint64_t writing_handles;
  bool read_only_handle;
};

std::string key_of_writer(std::uint64_t writer, std::uint64_t key) {
  return std::to_string(writer) + "/" + std::to_string(key);
}
std::uint64_t id_of(std::uint64_t writer, std::uint64_t key) { return writer * kKeys + key + 1; }

class Threads : public ::testing::TestWithParam<Setup> {
 protected:
  void SetUp() override {
    Options options = small_options();
    options.shard_bits = GetParam().shard_bits;
    options.geometry.slots = 16;
    options.checkpoint_interval = Milliseconds(5);
    for (std::uint64_t i = 0; i < GetParam().writing_handles; ++i) {
      handles_.push_back(Store::open(dir_.file("store"), options).value());
    }
    if (GetParam().read_only_handle) {
      handles_.push_back(Store::open(dir_.file("store"), with_mode({}, Mode::kReadOnly)).value());
    }
  }
  Store& writing_handle(std::uint64_t thread) {
    return handles_[thread % GetParam().writing_handles];
  }
  Store& reading_handle(std::uint64_t thread) { return handles_[thread % handles_.size()]; }

  void write(std::uint64_t writer, std::uint64_t seed) {
    Store& store = writing_handle(writer);
    Random random(seed);
    for (std::uint64_t version = 1; version <= operations_; ++version) {
      const std::uint64_t key = random.below(kKeys);
      const std::string name = key_of_writer(writer, key);
      if (random.one_in(4)) {
        const Result<bool> erased = store.erase(name);
        ASSERT_OK(erased);
        ASSERT_EQ(present_[writer][key], *erased);
        present_[writer][key] = false;
      } else {
        ASSERT_OK(store.put(name, stamped_value({id_of(writer, key), version})));
        present_[writer][key] = true;
      }
    }
  }

  void read(std::uint64_t reader, std::uint64_t seed) {
    Store& store = reading_handle(reader);
    Random random(seed);
    std::array<std::array<std::uint64_t, kKeys>, kWriters> seen{};
    std::string value;
    while (!done_) {
      const std::uint64_t writer = random.below(kWriters);
      const std::uint64_t key = random.below(kKeys);
      const Result<bool> found = store.get_into(key_of_writer(writer, key), value);
      ASSERT_OK(found);
      if (!*found) continue;
      const std::optional<Stamp> stamp = parse_stamped(value);
      ASSERT_TRUE(stamp.has_value()) << "torn value";
      ASSERT_EQ(id_of(writer, key), stamp->key) << "foreign value";
      ASSERT_GE(stamp->version, seen[writer][key]) << "went back in time";
      seen[writer][key] = stamp->version;
    }
  }

  void look_around(std::uint64_t seed) {
    Store& store = reading_handle(1);
    Random random(seed);
    while (!done_) {
      switch (random.below(4)) {
        case 0:
          ASSERT_LE(store.size().value(), kWriters * kKeys);
          break;
        case 1:
          ASSERT_OK(store.stats(StatsDepth::kChains));
          break;
        case 2:
          ASSERT_OK(writing_handle(0).checkpoint());
          break;
        default: {
          std::uint64_t entries = 0;
          for (const auto& [key, value] : store) {
            ASSERT_TRUE(parse_stamped(value).has_value()) << "torn value of " << key;
            ++entries;
          }
          ASSERT_LE(entries, kWriters * kKeys);
        }
      }
    }
  }

  const std::uint64_t operations_ = environment_number("HMAP_THREADS_OPERATIONS", kOperations);
  TempDir dir_{TempDir::Where::kMemory};
  std::vector<Store> handles_;
  std::array<std::array<bool, kKeys>, kWriters> present_{};  // each row: its writer's own
  std::atomic<bool> done_{false};
};

TEST_P(Threads, WriteReadIterateAndCheckpointTogether) {
  Random random(test_seed());
  Watchdog watchdog(Milliseconds(240'000));
  std::vector<std::thread> writers;
  std::vector<std::thread> others;
  for (std::uint64_t i = 0; i < kWriters; ++i) {
    writers.emplace_back([this, i, seed = random.next()] { write(i, seed); });
  }
  for (std::uint64_t i = 0; i < kReaders; ++i) {
    others.emplace_back([this, i, seed = random.next()] { read(i, seed); });
  }
  others.emplace_back([this, seed = random.next()] { look_around(seed); });

  for (std::thread& writer : writers) writer.join();
  done_ = true;
  for (std::thread& other : others) other.join();

  std::uint64_t expected = 0;
  for (std::uint64_t writer = 0; writer < kWriters; ++writer) {
    for (std::uint64_t key = 0; key < kKeys; ++key) {
      const bool there = handles_.front().contains(key_of_writer(writer, key)).value();
      EXPECT_EQ(present_[writer][key], there);
      expected += there ? 1 : 0;
    }
  }
  EXPECT_EQ(expected, handles_.front().size().value());
  EXPECT_EQ(expected, contents(handles_.front()).size());
}

INSTANTIATE_TEST_SUITE_P(, Threads,
                         ::testing::Values(Setup{"OnOneHandle", 0, 1, false},
                                           Setup{"OnOneHandleOfFourShards", 2, 1, false},
                                           Setup{"OnTwoHandles", 0, 2, false},
                                           Setup{"OnTwoWritingAndOneReadOnlyHandle", 1, 2, true}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(ThreadsInTurns, OneKeyIsNeverMissingWhileItIsReplaced) {
  TempDir dir(TempDir::Where::kMemory);
  Store store = Store::open(dir.file("store"), small_options()).value();
  ASSERT_OK(store.put("key", stamped_value({1, 0})));
  std::atomic<bool> done{false};
  std::thread reader([&] {
    std::uint64_t last = 0;
    while (!done) {
      const auto value = store.get("key");
      ASSERT_OK(value);
      ASSERT_TRUE(value->has_value());
      const std::optional<Stamp> stamp = parse_stamped(**value);
      ASSERT_TRUE(stamp.has_value());
      ASSERT_GE(stamp->version, last);
      last = stamp->version;
    }
  });

  for (std::uint64_t version = 1; version <= 10 * kOperations; ++version) {
    ASSERT_OK(store.put("key", stamped_value({1, version})));
  }

  done = true;
  reader.join();
}

TEST(ThreadsInTurns, OpenAndCloseHandlesOfOneStoreAtTheSameTime) {
  TempDir dir(TempDir::Where::kMemory);
  Options options = small_options();
  options.geometry.slots = 16;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int round = 0; round < 50; ++round) {
        Result<Store> store = Store::open(dir.file("store"), options);
        ASSERT_OK(store);
        const std::string key = std::to_string(thread) + "/" + std::to_string(round);
        ASSERT_OK(store->put(key, key));
        ASSERT_EQ(key, value_in(*store, key));
        if (round % 2 != 0) continue;  // closed by its destructor
        ASSERT_OK(store->close());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(200U, Store::open(dir.file("store"))->size().value());
}

TEST(ThreadsInTurns, ClearBesideReadersAndWritersLeavesAWorkingStore) {
  TempDir dir(TempDir::Where::kMemory);
  Store store = Store::open(dir.file("store"), small_options()).value();
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&, thread] {
      Random random(thread);
      for (std::uint64_t i = 0; !done; ++i) {
        const std::uint64_t key = random.below(500);
        if (thread == 0) {
          ASSERT_OK(store.put(key_of_writer(0, key), stamped_value({key, i})));
        }
        const auto value = store.get(key_of_writer(0, key));
        ASSERT_OK(value);
        ASSERT_TRUE(!value->has_value() || parse_stamped(**value).has_value()) << "torn value";
      }
    });
  }

  for (int round = 0; round < 100; ++round) {
    while (store.size().value() < 20) std::this_thread::yield();
    ASSERT_OK(store.clear());
  }

  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(contents(store).size(), store.size().value());
}

}  // namespace
}  // namespace hmap::test
