// No more threads: an error like others, and nothing is left behind.
#include <gtest/gtest.h>

#include <cerrno>

#include "child.h"
#include "hmap/publish.h"
#include "no_threads.h"
#include "stores.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

TEST(NoThreads, OpeningIsAnErrorAndLeavesNobodyThere) {
  const TempDir dir;
  {
    const NoThreads refused;
    const Result<Store> store = Store::open(dir.file("store"), small_options());
    ASSERT_CODE(Code::kSystem, store);
    EXPECT_EQ(EAGAIN, store.error().os_error());
  }
  EXPECT_OK(Store::open(dir.file("store"), with_mode(small_options(), Mode::kExclusive)));
}

TEST(NoThreads, FollowingIsAnErrorUntilThereAreSome) {
  const TempDir dir;
  Store store = Store::open(dir.file("store"), small_options()).value();
  ASSERT_OK(store.put("key", "old"));
  ASSERT_OK(Store::open(dir.file("fresh"), small_options()).value().put("key", "new"));
  ASSERT_OK(publish(dir.file("fresh"), dir.file("store")));
  {
    const NoThreads refused;
    EXPECT_CODE(Code::kSystem, store.get("key"));
    EXPECT_CODE(Code::kSystem, store.put("key", "lost"));
  }
  EXPECT_VALUE(store, "key", "new");
  EXPECT_OK(store.put("key", "newer"));
}

}  // namespace
}  // namespace hmap::test
