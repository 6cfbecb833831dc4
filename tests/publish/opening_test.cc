// Publishing beside those who are just opening a store.
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <filesystem>
#include <optional>
#include <string>

#include "child.h"
#include "generations.h"
#include "stop_at.h"
#include "system/naming.h"

namespace hmap::test {
namespace {

namespace fs = std::filesystem;

class PublishOpening : public ::testing::Test {
 protected:
  static Options committing() {
    Options options = small_options();
    options.durability = Durability::kCommit;
    options.log_bytes = 64 << 10;
    return options;
  }
  static void stop_once(seam::Event event, const void*, std::size_t) {
    if (event != seam::Event::kFlush) return;
    seam::hook.store(nullptr);
    raise(SIGSTOP);
  }
  // Stopped when it has the old store open, and has not replaced it.
  [[nodiscard]] Child stopped_publisher() const {
    Child child([&] {
      seam::hook.store(&stop_once);
      PublishOptions options;
      options.lock_timeout = Milliseconds(5);
      const Result<PublishReport> report = publish(fresh_, path_, options);
      return report || report.error().code() == Code::kBusy ? 0 : 1;
    });
    EXPECT_TRUE(child.wait().stopped());
    return child;
  }
  // Until it has replaced the store, cannot, or waits for whoever is opening that.
  static void go_on(Child& publisher, const std::string& path, ino_t old_inode) {
    publisher.signal(SIGCONT);
    while (publisher.running() && inode(path) == old_inode &&
           !sleeps_in(SYS_fcntl, publisher.pid(), publisher.pid())) {
      publisher.poll();
    }
  }

  const Watchdog watchdog_;
  const TempDir dir_{TempDir::Where::kMemory};
  const std::string path_ = dir_.file("store");
  const std::string fresh_ = dir_.file("fresh");
};

// Who is in the middle of opening the old one, stopped anywhere, gets the new one, and leaves
// nothing beside it.
TEST_F(PublishOpening, OfTheOldStoreEndsInTheNewOne) {
  for (const bool beside_others : {false, true}) {
    int replaced = 0;
    bool through = false;
    for (std::uint64_t event = 1; !through; ++event) {
      build(path_, 1, 5);
      build(fresh_, 2, 6);
      const ino_t old_inode = inode(path_);
      std::optional<Child> other;
      if (beside_others) {
        other.emplace([&] {
          const Result<Store> store = Store::open(path_, committing());
          raise(SIGSTOP);
          return store ? 0 : 1;
        });
        ASSERT_TRUE(other->wait().stopped());
      }
      Child publisher = stopped_publisher();
      Child opener([&] {
        StopAt::arm(event, SIGSTOP);
        Result<Store> store = Store::open(path_, committing());
        StopAt::disarm();
        return store && store->put("beside", "x").ok() ? 0 : 1;
      });
      through = !opener.wait().stopped();
      go_on(publisher, path_, old_inode);
      replaced += inode(path_) != old_inode && !through ? 1 : 0;
      if (!through) opener.signal(SIGCONT);
      if (!through) {
        EXPECT_CHILD_PASSES(opener.wait()) << event;
      }
      if (publisher.running()) {
        EXPECT_CHILD_PASSES(publisher.wait()) << event;
      }
      other.reset();
      for (const auto& file : fs::directory_iterator(dir_.path())) {
        const std::string name = file.path().filename();
        EXPECT_TRUE(name == "store" || name == "store-wal" || name == "fresh")
            << name << " " << event;
        if (name.find("deleted") != std::string::npos) fs::remove(file.path());
      }
      // Who was through before wrote to the old one.
      if (!through) {
        EXPECT_VALUE(*Store::open(path_, quiet_options()), "beside", "x") << event;
      }
      for (const auto& file : {path_, fresh_, path_ + "-wal"}) fs::remove(file);
    }
    EXPECT_GT(replaced, 3) << beside_others;
  }
}

// Who waits for a store to appear does not find it locked when it does.
TEST_F(PublishOpening, AtAFreeNameFindsNobodyThere) {
  int beside = 0;
  bool through = false;
  for (std::uint64_t event = 1; !through; ++event) {
    build(fresh_, 2, 6);
    Child publisher([&] {
      StopAt::arm(event, SIGSTOP);
      return publish(fresh_, path_) ? 0 : 1;
    });
    through = !publisher.wait().stopped();
    if (!through && !fs::exists(path_)) {
      publisher.kill();
      fs::remove(fresh_);
      continue;
    }
    beside += through ? 0 : 1;
    Child opener([&] { return Store::open(path_, quiet_options()) ? 0 : 1; });
    Outcome outcome = opener.wait(Milliseconds(20));
    if (!through) publisher.signal(SIGCONT);
    if (outcome.how == Outcome::How::kTimedOut) outcome = opener.wait();
    EXPECT_CHILD_PASSES(outcome) << event;
    if (!through) {
      EXPECT_CHILD_PASSES(publisher.wait()) << event;
    }
    fs::remove(path_);
  }
  EXPECT_GE(beside, 1);
}

// compact() holds the OPEN byte of the new file through the descriptor while it is given its name.
// Closed meanwhile, its number would be somebody else's by the time that the byte is given back.
TEST_F(PublishOpening, ANewFileStaysOpenWhereItGetsNoName) {
  fs::create_directory(path_);
  Result<NewFile> file = create_file(path_, 0600);
  ASSERT_OK(file);
  const int fd = file->fd.get();
  EXPECT_FALSE(replace_file(*file, path_).ok());
  EXPECT_EQ(file->fd.get(), fd);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace hmap::test
