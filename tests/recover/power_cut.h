// A store in commit mode whose power failed: a checkpoint, behind it writes that are in the log
// only, and what the entries were after each of them.
#ifndef HMAP_TESTS_RECOVER_POWER_CUT_H_
#define HMAP_TESTS_RECOVER_POWER_CUT_H_

#include <string>
#include <vector>

#include "../commit/commit_options.h"
#include "hmap/batch.h"
#include "hmap/recover.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {

inline Options logging(Options options = {}) {
  const Options wish = commit_options();
  options.geometry = wish.geometry;
  options.size_limit = wish.size_limit;
  options.durability = wish.durability;
  options.checkpoint_interval = wish.checkpoint_interval;
  options.log_bytes = std::uint64_t{1} << 17;
  options.wait_for_log = false;
  return options;
}

// Whether both are the same; if not, the first key about which they are not.
inline ::testing::AssertionResult same(const Contents& expected, const Contents& found) {
  for (const auto& [key, value] : expected) {
    const auto other = found.find(key);
    if (other == found.end()) return ::testing::AssertionFailure() << "missing: " << key;
    if (other->second != value) return ::testing::AssertionFailure() << "another value: " << key;
  }
  for (const auto& [key, value] : found) {
    if (!expected.contains(key)) return ::testing::AssertionFailure() << "came back: " << key;
  }
  return ::testing::AssertionSuccess();
}

// Writes to a store and knows what is in it. Every call is one record of the log.
class LoggedWrites {
 public:
  explicit LoggedWrites(Store& store) : store_(store) {}

  void put(const std::string& key, const std::string& value) {
    EXPECT_OK(store_.put(key, value));
    now_[key] = value;
    states_.push_back(now_);
  }
  void erase(const std::string& key) {
    EXPECT_OK(store_.erase(key));
    now_.erase(key);
    states_.push_back(now_);
  }
  void apply(const Contents& puts, const std::vector<std::string>& erasures) {
    Batch batch;
    for (const auto& [key, value] : puts) batch.put(key, value);
    for (const std::string& key : erasures) batch.erase(key);
    EXPECT_OK(store_.apply(batch));
    for (const auto& [key, value] : puts) now_[key] = value;
    for (const std::string& key : erasures) now_.erase(key);
    states_.push_back(now_);
  }
  void clear() {
    EXPECT_OK(store_.clear());
    now_.clear();
    states_.push_back(now_);
  }
  void checkpoint() {
    EXPECT_OK(store_.checkpoint());
    states_ = {now_};
  }

  [[nodiscard]] const Contents& now() const { return now_; }
  // After so many calls since the checkpoint.
  [[nodiscard]] const std::vector<Contents>& states() const { return states_; }

 private:
  Store& store_;
  Contents now_;
  std::vector<Contents> states_ = {{}};
};

// 200 entries in the checkpoint. In the log: values replaced, keys put, erased, put again; batches.
inline void write_much(LoggedWrites& to, const TypeInfo& type = {},
                       std::string (*value)(const TypeInfo&, std::uint64_t) = nullptr) {
  const auto key = [&](std::uint64_t n) { return key_of(type, n); };
  const auto of = [&](std::uint64_t stamp) {
    return value != nullptr ? value(type, stamp) : value_of(type, stamp, 8 + stamp % 90);
  };
  for (std::uint64_t n = 0; n < 200; ++n) to.put(key(n), of(n));
  to.checkpoint();
  for (std::uint64_t n = 0; n < 40; ++n) {
    to.put(key(n), of(1'000 + n));
    to.put(key(300 + n), of(2'000 + n));
    to.erase(key(100 + n));
    if (n % 4 == 0) to.erase(key(300 + n / 2));
    if (n % 8 == 0) to.put(key(100 + n / 2), of(3'000 + n));
    if (n % 10 == 5) {
      to.apply({{key(n), of(4'000 + n)}, {key(400 + n), of(5'000 + n)}}, {key(150 + n), key(300)});
    }
  }
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_RECOVER_POWER_CUT_H_
