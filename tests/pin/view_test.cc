// find(): a view shows what get() copies, and goes on showing it.
#include "hmap/view.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>

#include "child.h"
#include "held.h"
#include "hmap/snapshot.h"
#include "state/pins.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

// Records of every kind: in spans of one and of several extents, and with extents of their own.
const std::vector<std::size_t> kSizes = {0,     1,     20,    100,    700,    3'000,
                                         4'096, 7'000, 8'100, 20'000, 90'000, 300'000};

class Views : public ::testing::Test {
 protected:
  void fill() {
    for (std::size_t i = 0; i < kSizes.size(); ++i) ASSERT_OK(store_.put(key(i), value(i)));
    ASSERT_OK(store_.put("", "of the empty key"));
  }
  static std::string key(std::size_t i) { return "key " + std::to_string(i); }
  static std::string value(std::size_t i) { return value_of(i, kSizes[i]); }

  // Of every entry; the small ones that share no extents are the more telling.
  std::vector<Held> hold_all() {
    std::vector<Held> held;
    for (const auto& [key, value] : contents(store_)) held.push_back(hold(store_, key));
    return held;
  }

  // Other keys and values of the same sizes, time and again: whatever can be used anew is.
  void churn(int rounds, int checkpoint_every) {
    for (int round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < kSizes.size(); ++i) {
        const std::size_t times = kSizes[i] < 1'000 ? 30 : 2;
        for (std::size_t n = 0; n < times; ++n) {
          const std::string name = "other " + std::to_string(i) + " " + std::to_string(n);
          ASSERT_OK(store_.put(name, value_of(1'000 + n, kSizes[i])));
        }
      }
      for (std::size_t i = 0; i < kSizes.size(); ++i) {
        if (round % 2 == 0) continue;
        ASSERT_OK(store_.erase("other " + std::to_string(i) + " 0"));
        ASSERT_OK(store_.erase("other " + std::to_string(i) + " 1"));
      }
      if (round % checkpoint_every == 0) {
        ASSERT_OK(store_.checkpoint());
      }
    }
  }

  void expect_intact(const std::vector<Held>& held, const char* after) {
    for (const Held& one : held) ASSERT_TRUE(one.intact()) << one.key << ", after " << after;
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  Store store_ = Store::open(path_, quiet_options()).value();
};

TEST_F(Views, ShowWhatGetCopies) {
  fill();

  for (std::size_t i = 0; i < kSizes.size(); ++i) {
    const View view = view_of(store_, key(i));
    EXPECT_EQ(key(i), view.key());
    EXPECT_TRUE(value(i) == view.value()) << kSizes[i] << " bytes";
  }
  EXPECT_EQ("of the empty key", view_of(store_, "").value());
  const Result<std::optional<View>> absent = store_.find("absent");
  ASSERT_OK(absent);
  EXPECT_FALSE(absent->has_value());
}

TEST_F(Views, StayWhileTheirKeysAreReplaced) {
  fill();
  const std::vector<Held> held = hold_all();

  for (std::size_t i = 0; i < kSizes.size(); ++i) ASSERT_OK(store_.put(key(i), value_of(99, i)));
  churn(20, 3);

  expect_intact(held, "replacing");
  EXPECT_VALUE(store_, key(1), value_of(99, 1));
  EXPECT_TRUE(verified(store_).clean());
}

TEST_F(Views, StayWhileTheirKeysAreErased) {
  fill();
  const std::vector<Held> held = hold_all();

  for (const Held& one : held) ASSERT_TRUE(store_.erase(one.key).value());
  churn(20, 3);

  expect_intact(held, "erasing");
  EXPECT_TRUE(verified(store_).clean());
}

TEST_F(Views, StayWhileTheStoreIsCleared) {
  fill();
  const std::vector<Held> held = hold_all();

  for (int i = 0; i < 4; ++i) {
    ASSERT_OK(store_.clear());
    ASSERT_OK(store_.checkpoint());
    churn(3, 1);
    expect_intact(held, "clear()");
  }
  EXPECT_TRUE(verified(store_).clean());
}

// No checkpoint at all: slots born and freed in one epoch are used anew at once.
TEST_F(Views, StayWithoutAnyCheckpoint) {
  fill();
  std::vector<Held> held;
  for (int round = 0; round < 300; ++round) {
    const std::string name = "key " + std::to_string(round % 5);
    ASSERT_OK(store_.put(name, value_of(static_cast<std::uint64_t>(round), 20)));
    if (round % 3 == 0) held.push_back(hold(store_, name));
  }

  churn(10, 1'000);

  expect_intact(held, "writes without a checkpoint");
}

TEST_F(Views, StayWhileTheStoreGrows) {
  fill();
  const std::vector<Held> held = hold_all();

  for (int i = 0; i < 20'000; ++i) {
    ASSERT_OK(store_.put("more " + std::to_string(i), value_of(1, 30)));
    if (i % 3 == 0) {
      ASSERT_OK(store_.erase("more " + std::to_string(i / 2)));
    }
    if (i % 2'000 == 0) {
      ASSERT_OK(store_.checkpoint());
    }
  }

  expect_intact(held, "growth");
  ASSERT_GT(store_.stats().value().shards[0].buckets_log2, 8U);
}

TEST_F(Views, AndSnapshotsKeepWhatEachNeeds) {
  fill();
  std::vector<Held> held = hold_all();
  std::optional<Snapshot> snapshot = store_.snapshot().value();
  const Contents at_snapshot = contents(store_);
  churn(10, 3);
  const std::vector<Held> later = hold_all();
  churn(10, 3);
  for (const auto& [key, value] : at_snapshot) {
    EXPECT_EQ(value, snapshot->get(key).value().value_or("lost")) << key;
  }

  snapshot.reset();  // the views stay
  churn(10, 2);
  expect_intact(held, "a snapshot");
  snapshot = store_.snapshot().value();
  const Contents second = contents(store_);
  held.clear();  // the snapshot stays
  churn(10, 2);

  expect_intact(later, "ending other views");
  for (const auto& [key, value] : second) {
    EXPECT_EQ(value, snapshot->get(key).value().value_or("lost")) << key;
  }
  EXPECT_TRUE(verified(store_).clean());
}

TEST_F(Views, MoveAndEndAsValuesDo) {
  ASSERT_OK(store_.put("key", "value"));
  View empty;
  EXPECT_EQ("", empty.key());
  EXPECT_EQ("", empty.value());

  View first = view_of(store_, "key");
  View second(std::move(first));
  EXPECT_EQ("", first.value());  // NOLINT(bugprone-use-after-move): documented
  EXPECT_EQ("value", second.value());
  EXPECT_EQ(1U, views_in(store_, static_cast<std::uint32_t>(getpid())));
  ASSERT_OK(store_.put("other", "another value"));
  second = view_of(store_, "other");
  EXPECT_EQ("another value", second.value());
  EXPECT_EQ(1U, views_in(store_, static_cast<std::uint32_t>(getpid())));
  View& same = second;
  second = std::move(same);
  EXPECT_EQ("another value", second.value());
  first.swap(second);

  second = View();
  EXPECT_EQ("another value", first.value());
  first = View();
  EXPECT_EQ(0U, views_in(store_, static_cast<std::uint32_t>(getpid())));
}

TEST_F(Views, CanBeHadByTheTenThousand) {
  constexpr std::uint64_t kKeys = 10'000;
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    ASSERT_OK(store_.put("key " + std::to_string(i), value_of(i, i % 200)));
  }
  std::vector<View> views;
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    views.push_back(view_of(store_, "key " + std::to_string(i)));
  }
  // And of one entry, twice that often.
  for (std::uint64_t i = 0; i < 2 * kKeys; ++i) views.push_back(view_of(store_, "key 7"));
  EXPECT_EQ(3 * kKeys, views_in(store_, static_cast<std::uint32_t>(getpid())));

  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      ASSERT_OK(store_.put("key " + std::to_string(i), value_of(i + 5, i % 200)));
    }
    ASSERT_OK(store_.checkpoint());
  }

  for (std::uint64_t i = 0; i < views.size(); ++i) {
    const std::uint64_t n = i < kKeys ? i : 7;
    ASSERT_EQ("key " + std::to_string(n), views[i].key());
    ASSERT_TRUE(value_of(n, n % 200) == views[i].value()) << i;
  }
  views.clear();
  EXPECT_EQ(0U, views_in(store_, static_cast<std::uint32_t>(getpid())));
  EXPECT_OK(store_.close());
}

TEST_F(Views, HaveClearErrors) {
  ASSERT_OK(store_.put("key", "value"));
  Store reader = Store::open(path_, with_mode({}, Mode::kReadOnly)).value();
  Store closed = Store::open(path_, with_mode({}, Mode::kOpen)).value();
  ASSERT_OK(closed.close());
  Store moved_from = Store::open(path_, with_mode({}, Mode::kOpen)).value();
  const Store moved_to = std::move(moved_from);

  EXPECT_CODE(Code::kReadOnly, reader.find("key"));
  EXPECT_CODE(Code::kReadOnly, reader.find("absent"));
  EXPECT_CODE(Code::kInvalidArgument, store_.find(std::string(65'536, 'k')));
  EXPECT_CODE(Code::kClosed, closed.find("key"));
  EXPECT_CODE(Code::kClosed, moved_from.find("key"));  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ("value", view_of(moved_to, "key").value());
}

TEST_F(Views, KeepTheirStoreFromBeingClosed) {
  ASSERT_OK(store_.put("key", "value"));
  std::optional<View> view = view_of(store_, "key");
  std::optional<View> large;
  ASSERT_OK(store_.put("large", value_of(1, 50'000)));
  large = view_of(store_, "large");

  const Status busy = store_.close();
  EXPECT_CODE(Code::kBusy, busy);
  EXPECT_NE(0U, busy.value());
  ASSERT_OK(store_.put("key", "another"));
  EXPECT_EQ("value", view->value());
  view.reset();
  EXPECT_CODE(Code::kBusy, store_.close()) << "the large one is held still";
  large.reset();

  EXPECT_OK(store_.close());
  EXPECT_CODE(Code::kClosed, store_.find("key"));
}

TEST_F(Views, OutliveAStoreThatIsDestroyedAndCloseIt) {
  std::optional<Store> store = std::move(store_);
  ASSERT_OK(store->put("key", "value"));
  View view = view_of(*store, "key");
  Cursor cursor = store->cursor().value();
  store.reset();

  EXPECT_CODE(Code::kClosed, cursor.next());
  EXPECT_CHILD_PASSES(run_in_child([&] {
    EXPECT_CODE(Code::kLockedExclusively, Store::open(path_, with_mode({}, Mode::kExclusive)));
    Store other = Store::open(path_, with_mode({}, Mode::kOpen)).value();
    for (int i = 0; i < 500; ++i) ASSERT_OK(other.put("key", value_of(1, 5)));
    ASSERT_OK(other.checkpoint());
    for (int i = 0; i < 500; ++i) ASSERT_OK(other.put("key", value_of(2, 5)));
  }));
  EXPECT_EQ("value", view.value());
  view = View();

  // The cursor keeps the handle, and the last of all closes it.
  { const Cursor last = std::move(cursor); }
  EXPECT_CHILD_PASSES(run_in_child([&] {
    EXPECT_VALUE(Store::open(path_, with_mode({}, Mode::kExclusive)).value(), "key",
                 value_of(2, 5));
  }));
}

TEST_F(Views, BelongToTheParentAfterFork) {
  for (int i = 0; i < 20; ++i) ASSERT_OK(store_.put("key " + std::to_string(i), value_of(1, 60)));
  std::optional<View> view = view_of(store_, "key 3");
  std::optional<View> large;
  ASSERT_OK(store_.put("large", value_of(2, 50'000)));
  large = view_of(store_, "large");

  EXPECT_CHILD_PASSES(run_in_child([&] {
    EXPECT_CODE(Code::kForked, store_.find("key 3"));
    View moved = *std::move(view);
    view.reset();
    large.reset();
  }));

  EXPECT_EQ(2U, views_in(store_, static_cast<std::uint32_t>(getpid())));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(store_.erase("key " + std::to_string(i)).value());
  ASSERT_TRUE(store_.erase("large").value());
  churn(10, 2);
  EXPECT_EQ(value_of(1, 60), view->value());
  EXPECT_TRUE(value_of(2, 50'000) == large->value());
}

TEST_F(Views, OfADamagedRecordAreRefused) {
  ASSERT_OK(store_.put("key", value_of(1, 60)));
  {
    const View view = view_of(store_, "key");
    const_cast<char&>(view.value()[7]) ^= 1;
  }

  EXPECT_CODE(Code::kCorrupt, store_.find("key"));
  EXPECT_EQ(0U, views_in(store_, static_cast<std::uint32_t>(getpid())));
  Options trusting = with_mode(quiet_options(), Mode::kOpen);
  trusting.verify_reads = false;
  EXPECT_NE(value_of(1, 60), view_of(Store::open(path_, trusting).value(), "key").value());
}

TEST_F(Views, BeyondWhatCanBeCountedAreRefused) {
  ASSERT_OK(store_.put("key", "value"));
  std::optional<View> view = view_of(store_, "key");
  SharedPins file(path_);
  format::Pins& pins = file.of(1);
  std::uint64_t* word = nullptr;
  for (std::uint64_t& granule : pins.granules) {
    if (pin_holds(granule) != 0) word = &granule;
  }
  ASSERT_NE(nullptr, word);
  *word += kHoldsMax - 2;

  std::optional<View> last = view_of(store_, "key");
  EXPECT_EQ(kHoldsMax, pin_holds(*word));
  EXPECT_CODE(Code::kTooManyViews, store_.find("key"));
  EXPECT_EQ(kHoldsMax, pin_holds(*word));
  last.reset();
  EXPECT_EQ("value", view_of(store_, "key").value());
  *word -= kHoldsMax - 2;
}

}  // namespace
}  // namespace hmap::test
