// No more threads: an error like others, and nothing is left behind.
#include <gtest/gtest.h>
#include <pthread.h>

#include <cerrno>
#include <cstddef>

#include "child.h"
#include "hmap/publish.h"
#include "stores.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

// Each would need more memory than there are addresses.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, std::size_t{1} << 47);
    EXPECT_EQ(0, pthread_setattr_default_np(&huge));
    pthread_attr_destroy(&huge);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_{};
};

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
