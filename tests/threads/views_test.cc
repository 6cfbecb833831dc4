// Views taken, read, handed on and ended by any number of threads beside writers.
#include "hmap/view.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "child.h"
#include "sanitized.h"
#include "seeds.h"
#include "stores.h"
#include "system/seam.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kViewOperations = kSanitized ? 3'000 : 30'000;
constexpr std::uint64_t kViewKeys = 200;

class ThreadsWithViews : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    Options options = small_options();
    options.shard_bits = 1;
    options.geometry.slots = 16;
    options.checkpoint_interval = Milliseconds(5);
    for (int i = 0; i < GetParam(); ++i) {
      handles_.push_back(Store::open(dir_.file("store"), options).value());
    }
  }
  Store& handle(std::uint64_t thread) { return handles_[thread % handles_.size()]; }

  void write(std::uint64_t thread, std::uint64_t seed) {
    Random random(seed);
    for (std::uint64_t i = 0; i < kViewOperations; ++i) {
      const std::uint64_t n = random.below(kViewKeys);
      if (random.one_in(4)) {
        ASSERT_OK(handle(thread).erase(key_of(n)));
      } else {
        ASSERT_OK(
            handle(thread).put(key_of(n), stamped_value({n, seed % 1'000 * kViewOperations + i})));
      }
    }
  }

  // ThreadSanitizer judges the bytes of a view where they lie, as long as there is one handle. It
  // goes by addresses, and each handle maps the file at its own: of what others have stored through
  // another handle it cannot tell what happened before, so with several handles the bytes are read
  // as the library reads them.
  [[nodiscard]] std::string now(std::string_view bytes) const {
    if (handles_.size() == 1) return std::string(bytes);
    std::string copy(bytes.size(), 0);
    seam::copy_out(copy.data(), bytes.data(), bytes.size());
    return copy;
  }
  [[nodiscard]] bool is_whole(const View& view) const {
    return parse_stamped(now(view.value())).has_value();
  }

  // Every fourth view is ended by whoever finds it in the pool.
  void read(std::uint64_t thread, std::uint64_t seed) {
    Random random(seed);
    std::deque<View> own;
    while (!done_) {
      const std::uint64_t n = random.below(kViewKeys);
      Result<std::optional<View>> view = handle(thread).find(key_of(n));
      ASSERT_OK(view);
      if (*view) {
        ASSERT_EQ(key_of(n), now((*view)->key()));
        ASSERT_TRUE(is_whole(**view));
        if (random.one_in(4)) {
          exchange(**view);
        } else {
          own.push_back(*std::move(*view));
        }
        ++views_;
      }
      if (own.size() < 30) continue;
      const std::size_t at = random.below(own.size());
      ASSERT_TRUE(is_whole(own[at])) << "a view has changed";
      own.erase(own.begin() + static_cast<long>(at));
    }
    for (const View& view : own) ASSERT_TRUE(is_whole(view));
  }

  void exchange(View& view) {
    const std::lock_guard lock(mutex_);
    view.swap(pooled_);
    if (view.value().empty()) return;
    ASSERT_TRUE(is_whole(view)) << "a pooled view has changed";
  }

  TempDir dir_{TempDir::Where::kMemory};
  std::vector<Store> handles_;
  std::atomic<bool> done_{false};
  std::atomic<std::uint64_t> views_{0};
  std::mutex mutex_;
  View pooled_;
};

TEST_P(ThreadsWithViews, SeeEachValueWhole) {
  Random random(test_seed());
  Watchdog watchdog(Milliseconds(240'000));
  std::vector<std::thread> writers;
  std::vector<std::thread> readers;
  for (std::uint64_t i = 0; i < 2; ++i) {
    writers.emplace_back([this, i, seed = random.next() >> 32] { write(i, seed); });
    readers.emplace_back([this, i, seed = random.next()] { read(i, seed); });
    readers.emplace_back([this, i, seed = random.next()] { read(i + 1, seed); });
  }
  for (std::thread& writer : writers) writer.join();
  done_ = true;
  for (std::thread& reader : readers) reader.join();
  pooled_ = View();

  EXPECT_GT(views_, 100U);
  for (Store& store : handles_) EXPECT_OK(store.close()) << "a view is still counted";
}

INSTANTIATE_TEST_SUITE_P(Handles, ThreadsWithViews, ::testing::Values(1, 3));

}  // namespace
}  // namespace hmap::test
