// A walk along the versions of a block while a writer takes one out that no cut needs any more: the
// walk stands still on the version that leads there until just before one of the writer's stores,
// each of them in turn, and goes to its end while the writer waits.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>

#include "child.h"
#include "format/hash.h"
#include "life/open.h"
#include "life/snapshots.h"
#include "map/bmap.h"
#include "map/hmap.h"
#include "shared_memory.h"
#include "state/blocks.h"
#include "stores.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

constexpr Milliseconds kCutPatience{5'000};
constexpr std::uint64_t kPage = 4'096;

struct Told {
  std::uint64_t version;  // in: file offset of the state of the version to stand still before
  std::uint64_t fault;    // out: what the walk was about to read when it stood still
  std::uint64_t place;    // out: where it says the version is
};

// The walker's; only one page of it cannot be read.
std::byte* page;
std::byte* base;
Told* told;

void stand_still(int, siginfo_t* what, void*) {
  told->fault = static_cast<std::uint64_t>(static_cast<std::byte*>(what->si_addr) - base);
  raise(SIGSTOP);
  mprotect(page, kPage, PROT_READ | PROT_WRITE);
}

void stand_still_at(const Engine& engine, std::uint64_t offset) {
  base = engine.map->base();
  page = base + offset / kPage * kPage;
  struct sigaction action {};
  action.sa_sigaction = &stand_still;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, nullptr);
  mprotect(page, kPage, PROT_NONE);
}

std::optional<Child> walker;
std::uint64_t stores_left;

void let_the_walker_go_on(seam::Event, const void*, std::size_t) {
  if (stores_left == 0 || --stores_left != 0) return;
  walker->signal(SIGCONT);
  EXPECT_CHILD_PASSES(walker->wait());
}

class ShortenedChain : public ::testing::Test {
 protected:
  void TearDown() override {
    seam::hook.store(nullptr);
    walker.reset();
  }

  void put(int value) {
    const std::string text = std::to_string(value);
    Engine& engine = session_->engine;
    ASSERT_TRUE(
        put_entry(engine, "key", hash_key("key", engine.store_seed), {text}, PutMode::kPut, nullptr)
            .value());
  }
  std::uint64_t snapshot() { return take_snapshot(session_->engine, kCutPatience).value().cell; }
  void release(std::uint64_t cell) { release_snapshot(session_->engine, cell); }

  // The block of the only bucket, as somebody finds it by his own mapping.
  static Block block(const Engine& engine) {
    return block_of(engine, engine.layout.array_run(engine.header(0).buckets, 0), 0).value();
  }
  [[nodiscard]] std::uint64_t state_offset(std::uint64_t place) const {
    const Engine& engine = session_->engine;
    return engine.map->offset_of(place_state(engine, block(engine), place).value());
  }

  // A chain live -> newer -> needless -> seen, of which a snapshot sees `seen`, one the live one,
  // and no cut `needless`, whose state is in another page than those the walk reads before.
  void make_chain() {
    session_ = open_session(path_, quiet_options()).value();
    const Engine& engine = session_->engine;
    for (int round = 0;; ++round) {
      ASSERT_LT(round, 40) << "their states are always in one page";
      put(0);
      const TakenSnapshot seen = take_snapshot(session_->engine, kCutPatience).value();
      cut_ = seen.frozen.cut;
      seen_ = live_place(block(engine));
      put(1);
      const std::uint64_t needless = live_place(block(engine));
      const std::uint64_t first = snapshot();
      put(2);
      const std::uint64_t newer = live_place(block(engine));
      told_->version = state_offset(needless);
      release(first);
      const std::uint64_t second = snapshot();
      const std::uint64_t words = engine.map->offset_of(block(engine).place_word);
      if (told_->version / kPage != state_offset(newer) / kPage &&
          told_->version / kPage != words / kPage)
        return;
      release(second);
      release(seen.cell);
      put(3);
      release(snapshot());
    }
  }

  void start_walker() {
    walker.emplace([this] {
      const auto own = open_session(path_, quiet_options()).value();
      const Block found = block(own->engine);
      told = &*told_;
      stand_still_at(own->engine, told_->version);
      const Result<u64> place = place_at(own->engine, found, cut_);
      told_->place = place ? *place : 0;
      return place ? 0 : 1;
    });
    ASSERT_TRUE(walker->wait().stopped());
    ASSERT_EQ(told_->version, told_->fault);
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  const std::string path_ = dir_.file("store");
  std::unique_ptr<Session> session_;
  Shared<Told> told_;
  std::uint64_t cut_ = 0;
  std::uint64_t seen_ = 0;
};

TEST_F(ShortenedChain, ShowsEveryWalkTheVersionOfItsCut) {
  std::uint64_t stores = 1;
  for (;; ++stores) {
    SCOPED_TRACE("before store " + std::to_string(stores));
    watchdog_.feed();
    make_chain();
    ASSERT_FALSE(HasFailure());
    start_walker();
    ASSERT_FALSE(HasFailure());
    stores_left = stores;
    seam::hook.store(&let_the_walker_go_on);
    put(4);
    seam::hook.store(nullptr);
    const bool stood = walker->running();
    const auto& needless = session_->engine.part(Offset<format::PlaceState>{told_->version});
    ASSERT_EQ(0U, needless.born) << "it was not taken out";
    if (stood) break;
    ASSERT_EQ(seen_, told_->place);
    session_.reset();
    unlink(path_.c_str());
  }
  std::printf("%llu stores\n", static_cast<unsigned long long>(stores - 1));
  EXPECT_GT(stores, 30U);
}

}  // namespace
}  // namespace hmap::test
