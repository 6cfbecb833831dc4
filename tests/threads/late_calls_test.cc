// Calls from the destructors of thread-local and of static objects: by then the thread's own
// objects of the library may be gone, and none of them may be used again. The address sanitizer
// sees it.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

#include "child.h"
#include "hmap/map.h"
#include "stores.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

struct Late {
  std::function<void()> call;
  ~Late() {
    if (call) call();
  }
};

// The thread's objects of the library are made after `late`, and so are gone before it.
void call_now_and_late(const std::function<void()>& call) {
  std::thread([&] {
    static thread_local Late late;
    late.call = call;
    call();
  }).join();
}

void put_now_and_late(const Options& options) {
  const TempDir dir;
  Store store = Store::open(dir.file("store"), options).value();
  int calls = 0;
  call_now_and_late([&] {
    ++calls;
    const std::string value(5'000, static_cast<char>('a' + calls));
    ASSERT_OK(store.put("key", value));
    EXPECT_VALUE(store, "key", value);
  });
  EXPECT_EQ(2, calls);
}

TEST(LateCalls, PutIntoACommitLog) {
  Options options = quiet_options();
  options.durability = Durability::kCommit;
  put_now_and_late(options);
}

TEST(LateCalls, GetCompressedValues) {
  Options options = quiet_options();
  options.compression = Compression::kLz4;
  put_now_and_late(options);
}

TEST(LateCalls, PutWithTheSigbusGuard) {
  Options options = quiet_options();
  options.guard_sigbus = true;
  put_now_and_late(options);
}

TEST(LateCalls, GetOfAType) {
  using Long = std::array<std::uint64_t, 400>;
  const TempDir dir;
  auto map = Map<std::uint64_t, Long>::open(dir.file("map"), quiet_options()).value();
  ASSERT_OK(map.put(1, Long{7}));
  int found = 0;
  call_now_and_late([&] { found += map.get(1).value() == Long{7} ? 1 : 0; });
  EXPECT_EQ(2, found);
}

// A Store that the end of the program closes: static objects go after the main thread's own.
TEST(LateCalls, CloseAtExitWithTheSigbusGuard) {
  const TempDir dir;
  Options options = small_options();
  options.guard_sigbus = true;
  EXPECT_CHILD_PASSES(run_in_child([&] {
    static Store store = Store::open(dir.file("store"), options).value();
    if (!store.put("key", "value").ok()) std::_Exit(2);
    std::exit(0);
  }));
  const Store store = Store::open(dir.file("store"), with_mode(options, Mode::kReadOnly)).value();
  EXPECT_VALUE(store, "key", "value");
}

}  // namespace
}  // namespace hmap::test
