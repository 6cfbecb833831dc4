// The power fails at any event of any commit, and of the checkpoints and replays between them: the
// store is as it was when the last write returned, perhaps with the one under way.
//
// A history is a few lives: each begins with what the power cut of the one before left.
// HMAP_COMMIT_HISTORIES: how many; HMAP_TEST_SEED repeats a run.
#include <gtest/gtest.h>

#include <time.h>

#include <atomic>
#include <cstdio>
#include <functional>
#include <thread>
#include <vector>

#include "child.h"
#include "commit_options.h"
#include "disk.h"
#include "hmap/batch.h"
#include "sanitized.h"
#include "system/seam.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kHistories = kSanitized ? 1 : 4;
constexpr std::uint64_t kWrites = kSanitized ? 60 : 150;

struct Cut {
  Image image;
  std::uint64_t mix;
};

// Images of cuts at random events of this thread.
class Cutter {
 public:
  static void arm(Random& random, std::uint64_t one_in) {
    random_ = &random;
    one_in_ = one_in;
    seam::hook.store(&listen);
  }
  static void disarm() { random_ = nullptr; }
  static void cut(Random& random) {
    const std::uint64_t mix = random.below(6);
    cuts.push_back({cut_power(mix, random), mix});
  }
  static inline std::vector<Cut> cuts;

 private:
  static void listen(seam::Event, const void*, std::size_t) {
    if (random_ == nullptr || !random_->one_in(one_in_)) return;
    Random& random = *random_;
    random_ = nullptr;
    cut(random);
    random_ = &random;
  }
  static inline thread_local Random* random_ = nullptr;
  static inline std::uint64_t one_in_ = 1;
};

class PowerCut : public ::testing::Test {
 protected:
  void TearDown() override {
    Cutter::disarm();
    unwatch_disk();
    disk_faults().log_flushes_do_nothing = false;
  }

  // What a power cut left, opened.
  Contents found_in(const Image& image) {
    const std::string path = dir_.file("image");
    std::filesystem::remove(path);
    std::filesystem::remove(log_of(path));
    write_file(path, image.store);
    write_file(log_of(path), image.log);
    Result<Store> store = Store::open(path, quiet_options());
    if (!store) return {{"error", store.error().message()}};
    Contents found = contents(*store);
    if (found.size() != store->size().value()) found["error"] = "the count is wrong";
    return found;
  }

  static void one_write(Store& store, Contents& model, Random& random, std::uint64_t n) {
    const std::string key = "key " + std::to_string(random.below(60));
    const std::uint64_t dice = random.below(200);
    if (dice >= 150) {
      one_batch(store, model, random, n);
    } else if (dice == 0) {
      model.clear();
      ASSERT_OK(store.clear());
    } else if (dice < 50) {
      const bool there = model.erase(key) == 1;
      ASSERT_EQ(there, store.erase(key).value());
    } else {
      const std::uint64_t bytes = dice < 60 ? 2'000 + random.below(12'000) : random.below(300);
      model[key] = value_of(n, bytes);
      ASSERT_OK(store.put(key, model[key]));
    }
  }

  // Now and then one that is too large for the log.
  static void one_batch(Store& store, Contents& model, Random& random, std::uint64_t n) {
    Batch batch;
    for (std::uint64_t left = random.between(1, 10); left > 0; --left) {
      const std::string key = "key " + std::to_string(random.below(60));
      if (random.one_in(3)) {
        model.erase(key);
        batch.erase(key);
      } else {
        model[key] = value_of(n + left, random.below(random.one_in(20) ? 2'000 : 150));
        batch.put(key, model[key]);
      }
    }
    ASSERT_OK(store.apply(batch));
  }

  // Judges the cuts of one write; counts the bad ones. clear() goes shard by shard, but there is
  // one.
  void judge(const Contents& before, const Contents& after) {
    for (const Cut& cut : Cutter::cuts) {
      ++images_;
      const Contents found = found_in(cut.image);
      if (found == before || found == after) continue;
      ++bad_;
      const auto error = found.find("error");
      first_bad_ = error != found.end()
                       ? error->second
                       : std::to_string(found.size()) + " keys, mix " + std::to_string(cut.mix);
    }
  }

  // One life: writes, with cuts at their events. Leaves an image for the next one.
  void live(Image& image, Contents& model, Random& random, std::uint64_t writes) {
    const std::string path = dir_.file("store");
    std::filesystem::remove(path);
    std::filesystem::remove(log_of(path));
    if (!image.store.empty()) {
      write_file(path, image.store);
      write_file(log_of(path), image.log);
    }
    Result<Store> store = Store::open(path, commit_options());
    ASSERT_OK(store);
    ASSERT_TRUE(model == contents(*store)) << "opened with other contents";
    watch_disk(path);
    for (std::uint64_t n = 0; n < writes; ++n) {
      watchdog_.feed();
      const Contents before = model;
      Cutter::cuts.clear();
      Cutter::arm(random, 40);
      one_write(*store, model, random, n);
      Cutter::disarm();
      if (HasFatalFailure()) return;
      judge(before, model);
      Cutter::cuts.clear();
      Cutter::cut(random);  // after the write has returned, only its new state will do
      judge(model, model);
    }
    image = Cutter::cuts.back().image;
    unwatch_disk();
  }

  void run(std::uint64_t histories, std::uint64_t writes) {
    Random random(test_seed());
    for (std::uint64_t history = 0; history < histories && bad_ == 0; ++history) {
      Image image;
      Contents model;
      for (int life = 0; life < 3; ++life) {
        live(image, model, random, writes);
        if (HasFailure() || bad_ != 0) break;
      }
    }
    std::printf("%llu images, %llu bad: %s\n", static_cast<unsigned long long>(images_),
                static_cast<unsigned long long>(bad_), first_bad_.c_str());
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::uint64_t images_ = 0;
  std::uint64_t bad_ = 0;
  std::string first_bad_;
};

TEST_F(PowerCut, AtAnyMomentLeavesEveryAcknowledgedWrite) {
  run(environment_number("HMAP_COMMIT_HISTORIES", kHistories), kWrites);
  EXPECT_EQ(0U, bad_) << first_bad_;
  EXPECT_GT(images_, 2 * kWrites);
}

// What happens beside a checkpoint in this thread, at the first flush of it, and right after its
// root was written.
struct Beside {
  std::function<void()> at_flush;
  std::function<void()> after_root;
  int stage = 0;

  void event(seam::Event event) {
    const int before = stage;
    if (before == 0 && event == seam::Event::kFlush) stage = 1;
    if (before == 1 && event == seam::Event::kWriteRoot) stage = 2;
    if (before == 2) stage = 3;
    if (before == 0 && stage == 1) at_flush();
    if (before == 2) after_root();
  }
};

// While a checkpoint is being written, others fill the log: up to where the records begin that the
// old root needs, and no further. The power fails before the new root is there, or right after.
TEST_F(PowerCut, BesideACheckpointLosesNothing) {
  const std::string path = dir_.file("store");
  Options options = commit_options();
  options.wait_for_log = false;
  Store store = Store::open(path, options).value();
  Store other = Store::open(path, options).value();
  watch_disk(path);
  // Not quite half of the log: then a checkpoint would begin by itself.
  for (int i = 0; i < 45; ++i) ASSERT_OK(store.put("key " + std::to_string(i), value_of(1, 130)));
  ASSERT_OK(store.wait_durable());
  const Contents acknowledged = contents(store);
  ASSERT_GT(store.stats().value().log_used, 7'000U);

  std::atomic<int> written{0};
  std::thread writer;
  Random random(1);
  Image before_root;
  Image after_root;
  int written_before_root = 0;
  static thread_local Beside* beside = nullptr;
  Beside here;
  here.at_flush = [&] {
    writer = std::thread([&] {
      for (int i = 0; i < 100; ++i, ++written)
        EXPECT_OK(other.put("other " + std::to_string(i), value_of(2, 130)));
    });
    // Until it is through, which it must not be, or has stood still for a while.
    for (int looks = 0; written < 100 && looks < 20; ++looks) {
      if (written != written_before_root) looks = 0;
      written_before_root = written;
      const timespec moment{0, 5'000'000};
      nanosleep(&moment, nullptr);
    }
    before_root = cut_power(1, random);
  };
  here.after_root = [&] { after_root = cut_power(1, random); };
  beside = &here;
  seam::hook.store([](seam::Event event, const void*, std::size_t) {
    if (beside != nullptr) beside->event(event);
  });
  ASSERT_OK(store.checkpoint());
  beside = nullptr;
  ASSERT_EQ(3, here.stage) << "there was no checkpoint";
  writer.join();

  EXPECT_GT(written_before_root, 10);
  EXPECT_LT(written_before_root, 100) << "the log was never full";
  for (const Image* image : {&before_root, &after_root}) {
    Contents found = found_in(*image);
    EXPECT_EQ(0U, found.count("error"));
    for (const auto& [key, value] : acknowledged) ASSERT_EQ(value, found[key]) << key;
    for (int i = 0; i < written_before_root; ++i)
      ASSERT_EQ(value_of(2, 130), found["other " + std::to_string(i)]) << i;
  }
  EXPECT_EQ(145U, store.size().value());
}

// The suite can fail.
TEST_F(PowerCut, ADiskThatDoesNotFlushTheLogIsFoundOut) {
  disk_faults().log_flushes_do_nothing = true;
  run(1, 30);
  EXPECT_GT(bad_, 0U);
}

}  // namespace
}  // namespace hmap::test
