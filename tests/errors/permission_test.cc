// What the operating system refuses: permissions, media, address space, paths.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "sanitized.h"
#include "stores.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

void make_store(const std::string& path) {
  Store store = Store::open(path, quiet_options()).value();
  ASSERT_OK(store.put("key", "value"));
  ASSERT_OK(store.close());
}

// Runs a body in a child as somebody who may do nothing special.
Outcome as_nobody(const std::function<void()>& body) {
  return run_in_child([&] {
    if (geteuid() == 0) {
      ASSERT_EQ(0, setresgid(65534, 65534, 65534));
      ASSERT_EQ(0, setresuid(65534, 65534, 65534));
    }
    body();
  });
}

TEST(Permission, AFileThatMayNotBeReadOrWritten) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to make files of somebody else";
  TempDir dir;
  make_store(dir.file("store"));
  ASSERT_EQ(0, chmod(dir.path().c_str(), 0777));
  ASSERT_EQ(0, chmod(dir.file("store").c_str(), 0600));

  EXPECT_CHILD_PASSES(as_nobody([&] {
    for (const Mode mode : {Mode::kOpenOrCreate, Mode::kOpen, Mode::kReadOnly, Mode::kExclusive}) {
      const Status status = Store::open(dir.file("store"), with_mode({}, mode)).error();
      EXPECT_CODE(Code::kPermission, status);
      EXPECT_EQ(EACCES, status.os_error());
    }
  }));
  ASSERT_EQ(0, chmod(dir.file("store").c_str(), 0644));
  EXPECT_CHILD_PASSES(as_nobody([&] {
    EXPECT_CODE(Code::kPermission, Store::open(dir.file("store")));
    EXPECT_OK(Store::open(dir.file("store"), with_mode({}, Mode::kReadOnly)));
  }));
}

TEST(Permission, ADirectoryInWhichNothingMayBeCreated) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to make files of somebody else";
  TempDir dir;
  ASSERT_EQ(0, chmod(dir.path().c_str(), 0755));

  EXPECT_CHILD_PASSES(as_nobody([&] {
    EXPECT_CODE(Code::kPermission, Store::open(dir.file("store")));
    EXPECT_CODE(Code::kPermission, Store::open(dir.file("store"), with_mode({}, Mode::kCreate)));
    EXPECT_CODE(Code::kNotFound, Store::open(dir.file("store"), with_mode({}, Mode::kOpen)));
  }));
  EXPECT_FALSE(std::filesystem::exists(dir.file("store")));
  ASSERT_EQ(0, chmod(dir.path().c_str(), 0700));
  EXPECT_CHILD_PASSES(
      as_nobody([&] { EXPECT_CODE(Code::kPermission, Store::open(dir.file("store"))); }));
}

TEST(Permission, TheFileModeIsTheOneAskedForLessTheUmask) {
  TempDir dir;
  const mode_t before = umask(027);
  Options options = quiet_options();
  options.file_mode = 0666;
  ASSERT_OK(Store::open(dir.file("store"), options));
  umask(before);

  struct stat facts {};
  ASSERT_EQ(0, stat(dir.file("store").c_str(), &facts));

  EXPECT_EQ(0640U, facts.st_mode & 07777);
}

TEST(ReadOnlyMedium, IsItsOwnErrorAndReadingWorks) {
  TempDir dir;
  make_store(dir.file("store"));
  const Outcome outcome = run_in_child([&] {
    const std::string mount_point = dir.file("medium");
    std::filesystem::create_directory(mount_point);
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("hmap", mount_point.c_str(), "tmpfs", 0, "size=4m") != 0) {
      GTEST_SKIP() << "may not mount";
    }
    copy_file(dir.file("store"), mount_point + "/store");
    ASSERT_EQ(0, mount("hmap", mount_point.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=4m"));

    for (const Mode mode : {Mode::kOpenOrCreate, Mode::kOpen, Mode::kExclusive}) {
      const Status status = Store::open(mount_point + "/store", with_mode({}, mode)).error();
      EXPECT_CODE(Code::kReadOnly, status);
      EXPECT_EQ(EROFS, status.os_error());
    }
    EXPECT_CODE(Code::kReadOnly, Store::open(mount_point + "/new"));
    Result<Store> reader = Store::open(mount_point + "/store", with_mode({}, Mode::kReadOnly));
    ASSERT_OK(reader);
    EXPECT_VALUE(*reader, "key", "value");
    EXPECT_CODE(Code::kReadOnly, reader->put("key", "other"));
  });
  if (outcome.exited(kSkipped)) GTEST_SKIP() << "may not mount";
  EXPECT_CHILD_PASSES(outcome);
}

TEST(AddressSpace, TooLittleOfItIsItsOwnErrorAndTheStoreStaysGood) {
  if (kSanitized) GTEST_SKIP() << "sanitizers need the address space themselves";
  TempDir dir;
  make_store(dir.file("store"));

  EXPECT_CHILD_PASSES(run_in_child([&] {
    const rlimit limit{rlim_t{512} << 20, rlim_t{512} << 20};
    ASSERT_EQ(0, setrlimit(RLIMIT_AS, &limit));
    EXPECT_CODE(Code::kNoAddressSpace, Store::open(dir.file("store")));
    EXPECT_CODE(Code::kNoAddressSpace, Store::open(dir.file("new"), quiet_options()));
    Options options = quiet_options();
    options.window_bytes = std::uint64_t{1} << 40;
    EXPECT_CODE(Code::kNoAddressSpace, Store::open(dir.file("store"), options));
  }));

  EXPECT_VALUE(Store::open(dir.file("store")).value(), "key", "value");
  EXPECT_FALSE(std::filesystem::exists(dir.file("new")));
}

TEST(AddressSpace, TheWindowIsHalvedUntilItFits) {
  if (kSanitized) GTEST_SKIP() << "sanitizers need the address space themselves";
  TempDir dir;
  make_store(dir.file("store"));

  EXPECT_CHILD_PASSES(run_in_child([&] {
    const rlimit limit{rlim_t{3} << 30, rlim_t{3} << 30};
    ASSERT_EQ(0, setrlimit(RLIMIT_AS, &limit));
    Result<Store> store = Store::open(dir.file("store"));
    ASSERT_OK(store);
    EXPECT_VALUE(*store, "key", "value");
    EXPECT_OK(store->put("key", "other"));
  }));
}

TEST(Path, ThatLeadsNowhereIsNotFound) {
  TempDir dir;
  make_store(dir.file("store"));
  EXPECT_CODE(Code::kNotFound, Store::open(dir.file("no/such/directory/store")));
  EXPECT_CODE(Code::kNotFound, Store::open(dir.file("none"), with_mode({}, Mode::kOpen)));
  EXPECT_CODE(Code::kNotFound, Store::open(dir.file("none"), with_mode({}, Mode::kReadOnly)));
  EXPECT_CODE(Code::kNotFound, Store::open(dir.file("none"), with_mode({}, Mode::kExclusive)));
  EXPECT_CODE(Code::kExists, Store::open(dir.file("store"), with_mode({}, Mode::kCreate)));
  EXPECT_FALSE(Store::open("").has_value());
  EXPECT_FALSE(Store::open(dir.file("store/below")).has_value());
  EXPECT_FALSE(Store::open(dir.file(std::string(5'000, 'n'))).has_value());
}

TEST(Path, ASymbolicLinkLeadsToTheStore) {
  TempDir dir;
  make_store(dir.file("store"));
  std::filesystem::create_symlink(dir.file("store"), dir.file("link"));
  Store store = Store::open(dir.file("store")).value();
  Store same = Store::open(dir.file("link")).value();

  ASSERT_OK(same.put("key", "through the link"));

  EXPECT_VALUE(store, "key", "through the link");
}

}  // namespace
}  // namespace hmap::test
