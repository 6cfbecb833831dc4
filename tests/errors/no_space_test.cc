// A full disk, a quota, a size limit: a clear error, nothing lost, erasing works, and once there is
// room again writing does too.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "child.h"
#include "sanitized.h"
#include "seeds.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

std::string value_for(std::uint64_t number) {
  return value_of(number, number % 50 == 7 ? 9'000 : number % 300);
}

// Puts keys 0, 1, ... until the first failure. Returns how many are there.
std::uint64_t fill(Store& store) {
  for (std::uint64_t number = 0;; ++number) {
    const Status status = store.put(key_of(number), value_for(number));
    if (status.ok()) continue;
    EXPECT_CODE(Code::kNoSpace, status);
    return number;
  }
}

void expect_keys(const Store& store, std::uint64_t from, std::uint64_t to) {
  EXPECT_EQ(to - from, store.size().value());
  for (std::uint64_t number = from; number < to; ++number) {
    ASSERT_EQ(value_for(number), value_in(store, key_of(number))) << number;
  }
  EXPECT_EQ(to - from, contents(store).size());
  EXPECT_ABSENT(store, key_of(to));
}

// The life of a store on a medium that ends: full, still good, emptied, filled again.
void live_on_a_full_medium(const std::string& path, const Options& options) {
  Result<Store> store = Store::open(path, options);
  ASSERT_OK(store);
  const std::uint64_t keys = fill(*store);
  ASSERT_GT(keys, 100U);

  expect_keys(*store, 0, keys);
  EXPECT_CODE(Code::kNoSpace, store->put("a large one", value_of(1, 3 << 20)));
  expect_keys(*store, 0, keys);
  for (std::uint64_t number = 0; number < keys / 2; ++number) {
    const Result<bool> erased = store->erase(key_of(number));
    ASSERT_OK(erased) << "erasing on a full disk, key " << number;
    ASSERT_TRUE(*erased);
  }
  expect_keys(*store, keys / 2, keys);
  EXPECT_OK(store->checkpoint());
  for (std::uint64_t number = 0; number < keys / 8; ++number) {
    ASSERT_OK(store->put(key_of(number), value_for(number))) << "after making room, key " << number;
  }
  for (std::uint64_t number = 0; number < keys / 8; ++number) {
    ASSERT_TRUE(store->erase(key_of(number)).value());
  }
  expect_keys(*store, keys / 2, keys);
  EXPECT_OK(store->close());

  store = Store::open(path, options);
  ASSERT_OK(store);
  expect_keys(*store, keys / 2, keys);
  EXPECT_OK(store->clear());
  EXPECT_OK(store->checkpoint());
  for (std::uint64_t number = 0; number < keys / 4; ++number) {
    ASSERT_OK(store->put(key_of(number), value_for(number))) << "after clear(), key " << number;
  }
}

// Runs the body in a mount namespace of its own, with a tmpfs of that size.
Outcome on_tmpfs(const TempDir& dir, const std::string& size,
                 const std::function<void(const std::string& mount_point)>& body) {
  return run_in_child([&] {
    const std::string mount_point = dir.file("medium");
    std::filesystem::create_directories(mount_point);
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("hmap", mount_point.c_str(), "tmpfs", 0, ("size=" + size).c_str()) != 0) {
      GTEST_SKIP() << "may not mount";
    }
    body(mount_point);
  });
}

TEST(NoSpace, OnAFullDiskNothingIsLostAndErasingWorks) {
  for (const Durability durability : {Durability::kNone, Durability::kCheckpoint}) {
    TempDir dir;
    const Outcome outcome = on_tmpfs(dir, "1m", [&](const std::string& mount_point) {
      Options options = small_options();
      options.durability = durability;
      options.checkpoint_interval = Milliseconds(50);
      live_on_a_full_medium(mount_point + "/store", options);
    });
    if (outcome.exited(kSkipped)) GTEST_SKIP() << "may not mount";
    EXPECT_CHILD_PASSES(outcome);
  }
}

TEST(NoSpace, OnAFullDiskADefaultStoreLosesNothingEither) {
  TempDir dir;
  const Outcome outcome =
      on_tmpfs(dir, kSanitized ? "12m" : "24m", [&](const std::string& mount_point) {
        live_on_a_full_medium(mount_point + "/store", Options{});
      });
  if (outcome.exited(kSkipped)) GTEST_SKIP() << "may not mount";
  EXPECT_CHILD_PASSES(outcome);
}

// In the middle of a growth each erase changes blocks that no one has changed since the last
// checkpoint, while every frame there is may hold the only version of another block.
void erase_during_growth_on_a_full_medium(const std::string& path) {
  Options options;
  options.durability = Durability::kNone;
  Store store = Store::open(path, options).value();
  std::uint64_t keys = 0;
  const auto value_of_some_length = [](std::uint64_t n) { return std::string(100 + n % 900, 'v'); };
  while (store.put(key_of(keys), value_of_some_length(keys)).ok()) {
    if (++keys % 3'000 == 0) {
      ASSERT_OK(store.checkpoint());
    }
  }
  for (std::uint64_t n = 0; n < keys / 4; ++n)
    ASSERT_OK(store.erase(key_of(n))) << "key " << n << " of " << keys;
  EXPECT_EQ(keys - keys / 4, store.size().value());
  EXPECT_TRUE(store.verify().value().clean());
}

// Sizes around which a default store of such values begins to grow: not every one of them is full
// in the middle of it, because the hash seeds are random.
TEST(NoSpace, ErasingGoesOnInTheMiddleOfAGrowth) {
  for (int kib = 19'000; kib <= 20'000; kib += kSanitized ? 500 : 100) {
    TempDir dir;
    const Outcome outcome = on_tmpfs(dir, std::to_string(kib) + "k", [&](const std::string& place) {
      erase_during_growth_on_a_full_medium(place + "/store");
    });
    if (outcome.exited(kSkipped)) GTEST_SKIP() << "may not mount";
    EXPECT_CHILD_PASSES(outcome) << kib << " KiB";
  }
}

// Every size from nothing to plenty: creating fails cleanly or works, and so does all that follows.
TEST(NoSpace, AtEverySizeOfTheDiskEachCallWorksOrFailsCleanly) {
  TempDir dir;
  for (std::uint64_t kib = 4; kib <= 256; kib += kSanitized ? 12 : 4) {
    SCOPED_TRACE(std::to_string(kib) + " KiB");
    const Outcome outcome =
        on_tmpfs(dir, std::to_string(kib) + "k", [&](const std::string& mount_point) {
          const std::string path = mount_point + "/store";
          Result<Store> store = Store::open(path, quiet_options());
          if (!store) {
            EXPECT_CODE(Code::kNoSpace, store);
            EXPECT_FALSE(std::filesystem::exists(path));
            return;
          }
          const std::uint64_t keys = fill(*store);
          expect_keys(*store, 0, keys);
          const bool erased = store->erase(key_of(keys == 0 ? 0 : keys - 1)).value();
          EXPECT_EQ(keys > 0, erased);
          const Status closed = store->close();
          EXPECT_TRUE(closed.ok() || closed.code() == Code::kNoSpace) << closed;
          Store again = Store::open(path, with_mode({}, Mode::kReadOnly)).value();
          expect_keys(again, 0, keys == 0 ? 0 : keys - 1);
        });
    if (outcome.exited(kSkipped)) GTEST_SKIP() << "may not mount";
    ASSERT_CHILD_PASSES(outcome);
  }
}

TEST(NoSpace, ADiskThatSomebodyElseFillsAndEmptiesIsUsableAgainAtOnce) {
  TempDir dir;
  const Outcome outcome = on_tmpfs(dir, "8m", [&](const std::string& mount_point) {
    Store store = Store::open(mount_point + "/store", quiet_options()).value();
    for (std::uint64_t i = 0; i < 50; ++i) ASSERT_OK(store.put(key_of(i), value_for(i)));
    std::ofstream hog(mount_point + "/hog", std::ios::binary);
    while (hog.write(std::string(4'096, 'x').data(), 4'096).flush()) continue;
    hog.close();
    Status status;
    std::uint64_t number = 50;
    for (; status.ok() && number < 100'000; ++number) {
      status = store.put(key_of(number), value_for(number));
    }
    ASSERT_CODE(Code::kNoSpace, status);
    expect_keys(store, 0, number - 1);

    std::filesystem::remove(mount_point + "/hog");

    for (std::uint64_t i = number - 1; i < number + 500; ++i) {
      ASSERT_OK(store.put(key_of(i), value_for(i)));
    }
    expect_keys(store, 0, number + 500);
  });
  if (outcome.exited(kSkipped)) GTEST_SKIP() << "may not mount";
  EXPECT_CHILD_PASSES(outcome);
}

TEST(NoSpace, TheLimitOfTheProcessIsAnErrorAndNotASignal) {
  TempDir dir;
  EXPECT_CHILD_PASSES(run_in_child([&] {
    signal(SIGXFSZ, SIG_DFL);
    const rlimit limit{rlim_t{1} << 20, rlim_t{1} << 20};
    ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
    live_on_a_full_medium(dir.file("store"), quiet_options());
    EXPECT_LE(file_bytes(dir.file("store")), std::uint64_t{1} << 20);
  }));
}

TEST(NoSpace, TheLimitOfTheProcessIsAnErrorForTheCommitLog) {
  TempDir dir(TempDir::Where::kMemory);
  EXPECT_CHILD_PASSES(run_in_child([&] {
    signal(SIGXFSZ, SIG_DFL);
    Options options = small_options();
    options.durability = Durability::kCommit;
    options.log_bytes = 1 << 20;
    options.checkpoint_interval = std::chrono::hours(1);
    Store store = Store::open(dir.file("store"), options).value();
    for (std::uint64_t i = 0; i < 500; ++i) ASSERT_OK(store.put(key_of(i), value_of(i, 300)));
    for (std::uint64_t i = 0; i < 500; ++i) ASSERT_TRUE(store.erase(key_of(i)).value());
    ASSERT_OK(store.checkpoint());
    // What a pair of writes takes of the store is a quarter of what it takes of the log.
    const rlimit low{file_bytes(dir.file("store")), RLIM_INFINITY};
    ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &low));
    Status status;
    while (status.ok())
      status = store.put("key", "").ok() ? store.erase("key").error() : store.put("key", "");
    EXPECT_CODE(Code::kNoSpace, status);
    const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
    ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &none));
    ASSERT_OK(store.put("key", "value"));
  }));
}

TEST(NoSpace, TheSizeLimitOfAHandleHolds) {
  TempDir dir;
  Options options = quiet_options();
  options.size_limit = std::uint64_t{1} << 20;

  live_on_a_full_medium(dir.file("store"), options);

  EXPECT_LE(file_bytes(dir.file("store")), options.size_limit);
}

TEST(NoSpace, TheSizeLimitOfOneHandleDoesNotBindAnother) {
  TempDir dir;
  Options options = quiet_options();
  options.size_limit = std::uint64_t{1} << 19;
  Store limited = Store::open(dir.file("store"), options).value();
  Store free = Store::open(dir.file("store"), quiet_options()).value();
  const std::uint64_t keys = fill(limited);

  for (std::uint64_t i = keys; i < keys + 1'000; ++i) ASSERT_OK(free.put(key_of(i), value_for(i)));

  EXPECT_EQ(keys + 1'000, limited.size().value());
  EXPECT_VALUE(limited, key_of(keys + 999), value_for(keys + 999));
}

TEST(NoSpace, ALimitTooSmallForAStoreCreatesNone) {
  TempDir dir;
  Options options = quiet_options();
  options.size_limit = 8'192;
  EXPECT_CODE(Code::kNoSpace, Store::open(dir.file("store"), options));
  EXPECT_FALSE(std::filesystem::exists(dir.file("store")));
}

}  // namespace
}  // namespace hmap::test
