// A view taken between any two stores of a writer, and a writer that gets all it wants done between
// any two stores of a find(): without threads, so that each moment comes once.
#include <gtest/gtest.h>

#include <functional>

#include "child.h"
#include "held.h"
#include "system/seam.h"

namespace hmap::test {
namespace {

// Runs a function once, before the n-th event of this thread, or before all of them (n = 0). The
// function's own events are not counted.
class Between {
 public:
  Between(std::uint64_t n, std::function<void()> act) {
    every_ = n == 0;
    left_ = n;
    act_ = std::move(act);
    armed_ = true;
    seam::hook.store(&listen);
  }
  Between(const Between&) = delete;
  Between& operator=(const Between&) = delete;
  ~Between() {
    armed_ = false;
    seam::hook.store(nullptr);
  }
  // Whether there were n events.
  [[nodiscard]] bool came() const { return left_ == 0; }

 private:
  static void listen(seam::Event, const void*, std::size_t) {
    if (!armed_ || (!every_ && (left_ == 0 || --left_ != 0))) return;
    armed_ = false;
    act_();
    armed_ = true;
  }
  static inline thread_local bool armed_ = false;
  static inline thread_local bool every_ = false;
  static inline thread_local std::uint64_t left_ = 0;
  static inline std::function<void()> act_;
};

class Interleaved : public ::testing::TestWithParam<std::size_t> {
 protected:
  // Every slot and extent that may be used anew is, and says so.
  void use_everything_anew() {
    const std::string junk = value_of(666, GetParam());
    for (int i = 0; i < 40; ++i) ASSERT_OK(writer_.put("junk " + std::to_string(i % 4), junk));
    if (GetParam() < 8'192) return;  // extents are used anew after a checkpoint only
    ASSERT_OK(writer_.checkpoint());
    for (int i = 0; i < 10; ++i) ASSERT_OK(writer_.put("junk " + std::to_string(i % 4), junk));
  }
  [[nodiscard]] std::string version(std::uint64_t n) const { return value_of(n, GetParam()); }

  Watchdog watchdog_{Milliseconds(120'000)};
  TempDir dir_{TempDir::Where::kMemory};
  Store reader_ = Store::open(dir_.file("store"), quiet_options()).value();
  Store writer_ = Store::open(dir_.file("store"), quiet_options()).value();
};

// Between looking the key up and looking again, another process replaces it, and uses the place.
TEST_P(Interleaved, AFindBesideAWriterShowsOneValueOrTheOther) {
  std::uint64_t moments = 0;
  for (std::uint64_t event = 1;; ++event) {
    SCOPED_TRACE("before event " + std::to_string(event));
    ASSERT_OK(writer_.put("key", version(1)));
    Result<std::optional<View>> view = std::optional<View>();
    bool came = false;
    {
      Between between(event, [&] {
        ASSERT_OK(writer_.put("key", version(2)));
        use_everything_anew();
      });
      view = reader_.find("key");
      came = between.came();
    }
    ASSERT_OK(view);
    ASSERT_TRUE(view->has_value());
    EXPECT_EQ("key", (*view)->key());
    EXPECT_TRUE((*view)->value() == version(came ? 2 : 1));
    use_everything_anew();
    EXPECT_TRUE((*view)->value() == version(came ? 2 : 1)) << "later";
    if (!came) break;
    ++moments;
    if (HasFailure()) return;
  }
  EXPECT_GE(moments, 1U) << "the hook is not called";
}

// At every store of replacing and erasing, somebody begins to look at what is there, for good.
TEST_P(Interleaved, AViewTakenAtAnyStoreOfAWriterStays) {
  std::vector<Held> held;
  const std::size_t rounds = GetParam() < 8'192 ? 60 : 12;
  for (std::size_t round = 0; round < rounds; ++round) {
    {
      const Between between(0, [&] {
        Result<std::optional<View>> view = reader_.find("key");
        ASSERT_OK(view);
        if (!*view) return;
        Held one{*std::move(*view), {}, {}};
        one.key = one.view.key();
        one.value = one.view.value();
        ASSERT_EQ("key", one.key);
        held.push_back(std::move(one));
      });
      ASSERT_OK(writer_.put("key", version(round)));
      if (round % 4 == 3) {
        ASSERT_OK(writer_.erase("key"));
      }
      if (round % 10 == 9) {
        ASSERT_OK(writer_.checkpoint());
      }
      if (round % 25 == 24) {
        ASSERT_OK(writer_.clear());
      }
    }
    use_everything_anew();
    for (const Held& one : held) {
      ASSERT_TRUE(one.intact()) << "round " << round << ", view " << &one - held.data();
    }
    // Most end, so that their places come back into use; some stay for long.
    std::size_t n = 0;
    if (held.size() > 60) std::erase_if(held, [&](const Held&) { return ++n % 4 != 0; });
  }
  EXPECT_GT(held.size(), 3U);
  held.clear();
  EXPECT_TRUE(verified(writer_).clean());
}

INSTANTIATE_TEST_SUITE_P(Records, Interleaved, ::testing::Values(20, 700, 7'000, 30'000, 300'000),
                         [](const auto& test) { return std::to_string(test.param) + "Bytes"; });

}  // namespace
}  // namespace hmap::test
