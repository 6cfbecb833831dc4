// Publishing: what it refuses, and that nothing has happened then.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "child.h"
#include "generations.h"
#include "hmap/compact.h"
#include "hmap/map.h"
#include "stop_at.h"

namespace hmap::test {
namespace {

namespace fs = std::filesystem;

class PublishErrors : public ::testing::Test {
 protected:
  void expect_refused(Code code, const std::string& fresh, const std::string& path) {
    PublishOptions options;
    options.lock_timeout = Milliseconds(50);
    EXPECT_CODE(code, publish(fresh, path, options));
    EXPECT_EQ(inode(path_), inode_) << fresh << " over " << path;
  }
  void TearDown() override {
    Result<Store> store = Store::open(path_, quiet_options());
    ASSERT_OK(store);
    EXPECT_EQ(contents(*store), old_);
    // And it can still be replaced.
    if (!fs::exists(fresh_)) return;
    ASSERT_OK(publish(fresh_, path_));
    EXPECT_EQ(contents(*store), new_);
  }

  const TempDir dir_;
  const std::string path_ = dir_.file("store");
  const std::string fresh_ = dir_.file("fresh");
  const Contents old_ = build(path_, 1, 30);
  const Contents new_ = build(fresh_, 2, 50);
  const ino_t inode_ = inode(path_);
};

TEST_F(PublishErrors, NoNewStore) {
  expect_refused(Code::kNotFound, dir_.file("nothing"), path_);
  write_file(dir_.file("text"), "text");
  expect_refused(Code::kNotAStore, dir_.file("text"), path_);
  expect_refused(Code::kNotAStore, dir_.path(), path_);
  EXPECT_TRUE(fs::exists(dir_.file("text")));
}

TEST_F(PublishErrors, WhatIsInPlaceIsNoStore) {
  write_file(dir_.file("text"), "text");
  expect_refused(Code::kNotAStore, fresh_, dir_.file("text"));
  EXPECT_EQ(read_file(dir_.file("text")), "text");
  expect_refused(Code::kNotFound, fresh_, dir_.file("no/directory"));
}

// Names that no file can get: trying once more would not help.
TEST_F(PublishErrors, NoName) {
  fs::create_symlink("nothing", dir_.file("dangling"));
  expect_refused(Code::kNotFound, fresh_, dir_.file("dangling"));
  expect_refused(Code::kNotFound, fresh_, path_ + "/");
  expect_refused(Code::kNotFound, fresh_, "");
  EXPECT_TRUE(fs::is_symlink(dir_.file("dangling")));
}

// Nothing is done to the file that the bytes before the zero name.
TEST_F(PublishErrors, ZeroByte) {
  const std::string zero(1, '\0');
  expect_refused(Code::kInvalidArgument, fresh_, path_ + zero);
  expect_refused(Code::kInvalidArgument, fresh_ + zero, path_);
  expect_refused(Code::kInvalidArgument, fresh_, dir_.file("other") + zero);
  EXPECT_CODE(Code::kInvalidArgument, compact(path_ + zero));
  EXPECT_EQ(inode(path_), inode_);
}

TEST_F(PublishErrors, TheSameFile) {
  expect_refused(Code::kInvalidArgument, path_, path_);
  {
    const Result<Store> user = Store::open(path_, quiet_options());
    expect_refused(Code::kInvalidArgument, path_, path_);
  }
  fs::create_symlink("store", dir_.file("link"));
  expect_refused(Code::kInvalidArgument, path_, dir_.file("link"));
}

TEST_F(PublishErrors, AnotherType) {
  const std::string typed = dir_.file("typed");
  ASSERT_OK((Map<std::uint32_t, std::uint32_t>::open(typed, quiet_options())));
  expect_refused(Code::kTypeMismatch, typed, path_);
  EXPECT_TRUE(fs::exists(typed));
}

TEST_F(PublishErrors, AnotherFileSystem) {
  const TempDir elsewhere(TempDir::Where::kMemory);
  struct stat here {};
  struct stat there {};
  ASSERT_EQ(::stat(dir_.path().c_str(), &here), 0);
  ASSERT_EQ(::stat(elsewhere.path().c_str(), &there), 0);
  if (here.st_dev == there.st_dev) GTEST_SKIP() << "only one file system";
  build(elsewhere.file("fresh"), 2, 5);
  expect_refused(Code::kUnsupported, elsewhere.file("fresh"), path_);
  EXPECT_TRUE(fs::exists(elsewhere.file("fresh")));
}

TEST_F(PublishErrors, HardLinks) {
  fs::create_hard_link(path_, dir_.file("link"));
  expect_refused(Code::kUnsupported, fresh_, path_);
  fs::remove(dir_.file("link"));
  fs::create_hard_link(fresh_, dir_.file("link"));
  expect_refused(Code::kUnsupported, fresh_, path_);
  fs::remove(dir_.file("link"));
}

TEST_F(PublishErrors, OthersHaveIt) {
  {
    const Result<Store> other = Store::open(fresh_, quiet_options());
    expect_refused(Code::kBusy, fresh_, path_);
  }
  const Result<Store> alone = Store::open(path_, with_mode(quiet_options(), Mode::kExclusive));
  expect_refused(Code::kBusy, fresh_, path_);
}

// Stopped with a lock: no way to know that its write is over.
TEST_F(PublishErrors, AStoppedWriter) {
  Child child([&] {
    Result<Store> store = Store::open(path_, quiet_options());
    StopAt::arm(8, SIGSTOP);
    return store->put("key 1", old_.at("key 1")).ok() ? 0 : 1;
  });
  ASSERT_TRUE(child.wait().stopped());
  expect_refused(Code::kBusy, fresh_, path_);
  child.signal(SIGCONT);
  EXPECT_CHILD_PASSES(child.wait());
}

// Damage of the new store is found by whoever opens it; of its superblock by publish().
TEST_F(PublishErrors, ADamagedNewStore) {
  std::string bytes = read_file(fresh_);
  bytes[60] ^= 1;
  write_file(dir_.file("damaged"), bytes);
  expect_refused(Code::kCorrupt, dir_.file("damaged"), path_);
}

}  // namespace
}  // namespace hmap::test
