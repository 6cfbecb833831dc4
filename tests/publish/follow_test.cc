// Publishing: who follows, what stays, and what the new store takes over.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "child.h"
#include "generations.h"
#include "hmap/batch.h"
#include "hmap/snapshot.h"
#include "hmap/view.h"

namespace hmap::test {
namespace {

namespace fs = std::filesystem;

// Whether this process has the file of a store mapped that has no name any more.
bool maps_a_nameless_file(const TempDir& dir) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(dir.path()) != std::string::npos && line.ends_with("(deleted)")) return true;
  }
  return false;
}

bool soon(const std::function<bool()>& condition) {
  const auto until = Clock::now() + kDeadline;
  while (!condition() && Clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return condition();
}

class Publish : public ::testing::Test {
 protected:
  Result<Store> open(Mode mode) { return Store::open(path_, with_mode(quiet_options(), mode)); }

  const TempDir dir_{TempDir::Where::kMemory};
  const std::string path_ = dir_.file("store");
  const std::string fresh_ = dir_.file("fresh");
  const Contents old_ = build(path_, 1, 300);
  Contents new_ = build(fresh_, 2, 500);
};

TEST_F(Publish, ReadersAndWritersFollow) {
  Result<Store> writer = open(Mode::kOpen);
  Result<Store> reader = open(Mode::kReadOnly);
  ASSERT_OK(writer);
  ASSERT_OK(reader);
  EXPECT_EQ(contents(*reader), old_);
  const Result<PublishReport> report = publish(fresh_, path_);
  ASSERT_OK(report);
  EXPECT_TRUE(report->replaced);
  EXPECT_EQ(report->entries, 500u);
  EXPECT_EQ(report->entries_before, 300u);
  EXPECT_EQ(report->writers, 1u);
  EXPECT_EQ(contents(*reader), new_);
  ASSERT_OK(writer->put("more", "wards"));
  new_["more"] = "wards";
  EXPECT_EQ(contents(*reader), new_);
  EXPECT_EQ(contents(*writer), new_);
  EXPECT_FALSE(fs::exists(fresh_));
  EXPECT_FINDS_NOTHING(writer->verify());
  EXPECT_FINDS_NOTHING(reader->verify());
  ASSERT_OK(writer->close());
  EXPECT_FINDS_NOTHING(Store::verify_file(path_));
  EXPECT_EQ(contents(*open(Mode::kOpen)), new_);
}

// The view of a store that nobody had open to write in this boot is a private one.
TEST_F(Publish, AReaderAloneFollows) {
  fake_reboot(1);
  Result<Store> reader = open(Mode::kReadOnly);
  ASSERT_OK(reader);
  EXPECT_EQ(contents(*reader), old_);
  ASSERT_OK(publish(fresh_, path_));
  EXPECT_EQ(contents(*reader), new_);
  real_boot();
}

// Each kind of write, as the first call after the moment.
TEST_F(Publish, EveryKindOfCallFollows) {
  using Call = std::function<Status(Store&)>;
  const Call calls[] = {
      [](Store& store) { return store.put("key 1", "x"); },
      [](Store& store) { return store.insert("a", "x").error(); },
      [](Store& store) { return store.erase("key 499").error(); },
      [](Store& store) { return store.fetch_add("n", 1).error(); },
      [](Store& store) { return store.append("key 1", "x").error(); },
      [](Store& store) { return store.clear(); },
      [](Store& store) { return store.checkpoint(); },
      [](Store& store) { return store.wait_durable(); },
      [](Store& store) { return store.snapshot().error(); },
      [](Store& store) {
        return store.find("key 499")->has_value() ? Status() : Status(Code::kNotFound, "");
      },
      [](Store& store) {
        return store.size().value() == 500u ? Status() : Status(Code::kNotFound, "");
      },
      [](Store& store) { return store.verify().error(); },
      [](Store& store) { return store.stats().error(); },
      [](Store& store) {
        Batch batch;
        batch.put("b", "x");
        return store.apply(batch);
      },
  };
  for (std::size_t i = 0; i < std::size(calls); ++i) {
    const std::string path = dir_.file("store " + std::to_string(i));
    const std::string fresh = dir_.file("fresh " + std::to_string(i));
    build(path, 1, 10);
    build(fresh, 2, 500);
    Result<Store> store = Store::open(path, quiet_options());
    ASSERT_OK(store);
    ASSERT_OK(publish(fresh, path));
    EXPECT_OK(calls[i](*store)) << i;
    ASSERT_OK(store->put("last", "x"));
    ASSERT_OK(store->close());
    Result<Store> now = Store::open(path, quiet_options());
    EXPECT_VALUE(*now, "last", "x");
    if (i != 5) {
      EXPECT_GE(now->size().value(), 500u) << i;
    }
  }
}

TEST_F(Publish, ViewsSnapshotsAndCursorsStay) {
  Result<Store> store = open(Mode::kOpen);
  ASSERT_OK(store);
  std::optional<View> view = store->find("key 7").value();
  std::optional<Snapshot> snapshot = store->snapshot().value();
  std::optional<Cursor> cursor = store->cursor().value();
  Contents rest;
  for (int i = 0; i < 10; ++i) {
    const Entry entry = cursor->next().value().value();
    rest[std::string(entry.key)] = entry.value;
  }
  ASSERT_OK(publish(fresh_, path_));
  EXPECT_EQ(contents(*store), new_);
  EXPECT_EQ(view->value(), old_.at("key 7"));
  EXPECT_EQ(snapshot->size().value(), old_.size());
  EXPECT_EQ(snapshot->get("key 9").value(), old_.at("key 9"));
  while (const std::optional<Entry> entry = cursor->next().value())
    rest[std::string(entry->key)] = entry->value;
  EXPECT_EQ(rest, old_);
  EXPECT_TRUE(maps_a_nameless_file(dir_));
  // Each of the three keeps the old file; with the last one it goes.
  cursor.reset();
  snapshot.reset();
  EXPECT_EQ(view->value(), old_.at("key 7"));
  EXPECT_TRUE(maps_a_nameless_file(dir_));
  view.reset();
  EXPECT_TRUE(soon([&] { return !maps_a_nameless_file(dir_); }));
  EXPECT_EQ(contents(*store), new_);
}

// A view is no obstacle to closing the store that has followed meanwhile.
TEST_F(Publish, AViewOfTheOldStoreOutlivesTheStore) {
  std::optional<View> view;
  {
    Result<Store> store = open(Mode::kOpen);
    view = store->find("key 7").value();
    ASSERT_OK(publish(fresh_, path_));
    EXPECT_VALUE(*store, "key 499", new_.at("key 499"));
    EXPECT_OK(store->close());
  }
  EXPECT_EQ(view->value(), old_.at("key 7"));
}

TEST_F(Publish, TheOldFileGoesWithoutFurtherCalls) {
  Result<Store> store = open(Mode::kOpen);
  ASSERT_OK(publish(fresh_, path_));
  EXPECT_TRUE(maps_a_nameless_file(dir_));
  ASSERT_OK(store->get("key 1"));
  EXPECT_TRUE(soon([&] { return !maps_a_nameless_file(dir_); }));
}

// A call that began before it keeps the old store as long as it runs, and what it calls follows.
TEST_F(Publish, ALongCallKeepsTheOldStore) {
  Result<Store> store = open(Mode::kReadOnly);
  VerifyOptions options;
  bool done = false;
  options.progress = [&](std::uint64_t, std::uint64_t) {
    if (done) return true;
    done = true;
    EXPECT_OK(publish(fresh_, path_));
    EXPECT_VALUE(*store, "key 499", new_.at("key 499"));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_TRUE(maps_a_nameless_file(dir_));
    return true;
  };
  EXPECT_FINDS_NOTHING(store->verify(options));
  EXPECT_TRUE(done);
  EXPECT_TRUE(soon([&] { return !maps_a_nameless_file(dir_); }));
}

TEST_F(Publish, AnotherProcessFollows) {
  Child child([&] {
    Result<Store> store = open(Mode::kOpen);
    if (!store || value_in(*store, "key 1") != old_.at("key 1")) return 1;
    raise(SIGSTOP);
    if (value_in(*store, "key 499") != new_.at("key 499")) return 2;
    return store->put("from", "child").ok() && store->close().ok() ? 0 : 3;
  });
  ASSERT_TRUE(child.wait().stopped());
  ASSERT_OK(publish(fresh_, path_));
  child.signal(SIGCONT);
  EXPECT_CHILD_PASSES(child.wait());
  EXPECT_VALUE(*open(Mode::kReadOnly), "from", "child");
}

TEST_F(Publish, AgainAndAgain) {
  Result<Store> writer = open(Mode::kOpen);
  Result<Store> reader = open(Mode::kReadOnly);
  fs::remove(fresh_);
  for (int number = 3; number < 20; ++number) {
    const Contents model = build(fresh_, number, 20);
    ASSERT_OK(publish(fresh_, path_));
    ASSERT_EQ(contents(number % 2 == 0 ? *reader : *writer), model);
  }
}

TEST_F(Publish, TakesOverModeUuidAndLink) {
  fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
  fs::create_symlink("store", dir_.file("link"));
  const auto uuid = open(Mode::kReadOnly)->stats()->uuid;
  Result<Store> reader =
      Store::open(dir_.file("link"), with_mode(quiet_options(), Mode::kReadOnly));
  ASSERT_OK(publish(fresh_, dir_.file("link")));
  EXPECT_EQ(contents(*reader), new_);
  struct stat info {};
  ASSERT_EQ(::lstat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
  EXPECT_TRUE(fs::is_symlink(dir_.file("link")));
  EXPECT_EQ(open(Mode::kReadOnly)->stats()->uuid, uuid);
}

TEST_F(Publish, OtherShardsAndSizes) {
  fs::remove(fresh_);
  Options options;
  options.shard_bits = 3;
  new_ = build(fresh_, 2, 5'000, options);
  Result<Store> store = open(Mode::kOpen);
  ASSERT_OK(publish(fresh_, path_));
  EXPECT_EQ(contents(*store), new_);
  EXPECT_EQ(store->stats()->shards.size(), 8u);
  ASSERT_OK(store->put("key 1", std::string(100'000, 'x')));
  EXPECT_FINDS_NOTHING(store->verify());
}

TEST_F(Publish, TheFirstOne) {
  fs::remove(path_);
  const Result<PublishReport> report = publish(fresh_, path_);
  ASSERT_OK(report);
  EXPECT_FALSE(report->replaced);
  EXPECT_EQ(report->entries, 500u);
  EXPECT_EQ(contents(*open(Mode::kReadOnly)), new_);
  EXPECT_FALSE(fs::exists(fresh_));
}

// The process may have gone elsewhere since it opened the store.
TEST_F(Publish, ARelativePathStaysWhereItWas) {
  const Outcome outcome = run_in_child([&] {
    ASSERT_EQ(::chdir(dir_.path().c_str()), 0);
    Result<Store> store = Store::open("store", quiet_options());
    ASSERT_OK(store);
    ASSERT_EQ(::chdir("/"), 0);
    ASSERT_OK(publish(fresh_, path_));
    EXPECT_EQ(contents(*store), new_);
  });
  EXPECT_CHILD_PASSES(outcome);
}

TEST_F(Publish, AForkedChildIsTold) {
  Result<Store> store = open(Mode::kOpen);
  ASSERT_OK(store->get("key 1"));
  Child child([&] {
    if (!publish(fresh_, path_)) return 1;
    return store->get("key 1").error().code() == Code::kForked ? 0 : 2;
  });
  EXPECT_CHILD_PASSES(child.wait());
  EXPECT_EQ(contents(*store), new_);
}

// The child has no thread that waits for the call, and must not wait for that thread either.
TEST_F(Publish, AChildForkedDuringALongCallLetsGo) {
  std::optional<Store> store = open(Mode::kReadOnly).value();
  std::atomic<bool> follows = false;
  std::atomic<bool> forked = false;
  VerifyOptions options;
  options.progress = [&](std::uint64_t, std::uint64_t) {
    if (follows) return true;
    EXPECT_OK(publish(fresh_, path_));
    EXPECT_VALUE(*store, "key 499", new_.at("key 499"));
    follows = true;
    EXPECT_TRUE(soon([&] { return forked.load(); }));
    return true;
  };
  std::thread caller([&] { EXPECT_FINDS_NOTHING(store->verify(options)); });
  EXPECT_TRUE(soon([&] { return follows.load(); }));
  EXPECT_CHILD_PASSES(run_in_child([&] { store.reset(); }));
  forked = true;
  caller.join();
}

TEST_F(Publish, WithTheSigbusGuard) {
  Options options = quiet_options();
  options.guard_sigbus = true;
  Result<Store> store = Store::open(path_, options);
  ASSERT_OK(publish(fresh_, path_));
  EXPECT_EQ(contents(*store), new_);
  ASSERT_OK(store->put("key 1", "x"));
}

TEST_F(Publish, ClosingWithoutAnotherCall) {
  for (const Mode mode : {Mode::kOpen, Mode::kReadOnly}) {
    build(fresh_, 2, 20);
    Result<Store> store = open(mode);
    ASSERT_OK(publish(fresh_, path_));
    EXPECT_OK(store->close());
    EXPECT_CODE(Code::kClosed, store->get("key 1"));
  }
}

// Opened by a way that still leads to the old file: there is nothing to follow to, and no end of it
// if one tried. Opened for writing by such a way, and alone, it is a store like any other.
TEST_F(Publish, AFileWithoutAName) {
  const int fd = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  const std::string there = "/proc/self/fd/" + std::to_string(fd);
  ASSERT_OK(publish(fresh_, path_));
  {
    const Result<Store> reader = Store::open(there, with_mode(quiet_options(), Mode::kReadOnly));
    ASSERT_OK(reader);
    EXPECT_CODE(Code::kReplaced, reader->get("key 1"));
    Result<Store> writer = Store::open(there, quiet_options());
    ASSERT_OK(writer);
    EXPECT_EQ(contents(*writer), old_);
    ASSERT_OK(writer->put("key 1", "x"));
    EXPECT_VALUE(*reader, "key 1", "x");
  }
  EXPECT_EQ(contents(*open(Mode::kOpen)), new_);
  ::close(fd);
}

// A successor that cannot be opened is an error until it can.
TEST_F(Publish, WhereTheNewStoreIsGone) {
  Result<Store> store = open(Mode::kOpen);
  ASSERT_OK(publish(fresh_, path_));
  fs::rename(path_, fresh_);
  EXPECT_CODE(Code::kNotFound, store->get("key 1"));
  EXPECT_CODE(Code::kNotFound, store->put("key 1", "x"));
  fs::rename(fresh_, path_);
  EXPECT_EQ(contents(*store), new_);
  ASSERT_OK(store->put("key 1", "x"));
}

// However often another file takes the name between the look at it and the opening, as happens to a
// thread that gets little of a busy processor.
TEST_F(Publish, WhoComesTooLateAgainAndAgain) {
  fs::create_hard_link(path_, dir_.file("kept"));
  std::atomic<bool> stop{false};
  std::thread replacing([&] {
    const std::string link = dir_.file("link");
    for (bool odd = true; !stop; odd = !odd) {
      fs::create_hard_link(odd ? fresh_ : dir_.file("kept"), link);
      fs::rename(link, path_);
    }
  });
  std::thread stopping([&] {
    std::this_thread::sleep_for(Milliseconds(300));
    stop = true;
  });
  for (bool late = false; !late;) {
    late = stop;
    EXPECT_OK(open(Mode::kOpen));
  }
  replacing.join();
  stopping.join();
}

}  // namespace
}  // namespace hmap::test
