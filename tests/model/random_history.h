// A random history of operations on one store, compared with std::unordered_map step by step.
#ifndef HMAP_TESTS_MODEL_RANDOM_HISTORY_H_
#define HMAP_TESTS_MODEL_RANDOM_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "hmap/store.h"
#include "raw_view.h"
#include "seeds.h"
#include "temp_file.h"

namespace hmap::test {

// What a history has gone through, so that a run can say that it tested something.
struct Seen {
  std::uint64_t operations = 0;
  std::uint64_t growths = 0;
  std::uint64_t same_size_growths = 0;
  std::uint64_t halvings = 0;
  std::uint64_t half_done = 0;  // compactions that ended in the middle of one
  std::uint64_t compactions = 0;
  std::uint64_t reopenings = 0;
  std::uint64_t clears = 0;
  std::uint64_t emptied = 0;
  std::uint64_t iterations = 0;
  std::uint64_t values_above_64k = 0;
};

// The n-th key of a history whose keys all have the same length, 3 at least.
std::string history_fixed_key(std::uint64_t index, std::uint64_t salt, std::size_t bytes);

// The n-th key of a history: lengths at the edges of everything, all different.
std::string history_key(std::uint64_t index, std::uint64_t salt);

// A value's length: mostly small, at the edges of words and size classes, now and then large.
std::size_t history_value_bytes(Random& random, std::size_t key_bytes, bool allow_megabytes);

// One store from its creation to its end.
class RandomHistory {
 public:
  struct Plan {
    Options options;
    std::uint64_t keys = 0;        // size of the key universe
    std::uint64_t operations = 0;  // length of the history
    bool megabytes = false;        // values of several MiB too
    std::uint64_t tide = 0;        // not 0: fill to as many entries, empty to an eighth, and again
  };

  RandomHistory(const Plan& plan, std::uint64_t seed, TempDir::Where where, Seen& seen);

  // Runs to the end. Returns an empty string, or what disagreed, at which operation.
  std::string run();

 private:
  struct Value {
    std::uint64_t stamp;
    std::size_t bytes;
  };

  void step();
  void choose_write_share();
  void write_step(std::uint64_t index);
  void read_step(std::uint64_t index);
  void rare_step();
  void put(const std::string& key);
  void insert(const std::string& key);
  void replace(const std::string& key);
  void erase(const std::string& key);
  void compact();
  bool halving() const;
  void clear();
  void iterate();
  void iterate_in_two_parts();
  bool visit(const Entry& entry, std::unordered_set<std::string>& visited, bool may_repeat);
  void reopen();
  void open();
  void check_size();
  void watch_growth(bool cleared);

  [[nodiscard]] std::string key_of_number(std::uint64_t index) const;
  [[nodiscard]] std::size_t value_bytes(std::size_t key_bytes);
  // The value for a new write of `key`, in scratch_.
  Value fresh_value(const std::string& key);
  void check_value(const std::string& key, const Value& want, std::string_view got);
  void fail(const std::string& what);
  void fail(const std::string& what, const Status& status) { fail(what + ": " + status.message()); }

  Plan plan_;
  Random random_;
  std::uint64_t salt_;
  Seen& seen_;
  TempDir dir_;
  std::string path_;
  std::optional<Store> store_;
  std::unique_ptr<RawView> raw_;  // only with one shard
  std::uint64_t array_id_ = 0;
  std::uint64_t b_ = 0;
  std::unordered_map<std::string, Value> model_;
  std::uint64_t stamp_ = 0;
  std::uint64_t operation_ = 0;
  std::uint64_t write_share_ = 90;  // of 100 writes, how many are not erasures; changes by phases
  std::uint64_t phase_end_ = 0;
  std::string scratch_;
  std::string expected_;
  std::string failure_;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_MODEL_RANDOM_HISTORY_H_
