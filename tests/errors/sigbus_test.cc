// Options::guard_sigbus: a file that a stranger cuts short is an error of the call that meets it,
// whichever it is, and nothing but what the call held is left for the next one to clear up.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "child.h"
#include "hmap/activity.h"
#include "hmap/batch.h"
#include "hmap/compact.h"
#include "hmap/copy.h"
#include "hmap/snapshot.h"
#include "hmap/view.h"
#include "seeds.h"
#include "store/store_access.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

Options guarded(Options options) {
  options.guard_sigbus = true;
  options.lock_timeout = Milliseconds(1'000);
  return options;
}

const format::RuntimeHeader& runtime_of(const Store& store) {
  return *StoreAccess::read(store, [](const Session& session) -> Result<format::RuntimeHeader*> {
            return session.engine.runtime;
          }).value();
}

std::uint64_t fixed_part_of(const Store& store) {
  return StoreAccess::read(store,
                           [](const Session& session) -> Result<std::uint64_t> {
                             return session.engine.layout.heap_offset;
                           })
      .value();
}

// A file that somebody cuts short, and makes what it was again.
class CutFile {
 public:
  explicit CutFile(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {}
  CutFile(const CutFile&) = delete;
  CutFile& operator=(const CutFile&) = delete;
  ~CutFile() { ::close(fd_); }

  // Also in a thread of the library, which must not allocate in between.
  void cut(std::uint64_t to) {
    struct stat facts {};
    ::fstat(fd_, &facts);
    kept_ = to;
    lost_.resize(static_cast<std::size_t>(facts.st_size) - to);
    check(::pread(fd_, lost_.data(), lost_.size(), static_cast<off_t>(to)) ==
          static_cast<ssize_t>(lost_.size()));
    check(::ftruncate(fd_, static_cast<off_t>(to)) == 0);
  }
  void restore() {
    check(::pwrite(fd_, lost_.data(), lost_.size(), static_cast<off_t>(kept_)) ==
          static_cast<ssize_t>(lost_.size()));
  }

 private:
  static void check(bool done) {
    if (!done) std::abort();
  }
  int fd_;
  std::uint64_t kept_ = 0;
  std::string lost_;
};

// Runs `then` before each store to a word of the mapping, in whatever thread, with its number.
class AtStoresTo {
 public:
  AtStoresTo(const void* word, std::function<void(int)> then) {
    then_ = std::move(then);
    seen_ = 0;
    word_.store(word);
    seam::hook.store(&listen);
  }
  AtStoresTo(const AtStoresTo&) = delete;
  AtStoresTo& operator=(const AtStoresTo&) = delete;
  ~AtStoresTo() { word_.store(nullptr); }

 private:
  static void listen(seam::Event, const void* address, std::size_t) {
    if (address == word_.load()) then_(++seen_);
  }
  static inline std::atomic<const void*> word_{nullptr};
  static inline std::atomic<int> seen_{0};
  static inline std::function<void(int)> then_;
};

class Sigbus : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<Store> store = Store::open(path_, quiet_options());
    ASSERT_OK(store);
    for (std::uint64_t n = 0; n < 3'000; ++n) {
      model_[key_of(n)] = value_of(n, n % 300);
      ASSERT_OK(store->put(key_of(n), model_[key_of(n)]));
    }
  }
  // What somebody else finds, and can do.
  void expect_usable() const {
    EXPECT_CHILD_PASSES(run_in_child([&] {
      Options options = guarded(small_options());
      options.durability = Durability::kStore;
      Result<Store> store = Store::open(path_, options);
      ASSERT_OK(store);
      EXPECT_EQ(model_, contents(*store));
      EXPECT_OK(store->put("another", "process"));
      EXPECT_OK(store->checkpoint());
      EXPECT_TRUE(store->erase("another").value());
      EXPECT_TRUE(store->verify().value().clean());
    }));
  }

  TempDir dir_;
  const std::string path_ = dir_.file("store");
  Contents model_;
};

TEST_F(Sigbus, InACheckpointLeavesItsLockToTheNext) {
  EXPECT_CHILD_PASSES(run_in_child([&] {
    Result<Store> store = Store::open(path_, guarded(quiet_options()));
    ASSERT_OK(store);
    CutFile file(path_);
    for (int i = 0; i < 3; ++i) {
      model_["changed"] = std::to_string(i);
      ASSERT_OK(store->put("changed", model_["changed"]));
      file.cut(fixed_part_of(*store));
      EXPECT_CODE(Code::kIoError, store->checkpoint());
      file.restore();
      const Activity seen = activity(*store).value();
      for (const HeldLock& lock : seen.locks)
        EXPECT_FALSE(lock.owner_alive) << static_cast<int>(lock.kind);
      expect_usable();
      EXPECT_OK(store->checkpoint());
    }
  }));
}

// Its page goes with the others: there is nothing to give back then.
TEST_F(Sigbus, InAVerificationThatHoldsCheckpointsBack) {
  for (const bool whole : {false, true}) {
    EXPECT_CHILD_PASSES(run_in_child([&] {
      Result<Store> store = Store::open(path_, guarded(quiet_options()));
      ASSERT_OK(store);
      CutFile file(path_);
      VerifyOptions options;
      options.state = VerifyState::kDurable;
      options.hold_checkpoints = true;
      int cuts = 0;
      options.progress = [&](std::uint64_t, std::uint64_t) {
        if (cuts++ == 0) file.cut(whole ? 0 : fixed_part_of(*store));
        return true;
      };
      EXPECT_CODE(Code::kIoError, store->verify(options));
      ASSERT_EQ(1, cuts);
      file.restore();
      if (!whole) expect_usable();
    })) << whole;
  }
}

TEST_F(Sigbus, InClosingGivesEverythingUp) {
  for (const bool by_destructor : {false, true}) {
    EXPECT_CHILD_PASSES(run_in_child([&] {
      std::optional<Store> store(*Store::open(path_, guarded(quiet_options())));
      model_["changed"] = "x";
      ASSERT_OK(store->put("changed", "x"));
      const Result<Snapshot> snapshot = store->snapshot();
      ASSERT_OK(snapshot);
      CutFile file(path_);
      file.cut(fixed_part_of(*store));
      if (by_destructor) {
        store.reset();
      } else {
        EXPECT_CODE(Code::kIoError, store->close());
        EXPECT_CODE(Code::kClosed, store->close());
      }
      file.restore();
      expect_usable();
      Result<Store> again =
          Store::open(path_, with_mode(guarded(quiet_options()), Mode::kExclusive));
      ASSERT_OK(again);
      EXPECT_EQ(model_, contents(*again));
      EXPECT_TRUE(again->stats()->snapshots.empty());
      EXPECT_OK(again->close());
    })) << by_destructor;
  }
}

TEST_F(Sigbus, WhileAFullStoreMakesSpace) {
  EXPECT_CHILD_PASSES(run_in_child([&] {
    Options options = guarded(quiet_options());
    options.size_limit = std::uint64_t{2} << 20;
    Result<Store> store = Store::open(path_, options);
    ASSERT_OK(store);
    CutFile file(path_);
    int checkpoints = 0;
    const AtStoresTo begin(&runtime_of(*store).checkpoint_lock, [&](int number) {
      if (number == 1) file.cut(fixed_part_of(*store));
      checkpoints = number;
    });
    Status status;
    for (std::uint64_t n = 0; checkpoints == 0; ++n) {
      ASSERT_OK(status) << n;
      status = store->put(key_of(n), value_of(n, 310));
      if (status.ok()) model_[key_of(n)] = value_of(n, 310);
    }
    EXPECT_CODE(Code::kNoSpace, status);
    file.restore();
    expect_usable();
    EXPECT_OK(store->checkpoint());
    EXPECT_OK(store->put(key_of(1), model_[key_of(1)]));
  }));
}

TEST_F(Sigbus, InTheBackgroundIsTriedAgain) {
  EXPECT_CHILD_PASSES(run_in_child([&] {
    Options options = guarded(small_options());
    options.checkpoint_interval = Milliseconds(1);
    Result<Store> store = Store::open(path_, options);
    ASSERT_OK(store);
    CutFile file(path_);
    std::atomic<int> step{0};
    const std::uint64_t fixed_part = fixed_part_of(*store);
    const std::uint64_t durable = activity(*store)->durable_epoch;
    // The stores: it is taken, it is left behind, somebody wants it once more.
    const AtStoresTo lock(&runtime_of(*store).checkpoint_lock, [&](int number) {
      if (number == 1) file.cut(fixed_part);
      if (number != 3) return;
      step = 1;
      step.notify_one();
      step.wait(1);
    });
    const Watchdog watchdog;
    model_["changed"] = "x";
    ASSERT_OK(store->put("changed", "x"));
    step.wait(0);
    file.restore();
    step = 2;
    step.notify_one();
    // Nobody else makes one.
    while (activity(*store)->durable_epoch == durable) std::this_thread::yield();
    EXPECT_EQ(model_, contents(*store));
    expect_usable();
    EXPECT_OK(store->close());
  }));
}

TEST_F(Sigbus, InOpeningLetsOthersOpen) {
  for (const Durability durability : {Durability::kNone, Durability::kCommit}) {
    EXPECT_CHILD_PASSES(run_in_child([&] {
      Options options = guarded(quiet_options());
      options.durability = durability;
      CutFile file(path_);
      static CutFile* cut = nullptr;
      cut = &file;
      seam::hook.store([](seam::Event event, const void*, std::size_t) {
        if (event == seam::Event::kStore && cut != nullptr) std::exchange(cut, nullptr)->cut(0);
      });
      EXPECT_CODE(Code::kIoError, Store::open(path_, options));
      seam::hook.store(nullptr);
      file.restore();
      Result<Store> store = Store::open(path_, options);
      ASSERT_OK(store);
      EXPECT_EQ(model_, contents(*store));
    })) << static_cast<int>(durability);
  }
}

// What was read of a chain before the fault is not handed out as if it were all of it.
TEST_F(Sigbus, InACursorHandsOutNothingTwice) {
  EXPECT_CHILD_PASSES(run_in_child([&] {
    Result<Store> store = Store::open(path_, guarded(quiet_options()));
    ASSERT_OK(store);
    CutFile file(path_);
    struct stat facts {};
    ASSERT_EQ(0, ::stat(path_.c_str(), &facts));
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    for (std::uint64_t keep = static_cast<std::uint64_t>(facts.st_size) / 2 / page * page;
         keep < static_cast<std::uint64_t>(facts.st_size) - page; keep += page) {
      file.cut(keep);
      Result<Cursor> cursor = store->cursor(Position{});
      ASSERT_OK(cursor);
      Result<std::optional<Entry>> entry = cursor->next();
      while (entry && *entry) entry = cursor->next();
      // A page without records is not missed.
      for (int i = 0; i < 3 && !entry; ++i) ASSERT_CODE(Code::kIoError, cursor->next());
      file.restore();
    }
  }));
}

TEST_F(Sigbus, IsAnErrorOfEveryCall) {
  struct Call {
    const char* name;
    std::function<Status(Store&)> run;
  };
  const std::vector<Call> calls = {
      {"put", [](Store& s) { return s.put("key", "value"); }},
      {"put large", [](Store& s) { return s.put("key", std::string(1 << 20, 'x')); }},
      {"get", [](Store& s) { return s.get(key_of(1)).error(); }},
      {"contains", [](Store& s) { return s.contains(key_of(1)).error(); }},
      {"find", [](Store& s) { return s.find(key_of(1)).error(); }},
      {"erase", [](Store& s) { return s.erase(key_of(1)).error(); }},
      {"fetch_add", [](Store& s) { return s.fetch_add("number", 1).error(); }},
      {"append", [](Store& s) { return s.append("text", "x").error(); }},
      {"multi_get",
       [](Store& s) {
         const std::string_view keys[] = {"a", "b"};
         std::optional<std::string> values[2];
         return s.multi_get(keys, values).error();
       }},
      {"apply",
       [](Store& s) {
         Batch batch;
         batch.put("a", "b");
         batch.erase(key_of(1));
         return s.apply(batch);
       }},
      {"clear", [](Store& s) { return s.clear(); }},
      {"size", [](Store& s) { return s.size().error(); }},
      {"stats", [](Store& s) { return s.stats(StatsDepth::kChains).error(); }},
      {"verify", [](Store& s) { return s.verify().error(); }},
      {"checkpoint", [](Store& s) { return s.checkpoint(); }},
      {"wait_durable", [](Store& s) { return s.wait_durable(); }},
      {"snapshot", [](Store& s) { return s.snapshot().error(); }},
      {"cursor", [](Store& s) { return s.cursor()->next().error(); }},
      {"activity", [](Store& s) { return activity(s).error(); }},
      {"clear_dead", [](Store& s) { return clear_dead(s).error(); }},
      {"compact_online", [](Store& s) { return compact_online(s).error(); }},
      {"copy", [&](Store& s) { return copy(s, dir_.file("copy")).error(); }},
      {"clone", [&](Store& s) { return clone(s, dir_.file("clone")).error(); }},
      {"close", [](Store& s) { return s.close(); }},
  };
  for (const Durability durability : {Durability::kNone, Durability::kCommit}) {
    for (const Call& call : calls) {
      ASSERT_CHILD_PASSES(run_in_child([&] {
        Options options = guarded(quiet_options());
        options.durability = durability;
        options.checkpoint_interval = std::chrono::hours(1);
        options.count_reads = true;
        Result<Store> store = Store::open(path_, options);
        ASSERT_OK(store);
        CutFile file(path_);
        file.cut(0);
        EXPECT_CODE(Code::kIoError, call.run(*store));
        file.restore();
      })) << call.name;
    }
  }
}

TEST_F(Sigbus, InLettingGoOfWhatACallGave) {
  EXPECT_CHILD_PASSES(run_in_child([&] {
    Result<Store> store = Store::open(path_, guarded(quiet_options()));
    ASSERT_OK(store);
    CutFile file(path_);
    std::optional<Snapshot> snapshot(*store->snapshot());
    std::optional<View> view(**store->find(key_of(1)));
    file.cut(0);
    view.reset();
    snapshot.reset();
    file.restore();
    EXPECT_CODE(Code::kBusy, store->close()) << "it could not say that the view ended";
    store = Status(Code::kClosed, "");
    expect_usable();
  }));
}

}  // namespace
}  // namespace hmap::test
