// Finding, checking and creating the file, and who it is.
#include "system/file.h"

#include <fstream>
#include <set>

#include "os_support.h"

namespace hmap {
namespace {

using test::TempDir;
using unit::become_nobody;
using unit::content;
using unit::Disk;
using unit::error_of;
using unit::File;
using unit::in_child;
using unit::install_filter;

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(Fd, ClosesOnceAndMoves) {
  const int raw = ::dup(0);
  const int other = ::dup(0);
  {
    Fd first(raw);
    Fd second(std::move(first));
    EXPECT_EQ(second.get(), raw);
    Fd third(other);
    third = std::move(second);
    EXPECT_FALSE(is_open(other)) << "what was held is closed";
    EXPECT_TRUE(is_open(raw));
    Fd& alias = third;
    third = std::move(alias);
    EXPECT_TRUE(is_open(raw)) << "assigned to itself";
  }
  EXPECT_FALSE(is_open(raw));
}

TEST(Identity, IsThatOfTheFileAndNotOfACopy) {
  const TempDir dir;
  const File file(dir.file("a"));
  const File again(dir.file("a"), O_RDONLY);
  const File copy(dir.file("b"));

  const auto id = identity(file.fd());

  ASSERT_TRUE(id);
  EXPECT_EQ(*id, *identity(again.fd()));
  EXPECT_NE(*id, *identity(copy.fd()));
  EXPECT_EQ(id->inode, file.stat().st_ino);
  EXPECT_EQ(id->device, file.stat().st_dev);
  EXPECT_EQ(identity(-1).error().code(), Code::kSystem);
}

TEST(Identity, KnowsTheTimeOfBirth) {
  const TempDir dir;
  const File file(dir.file("a"));
  struct ::statx info {};
  ASSERT_EQ(::statx(file.fd(), "", AT_EMPTY_PATH, STATX_BTIME, &info), 0);
  if ((info.stx_mask & STATX_BTIME) == 0) GTEST_SKIP() << "no birth times on this file system";

  const auto id = identity(file.fd());

  EXPECT_EQ(id->birth_sec, static_cast<std::uint64_t>(info.stx_btime.tv_sec));
  EXPECT_EQ(id->birth_nsec, info.stx_btime.tv_nsec);
  EXPECT_GT(id->birth_sec, 1'600'000'000u);
}

std::string as_text(const std::array<std::uint8_t, 16>& id) {
  std::string text;
  for (std::size_t i = 0; i < id.size(); ++i) {
    std::array<char, 4> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x", id[i]);
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += hex.data();
  }
  return text;
}

TEST(BootId, IsTheKernels) {
  std::string expected;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> expected;
  ::unsetenv("HMAP_BOOT_ID");

  const auto id = boot_id();

  ASSERT_TRUE(id) << id.error();
  EXPECT_EQ(as_text(*id), expected);
}

TEST(BootId, CanBeFaked) {
  for (const char* given :
       {"00112233-4455-6677-8899-aAbBcCdDeEfF", "00112233445566778899AABBCCDDEEFF"}) {
    ::setenv("HMAP_BOOT_ID", given, 1);
    const auto id = boot_id();
    ASSERT_TRUE(id) << given;
    EXPECT_EQ(as_text(*id), "00112233-4455-6677-8899-aabbccddeeff");
  }
  for (const char* bad :
       {"", "0011223344556677889900112233445", "001122334455667788990011223344556",
        "0011223344556677889900112233445g", "------------------------------------"}) {
    ::setenv("HMAP_BOOT_ID", bad, 1);
    EXPECT_EQ(boot_id().error().code(), Code::kInvalidArgument) << bad;
  }
  ::unsetenv("HMAP_BOOT_ID");
}

TEST(OpenFile, OpensARegularFileForUsAlone) {
  const TempDir dir;
  ASSERT_TRUE(File(dir.file("f")).write(0, "abc"));

  const auto writable = open_file(dir.file("f"), true);
  const auto read_only = open_file(dir.file("f"), false);

  ASSERT_TRUE(writable);
  ASSERT_TRUE(read_only);
  EXPECT_EQ(::fcntl(writable->get(), F_GETFL) & O_ACCMODE, O_RDWR);
  EXPECT_EQ(::fcntl(read_only->get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_EQ(::fcntl(writable->get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_EQ(content(dir.file("f")), "abc");
}

TEST(OpenFile, SaysWhatIsWrong) {
  const TempDir dir;
  const File file(dir.file("f"));
  ASSERT_EQ(::mkfifo((dir.file("pipe")).c_str(), 0644), 0);

  EXPECT_EQ(open_file(dir.file("none"), true).error().code(), Code::kNotFound);
  EXPECT_EQ(open_file(dir.file("f/g"), true).error().code(), Code::kNotFound);
  EXPECT_EQ(open_file("", true).error().code(), Code::kNotFound);
  EXPECT_EQ(open_file(dir.path(), true).error().code(), Code::kNotAStore);
  EXPECT_EQ(open_file(dir.path(), false).error().code(), Code::kNotAStore);
  EXPECT_EQ(open_file(dir.file("pipe"), false).error().code(), Code::kNotAStore)
      << "and did not wait";
  EXPECT_EQ(open_file(dir.file("pipe"), true).error().code(), Code::kNotAStore);
  EXPECT_EQ(open_file(std::string(dir.file("f")) + '\0' + "g", true).error().code(),
            Code::kInvalidArgument);
}

TEST(OpenFile, SaysThatAccessIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  const TempDir dir;
  const File file(dir.file("f"));
  ASSERT_EQ(::chmod(dir.path().c_str(), 0755), 0);

  EXPECT_EQ(in_child([&] {
              CHILD_REQUIRE(become_nobody());
              CHILD_REQUIRE(open_file(dir.file("f"), true).error().code() == Code::kPermission);
              CHILD_REQUIRE(open_file(dir.file("f"), false));
              CHILD_REQUIRE(create_file(dir.file("g"), 0644).error().code() == Code::kPermission);
              return 0;
            }),
            0);
}

TEST(OpenFile, ReadsAReadOnlyMedium) {
  const Disk disk("tmpfs", "size=1m");
  if (!disk.mounted()) GTEST_SKIP() << "not permitted to mount";
  ASSERT_TRUE(File(disk.dir().file("f")).write(0, "abc"));
  ASSERT_TRUE(disk.make_read_only());

  EXPECT_EQ(open_file(disk.dir().file("f"), true).error().code(), Code::kReadOnly);
  EXPECT_EQ(create_file(disk.dir().file("g"), 0644).error().code(), Code::kReadOnly);
  const auto file = open_file(disk.dir().file("f"), false);
  ASSERT_TRUE(file);
  EXPECT_TRUE(check_file_system(file->get(), disk.dir().file("f")).ok());
}

TEST(CheckFileSystem, AcceptsAnOrdinaryOneForReadersAndWriters) {
  const TempDir dir;
  const File file(dir.file("f"));
  const File read_only(dir.file("f"), O_RDONLY);
  auto unnamed = create_file(dir.file("g"), 0644);
  ASSERT_TRUE(unnamed);

  EXPECT_TRUE(check_file_system(file.fd(), dir.file("f")).ok());
  EXPECT_TRUE(check_file_system(read_only.fd(), dir.file("f")).ok());
  EXPECT_TRUE(check_file_system(unnamed->fd.get(), dir.file("g")).ok());
  EXPECT_EQ(check_file_system(-1, "").code(), Code::kSystem);
}

TEST(CheckFileSystem, LeavesNoLockBehind) {
  const TempDir dir;
  const File file(dir.file("f"));
  const File other(dir.file("f"));

  ASSERT_TRUE(check_file_system(file.fd(), dir.file("f")).ok());

  struct flock probe {};
  probe.l_type = F_WRLCK;
  probe.l_whence = SEEK_SET;
  ASSERT_EQ(::fcntl(other.fd(), F_OFD_GETLK, &probe), 0);
  EXPECT_EQ(probe.l_type, F_UNLCK);
}

TEST(CheckFileSystem, RefusesWhereLocksAreMissingOrExcludeNobody) {
  const TempDir dir;
  const File file(dir.file("f"));

  EXPECT_EQ(
      in_child([&] {
        CHILD_REQUIRE(install_filter({SYS_fcntl, error_of(EINVAL), 1, F_OFD_SETLK, true}));
        CHILD_REQUIRE(check_file_system(file.fd(), dir.file("f")).code() == Code::kUnsupported);
        return 0;
      }),
      0);
  EXPECT_EQ(
      in_child([&] {
        // Locking "succeeds" and does nothing.
        CHILD_REQUIRE(install_filter({SYS_fcntl, error_of(0), 1, F_OFD_SETLK, true}));
        CHILD_REQUIRE(check_file_system(file.fd(), dir.file("f")).code() == Code::kUnsupported);
        return 0;
      }),
      0);
}

TEST(FillRandom, FillsExactlyWhatItShould) {
  std::array<unsigned char, 1002> first{};
  std::array<unsigned char, 1002> second{};

  fill_random(first.data() + 1, 1000);
  fill_random(second.data() + 1, 1000);

  EXPECT_EQ(first[0], 0);
  EXPECT_EQ(first[1001], 0);
  EXPECT_NE(first, second);
  const std::set<unsigned char> values(first.begin(), first.end());
  EXPECT_GT(values.size(), 150u);
  EXPECT_GT(std::set<unsigned char>(first.begin() + 900, first.end()).size(), 30u) << "to the end";
}

TEST(FillRandom, DiffersEvenWithoutTheSystemsHelp) {
  EXPECT_EQ(in_child([] {
              CHILD_REQUIRE(install_filter({SYS_getrandom, error_of(ENOSYS)}));
              std::uint64_t first = 0;
              std::uint64_t second = 0;
              fill_random(&first, sizeof first);
              fill_random(&second, sizeof second);
              CHILD_REQUIRE(first != 0 && second != 0 && first != second);
              return 0;
            }),
            0);
}

}  // namespace
}  // namespace hmap
