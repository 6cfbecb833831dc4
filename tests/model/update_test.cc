// Read-modify-write: compare_exchange, update, upsert, fetch_add, append.
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

#include "child.h"
#include "sanitized.h"
#include "seeds.h"
#include "shared_memory.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

using Maybe = std::optional<std::string>;

class Update : public ::testing::Test {
 protected:
  TempDir dir_;
  Store store_ = Store::open(dir_.file("store"), quiet_options()).value();
};

TEST_F(Update, CompareExchangeAgreesWithAModel) {
  Random random(test_seed());
  std::unordered_map<std::string, std::string> model;
  std::uint64_t done = 0;
  const auto some_value = [&] {
    const std::uint64_t dice = random.below(100);
    // Few of each length, so that a guess is often right; some beyond the spans.
    return Maybe(std::string(dice < 3 ? 9'000 : dice % 5, static_cast<char>('a' + dice % 2)));
  };
  for (int round = 0; round < 60'000; ++round) {
    const std::string key = key_of(random.below(300));
    const auto at = model.find(key);
    const Maybe now = at == model.end() ? std::nullopt : Maybe(at->second);
    const Maybe expected = random.below(2) == 0   ? now
                           : random.below(4) == 0 ? Maybe()
                                                  : some_value();
    const Maybe desired = random.below(4) == 0 ? Maybe() : some_value();
    const Result<bool> exchanged = store_.compare_exchange(key, expected, desired);
    ASSERT_OK(exchanged);
    ASSERT_EQ(now == expected, *exchanged) << key;
    if (!*exchanged) continue;
    ++done;
    if (desired) {
      model[key] = *desired;
    } else {
      model.erase(key);
    }
  }
  EXPECT_GT(done, 20'000U);
  EXPECT_TRUE(Contents(model.begin(), model.end()) == contents(store_));
  EXPECT_TRUE(store_.verify().value().clean());
}

TEST_F(Update, UpdateChangesWhatIsThereAndNothingElse) {
  const auto exclaim = [](std::string_view value) { return std::string(value) + "!"; };
  EXPECT_FALSE(store_.update("a", exclaim).value());
  EXPECT_ABSENT(store_, "a");
  ASSERT_OK(store_.put("a", "hey"));
  EXPECT_TRUE(store_.update("a", exclaim).value());
  EXPECT_VALUE(store_, "a", "hey!");
  EXPECT_TRUE(store_.update("a", [](std::string_view value) { return value.substr(1); }).value());
  EXPECT_VALUE(store_, "a", "ey!");
  EXPECT_TRUE(store_.update("a", [](std::string_view) { return "text"; }).value());
  EXPECT_VALUE(store_, "a", "text");
}

TEST_F(Update, UpsertTellsAbsenceFromAnEmptyValue) {
  const auto next = [](std::optional<std::string_view> value) {
    return value ? std::string(*value) + "x" : std::string();
  };
  EXPECT_TRUE(store_.upsert("a", next).value());
  EXPECT_VALUE(store_, "a", "");
  EXPECT_FALSE(store_.upsert("a", next).value());
  EXPECT_VALUE(store_, "a", "x");
}

TEST_F(Update, RunsAgainWithTheNewerValue) {
  ASSERT_OK(store_.put("a", "old"));
  std::vector<std::string> seen;
  const auto fn = [&](std::string_view value) {
    seen.emplace_back(value);
    const Status status = seen.size() == 1 ? store_.put("a", "newer") : store_.erase("a").error();
    EXPECT_OK(status);
    return std::string(value) + "!";
  };
  EXPECT_FALSE(store_.update("a", fn).value());  // absent in the third round
  EXPECT_EQ((std::vector<std::string>{"old", "newer"}), seen);
  EXPECT_ABSENT(store_, "a");
}

TEST_F(Update, AnExceptionLeavesEverythingAsItWas) {
  ASSERT_OK(store_.put("a", "1"));
  const auto fn = [](std::string_view) -> std::string { throw std::runtime_error("no"); };
  EXPECT_THROW(static_cast<void>(store_.update("a", fn)), std::runtime_error);
  EXPECT_VALUE(store_, "a", "1");
  ASSERT_OK(store_.put("a", "2"));  // nothing is locked
}

TEST_F(Update, FetchAddCountsFromNothingAndWrapsAround) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(0, store_.fetch_add("n", -5).value());
  EXPECT_EQ(-5, store_.fetch_add("n", 5).value());
  EXPECT_EQ(0, store_.fetch_add("n", 0x0102030405060708).value());
  EXPECT_VALUE(store_, "n", "\x08\x07\x06\x05\x04\x03\x02\x01");
  ASSERT_OK(store_.erase("n"));
  EXPECT_EQ(0, store_.fetch_add("n", kMax).value());
  EXPECT_EQ(kMax, store_.fetch_add("n", 1).value());
  EXPECT_EQ(kMin, store_.fetch_add("n", 0).value());
}

TEST_F(Update, FetchAddRefusesWhatIsNoInteger) {
  ASSERT_OK(store_.put("text", "1234567"));
  EXPECT_CODE(Code::kInvalidArgument, store_.fetch_add("text", 1));
  EXPECT_VALUE(store_, "text", "1234567");
}

TEST_F(Update, AppendGrowsAValueBeyondASpan) {
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    const std::string piece = value_of(static_cast<std::uint64_t>(i), 57);
    expected += piece;
    ASSERT_EQ(expected.size(), store_.append("log", piece).value());
  }
  EXPECT_VALUE(store_, "log", expected);
  EXPECT_EQ(expected.size(), store_.append("log", "").value());
  EXPECT_EQ(0U, store_.append("new", "").value());
  EXPECT_VALUE(store_, "new", "");
}

TEST_F(Update, EachRefusesWhatPutRefuses) {
  const std::string key(kKeyBytesMax + 1, 'k');
  const auto same = [](std::optional<std::string_view> value) { return value.value_or(""); };
  EXPECT_CODE(Code::kTooLarge, store_.compare_exchange(key, "a", "b"));
  EXPECT_CODE(Code::kInvalidArgument, store_.compare_exchange(key, "a", std::nullopt));
  EXPECT_CODE(Code::kInvalidArgument, store_.compare_exchange(key, std::nullopt, std::nullopt));
  EXPECT_CODE(Code::kInvalidArgument, store_.update(key, same));
  EXPECT_CODE(Code::kInvalidArgument, store_.fetch_add(key, 1));
  EXPECT_CODE(Code::kInvalidArgument, store_.append(key, "a"));
  ASSERT_OK(store_.put("a", "1"));
  Store reader =
      Store::open(dir_.file("store"), with_mode(quiet_options(), Mode::kReadOnly)).value();
  EXPECT_CODE(Code::kReadOnly, reader.compare_exchange("a", "1", "2"));
  EXPECT_CODE(Code::kReadOnly, reader.compare_exchange("a", "1", std::nullopt));
  EXPECT_CODE(Code::kReadOnly, reader.update("a", same));
  EXPECT_CODE(Code::kReadOnly, reader.fetch_add("new", 1));
  EXPECT_VALUE(store_, "a", "1");
}

// ---- processes -------------------------------------------------------------------------------

constexpr std::uint64_t kCounters = 3;
constexpr std::size_t kProcesses = 4;

// Counts in shared memory what its process was told has happened.
struct Told {
  std::array<std::atomic<std::uint64_t>, kProcesses> additions;
};

int count_for_ever(const std::string& path, std::atomic<std::uint64_t>& told,
                   std::uint64_t at_most) {
  Store store = Store::open(path, small_options()).value();
  Random random(static_cast<std::uint64_t>(getpid()));
  for (std::uint64_t n = 0; n < at_most; ++n) {
    if (!store.fetch_add(key_of(random.below(kCounters)), 1).has_value()) return 2;
    told.fetch_add(1);
    if (!store.append("log", "x").has_value()) return 3;
    // A neighbour that makes the counters' buckets grow and shrink.
    if (!store.put(key_of(kCounters + random.below(500)), "neighbour").ok()) return 4;
    if (!store.erase(key_of(kCounters + random.below(500))).has_value()) return 5;
  }
  return 0;
}

std::uint64_t counted(Store& store) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < kCounters; ++i)
    sum += static_cast<std::uint64_t>(store.fetch_add(key_of(i), 0).value());
  return sum;
}

TEST_F(Update, ProcessesLoseNoAddition) {
  constexpr std::uint64_t kEach = 2'000;
  Shared<Told> told;
  const std::string path = dir_.file("counters");
  {
    std::vector<Child> children;
    for (std::size_t i = 0; i < kProcesses; ++i)
      children.emplace_back([&, i] { return count_for_ever(path, told->additions[i], kEach); });
    for (Child& child : children) EXPECT_TRUE(child.wait().exited(0));
  }
  Store store = Store::open(path, small_options()).value();
  EXPECT_EQ(kProcesses * kEach, counted(store));
  EXPECT_EQ(kProcesses * kEach, value_in(store, "log")->size());
}

TEST_F(Update, AKillLosesNoAdditionThatWasToldAndMakesNoneTwice) {
  constexpr std::uint64_t kKills = kSanitized ? 20 : 60;
  Shared<Told> told;
  const std::string path = dir_.file("counters");
  Store store = Store::open(path, small_options()).value();
  Random random(test_seed());
  std::vector<Child> children;
  const auto start = [&](std::size_t i) {
    return Child([&, i] { return count_for_ever(path, told->additions[i], ~std::uint64_t{0}); });
  };
  for (std::size_t i = 0; i < kProcesses; ++i) children.push_back(start(i));
  for (std::uint64_t n = 0; n < kKills; ++n) {
    const std::uint64_t before = counted(store);
    while (counted(store) < before + 20 + random.below(100)) continue;
    const std::size_t i = random.below(kProcesses);
    ASSERT_TRUE(children[i].kill().killed());
    children[i] = start(i);
  }
  children.clear();
  std::uint64_t additions = 0;
  for (const auto& each : told->additions) additions += each;
  const std::uint64_t sum = counted(store);
  EXPECT_GE(sum, additions);
  EXPECT_LE(sum, additions + kKills + kProcesses);  // one each that nobody was told of
  EXPECT_TRUE(store.verify().value().clean());
}

}  // namespace
}  // namespace hmap::test
