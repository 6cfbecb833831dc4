// Publishing where each write waits for the commit log, whose name goes over to the new store.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "child.h"
#include "generations.h"

namespace hmap::test {
namespace {

namespace fs = std::filesystem;

class PublishCommitted : public ::testing::Test {
 protected:
  const TempDir dir_{TempDir::Where::kMemory};
  const std::string path_ = dir_.file("store");
  const std::string fresh_ = dir_.file("fresh");
  const Contents old_ = build(path_, 1, 300);
  Contents new_ = build(fresh_, 2, 500);

  static Options committing() {
    Options options = small_options();
    options.durability = Durability::kCommit;
    options.log_bytes = 64 << 10;
    return options;
  }
};

// What is committed to the new store survives a power cut, and nothing of the old log comes back.
TEST_F(PublishCommitted, TheLogGoesOnWithTheNewStore) {
  Child child([&] {
    Result<Store> store = Store::open(path_, committing());
    if (!store) return 1;
    for (int i = 0; i < 20; ++i) {
      if (!store->put("old " + std::to_string(i), "x").ok()) return 2;
    }
    raise(SIGSTOP);
    for (int i = 0; i < 5; ++i) {
      if (!store->put("new " + std::to_string(i), "y").ok()) return 3;
    }
    raise(SIGKILL);
    return 4;
  });
  ASSERT_TRUE(child.wait().stopped());
  ASSERT_OK(publish(fresh_, path_));
  child.signal(SIGCONT);
  ASSERT_TRUE(child.wait().killed());
  fake_reboot(1);
  for (int i = 0; i < 5; ++i) new_["new " + std::to_string(i)] = "y";
  {
    Result<Store> store = Store::open(path_, committing());
    ASSERT_OK(store);
    EXPECT_EQ(contents(*store), new_);
    EXPECT_FINDS_NOTHING(store->verify());
  }
  real_boot();
}

// A copy of the file, byte for byte as cp and clone() make it, has the seed of the checksums in the
// old store's log. What was written there since the copy was made is not the new store's.
TEST_F(PublishCommitted, ACopyTakesNothingFromTheOldLog) {
  fs::copy_file(path_, fresh_, fs::copy_options::overwrite_existing);
  Contents copied = old_;
  Child child([&] {
    Result<Store> store = Store::open(path_, committing());
    if (!store) return 1;
    for (int i = 0; i < 20; ++i) {
      if (!store->put("old " + std::to_string(i), "x").ok()) return 2;
    }
    if (!publish(fresh_, path_) || !store->put("new 0", "y").ok()) return 3;
    raise(SIGKILL);
    return 4;
  });
  EXPECT_TRUE(child.wait().killed());
  copied["new 0"] = "y";
  fake_reboot(1);
  {
    Result<Store> store = Store::open(path_, committing());
    ASSERT_OK(store);
    EXPECT_EQ(contents(*store), copied);
    EXPECT_FINDS_NOTHING(store->verify());
  }
  real_boot();
}

// The log of the new store has entries that it has not, and goes.
TEST_F(PublishCommitted, TheNewStoresOwnLogIsPutIntoIt) {
  Child child([&] {
    Result<Store> store = Store::open(fresh_, committing());
    if (!store || !store->put("logged", "x").ok()) return 1;
    raise(SIGKILL);
    return 2;
  });
  ASSERT_TRUE(child.wait().killed());
  ASSERT_TRUE(fs::exists(fresh_ + "-wal"));
  fake_reboot(1);
  Result<Store> store = Store::open(path_, committing());
  ASSERT_OK(store);
  ASSERT_OK(store->put("old", "x"));
  ASSERT_OK(publish(fresh_, path_));
  EXPECT_FALSE(fs::exists(fresh_ + "-wal"));
  new_["logged"] = "x";
  EXPECT_EQ(contents(*store), new_);
  ASSERT_OK(store->put("more", "y"));
  ASSERT_OK(store->wait_durable());
  real_boot();
}

}  // namespace
}  // namespace hmap::test
