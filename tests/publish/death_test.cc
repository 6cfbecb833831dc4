// Publishing: killed at every step that others can see, with handles open on the old store.
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <filesystem>
#include <string>

#include "child.h"
#include "generations.h"
#include "stop_at.h"

namespace hmap::test {
namespace {

namespace fs = std::filesystem;

// Whichever store bears the name: everybody uses that one.
void expect_agreement(Store& writer, const Store& reader, const std::string& path,
                      const Contents& model) {
  ASSERT_EQ(contents(reader), model);
  ASSERT_OK(writer.put("from", "writer"));
  EXPECT_VALUE(reader, "from", "writer");
  Result<Store> other = Store::open(path, quiet_options());
  ASSERT_OK(other);
  EXPECT_VALUE(*other, "from", "writer");
  ASSERT_TRUE(writer.erase("from").value());
  ASSERT_EQ(contents(*other), model);
  EXPECT_FINDS_NOTHING(other->verify());
}

TEST(PublishDeath, AtEveryStep) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const std::string fresh = dir.file("fresh");
  int left_old = 0;
  int made_new = 0;
  bool survived = false;
  for (std::uint64_t event = 1; !survived; ++event) {
    fs::remove(path);
    fs::remove(fresh);
    const Contents before = build(path, 1, 20);
    const Contents after = build(fresh, 2, 30);
    const ino_t old_inode = inode(path);
    Result<Store> writer = Store::open(path, quiet_options());
    Result<Store> reader = Store::open(path, with_mode(quiet_options(), Mode::kReadOnly));
    ASSERT_OK(writer);
    ASSERT_OK(reader);
    Child child([&] {
      StopAt::arm(event, SIGKILL);
      return publish(fresh, path) ? 0 : 1;
    });
    const Outcome outcome = child.wait();
    survived = !outcome.killed();
    EXPECT_TRUE(!survived || outcome.exited(0)) << outcome;
    const bool is_new = inode(path) != old_inode;
    ++(is_new ? made_new : left_old);
    ASSERT_NO_FATAL_FAILURE(expect_agreement(*writer, *reader, path, is_new ? after : before))
        << "killed at step " << event;
    if (is_new) continue;
    // The next one does it.
    ASSERT_OK(publish(fresh, path)) << event;
    ASSERT_NO_FATAL_FAILURE(expect_agreement(*writer, *reader, path, after)) << event;
  }
  EXPECT_GT(left_old, 20);
  // Once alive; and dead after the rename.
  EXPECT_GT(made_new, 2);
}

// What a writer that was asleep puts, wherever it was asleep, is in the store that bears the name
// when its call returns.
TEST(PublishDeath, BesideAWriterStoppedAnywhere) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const std::string fresh = dir.file("fresh");
  PublishOptions options;
  options.lock_timeout = Milliseconds(5);
  int replaced = 0;
  int refused = 0;
  bool through = false;
  for (std::uint64_t event = 1; !through; ++event) {
    build(path, 1, 27);
    build(fresh, 2, 30);
    Child child([&] {
      Result<Store> store = Store::open(path, quiet_options());
      StopAt::arm(event, SIGSTOP);
      const bool done = store->put("more", "wards").ok() && store->erase("key 3").has_value();
      StopAt::disarm();
      return done ? 0 : 1;
    });
    const Outcome outcome = child.wait();
    through = !outcome.stopped();
    const Result<PublishReport> report = publish(fresh, path, options);
    ++(report ? replaced : refused);
    if (!report) {
      ASSERT_CODE(Code::kBusy, report) << event;
    }
    if (through) break;
    child.signal(SIGCONT);
    ASSERT_CHILD_PASSES(child.wait()) << event;
    const Result<Store> store = Store::open(path, quiet_options());
    // The first of the two writes may have been over when the store was replaced.
    if (event == 1 || !report) {
      EXPECT_VALUE(*store, "more", "wards") << event;
    }
    EXPECT_ABSENT(*store, "key 3") << event;
    EXPECT_EQ(store->contains("key 29").value(), report.has_value());
    std::filesystem::remove(path);
    std::filesystem::remove(fresh);
  }
  EXPECT_GE(replaced, 2);
  EXPECT_GT(refused, 5);
}

// Somebody moves the store away and another one to its name, with the publisher stopped anywhere:
// the other one is not replaced behind the backs of those who have it open.
TEST(PublishDeath, TheNameLeadsElsewhereMeanwhile) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const std::string fresh = dir.file("fresh");
  const std::string other = dir.file("other");
  int moved = 0;
  int unaware = 0;
  for (std::uint64_t event = 1;; ++event) {
    build(path, 1, 5);
    const Contents after = build(fresh, 2, 6);
    build(other, 3, 7);
    const ino_t old_inode = inode(path);
    Child child([&] {
      StopAt::arm(event, SIGSTOP);
      return publish(fresh, path) ? 0 : 1;
    });
    if (!child.wait().stopped() || inode(path) != old_inode) break;
    fs::rename(path, dir.file("aside"));
    fs::rename(other, path);
    const Result<Store> store = Store::open(path, quiet_options());
    ASSERT_OK(store);
    child.signal(SIGCONT);
    ASSERT_CHILD_PASSES(child.wait()) << event;
    ++moved;
    if (contents(*store) != after) ++unaware;
    EXPECT_EQ(contents(Store::open(path, quiet_options()).value()), after) << event;
  }
  EXPECT_GT(moved, 20);
  // Nothing can be done about what happens between the last look at the name and the renaming: one
  // store and one flush.
  EXPECT_LE(unaware, 3);
}

// A publisher that has the store open, and nobody else, decides nothing for those who come.
TEST(PublishDeath, AStoppedPublisherIsAGuest) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const std::string fresh = dir.file("fresh");
  Options commit = small_options();
  commit.durability = Durability::kCommit;
  commit.log_bytes = 64 << 10;
  commit.lock_timeout = Milliseconds(5);
  int beside = 0;
  bool through = false;
  for (std::uint64_t event = 1; !through; ++event) {
    build(path, 1, 5);
    build(fresh, 2, 6);
    Child child([&] {
      StopAt::arm(event, SIGSTOP);
      return publish(fresh, path) ? 0 : 1;
    });
    through = !child.wait().stopped();
    // The OPEN byte of what bears the name is held by whoever is just opening or naming it.
    Child opener([&] {
      Result<Store> store = Store::open(path, commit);
      if (!store) return store.error().code() == Code::kBusy ? 2 : 3;
      if (!store->put("beside", "x").ok()) return 2;
      return value_in(*store, "beside") == "x" ? 0 : 4;
    });
    const Outcome outcome = opener.wait(Milliseconds(through ? 60'000 : 100));
    EXPECT_FALSE(outcome.exited(3) || outcome.exited(4)) << event;
    beside += outcome.exited(0) ? 1 : 0;
    if (!through) child.signal(SIGCONT);
    if (!through) {
      EXPECT_CHILD_PASSES(child.wait()) << event;
    }
    EXPECT_CHILD_PASSES(run_in_child([&] {
      Result<Store> store = Store::open(path, commit);
      ASSERT_OK(store);
      EXPECT_VALUE(*store, "key 5", generation(2, 6).at("key 5"));
      EXPECT_FINDS_NOTHING(store->verify());
    }));
    for (const auto& file : {path, fresh, path + "-wal"}) fs::remove(file);
  }
  EXPECT_GT(beside, 10);
}

// Who found a file under the name that publish() takes away, and waits for it, does not get what is
// the live store by then: it begins again, and finds nothing there.
TEST(PublishRace, WhoOpensTheSourceMeanwhileDoesNotGetTheLiveStore) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const std::string fresh = dir.file("fresh");
  int waited = 0;
  bool through = false;
  for (std::uint64_t event = 1; !through; ++event) {
    build(path, 1, 5);
    build(fresh, 2, 6);
    Child publisher([&] {
      StopAt::arm(event, SIGSTOP);
      return publish(fresh, path) ? 0 : 1;
    });
    through = !publisher.wait().stopped();
    Child opener([&] {
      const Result<Store> store = Store::open(fresh, with_mode(quiet_options(), Mode::kOpen));
      return store && !fs::exists(fresh) ? 1 : 0;
    });
    Outcome outcome;
    while ((outcome = opener.poll()).how == Outcome::How::kTimedOut &&
           !sleeps_in(SYS_fcntl, opener.pid(), opener.pid())) {
    }
    waited += outcome.how == Outcome::How::kTimedOut ? 1 : 0;
    if (!through) publisher.signal(SIGCONT);
    if (outcome.how == Outcome::How::kTimedOut) outcome = opener.wait();
    EXPECT_CHILD_PASSES(outcome) << event;
    if (!through) publisher.wait();
    for (const auto& file : {path, fresh}) fs::remove(file);
  }
  EXPECT_GT(waited, 10) << "nobody waited for a publisher";
}

// The old store's writer dies in the middle of a write, with the lock of its shard: then the store
// is replaced all the same, and it is nobody's business any more.
TEST(PublishDeath, AWriterDiedBefore) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const std::string fresh = dir.file("fresh");
  bool survived = false;
  for (std::uint64_t event = 1; !survived; event += 3) {
    fs::remove(path);
    build(path, 1, 27);
    const Contents after = build(fresh, 2, 30);
    Result<Store> reader = Store::open(path, with_mode(quiet_options(), Mode::kReadOnly));
    Child child([&] {
      Result<Store> store = Store::open(path, quiet_options());
      StopAt::arm(event, SIGKILL);
      for (int i = 0; i < 3; ++i) {
        if (!store->put("more " + std::to_string(i), "x").ok()) return 1;
      }
      return 0;
    });
    survived = child.wait().exited(0);
    ASSERT_OK(publish(fresh, path)) << event;
    ASSERT_EQ(contents(*reader), after) << event;
  }
}

}  // namespace
}  // namespace hmap::test
