// Compacting: the same entries in a smaller file, or everything as it was.
#include "hmap/compact.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

#include "child.h"
#include "copies.h"
#include "format/runtime_format.h"
#include "life/open.h"
#include "stop_at.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

namespace fs = std::filesystem;

struct stat facts(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0);
  return info;
}

Contents make_store(const std::string& path, int entries) {
  Result<Store> store = Store::open(path, quiet_options());
  EXPECT_OK(store);
  Contents model = fill(*store, entries, test_seed());
  EXPECT_OK(store->close());
  return model;
}

TEST(Compact, KeepsEntriesNameModeAndUuid) {
  const TempDir dir;
  for (const int entries : {0, 1, 3'000}) {
    const std::string path = dir.file("store" + std::to_string(entries));
    const Contents model = make_store(path, entries);
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
    const Stats before = Store::open(path, quiet_options())->stats().value();
    const auto inode = facts(path).st_ino;
    const Result<CompactReport> report = compact(path);
    ASSERT_OK(report);
    EXPECT_EQ(report->entries, model.size());
    EXPECT_EQ(report->bytes_after, file_bytes(path));
    EXPECT_EQ(report->bytes_before, before.file_bytes);
    EXPECT_LE(report->bytes_after, report->bytes_before);
    EXPECT_NE(facts(path).st_ino, inode);
    EXPECT_EQ(facts(path).st_mode & 07777, 0640u);
    EXPECT_EQ(Store::open(path, quiet_options())->stats()->uuid, before.uuid);
    expect_store(path, model);
  }
  EXPECT_EQ(files_in(dir), 3u);
}

TEST(Compact, AnotherNumberOfShards) {
  const TempDir dir;
  const std::string path = dir.file("store");
  const Contents model = make_store(path, 500);
  CompactOptions options;
  for (const int bits : {3, 0}) {
    options.store.shard_bits = bits;
    ASSERT_OK(compact(path, options));
    EXPECT_EQ(Store::open(path, quiet_options())->stats()->shards.size(), std::size_t{1} << bits);
  }
  expect_store(path, model);
}

TEST(Compact, GivesSpaceBack) {
  const TempDir dir;
  const std::string path = dir.file("store");
  Child writer([&] {
    Store store = Store::open(path, quiet_options()).value();
    for (int i = 0; i < 20'000; ++i)
      if (!store.put(std::to_string(i), std::string(100, 'v')).ok()) return 1;
    for (int i = 0; i < 18'000; ++i)
      if (!store.erase(std::to_string(i)).value()) return 2;
    if (!store.checkpoint().ok()) return 3;
    raise(SIGKILL);  // closing would give some of it back
    return 4;
  });
  ASSERT_TRUE(writer.wait().killed());
  const Result<CompactReport> report = compact(path);
  ASSERT_OK(report);
  EXPECT_LT(report->allocated_after, report->allocated_before * 15 / 100);
}

TEST(Compact, RefusesWhileOthersHaveIt) {
  const TempDir dir;
  const std::string path = dir.file("store");
  const Contents model = make_store(path, 100);
  {
    const Result<Store> other = Store::open(path, quiet_options());
    ASSERT_OK(other);
    EXPECT_CODE(Code::kBusy, compact(path));
  }
  const Result<Store> reader = Store::open(path, with_mode(quiet_options(), Mode::kReadOnly));
  ASSERT_OK(reader);
  bool refused = false;
  CompactOptions options;
  options.progress = [&](std::uint64_t, std::uint64_t) {
    refused =
        refused || Store::open(path, quiet_options()).error().code() == Code::kLockedExclusively;
    return true;
  };
  ASSERT_OK(compact(path, options));
  EXPECT_TRUE(refused);
  // A reader goes on with the file that it has.
  EXPECT_EQ(contents(*reader), model);
  expect_store(path, model);
}

TEST(Compact, ErrorsLeaveTheStore) {
  const TempDir dir;
  const std::string path = dir.file("store");
  constexpr std::uint64_t kLarge = 1 << 20;
  Contents model = make_store(path, 300);
  model["large"] = value_of(1, kLarge);
  ASSERT_OK(Store::open(path, quiet_options())->put("large", model["large"]));
  const auto inode = facts(path).st_ino;
  EXPECT_CODE(Code::kNotFound, compact(dir.file("nothing")));
  CompactOptions options;
  options.store.shard_bits = 9;
  EXPECT_CODE(Code::kInvalidArgument, compact(path, options));
  options = {};
  options.store.size_limit = kLarge;
  EXPECT_CODE(Code::kNoSpace, compact(path, options));
  options = {};
  options.progress = [](std::uint64_t done, std::uint64_t) { return done < 10; };
  EXPECT_CODE(Code::kSystem, compact(path, options));
  fs::create_hard_link(path, dir.file("link"));
  EXPECT_CODE(Code::kUnsupported, compact(path));
  fs::remove(dir.file("link"));
  write_file(dir.file("text"), "text");
  EXPECT_CODE(Code::kNotAStore, compact(dir.file("text")));
  EXPECT_EQ(facts(path).st_ino, inode);
  EXPECT_EQ(files_in(dir), 2u);
  expect_store(path, model);
}

TEST(Compact, DamageIsNotMadeGood) {
  const TempDir dir;
  const std::string path = dir.file("store");
  const std::string value = value_of(1, 100);
  {
    Result<Store> store = Store::open(path, quiet_options());
    for (int i = 0; i < 50; ++i) ASSERT_OK(store->put(std::to_string(i), "value"));
    ASSERT_OK(store->put("victim", value));
  }
  std::string bytes = read_file(path);
  bytes[bytes.find(value)] ^= 1;
  fs::remove(path);
  write_file(path, bytes);
  EXPECT_CODE(Code::kCorrupt, compact(path));
  EXPECT_EQ(files_in(dir), 1u);
}

TEST(Compact, ThroughASymbolicLink) {
  const TempDir dir;
  fs::create_directory(dir.file("there"));
  const Contents model = make_store(dir.file("there/store"), 100);
  fs::create_symlink("there/store", dir.file("link"));
  ASSERT_OK(compact(dir.file("link")));
  EXPECT_TRUE(fs::is_symlink(dir.file("link")));
  expect_store(dir.file("there/store"), model);
}

// The log of the old file is no obstacle, and nothing in it counts any more.
TEST(Compact, AStoreWithACommitLog) {
  const TempDir dir;
  const std::string path = dir.file("store");
  Options commit = small_options();
  commit.durability = Durability::kCommit;
  commit.log_bytes = 64 << 10;
  const Outcome outcome = run_in_child([&] {
    Result<Store> store = Store::open(path, commit);
    ASSERT_OK(store);
    for (int i = 0; i < 100; ++i) ASSERT_OK(store->put(std::to_string(i), "old"));
    ::raise(SIGKILL);
  });
  ASSERT_TRUE(outcome.killed()) << outcome;
  fake_reboot(1);
  ASSERT_OK(compact(path));
  {
    Result<Store> store = Store::open(path, commit);
    ASSERT_OK(store);
    EXPECT_EQ(store->size().value(), 100u);
    ASSERT_OK(store->put("0", "new"));
    ASSERT_OK(store->put("more", "new"));
  }
  fake_reboot(2);
  Result<Store> store = Store::open(path, commit);
  ASSERT_OK(store);
  EXPECT_EQ(store->size().value(), 101u);
  EXPECT_VALUE(*store, "0", "new");
  EXPECT_VALUE(*store, "99", "old");
  EXPECT_FINDS_NOTHING(store->verify());
  real_boot();
}

TEST(Compact, KilledAnywhereLeavesTheOldOrTheNew) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const Contents model = make_store(path, 40);
  int old = 0;
  std::uint64_t step = 1;
  bool is_new = false;
  for (std::uint64_t event = 1; !is_new; event += step, step += event < 200 ? 1 : 0) {
    const auto inode = facts(path).st_ino;
    Child child([&] {
      StopAt::arm(event, SIGKILL);
      return compact(path) ? 0 : 1;
    });
    const Outcome outcome = child.wait();
    is_new = !outcome.killed();
    EXPECT_TRUE(!is_new || outcome.exited(0)) << outcome;
    if (facts(path).st_ino == inode) ++old;
    Result<Store> store = Store::open(path, quiet_options());
    ASSERT_OK(store);
    ASSERT_EQ(contents(*store), model) << event;
  }
  EXPECT_GT(old, 30);
  expect_store(path, model);
}

// Dead with a temporary name, which takes a kill between the last two system calls.
TEST(Compact, LitterOfADeadOneIsRemoved) {
  const TempDir dir;
  const std::string path = dir.file("store");
  const Contents model = make_store(path, 20);
  write_file(dir.file(".store.0123456789abcdef.tmp"), "litter");
  for (const char* other : {".store.0123456789abcdeg.tmp", ".store.012.tmp",
                            ".other.0123456789abcdef.tmp", "store.0123456789abcdef.tmp"}) {
    write_file(dir.file(other), "not ours");
  }
  ASSERT_OK(compact(path));
  EXPECT_FALSE(fs::exists(dir.file(".store.0123456789abcdef.tmp")));
  EXPECT_EQ(files_in(dir), 5u);
  expect_store(path, model);
}

// The OPEN byte of a file, as somebody holds it who is just opening it.
class OpeningFor {
 public:
  explicit OpeningFor(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    set(F_WRLCK);
  }
  void release() { set(F_UNLCK); }
  ~OpeningFor() { ::close(fd_); }

 private:
  void set(short type) const {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(format::kOpenByteAt);
    lock.l_len = 1;
    EXPECT_EQ(::fcntl(fd_, F_OFD_SETLKW, &lock), 0);
  }
  int fd_;
};

// Who has found the old file and waits for its lock must not write to it once it has no name.
TEST(Compact, WhoIsOpeningTheOldFileGetsTheNewOne) {
  const TempDir dir;
  const std::string path = dir.file("store");
  make_store(path, 20);
  int at_once = 0;
  for (int round = 0; round < 30; ++round) {
    const auto inode = facts(path).st_ino;
    std::optional<OpeningFor> opening;
    std::optional<Child> child;
    std::thread releaser;
    CompactOptions options;
    options.progress = [&](std::uint64_t done, std::uint64_t) {
      if (done != 1) return true;
      opening.emplace(path);
      child.emplace([&] {
        int tries = 0;
        for (;; ++tries) {
          Result<Store> store = Store::open(path, quiet_options());
          if (store.error().code() == Code::kLockedExclusively) continue;
          if (!store || !store->put("round", std::to_string(round)).ok()) return 1;
          return store->close().ok() ? (tries == 0 ? 0 : 2) : 1;
        }
      });
      // Long enough for the child to have opened the file, usually.
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      releaser = std::thread([&] {
        while (facts(path).st_ino == inode) std::this_thread::yield();
        opening->release();
      });
      return true;
    };
    EXPECT_OK(compact(path, options));
    releaser.join();
    const Outcome outcome = child->wait();
    EXPECT_TRUE(outcome.exited(0) || outcome.exited(2)) << outcome;
    if (outcome.exited(0)) ++at_once;
    Result<Store> store = Store::open(path, quiet_options());
    ASSERT_OK(store);
    ASSERT_EQ(value_in(*store, "round"), std::to_string(round));
  }
  EXPECT_GT(at_once, 0);
}

}  // namespace
}  // namespace hmap::test
