// A new file gets its name at once or not at all.
#include <memory>
#include <set>

#include "os_support.h"
#include "system/file.h"
#include "system/naming.h"

namespace hmap {
namespace {

using test::TempDir;
using unit::become_nobody;
using unit::content;
using unit::Disk;
using unit::error_of;
using unit::File;
using unit::Filter;
using unit::in_child;
using unit::install_filter;
using unit::names_in;
using unit::Peer;

TEST(CreateFile, IsInvisibleUntilItIsNamed) {
  const TempDir dir;

  auto file = create_file(dir.file("f"), 0640);
  ASSERT_TRUE(file) << file.error();
  EXPECT_TRUE(names_in(dir).empty());
  ASSERT_EQ(::write(file->fd.get(), "abc", 3), 3);
  ASSERT_TRUE(name_file(*file, dir.file("f")).ok());

  EXPECT_EQ(names_in(dir), std::vector<std::string>{"f"});
  EXPECT_EQ(content(dir.file("f")), "abc");
  EXPECT_EQ(::fcntl(file->fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  EXPECT_EQ(File(dir.file("f"), O_RDONLY).stat().st_mode & 0777, 0640 & ~mask);
}

TEST(CreateFile, SaysWhatIsWrong) {
  const TempDir dir;
  const File file(dir.file("f"));

  EXPECT_EQ(create_file(dir.file("none/f"), 0644).error().code(), Code::kNotFound);
  EXPECT_EQ(create_file(dir.file("f/g"), 0644).error().code(), Code::kNotFound);
  EXPECT_EQ(create_file(dir.file(""), 0644).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(create_file("", 0644).error().code(), Code::kInvalidArgument);
}

TEST(CreateFile, SaysThatTheDiskIsFull) {
  const Disk disk("tmpfs", "size=1m,nr_inodes=2");
  if (!disk.mounted()) GTEST_SKIP() << "not permitted to mount";
  const File only(disk.dir().file("only"));
  ASSERT_GE(only.fd(), 0);

  EXPECT_EQ(create_file(disk.dir().file("f"), 0644).error().code(), Code::kNoSpace);
}

TEST(CreateFile, FindsTheDirectoryOfAnyPath) {
  const TempDir dir;
  EXPECT_EQ(in_child([&] {
              CHILD_REQUIRE(::chdir(dir.path().c_str()) == 0);
              auto file = create_file("bare", 0644);
              CHILD_REQUIRE(file && name_file(*file, "bare").ok());
              return 0;
            }),
            0);
  EXPECT_EQ(names_in(dir), std::vector<std::string>{"bare"});
}

TEST(NameFile, NeverReplacesAFile) {
  const TempDir dir;
  ASSERT_TRUE(File(dir.file("f")).write(0, "old"));
  ASSERT_EQ(::symlink("nowhere", (dir.file("link")).c_str()), 0);

  for (const char* name : {"f", "link"}) {
    auto file = create_file(dir.file(name), 0644);
    ASSERT_TRUE(file);
    EXPECT_EQ(name_file(*file, dir.file(name)).code(), Code::kExists);
    EXPECT_LT(file->fd.get(), 0) << "dropped";
  }
  EXPECT_EQ(content(dir.file("f")), "old");
  EXPECT_EQ(names_in(dir).size(), 2u);
}

// O_TMPFILE without its O_DIRECTORY bit, as the kernel sees it in the flags of openat.
constexpr Filter kNoUnnamedFiles{SYS_openat, SECCOMP_RET_ERRNO | EOPNOTSUPP, 2, 020000000};

TEST(NameFile, WorksWithoutUnnamedFiles) {
  const TempDir dir;

  EXPECT_EQ(in_child([&] {
              CHILD_REQUIRE(install_filter(kNoUnnamedFiles));
              auto file = create_file(dir.file("f"), 0600);
              CHILD_REQUIRE(file);
              CHILD_REQUIRE(!file->temporary_name.empty());
              const auto names = names_in(dir);
              CHILD_REQUIRE(names.size() == 1 && names[0].compare(0, 3, ".f.") == 0 &&
                            names[0].compare(names[0].size() - 4, 4, ".tmp") == 0);
              CHILD_REQUIRE(::write(file->fd.get(), "abc", 3) == 3);
              CHILD_REQUIRE(name_file(*file, dir.file("f")).ok());
              CHILD_REQUIRE(file->temporary_name.empty());

              auto second = create_file(dir.file("f"), 0600);
              CHILD_REQUIRE(second);
              CHILD_REQUIRE(name_file(*second, dir.file("f")).code() == Code::kExists);
              return 0;
            }),
            0);

  EXPECT_EQ(names_in(dir), std::vector<std::string>{"f"}) << "no litter";
  EXPECT_EQ(content(dir.file("f")), "abc");
  EXPECT_EQ(File(dir.file("f"), O_RDONLY).stat().st_nlink, 1u);
}

TEST(NameFile, NeverWritesToATemporaryFileThatIsThere) {
  const TempDir dir;
  EXPECT_EQ(in_child([&] {
              CHILD_REQUIRE(install_filter(kNoUnnamedFiles));
              CHILD_REQUIRE(install_filter({SYS_openat, error_of(EIO), 2, O_EXCL}));
              CHILD_REQUIRE(create_file(dir.file("f"), 0600).error().code() == Code::kIoError);
              return 0;
            }),
            0);
}

TEST(NameFile, WorksWithoutHardLinks) {
  const TempDir dir;

  EXPECT_EQ(in_child([&] {
              CHILD_REQUIRE(install_filter(kNoUnnamedFiles));
              CHILD_REQUIRE(install_filter({SYS_link, error_of(EPERM)}));
              auto file = create_file(dir.file("f"), 0600);
              auto second = create_file(dir.file("f"), 0600);
              CHILD_REQUIRE(::write(file->fd.get(), "abc", 3) == 3);
              CHILD_REQUIRE(name_file(*file, dir.file("f")).ok());
              CHILD_REQUIRE(name_file(*second, dir.file("f")).code() == Code::kExists);
              return 0;
            }),
            0);

  EXPECT_EQ(names_in(dir), std::vector<std::string>{"f"});
  EXPECT_EQ(content(dir.file("f")), "abc");
}

TEST(NameFile, HasOneWinnerAmongMany) {
  const TempDir dir;
  constexpr int kRacers = 6;
  std::vector<std::unique_ptr<Peer>> racers;
  for (int i = 0; i < kRacers; ++i) {
    racers.push_back(std::make_unique<Peer>([&dir](const Peer::Line& line) {
      auto file = create_file(dir.file("f"), 0644);
      line.say('r');
      line.wait_for_word();
      const Status status = name_file(*file, dir.file("f"));
      if (status.code() == Code::kExists) return 7;
      return status.ok() ? 0 : 1;
    }));
  }
  for (const auto& racer : racers) ASSERT_TRUE(racer->says('r'));
  for (const auto& racer : racers) racer->tell();

  std::multiset<int> results;
  for (const auto& racer : racers) results.insert(racer->wait());

  EXPECT_EQ(results.count(0), 1u);
  EXPECT_EQ(results.count(7), static_cast<std::size_t>(kRacers - 1));
}

TEST(NameFile, FlushesTheFileAndTheDirectory) {
  const TempDir dir;

  EXPECT_EQ(in_child([&] {
              auto file = create_file(dir.file("f"), 0644);
              CHILD_REQUIRE(install_filter({SYS_fsync, error_of(EIO)}));
              CHILD_REQUIRE(name_file(*file, dir.file("f")).code() == Code::kIoError);
              return 0;
            }),
            0);
  // Only the directory fails: its descriptor will be the lowest that is free.
  EXPECT_EQ(in_child([&] {
              auto file = create_file(dir.file("g"), 0644);
              const int next = ::dup(0);
              ::close(next);
              CHILD_REQUIRE(install_filter(
                  {SYS_fsync, error_of(EIO), 0, static_cast<std::uint32_t>(next), true}));
              CHILD_REQUIRE(name_file(*file, dir.file("g")).code() == Code::kIoError);
              return 0;
            }),
            0);
}

TEST(NameFile, FlushesADirectoryItMayNotRead) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  const TempDir dir;
  ASSERT_EQ(::chmod(dir.path().c_str(), 0733), 0);

  EXPECT_EQ(in_child([&] {
              CHILD_REQUIRE(become_nobody());
              auto file = create_file(dir.file("f"), 0644);
              CHILD_REQUIRE(file);
              CHILD_REQUIRE(name_file(*file, dir.file("f")).ok());
              return 0;
            }),
            0);
}

}  // namespace
}  // namespace hmap
