// The window over the file: sizes, growth, full disks, flushes.
#include "system/mapping.h"

#include <sys/resource.h>

#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "mapping_support.h"
#include "os_support.h"
#include "system/seam.h"

namespace hmap {
namespace {

using test::TempDir;
using unit::byte_at;
using unit::error_of;
using unit::File;
using unit::in_child;
using unit::install_filter;
using unit::kKiB;
using unit::kMiB;
using unit::limit_file_size;
using unit::map_or_die;

TEST(Mapping, EndsExactlyWhereTheFileEnds) {
  const TempDir dir;
  const File file(dir.file("f"));
  ASSERT_EQ(::ftruncate(file.fd(), 5000), 0);

  const auto mapping = map_or_die(file.fd());

  EXPECT_EQ(mapping->file_bytes(), 5000u);
  EXPECT_EQ(mapping->bytes(0, 5000), mapping->base());
  EXPECT_EQ(mapping->bytes(4999, 1), mapping->base() + 4999);
  EXPECT_EQ(mapping->bytes(4999, 2), nullptr);
  EXPECT_EQ(mapping->bytes(0, 5001), nullptr);
  EXPECT_NE(mapping->bytes(5000, 0), nullptr);
  EXPECT_EQ(mapping->bytes(5001, 0), nullptr);
  EXPECT_EQ(mapping->bytes(~std::uint64_t{0}, 2), nullptr);
  EXPECT_EQ(mapping->bytes(2, ~std::uint64_t{0}), nullptr);
  using Word = Offset<std::uint64_t>;
  EXPECT_NE(mapping->at(Word{4992}), nullptr);
  EXPECT_EQ(mapping->at(Word{4996}), nullptr) << "misaligned and beyond";
  EXPECT_EQ(mapping->at(Word{4}), nullptr) << "misaligned";
  EXPECT_EQ(mapping->offset_of(mapping->base() + 77), 77u);
}

TEST(Mapping, SeesGrowthByOthersAtTheSameAddress) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto mapping = map_or_die(file.fd());
  ASSERT_EQ(mapping->bytes(0, 1), nullptr);

  ASSERT_TRUE(File(dir.file("f")).write(100 * kKiB, "x"));

  ASSERT_EQ(mapping->bytes(100 * kKiB, 1), mapping->base() + 100 * kKiB);
  EXPECT_EQ(byte_at(*mapping, 100 * kKiB), 'x');
  EXPECT_EQ(mapping->refresh(), 100 * kKiB + 1);
}

TEST(Mapping, NoticesAShorterFileWhenItRefreshes) {
  const TempDir dir;
  const File file(dir.file("f"));
  ASSERT_EQ(::ftruncate(file.fd(), 8192), 0);
  const auto mapping = map_or_die(file.fd());

  ASSERT_EQ(::ftruncate(file.fd(), 100), 0);

  EXPECT_EQ(mapping->refresh(), 100u);
  EXPECT_EQ(mapping->bytes(100, 1), nullptr);
}

TEST(Mapping, GivesNoAddressBeyondItsWindow) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto mapping = map_or_die(file.fd(), Access::kReadWrite, kMiB);

  ASSERT_EQ(::ftruncate(file.fd(), 2 * kMiB), 0);

  EXPECT_EQ(mapping->window_bytes(), kMiB);
  EXPECT_NE(mapping->bytes(kMiB - 1, 1), nullptr);
  EXPECT_EQ(mapping->bytes(kMiB, 1), nullptr);
  EXPECT_EQ(mapping->bytes(kMiB - 1, 2), nullptr);
}

TEST(Mapping, WindowCoversAFileThatIsLargerThanAskedFor) {
  const TempDir dir;
  const File file(dir.file("f"));
  ASSERT_EQ(::ftruncate(file.fd(), 3 * kMiB + 1), 0);

  const auto mapping = map_or_die(file.fd(), Access::kReadOnly, kMiB);

  EXPECT_EQ(mapping->window_bytes(), 3 * kMiB + 4096);
  EXPECT_EQ(mapping->file_bytes(), 3 * kMiB + 1);
}

TEST(Mapping, ReportsWhatCannotBeMapped) {
  const TempDir dir;
  const File read_only(dir.file("f"), O_RDONLY | O_CREAT);

  EXPECT_EQ(Mapping::map(-1, Access::kReadWrite, kMiB).error().code(), Code::kSystem);
  const auto refused = Mapping::map(read_only.fd(), Access::kReadWrite, kMiB);
  EXPECT_EQ(refused.error().code(), Code::kSystem);
  EXPECT_EQ(refused.error().os_error(), EACCES);
  EXPECT_EQ(Mapping::map(read_only.fd(), Access::kReadOnly, ~std::uint64_t{0}).error().code(),
            Code::kInvalidArgument);
}

std::uint64_t address_space_bytes() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

bool limit_address_space(std::uint64_t more_bytes) {
  const rlimit limit{address_space_bytes() + more_bytes, RLIM_INFINITY};
  return ::setrlimit(RLIMIT_AS, &limit) == 0;
}

TEST(Mapping, HalvesTheWindowWhileTheSystemRefuses) {
  const TempDir dir;
  const File file(dir.file("f"));

  EXPECT_EQ(in_child([&] {
              CHILD_REQUIRE(limit_address_space(3 * 1024 * kMiB));
              const auto mapping = Mapping::map(file.fd(), Access::kReadWrite, 0);
              CHILD_REQUIRE(mapping);
              CHILD_REQUIRE((*mapping)->window_bytes() == 2 * 1024 * kMiB);
              return 0;
            }),
            0);
}

TEST(Mapping, GivesUpBelowOneGibibyte) {
  const TempDir dir;
  const File file(dir.file("f"));

  EXPECT_EQ(in_child([&] {
              CHILD_REQUIRE(limit_address_space(1000 * kMiB));
              const auto mapping = Mapping::map(file.fd(), Access::kReadWrite, 0);
              CHILD_REQUIRE(mapping.error().code() == Code::kNoAddressSpace);
              CHILD_REQUIRE(mapping.error().os_error() == ENOMEM);
              return 0;
            }),
            0);
}

TEST(Mapping, TakesTheWindowFromTheEnvironmentUnlessOneIsGiven) {
  const TempDir dir;
  const File file(dir.file("f"));

  EXPECT_EQ(
      in_child([&] {
        ::setenv("HMAP_WINDOW_BYTES", "1048576", 1);
        CHILD_REQUIRE((*Mapping::map(file.fd(), Access::kReadWrite, 0))->window_bytes() == kMiB);
        CHILD_REQUIRE((*Mapping::map(file.fd(), Access::kReadWrite, 2 * kMiB))->window_bytes() ==
                      2 * kMiB);
        for (const char* bad : {"", "0", "1M", "-1", "99999999999999999999999"}) {
          ::setenv("HMAP_WINDOW_BYTES", bad, 1);
          const auto mapping = Mapping::map(file.fd(), Access::kReadWrite, 0);
          CHILD_REQUIRE(mapping.error().code() == Code::kInvalidArgument);
        }
        return 0;
      }),
      0);
}

// The VmFlags of the mapping at `address`.
std::string kernel_flags(const void* address) {
  std::ostringstream wanted;
  wanted << std::hex << reinterpret_cast<std::uintptr_t>(address) << '-';
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.compare(0, wanted.str().size(), wanted.str()) == 0) inside = true;
    if (inside && line.compare(0, 8, "VmFlags:") == 0) return line + " ";
  }
  return {};
}

TEST(Mapping, AsksForSmallFoliosOnlyWhereItWrites) {
  const TempDir dir;
  const File file(dir.file("f"));

  const auto writable = map_or_die(file.fd());
  const auto read_only = map_or_die(file.fd(), Access::kReadOnly, 2 * kMiB);

  EXPECT_NE(kernel_flags(writable->base()).find(" rr "), std::string::npos);
  const std::string flags = kernel_flags(read_only->base());
  EXPECT_NE(flags, "");
  EXPECT_EQ(flags.find(" rr "), std::string::npos);
}

TEST(Mapping, ReadOnlyFaultsOnStoresAndRefusesToAllocate) {
  const TempDir dir;
  const File file(dir.file("f"));
  ASSERT_TRUE(file.write(0, "abc"));

  EXPECT_EQ(in_child([&] {
              std::signal(SIGSEGV, SIG_DFL);
              const auto mapping = map_or_die(file.fd(), Access::kReadOnly);
              CHILD_REQUIRE(byte_at(*mapping, 1) == 'b');
              CHILD_REQUIRE(mapping->allocate(0, 4096).code() == Code::kReadOnly);
              CHILD_REQUIRE(mapping->punch(0, 4096).code() == Code::kReadOnly);
              CHILD_REQUIRE(mapping->make_zero(0, 4096).code() == Code::kReadOnly);
              *mapping->bytes(1, 1) = std::byte{'x'};
              return 0;
            }),
            -SIGSEGV);
  EXPECT_EQ(file.read(0, 10), "abc");
}

TEST(Mapping, PrivateStoresStayPrivate) {
  const TempDir dir;
  const File file(dir.file("f"));
  ASSERT_TRUE(file.write(0, "abc"));
  const File read_only(dir.file("f"), O_RDONLY);

  const auto mapping = map_or_die(read_only.fd(), Access::kPrivate, 0);
  *mapping->bytes(1, 1) = std::byte{'x'};

  EXPECT_EQ(byte_at(*mapping, 1), 'x');
  EXPECT_EQ(file.read(0, 10), "abc");
  EXPECT_EQ(mapping->file_bytes(), 3u);
  EXPECT_EQ(mapping->bytes(3, 1), nullptr);
  EXPECT_EQ(mapping->window_bytes(), 4096u);
}

TEST(Mapping, PrivateDoesNotGrow) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto mapping = map_or_die(file.fd(), Access::kPrivate, 0);
  EXPECT_EQ(mapping->bytes(0, 1), nullptr) << "an empty file";

  ASSERT_EQ(::ftruncate(file.fd(), kMiB), 0);

  EXPECT_EQ(mapping->refresh(), 4096u);
  EXPECT_EQ(mapping->bytes(4096, 1), nullptr);
}

TEST(MappingFlush, ReportsAFailingDeviceAsFinal) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto mapping = map_or_die(file.fd());
  EXPECT_TRUE(mapping->flush().ok());

  for (const int error : {EIO, ENOSPC, EINTR}) {
    EXPECT_EQ(in_child([&] {
                CHILD_REQUIRE(install_filter({SYS_fdatasync, error_of(error)}));
                CHILD_REQUIRE(mapping->flush().code() == Code::kIoError);
                CHILD_REQUIRE(mapping->flush().os_error() == error);
                return 0;
              }),
              0);
  }
}

TEST(MappingWriteDurable, IsSeenThroughTheWindow) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto mapping = map_or_die(file.fd());
  ASSERT_TRUE(mapping->allocate(0, 8192).ok());

  ASSERT_TRUE(mapping->write_durable(4000, "0123456789", 10).ok());

  EXPECT_EQ(std::memcmp(mapping->bytes(4000, 10), "0123456789", 10), 0);
  EXPECT_EQ(byte_at(*mapping, 3999), 0);
  EXPECT_EQ(byte_at(*mapping, 4010), 0);
}

TEST(MappingWriteDurable, FlushesWhereWritesCannotBeDurableThemselves) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto mapping = map_or_die(file.fd());

  for (const int error : {EOPNOTSUPP, ENOSYS}) {
    EXPECT_EQ(in_child([&] {
                CHILD_REQUIRE(install_filter({SYS_pwritev2, error_of(error)}));
                CHILD_REQUIRE(mapping->write_durable(0, "abc", 3).ok());
                CHILD_REQUIRE(install_filter({SYS_fdatasync, error_of(EIO)}));
                const Status status = mapping->write_durable(0, "xyz", 3);
                CHILD_REQUIRE(status.code() == Code::kIoError);
                CHILD_REQUIRE(status.os_error() == EIO);
                return 0;
              }),
              0);
    EXPECT_EQ(file.read(0, 9), "xyz");
  }
}

TEST(MappingWriteDurable, ReportsFailuresAndShortWrites) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto mapping = map_or_die(file.fd());

  EXPECT_EQ(in_child([&] {
              CHILD_REQUIRE(limit_file_size(4096));
              // The limit makes it a short write, then EFBIG and a deadly signal.
              const Status status = mapping->write_durable(4094, "abcd", 4);
              CHILD_REQUIRE(status.code() == Code::kIoError);
              CHILD_REQUIRE(status.os_error() == EFBIG);
              CHILD_REQUIRE(install_filter({SYS_pwritev2, error_of(EIO)}));
              CHILD_REQUIRE(mapping->write_durable(0, "abcd", 4).os_error() == EIO);
              return 0;
            }),
            0);
  EXPECT_EQ(file.read(4094, 9), "ab");
}

std::vector<std::pair<seam::Event, std::uintptr_t>>& recorded() {
  static std::vector<std::pair<seam::Event, std::uintptr_t>> events;
  return events;
}

TEST(MappingSeam, AnnouncesBeforeItActs) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto mapping = map_or_die(file.fd());
  static const File* watched = nullptr;
  static std::vector<off_t> sizes;
  watched = &file;
  seam::hook = [](seam::Event event, const void* address, std::size_t) {
    recorded().emplace_back(event, reinterpret_cast<std::uintptr_t>(address));
    sizes.push_back(watched->bytes());
  };

  const bool ok = mapping->allocate(4096, 8192).ok() && mapping->punch(8192, 4096).ok() &&
                  mapping->flush().ok() && mapping->write_durable(12288, "abc", 3).ok();
  seam::hook = nullptr;

  ASSERT_TRUE(ok);
  using seam::Event;
  const std::vector<std::pair<Event, std::uintptr_t>> expected = {{Event::kAllocate, 4096},
                                                                  {Event::kPunch, 8192},
                                                                  {Event::kFlush, 0},
                                                                  {Event::kWriteRoot, 12288}};
  EXPECT_EQ(recorded(), expected);
  EXPECT_EQ(sizes, (std::vector<off_t>{0, 12288, 12288, 12288}));
}

}  // namespace
}  // namespace hmap
