// Beside writers that run, are stopped, or died, and in a runtime area that is not what it was.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <bit>
#include <chrono>
#include <cstddef>
#include <functional>

#include "child.h"
#include "format/format.h"
#include "hmap/batch.h"
#include "hmap/compact.h"
#include "life/open.h"
#include "made_stores.h"
#include "records/spans.h"
#include "seeds.h"
#include "state/pins.h"
#include "state/space.h"
#include "stop_at.h"
#include "temp_file.h"
#include "values.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

// Writes for ever: growth, erasure, large records, checkpoints.
int write_for_ever(const std::string& path, std::uint64_t seed) {
  Options options = tiny_options(1);
  options.mode = Mode::kOpen;
  Store store = Store::open(path, options).value();
  Random random(seed);
  for (std::uint64_t i = 0;; ++i) {
    const std::string key = "w " + std::to_string(random.below(3'000));
    const std::size_t bytes = random.one_in(50) ? 9'000 : random.below(200);
    expect(random.below(5) < 3 ? store.put(key, value_of(i, bytes)) : store.erase(key).error());
    if (i % 5'000 == 0) expect(store.checkpoint());
    if (random.one_in(20'000)) expect(store.clear());
  }
}

class BesideWriters : public ::testing::TestWithParam<Mode> {};

TEST_P(BesideWriters, NothingIsFound) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  make_mixed_store(path, 1);
  const std::uint64_t seed = test_seed();
  Child first([&] { return write_for_ever(path, seed); });
  Child second([&] { return write_for_ever(path, seed + 1); });
  const Store store = Store::open(path, with_mode(tiny_options(1), GetParam())).value();
  const auto seconds = std::chrono::seconds(environment_number("HMAP_VERIFY_SECONDS", 3));
  const auto until = Clock::now() + seconds;
  std::uint64_t checks = 0;
  std::uint64_t incomplete = 0;
  while (Clock::now() < until && !::testing::Test::HasFailure()) {
    const auto report = store.verify();
    ASSERT_OK(report);
    EXPECT_TRUE(report->clean() && report->notes == 0) << words(*report);
    EXPECT_TRUE(report->complete || GetParam() == Mode::kReadOnly) << report->incomplete_why;
    // A span had an extent of its own when its number was given out, and files do not shrink.
    const std::uint64_t extents = store.stats()->file_bytes / tiny_options(1).geometry.extent_bytes;
    EXPECT_LE(report->live.spans, extents);
    incomplete += report->complete ? 0 : 1;
    ++checks;
  }
  EXPECT_EQ(Outcome::How::kTimedOut, first.poll().how);
  EXPECT_EQ(Outcome::How::kTimedOut, second.poll().how);
  std::printf("%llu checks, %llu of them not complete\n", static_cast<unsigned long long>(checks),
              static_cast<unsigned long long>(incomplete));
  EXPECT_LT(incomplete, checks);
  first.kill();
  second.kill();
  const auto after = Store::open(path).value().verify();
  EXPECT_FINDS_NOTHING(after);
}

INSTANTIATE_TEST_SUITE_P(Handles, BesideWriters, ::testing::Values(Mode::kOpen, Mode::kReadOnly));

// A page of the runtime area, or of anything, changed under everybody's feet.
class Meddler {
 public:
  explicit Meddler(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    bytes_ = static_cast<std::size_t>(::lseek(fd, 0, SEEK_END));
    base_ =
        static_cast<std::byte*>(::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    layout_ = Layout::from(read_superblock(fd, false).value()).value();
    ::close(fd);
  }
  Meddler(const Meddler&) = delete;
  Meddler& operator=(const Meddler&) = delete;
  ~Meddler() { ::munmap(base_, bytes_); }
  template <typename T>
  T& at(u64 offset) {
    return *reinterpret_cast<T*>(base_ + offset);
  }
  [[nodiscard]] const Layout& layout() const { return layout_; }

 private:
  std::byte* base_;
  std::size_t bytes_;
  Layout layout_;
};

struct LiveDamage {
  const char* what;
  FindingKind kind;
  std::function<void(Meddler&)> make;
};

format::ShardHeader& header_of(Meddler& file) {
  return file.at<format::ShardHeader>(file.layout().header_offset(0));
}
format::Domain& domain_of(Meddler& file) {
  return file.at<format::Domain>(file.layout().domain_offset(0));
}

format::BlockState& block_state(Meddler& file, const Run& run, u64 block) {
  return file.at<format::BlockState>(run.offset + run.states + block * sizeof(format::BlockState));
}
u64& place_word(Meddler& file, const Run& run, u64 block) {
  return file.at<u64>(run.offset + run.places + block * sizeof(u64));
}
Run main_run(Meddler& file) { return file.layout().array_run(header_of(file).buckets, 0); }

// As it is now; the span is one of the first segment.
const format::SpanEntry& live_span(Meddler& file, u64 span) {
  const Layout& layout = file.layout();
  const Run run(header_of(file).directory[0], layout.directory_shape(0));
  const u64 place = format::place_in_word(place_word(file, run, span / layout.spans_per_block));
  return file.at<format::SpanEntry>(place + layout.span_in_block(span) * sizeof(format::SpanEntry));
}

// The first size class with an open span, and that span.
struct OpenSpan {
  u64 size_class;
  u64 span;
};
OpenSpan open_span(Meddler& file) {
  const auto& classes = header_of(file).classes;
  for (u64 c = 0; c < format::kClasses; ++c) {
    if (classes[c].open != 0) return {c, classes[c].open - 1};
  }
  throw std::runtime_error("no open span");
}

void offer(Meddler& file, u64 size_class, u64 word, u64 slots) {
  domain_of(file).class_hint[size_class] = word;
  domain_of(file).class_free[size_class] = slots;
}

std::vector<LiveDamage> live_damages() {
  return {
      {"count", FindingKind::kCount, [](Meddler& f) { ++header_of(f).count; }},
      {"noverflow", FindingKind::kCount, [](Meddler& f) { ++header_of(f).noverflow; }},
      {"header version", FindingKind::kVersion, [](Meddler& f) { header_of(f).version |= 1; }},
      {"hash0", FindingKind::kWrongBucket, [](Meddler& f) { header_of(f).hash0 ^= 1; }},
      {"B", FindingKind::kHeader, [](Meddler& f) { ++header_of(f).b; }},
      {"an array elsewhere", FindingKind::kRun,
       [](Meddler& f) { header_of(f).buckets.run[0].value += f.layout().block_bytes; }},
      {"live place", FindingKind::kLivePlace,
       [](Meddler& f) { place_word(f, main_run(f), 0) += 512; }},
      {"a place of nobody", FindingKind::kLivePlace,
       [](Meddler& f) { place_word(f, main_run(f), 0) &= ~u64{0} << format::kPlaceBits; }},
      {"another birth tag", FindingKind::kLivePlace,
       [](Meddler& f) { place_word(f, main_run(f), 0) ^= u64{1} << format::kPlaceBits; }},
      {"never written", FindingKind::kLivePlace,
       [](Meddler& f) { place_word(f, main_run(f), 0) = 0; }},
      {"born", FindingKind::kLivePlace,
       [](Meddler& f) { ++block_state(f, main_run(f), 0).live_born; }},
      // A multiple of 2^16, so that the tag is the same.
      {"born long after", FindingKind::kLivePlace,
       [](Meddler& f) { block_state(f, main_run(f), 0).live_born += u64{1} << 16; }},
      {"a copy of the extent table", FindingKind::kLivePlace,
       [](Meddler& f) {
         const Run run({f.layout().extent_table_offset}, f.layout().extent_table_shape(0));
         place_word(f, run, 0) ^= u64{1} << format::kPlaceBits;
       }},
      {"a slot in use offered", FindingKind::kOfferedSlot,
       [](Meddler& f) {
         const OpenSpan open = open_span(f);
         u64 word = 0;
         while (live_span(f, open.span).map[word] == 0) ++word;
         const u64 map = live_span(f, open.span).map[word];
         offer(f, open.size_class, word, map & (~map + 1));
       }},
      {"a slot that is none offered", FindingKind::kOfferedSlot,
       [](Meddler& f) { offer(f, open_span(f).size_class, 14, u64{1} << 63); }},
      {"a word of slots that is none", FindingKind::kOfferedSlot,
       [](Meddler& f) { offer(f, open_span(f).size_class, ~u64{0}, 1); }},
      {"intent", FindingKind::kIntent,
       [](Meddler& f) {
         auto& intent = f.at<format::Intent>(f.layout().intent_offset(0));
         intent.words = 100'000;
         intent.state |= 1;
       }},
      {"lock word", FindingKind::kRuntime, [](Meddler& f) { domain_of(f).lock.word = 0x7777; }},
      {"durable cut", FindingKind::kRuntime,
       [](Meddler& f) { f.at<format::RuntimeHeader>(f.layout().runtime_offset).durable += 2; }},
  };
}

// Views.
std::vector<LiveDamage> view_damages() {
  return {
      {"a view of a slot that never pinned", FindingKind::kRuntime,
       [](Meddler& f) {
         const auto& slot = f.at<format::Slot>(f.layout().slot_offset(1));
         f.at<format::Pins>(f.layout().pins_offset(1)).granules[7] =
             make_pin_word(1, slot.generation, 1);
         for (u64& word : f.at<format::RuntimeHeader>(f.layout().runtime_offset).pinned) word = 0;
       }},
      {"a view behind the end", FindingKind::kRuntime,
       [](Meddler& f) {
         const auto& slot = f.at<format::Slot>(f.layout().slot_offset(1));
         format::Pins& pins = f.at<format::Pins>(f.layout().pins_offset(1));
         pins.rows[3] = {make_pin_word(1, slot.generation, 1), make_note(1'000'000, 5)};
         f.at<format::RuntimeHeader>(f.layout().runtime_offset).pinned[0] |= 1;
       }},
  };
}

TEST(Live, MeddlingIsFound) {
  std::vector<LiveDamage> damages = live_damages();
  for (LiveDamage& damage : view_damages()) damages.push_back(std::move(damage));
  for (const LiveDamage& damage : damages) {
    SCOPED_TRACE(damage.what);
    TempDir dir(TempDir::Where::kMemory);
    const std::string path = dir.file("store");
    make_mixed_store(path, 0);
    const Store store = Store::open(path, with_mode({}, Mode::kReadOnly)).value();
    EXPECT_FINDS_NOTHING(store.verify());
    Meddler file(path);
    damage.make(file);
    const auto report = store.verify(only(VerifyState::kLive));
    ASSERT_OK(report);
    EXPECT_TRUE(has(*report, damage.kind)) << words(*report);
    EXPECT_FINDS_NOTHING(store.verify(only(VerifyState::kDurable)));
  }
}

// F-28: a write by sizes that are not the array's would put a key where no search finds it.
TEST(Live, NothingIsWrittenByASizeThatIsNotTheArrays) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  Store store = Store::open(path, quiet_options()).value();
  ASSERT_OK(store.put("key", "one"));
  Meddler file(path);
  const u64 b = header_of(file).b;
  for (const u64 wrong : {b + 1, b + 64, u64{1} << 32, ~u64{0}}) {
    SCOPED_TRACE(wrong);
    header_of(file).b = wrong;
    EXPECT_CODE(Code::kCorrupt, store.put("key", "two"));
    EXPECT_CODE(Code::kCorrupt, store.erase("key"));
    Batch batch;
    batch.put("other", "two");
    EXPECT_CODE(Code::kCorrupt, store.apply(batch));
    EXPECT_CODE(Code::kCorrupt, compact_online(store));
    header_of(file).b = b;
    EXPECT_EQ("one", store.get("key").value());
    ASSERT_OK(store.put("key", "one"));
  }
  EXPECT_FINDS_NOTHING(store.verify());
}

// A run that begins within the frame that its first block is in: no copy from there to its home.
TEST(Live, AVersionIsNotCopiedOverItself) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  Store store = Store::open(path, quiet_options()).value();
  ASSERT_OK(store.put("key", "one"));
  ASSERT_OK(store.checkpoint());
  ASSERT_OK(store.put("key", "two"));  // moves the block of the only bucket to a frame
  ASSERT_OK(store.checkpoint());
  Meddler file(path);
  const auto old = main_run(file);
  const u64 word = place_word(file, old, 0);
  const u64 place = format::place_in_word(word);
  ASSERT_NE(old.offset, place);
  header_of(file).buckets.run[0].value = place - 64;
  const auto moved = main_run(file);
  block_state(file, moved, 0) = format::BlockState{};
  place_word(file, moved, 0) = word;

  EXPECT_CODE(Code::kCorrupt, store.put("key", "three"));

  header_of(file).buckets.run[0].value = old.offset;
  EXPECT_VALUE(store, "key", "two");
}

// A slot that is unused now, but holds a record that the durable root refers to.
TEST(Live, SlotsThatARootNeedsMustNotBeOffered) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  Store store = Store::open(path, tiny_options(0)).value();
  for (int i = 0; i < 20; ++i) ASSERT_OK(store.put("key " + std::to_string(i), "value"));
  ASSERT_OK(store.checkpoint());
  Meddler file(path);
  const OpenSpan open = open_span(file);
  const u64 before = live_span(file, open.span).map[0];
  ASSERT_OK(store.erase("key 7"));
  const u64 erased = before & ~live_span(file, open.span).map[0];
  ASSERT_EQ(1, std::popcount(erased));
  EXPECT_FINDS_NOTHING(store.verify());

  offer(file, open.size_class, 0, erased);

  for (const Mode mode : {Mode::kOpen, Mode::kReadOnly}) {
    const Store other = Store::open(path, with_mode(tiny_options(0), mode)).value();
    const auto report = other.verify(only(VerifyState::kLive));
    ASSERT_OK(report);
    EXPECT_TRUE(has(*report, FindingKind::kOfferedSlot)) << words(*report);
  }
  // When no root refers to it any more, it is unused.
  ASSERT_OK(store.checkpoint());
  EXPECT_FINDS_NOTHING(store.verify());
}

// A writer that is stopped in the middle of a change: readers look through it, a writing handle
// waits for the lock as long as it would for a write.
TEST(Live, StoppedWritersAreNoDamage) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  make_mixed_store(path, 0);
  Random random(test_seed());
  int busy = 0;
  for (int i = 0; i < 30 && !::testing::Test::HasFailure(); ++i) {
    const std::uint64_t stores = random.between(10, 300);
    Child child([&] {
      Store store = Store::open(path, with_mode(tiny_options(0), Mode::kOpen)).value();
      StopAt::arm(stores, SIGSTOP);
      for (int k = 0;; ++k) {
        const std::string key = "key " + std::to_string((i * 5 + k) % 900);
        expect(store.put(key, std::string(k % 9 == 0 ? 9'000 : 40, 's')));
      }
      return 0;
    });
    ASSERT_TRUE(child.wait().stopped());
    {
      const Store reader = Store::open(path, with_mode({}, Mode::kReadOnly)).value();
      EXPECT_FINDS_NOTHING(reader.verify());
    }
    Options options = with_mode(tiny_options(0), Mode::kOpen);
    options.lock_timeout = std::chrono::milliseconds(20);
    {
      const Store writer = Store::open(path, options).value();
      const auto report = writer.verify();
      if (report) {
        EXPECT_TRUE(report->clean()) << words(*report);
      } else {
        EXPECT_CODE(Code::kBusy, report);
        ++busy;
      }
    }
    child.kill();
  }
  EXPECT_GT(busy, 0);
}

// A writer that dies before its n-th store: what it left is read through its intent.
TEST(Live, DeadWritersAreNoDamage) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  make_mixed_store(path, 0);
  Random random(test_seed());
  for (int i = 0; i < 60 && !::testing::Test::HasFailure(); ++i) {
    const std::uint64_t stores = random.between(1, 400);
    Child child([&] {
      Store store = Store::open(path, with_mode(tiny_options(0), Mode::kOpen)).value();
      StopAt::arm(stores, SIGKILL);
      for (int k = 0;; ++k) {
        const std::string key = "key " + std::to_string((i * 7 + k) % 900);
        expect(k % 3 == 0 ? store.erase(key).error()
                          : store.put(key, std::string(k % 11 == 0 ? 9'000 : 30, 'd')));
        if (k % 16 == 15) expect(store.checkpoint());
      }
      return 0;
    });
    ASSERT_TRUE(child.wait().killed());
    {
      const Store reader = Store::open(path, with_mode({}, Mode::kReadOnly)).value();
      const auto report = reader.verify();
      EXPECT_FINDS_NOTHING(report);
    }
    if (i % 4 != 3) continue;
    const Store writer = Store::open(path, with_mode(tiny_options(0), Mode::kOpen)).value();
    const auto report = writer.verify();
    EXPECT_FINDS_NOTHING(report);
    EXPECT_TRUE(report->live_quiet);
  }
}

}  // namespace
}  // namespace hmap::test
