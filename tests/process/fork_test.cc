// fork(): the child's copy of a handle is dead, harmless and says so.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "child.h"
#include "format/runtime_format.h"
#include "hmap/map.h"
#include "stores.h"
#include "system/seam.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

std::atomic<unsigned> stopped = 0;
std::atomic<bool> goes_on = false;

// Before the first store that each thread makes.
void stop_here(seam::Event, const void*, std::size_t) {
  if (goes_on) return;
  ++stopped;
  goes_on.wait(false);
}

void expect_forked(Store& store, Cursor& cursor) {
  std::string buffer;
  EXPECT_CODE(Code::kForked, store.get("key"));
  EXPECT_CODE(Code::kForked, store.get_into("key", buffer));
  EXPECT_CODE(Code::kForked, store.contains("key"));
  EXPECT_CODE(Code::kForked, store.put("key", "child"));
  EXPECT_CODE(Code::kForked, store.insert("new", "child"));
  EXPECT_CODE(Code::kForked, store.replace("key", "child"));
  EXPECT_CODE(Code::kForked, store.erase("key"));
  EXPECT_CODE(Code::kForked, store.clear());
  EXPECT_CODE(Code::kForked, store.size());
  EXPECT_CODE(Code::kForked, store.cursor());
  EXPECT_CODE(Code::kForked, store.cursor(Position{}));
  EXPECT_CODE(Code::kForked, cursor.next());
  EXPECT_CODE(Code::kForked, store.checkpoint());
  EXPECT_CODE(Code::kForked, store.sync());
  EXPECT_CODE(Code::kForked, store.stats());
  EXPECT_CODE(Code::kForked, store.close());
}

TEST(Fork, TheChildsHandleAnswersForkedToEveryCall) {
  TempDir dir;
  Store store = Store::open(dir.file("store"), small_options()).value();
  ASSERT_OK(store.put("key", "parent"));
  Store reader = Store::open(dir.file("store"), with_mode({}, Mode::kReadOnly)).value();
  Cursor cursor = store.cursor().value();
  Cursor reader_cursor = reader.cursor().value();

  EXPECT_CHILD_PASSES(run_in_child([&] {
    expect_forked(store, cursor);
    EXPECT_CODE(Code::kForked, reader.get("key"));
    EXPECT_CODE(Code::kForked, reader_cursor.next());
  }));

  EXPECT_VALUE(store, "key", "parent");
  EXPECT_TRUE(cursor.next().value().has_value());
  EXPECT_OK(store.put("key", "still works"));
  EXPECT_VALUE(reader, "key", "still works");
}

// Words under words have a way of their own.
TEST(Fork, TheChildsMapOfWordsAnswersForked) {
  TempDir dir;
  auto map = Map<std::uint64_t, std::uint64_t>::open(dir.file("map"), small_options()).value();
  ASSERT_OK(map.put(1, 2));
  EXPECT_CHILD_PASSES(run_in_child([&] { EXPECT_CODE(Code::kForked, map.get(1)); }));
  EXPECT_EQ(map.get(1).value(), 2u);
}

TEST(Fork, DestroyingTheChildsHandleHarmsNothing) {
  TempDir dir;
  const std::string path = dir.file("store");
  std::optional<Store> store = Store::open(path, small_options()).value();
  ASSERT_OK(store->put("key", "parent"));

  for (int round = 0; round < 5; ++round) {
    EXPECT_CHILD_PASSES(run_in_child([&] { store.reset(); }));
    // Our slot and our users byte are still held: nobody gets the store for himself.
    EXPECT_CHILD_PASSES(run_in_child([&] {
      EXPECT_CODE(Code::kLockedExclusively, Store::open(path, with_mode({}, Mode::kExclusive)));
    }));
    ASSERT_OK(store->put("key" + std::to_string(round), "parent"));
  }

  EXPECT_EQ(6U, store->size().value());
  ASSERT_OK(store->checkpoint());
  ASSERT_OK(store->close());
}

// Of a slot's notes for large records there are four: whoever wants a fifth sleeps.
TEST(Fork, TheChildWaitsForNobodyWhoSleepsInItsParent) {
  TempDir dir;
  std::optional<Store> store = Store::open(dir.file("store"), quiet_options()).value();
  ASSERT_OK(store->put("key", "parent"));
  const std::string large(200'000, 'x');
  seam::hook.store(&stop_here);
  std::vector<std::thread> writers;
  for (unsigned i = 0; i < format::kNotes + 2; ++i) {
    writers.emplace_back([&, i] { EXPECT_OK(store->put("large" + std::to_string(i), large)); });
  }
  while (stopped < format::kNotes) std::this_thread::yield();
  std::this_thread::sleep_for(Milliseconds(50));  // the others are asleep, as a rule

  EXPECT_CHILD_PASSES(run_in_child([&] {
    seam::hook.store(nullptr);
    store.reset();
  }));

  goes_on = true;
  goes_on.notify_all();
  for (std::thread& writer : writers) writer.join();
  seam::hook.store(nullptr);
  EXPECT_EQ(format::kNotes, stopped);
  EXPECT_EQ(1 + format::kNotes + 2, store->size().value());
}

TEST(Fork, TheChildMayOpenTheStoreAnewAndSoMayItsChild) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the thread sanitizer allows no new threads after fork() with threads";
#endif
  Options options = small_options();
#if defined(__SANITIZE_ADDRESS__)
  // The allocator of g++ 12's address sanitizer has a lock that fork() copies as it is: the thread
  // for checkpoints, which has just begun, may hold it, and the child waits for it for ever.
  options.durability = Durability::kNone;
#endif
  TempDir dir;
  const std::string path = dir.file("store");
  Store store = Store::open(path, options).value();
  ASSERT_OK(store.put("key", "parent"));

  EXPECT_CHILD_PASSES(run_in_child([&] {
    Store own = Store::open(path).value();
    EXPECT_VALUE(own, "key", "parent");
    EXPECT_OK(own.put("child", "was here"));
    EXPECT_CHILD_PASSES(run_in_child([&] {
      EXPECT_CODE(Code::kForked, store.get("key"));
      EXPECT_CODE(Code::kForked, own.get("key"));
      Store grandchilds = Store::open(path).value();
      EXPECT_OK(grandchilds.put("grandchild", "was here too"));
      EXPECT_OK(grandchilds.close());
    }));
    EXPECT_CODE(Code::kForked, store.get("key"));
    EXPECT_VALUE(own, "grandchild", "was here too");
    EXPECT_OK(own.close());
  }));

  EXPECT_VALUE(store, "child", "was here");
  EXPECT_VALUE(store, "grandchild", "was here too");
}

TEST(Fork, AChildThatOutlivesItsParentKeepsNothingLocked) {
  TempDir dir;
  const std::string path = dir.file("store");
  int hold[2];
  ASSERT_EQ(0, pipe(hold));
  Child parent([&] {
    Store store = Store::open(path, small_options()).value();
    if (!store.put("key", "value").ok()) return 2;
    if (fork() == 0) {  // lives until the test lets go of the pipe
      close(hold[1]);
      char byte;
      [[maybe_unused]] const ssize_t ended = read(hold[0], &byte, 1);
      _exit(0);
    }
    raise(SIGKILL);
    return 3;
  });
  ASSERT_TRUE(parent.wait().killed());
  close(hold[0]);

  auto alone = Store::open(path, with_mode({}, Mode::kExclusive));

  EXPECT_OK(alone);
  if (alone) {
    EXPECT_VALUE(*alone, "key", "value");
  }
  close(hold[1]);
}

}  // namespace
}  // namespace hmap::test
