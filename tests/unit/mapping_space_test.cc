// Blocks for the file: full disks, quotas, limits, holes, and calls that are interrupted.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "mapping_support.h"
#include "os_support.h"
#include "signals.h"
#include "system/mapping.h"

// Stands before the C library's, so that a test can answer as no seccomp filter could.
static int (*instead_of_fallocate)(int fd, int mode, off_t offset, off_t bytes) = nullptr;
extern "C" int fallocate(int fd, int mode, off_t offset, off_t bytes) {
  if (instead_of_fallocate != nullptr) return instead_of_fallocate(fd, mode, offset, bytes);
  return static_cast<int>(::syscall(SYS_fallocate, fd, mode, offset, bytes));
}

namespace hmap {
namespace {

using test::is_blocked;
using test::TempDir;
using unit::byte_at;
using unit::Disk;
using unit::error_of;
using unit::File;
using unit::in_child;
using unit::install_filter;
using unit::kKiB;
using unit::kMiB;
using unit::limit_file_size;
using unit::map_or_die;

TEST(MappingAllocate, GivesBlocksExtendsAndKeepsWhatIsThere) {
  const TempDir dir;
  const File file(dir.file("f"));
  ASSERT_TRUE(file.write(0, "abc"));
  const auto mapping = map_or_die(file.fd());

  ASSERT_TRUE(mapping->allocate(0, 100 * kKiB).ok());

  EXPECT_EQ(mapping->file_bytes(), 100 * kKiB);
  EXPECT_EQ(file.bytes(), static_cast<off_t>(100 * kKiB));
  EXPECT_GE(file.stat().st_blocks * 512, static_cast<off_t>(100 * kKiB));
  EXPECT_EQ(file.read(0, 4), std::string("abc\0", 4));
  EXPECT_EQ(byte_at(*mapping, 100 * kKiB - 1), 0);
  ASSERT_TRUE(mapping->allocate(0, 10).ok());
  EXPECT_EQ(file.bytes(), static_cast<off_t>(100 * kKiB)) << "never shortens";
  EXPECT_TRUE(mapping->allocate(5, 0).ok());
}

TEST(MappingAllocate, StopsAtTheWindow) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto mapping = map_or_die(file.fd(), Access::kReadWrite, kMiB);

  EXPECT_EQ(mapping->allocate(0, kMiB + 1).code(), Code::kNoSpace);
  EXPECT_EQ(mapping->allocate(2 * kMiB, 1).code(), Code::kNoSpace);
  EXPECT_EQ(mapping->allocate(kMiB, ~std::uint64_t{0}).code(), Code::kNoSpace);
  EXPECT_EQ(file.bytes(), 0);
  EXPECT_TRUE(mapping->allocate(0, kMiB).ok());
}

TEST(MappingAllocate, SaysThatTheDiskIsFullAndChangesNothing) {
  const Disk disk("tmpfs", "size=1m");
  if (!disk.mounted()) GTEST_SKIP() << "not permitted to mount";
  const File file(disk.dir().file("f"));
  const auto mapping = map_or_die(file.fd());
  ASSERT_TRUE(mapping->allocate(0, 256 * kKiB).ok());
  const auto blocks = file.stat().st_blocks;

  const Status full = mapping->allocate(0, 2 * kMiB);

  EXPECT_EQ(full.code(), Code::kNoSpace);
  EXPECT_EQ(full.os_error(), ENOSPC);
  EXPECT_EQ(file.bytes(), static_cast<off_t>(256 * kKiB));
  EXPECT_EQ(file.stat().st_blocks, blocks);
  EXPECT_EQ(mapping->file_bytes(), 256 * kKiB);
  EXPECT_TRUE(mapping->allocate(256 * kKiB, 256 * kKiB).ok());
}

TEST(MappingAllocate, MakesStoresSafeOnADiskThatFillsUpLater) {
  const Disk disk("tmpfs", "size=1m");
  if (!disk.mounted()) GTEST_SKIP() << "not permitted to mount";
  const File file(disk.dir().file("f"));
  const auto mapping = map_or_die(file.fd());
  ASSERT_TRUE(mapping->allocate(0, 512 * kKiB).ok());
  const File filler(disk.dir().file("filler"));
  while (filler.write(filler.bytes(), std::string(4096, 'x'))) {
  }

  EXPECT_EQ(in_child([&] {
              std::memset(mapping->base(), 'y', 512 * kKiB);
              return 0;
            }),
            0);

  EXPECT_EQ(file.read(512 * kKiB - 2, 9), "yy");
}

bool is_pending(int number) {
  sigset_t set;
  return ::sigpending(&set) == 0 && sigismember(&set, number) == 1;
}

TEST(MappingAllocate, SurvivesTheFileSizeLimit) {
  const TempDir dir;
  const File file(dir.file("f"));

  EXPECT_EQ(in_child([&] {
              const auto mapping = map_or_die(file.fd());
              CHILD_REQUIRE(limit_file_size(64 * kKiB));
              const Status status = mapping->allocate(0, 128 * kKiB);
              CHILD_REQUIRE(status.code() == Code::kNoSpace);
              CHILD_REQUIRE(status.os_error() == EFBIG);
              CHILD_REQUIRE(!is_pending(SIGXFSZ));
              CHILD_REQUIRE(mapping->allocate(0, 64 * kKiB).ok());
              sigset_t mask;
              ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
              CHILD_REQUIRE(sigismember(&mask, SIGXFSZ) == 0);
              return 0;
            }),
            0);
}

TEST(MappingAllocate, LeavesTheCallersOwnSignalPending) {
  const TempDir dir;
  const File file(dir.file("f"));

  EXPECT_EQ(in_child([&] {
              const auto mapping = map_or_die(file.fd());
              CHILD_REQUIRE(limit_file_size(64 * kKiB));
              sigset_t set;
              sigemptyset(&set);
              sigaddset(&set, SIGXFSZ);
              ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
              ::raise(SIGXFSZ);
              CHILD_REQUIRE(mapping->allocate(0, 128 * kKiB).code() == Code::kNoSpace);
              CHILD_REQUIRE(is_pending(SIGXFSZ));
              return 0;
            }),
            0);
}

TEST(MappingAllocate, GetsThroughAStormOfSignals) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto mapping = map_or_die(file.fd());
  static int interrupted = 0;
  interrupted = 0;
  // A timer faster than the file system: whoever lets it through is interrupted.
  instead_of_fallocate = [](int fd, int mode, off_t offset, off_t bytes) {
    if (is_blocked(SIGALRM))
      return static_cast<int>(::syscall(SYS_fallocate, fd, mode, offset, bytes));
    ++interrupted;
    errno = EINTR;
    return -1;
  };

  const Status status = mapping->allocate(0, 4096);
  instead_of_fallocate = nullptr;

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(interrupted, 1);
  EXPECT_EQ(file.bytes(), 4096);
  EXPECT_FALSE(is_blocked(SIGALRM));
  EXPECT_FALSE(is_blocked(SIGXFSZ));
}

TEST(MappingAllocate, EndsEvenIfEveryTryIsInterrupted) {
  const TempDir dir;
  const File file(dir.file("f"));

  EXPECT_EQ(in_child([&] {
              const auto mapping = map_or_die(file.fd());
              CHILD_REQUIRE(install_filter({SYS_fallocate, error_of(EINTR)}));
              const Status status = mapping->allocate(0, 4096);
              CHILD_REQUIRE(status.code() == Code::kSystem);
              CHILD_REQUIRE(status.os_error() == EINTR);
              return 0;
            }),
            0);
}

TEST(MappingAllocate, NamesWhatFailed) {
  const TempDir dir;
  const File file(dir.file("f"));
  const std::pair<int, Code> cases[] = {{EDQUOT, Code::kNoSpace},
                                        {ENOSPC, Code::kNoSpace},
                                        {EFBIG, Code::kNoSpace},
                                        {EIO, Code::kIoError},
                                        {EPERM, Code::kSystem}};

  for (const auto& [error, code] : cases) {
    EXPECT_EQ(in_child([&, error = error, code = code] {
                const auto mapping = map_or_die(file.fd());
                CHILD_REQUIRE(install_filter({SYS_fallocate, error_of(error)}));
                CHILD_REQUIRE(mapping->allocate(0, 4096).code() == code);
                CHILD_REQUIRE(mapping->allocate(0, 4096).os_error() == error);
                return 0;
              }),
              0);
  }
}

TEST(MappingAllocate, FillsHolesButNoDataWhereThereIsNoFallocate) {
  const TempDir dir;
  const File file(dir.file("f"));
  const std::string data(4096, 'd');
  ASSERT_TRUE(file.write(0, data));
  ASSERT_TRUE(file.write(64 * kKiB, data));
  ASSERT_EQ(::ftruncate(file.fd(), 100 * kKiB + 10), 0);

  EXPECT_EQ(in_child([&] {
              const auto mapping = map_or_die(file.fd());
              CHILD_REQUIRE(install_filter({SYS_fallocate, error_of(EOPNOTSUPP)}));
              CHILD_REQUIRE(mapping->allocate(1000, 200 * kKiB).ok());
              CHILD_REQUIRE(mapping->file_bytes() == 1000 + 200 * kKiB);
              return 0;
            }),
            0);

  EXPECT_EQ(file.read(0, 4096), data);
  EXPECT_EQ(file.read(64 * kKiB, 4096), data);
  EXPECT_EQ(file.read(4096, 60 * kKiB), std::string(60 * kKiB, '\0'));
  EXPECT_EQ(file.read(68 * kKiB, 132 * kKiB), std::string(132 * kKiB, '\0'));
  EXPECT_EQ(::lseek(file.fd(), 0, SEEK_HOLE), file.bytes()) << "no hole is left";
}

// What others have stored in a hole since it was found would be gone.
TEST(MappingAllocate, AtOnceWritesNoZeros) {
  const TempDir dir;
  const File file(dir.file("f"));
  ASSERT_EQ(::ftruncate(file.fd(), 8192), 0);
  EXPECT_EQ(in_child([&] {
              const auto mapping = map_or_die(file.fd());
              CHILD_REQUIRE(mapping->allocate_at_once(0, 4096).ok());
              CHILD_REQUIRE(install_filter({SYS_fallocate, error_of(EOPNOTSUPP)}));
              const Status refused = mapping->allocate_at_once(4096, 64 * kKiB);
              CHILD_REQUIRE(refused.code() == Code::kUnsupported);
              CHILD_REQUIRE(mapping->file_bytes() == 8192);
              return 0;
            }),
            0);
  EXPECT_EQ(file.bytes(), 8192);
}

TEST(MappingAllocate, FallbackFindsTheDiskFullToo) {
  const Disk disk("tmpfs", "size=1m");
  if (!disk.mounted()) GTEST_SKIP() << "not permitted to mount";
  const File file(disk.dir().file("f"));
  ASSERT_TRUE(file.write(0, "abc"));

  EXPECT_EQ(in_child([&] {
              const auto mapping = map_or_die(file.fd());
              CHILD_REQUIRE(install_filter({SYS_fallocate, error_of(EOPNOTSUPP)}));
              CHILD_REQUIRE(mapping->allocate(0, 2 * kMiB).code() == Code::kNoSpace);
              CHILD_REQUIRE(limit_file_size(kMiB / 2));
              CHILD_REQUIRE(mapping->allocate(0, 2 * kMiB).code() == Code::kNoSpace);
              return 0;
            }),
            0);
  EXPECT_EQ(file.read(0, 3), "abc");
}

TEST(MappingPunch, GivesBlocksBackAndReadsAsZero) {
  const TempDir dir;
  const File file(dir.file("f"));
  ASSERT_TRUE(file.write(0, std::string(kMiB, 'x')));
  const auto mapping = map_or_die(file.fd());

  const Status status = mapping->punch(4096, kMiB - 8192);
  if (status.code() == Code::kUnsupported) GTEST_SKIP() << "no holes on this file system";

  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(byte_at(*mapping, 4095), 'x');
  EXPECT_EQ(byte_at(*mapping, 4096), 0);
  EXPECT_EQ(byte_at(*mapping, kMiB - 4097), 0);
  EXPECT_EQ(byte_at(*mapping, kMiB - 4096), 'x');
  EXPECT_EQ(file.bytes(), static_cast<off_t>(kMiB));
  EXPECT_LT(file.stat().st_blocks * 512, static_cast<off_t>(64 * kKiB));
}

TEST(MappingPunch, SaysSoWhereThereAreNoHolesAndMakeZeroStores) {
  const Disk disk("ramfs", "");
  if (!disk.mounted()) GTEST_SKIP() << "not permitted to mount";
  const File file(disk.dir().file("f"));
  ASSERT_TRUE(file.write(0, std::string(16 * kKiB, 'x')));
  const auto mapping = map_or_die(file.fd());

  EXPECT_EQ(mapping->punch(0, 4096).code(), Code::kUnsupported);
  ASSERT_TRUE(mapping->make_zero(100, 30 * kKiB).ok());

  EXPECT_EQ(file.read(0, 100), std::string(100, 'x'));
  EXPECT_EQ(file.read(100, 40 * kKiB), std::string(30 * kKiB, '\0'));
}

TEST(MappingPunch, MakeZeroLeavesBlocksBehind) {
  const TempDir dir;
  const File file(dir.file("f"));
  ASSERT_TRUE(file.write(0, std::string(kMiB, 'x')));
  const auto mapping = map_or_die(file.fd());

  ASSERT_TRUE(mapping->make_zero(4096, kMiB).ok());

  EXPECT_EQ(file.read(0, 2 * kMiB), std::string(4096, 'x') + std::string(kMiB, '\0'));
  EXPECT_GE(file.stat().st_blocks * 512, static_cast<off_t>(kMiB));
}

TEST(MappingPopulate, IsFineWithAllocatedRangesOfAnyAlignment) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto mapping = map_or_die(file.fd());
  ASSERT_TRUE(mapping->allocate(0, 100 * kKiB).ok());

  EXPECT_TRUE(mapping->populate(0, 100 * kKiB).ok());
  EXPECT_TRUE(mapping->populate(4095, 2).ok());
  EXPECT_TRUE(mapping->populate(7, 0).ok());
  std::array<unsigned char, 25> resident{};
  ASSERT_EQ(::mincore(mapping->base(), 100 * kKiB, resident.data()), 0);
  EXPECT_EQ(std::count(resident.begin(), resident.end(), 1), 25);
}

TEST(MappingPopulate, FindsTheFullDiskInsteadOfTheStore) {
  const Disk disk("tmpfs", "size=256k");
  if (!disk.mounted()) GTEST_SKIP() << "not permitted to mount";
  const File file(disk.dir().file("f"));
  ASSERT_EQ(::ftruncate(file.fd(), kMiB), 0);
  const auto mapping = map_or_die(file.fd());

  EXPECT_EQ(mapping->populate(0, kMiB).code(), Code::kNoSpace);
  EXPECT_EQ(mapping->populate(kMiB, 4096).code(), Code::kNoSpace) << "beyond the end";
  EXPECT_EQ(mapping->populate(mapping->window_bytes(), 1).code(), Code::kNoSpace);
}

// Seen by pages that a stranger has taken away, which only a second asking brings back.
TEST(MappingPopulate, AsksNotAgainForWhatWasBroughtInAhead) {
  const TempDir dir(TempDir::Where::kMemory);
  const File file(dir.file("f"));
  const auto mapping = map_or_die(file.fd());
  ASSERT_TRUE(mapping->allocate(0, 4 * kMiB).ok());
  const auto lose = [&](std::uint64_t at) {
    return ::fallocate(file.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                       static_cast<off_t>(at), 64 * kKiB) == 0;
  };
  const auto is_asked_for = [&](std::uint64_t at) {
    EXPECT_TRUE(lose(at));
    EXPECT_TRUE(mapping->populate(at, 64 * kKiB).ok());
    unsigned char there = 0;
    EXPECT_EQ(::mincore(mapping->base() + at, 4 * kKiB, &there), 0);
    return (there & 1) != 0;
  };
  EXPECT_TRUE(is_asked_for(1 * kMiB));

  ASSERT_TRUE(mapping->populate_ahead(1 * kMiB, kMiB).ok());
  ASSERT_TRUE(mapping->populate_ahead(2 * kMiB, kMiB).ok());
  EXPECT_TRUE(is_asked_for(1 * kMiB - 4 * kKiB));
  EXPECT_FALSE(is_asked_for(1 * kMiB));
  EXPECT_FALSE(is_asked_for(3 * kMiB - 64 * kKiB));
  EXPECT_TRUE(is_asked_for(3 * kMiB - 60 * kKiB));

  ASSERT_TRUE(mapping->populate_ahead(0, kMiB).ok());
  EXPECT_FALSE(is_asked_for(0));
  EXPECT_TRUE(is_asked_for(2 * kMiB)) << "only the last ones in a row are known";

  ASSERT_TRUE(mapping->punch(512 * kKiB, 4 * kKiB).ok());
  EXPECT_TRUE(is_asked_for(512 * kKiB)) << "what was given back was brought in no longer";
}

TEST(MappingPopulate, IsOnlyAHopeOnOldKernels) {
  const TempDir dir;
  const File file(dir.file("f"));

  EXPECT_EQ(in_child([&] {
              const auto mapping = map_or_die(file.fd());
              CHILD_REQUIRE(install_filter({SYS_madvise, error_of(EINVAL)}));
              CHILD_REQUIRE(mapping->populate(0, 4096).ok());
              return 0;
            }),
            0);
}

}  // namespace
}  // namespace hmap
