// Power cuts under real file systems: a store on ext4 or XFS, on a device that logs every write and
// flush. Images of what the device may hold after a cut are mounted, the journal replayed, the
// store opened, verified and compared with what its writers had been told.
//
// HMAP_DEVICE_EXT4 and HMAP_DEVICE_XFS: images of each. HMAP_DEVICE_KEEP: a directory for those
// that fail. HMAP_TEST_SEED repeats the operations and the choices, not the kernel's timing.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "replay.h"
#include "rig.h"
#include "shared_memory.h"
#include "stores.h"

namespace {

// A program that takes sync_file_range() for a flush: it writes the pages out and tells the device
// nothing, nor the file system.
std::atomic<bool> flushes_are_half_done{false};

}  // namespace

extern "C" int fdatasync(int fd) {
  if (!flushes_are_half_done) return static_cast<int>(syscall(SYS_fdatasync, fd));
  constexpr unsigned kAll =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  return sync_file_range(fd, 0, 0, kAll);
}

namespace hmap::test {
namespace {

constexpr Milliseconds kLong{3'600'000};

Options device_options(Durability durability) {
  Options options = small_options();
  options.geometry.block_bytes = 4096;
  options.geometry.extent_bytes = 32'768;
  options.durability = durability;
  options.log_bytes = 131'072;
  options.checkpoint_interval = Milliseconds(30);
  return options;
}

std::vector<Plan> plans(std::uint64_t seed) {
  Plan commit;
  commit.name = "commit";
  commit.options = device_options(Durability::kCommit);
  Plan group = commit;
  group.name = "group commit";
  group.writers = 3;
  group.operations = 150;
  Plan background;
  background.name = "background checkpoints";
  background.options = device_options(Durability::kCheckpoint);
  background.operations = 4'000;
  Plan exact;
  exact.name = "checkpoints on demand";
  exact.options = device_options(Durability::kNone);
  exact.operations = 1'500;
  exact.checkpoint_one_in = 30;
  exact.exact = true;
  std::vector<Plan> all{commit, group, background, exact};
  for (Plan& plan : all) plan.seed = mix(seed += 1);
  return all;
}

struct Wish {
  FileSystem system = FileSystem::kExt4;
  std::uint64_t images = 0;       // at least
  std::uint64_t per_history = 0;  // of each recorded history
  bool liar = false;              // see Replay::run()
};

// Records and judges until there are so many images or a bad one. Skips, in this process, where
// there can be no device.
void cut_power_often(const Wish& wish, Verdicts& sum) {
  Rig rig(wish.system);
  if (!rig.why_not().empty()) GTEST_SKIP() << rig.why_not();
  Scratch scratch(wish.system);
  ASSERT_EQ("", scratch.why_not());
  const std::uint64_t seed = test_seed();
  Random dice(seed);
  std::uint64_t events = 0;
  for (std::uint64_t round = 0; sum.images < wish.images && sum.bad == 0; ++round) {
    for (const Plan& plan : plans(seed + round * 1000)) {
      ASSERT_EQ("", rig.record(plan)) << plan.name;
      events += rig.device().events();
      Replay replay(plan, wish.system, rig.device(), rig.base(), scratch.device(),
                    rig.mount_point());
      sum += replay.run(wish.per_history, dice, wish.liar);
      if (sum.bad != 0) break;
    }
    ASSERT_LE(sum.unmountable, 5 + sum.images / 20) << "the file system is tested, not the store";
  }
  std::printf("%s: %llu images of %llu events, %llu bad, %llu not mountable\n",
              name_of(wish.system), static_cast<unsigned long long>(sum.images),
              static_cast<unsigned long long>(events), static_cast<unsigned long long>(sum.bad),
              static_cast<unsigned long long>(sum.unmountable));
}

void expect_good(const Wish& wish) {
  const Outcome outcome = in_own_namespace(
      [&] {
        Verdicts sum;
        cut_power_often(wish, sum);
        EXPECT_EQ(0U, sum.bad) << sum.first_bad;
      },
      kLong);
  if (outcome.exited(kSkipped)) GTEST_SKIP() << "no block device of our own here; see above";
  EXPECT_CHILD_PASSES(outcome);
}

void expect_bad(const Wish& wish) {
  const Outcome outcome = in_own_namespace(
      [&] {
        Verdicts sum;
        cut_power_often(wish, sum);
        if (!::testing::Test::IsSkipped()) {
          EXPECT_GT(sum.bad, 0U) << "this test cannot fail";
        }
        std::printf("the first: %s\n", sum.first_bad.c_str());
      },
      kLong);
  if (outcome.exited(kSkipped)) GTEST_SKIP() << "no block device of our own here; see above";
  EXPECT_CHILD_PASSES(outcome);
}

TEST(DevicePower, OnExt4LeavesWhatWasPromised) {
  expect_good({FileSystem::kExt4, environment_number("HMAP_DEVICE_EXT4", 60), 15});
}

TEST(DevicePower, OnXfsLeavesWhatWasPromised) {
  expect_good({FileSystem::kXfs, environment_number("HMAP_DEVICE_XFS", 8), 2});
}

// The suite can fail: a device that lies, and a library whose flush is none.
TEST(DevicePower, ADeviceThatDoesNotFlushIsFoundOut) {
  expect_bad({FileSystem::kExt4, 20, 5, true});
}

TEST(DevicePower, AFlushThatTellsTheDeviceNothingIsFoundOut) {
  flushes_are_half_done = true;
  expect_bad({FileSystem::kExt4, 300, 30});
  flushes_are_half_done = false;
}

}  // namespace
}  // namespace hmap::test
