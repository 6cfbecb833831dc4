// Writes worth dying in: each kind of change the engine makes, small enough to be interrupted at
// every single store.
#ifndef HMAP_TESTS_PROCESS_SCENARIOS_H_
#define HMAP_TESTS_PROCESS_SCENARIOS_H_

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "raw_view.h"
#include "stores.h"

namespace hmap::test {

// One call.
struct Step {
  enum class Kind { kPut, kErase, kClear, kCheckpoint, kSnapshot, kRelease, kBatch, kCompact };
  Kind kind = Kind::kPut;
  std::string key;
  std::string value;
  std::vector<Step> batch;  // kBatch: puts and erasures
};
inline Step put_step(std::string key, std::string value) {
  return {Step::Kind::kPut, std::move(key), std::move(value), {}};
}
inline Step erase_step(std::string key) { return {Step::Kind::kErase, std::move(key), {}, {}}; }
inline Step clear_step() { return {Step::Kind::kClear, {}, {}, {}}; }
inline Step checkpoint_step() { return {Step::Kind::kCheckpoint, {}, {}, {}}; }
// compact_online(), to the end or ended after so many steps of it.
inline Step compact_step() { return {Step::Kind::kCompact, {}, {}, {}}; }
inline Step compact_step(std::uint64_t steps) {
  return {Step::Kind::kCompact, {}, std::to_string(steps), {}};
}
// Takes a snapshot; ends the one held longest.
inline Step snapshot_step() { return {Step::Kind::kSnapshot, {}, {}, {}}; }
inline Step release_step() { return {Step::Kind::kRelease, {}, {}, {}}; }
inline Step batch_step(std::vector<Step> batch) {
  return {Step::Kind::kBatch, {}, {}, std::move(batch)};
}

Status perform(Store& store, const Step& step);
void perform(Contents& model, const Step& step);

// Makes keys for chosen buckets of a store.
class KeySource {
 public:
  explicit KeySource(const RawView& raw) : raw_(raw) {}
  // A new key, for any bucket.
  std::string any() { return "key " + std::to_string(next_++); }
  // A new key for bucket `bucket` of an array of 2^b.
  std::string in_bucket(std::uint64_t bucket, std::uint64_t b);
  [[nodiscard]] std::uint64_t bucket_of(std::string_view key, std::uint64_t b) const;
  [[nodiscard]] const format::ShardHeader& header() const { return raw_.shard(); }
  // How many words of the extent table lie behind the extents in use.
  [[nodiscard]] std::uint64_t words_left() const;

 private:
  const RawView& raw_;
  std::uint64_t next_ = 0;
};

// A store's past and the calls to interrupt.
struct Scenario {
  std::string_view name;
  // Fills a new store and returns the steps.
  std::function<std::vector<Step>(Store& store, KeySource& keys)> prepare;
  // Whether the steps, all done, did what the scenario is for.
  std::function<bool(const format::ShardHeader& before, const format::ShardHeader& after)> happened;

  friend std::ostream& operator<<(std::ostream& out, const Scenario& scenario) {
    return out << scenario.name;
  }
};

const std::vector<Scenario>& scenarios();

// A scenario ready to run: a closed store file, and what it must contain after 0, 1, ... steps.
struct Prepared {
  std::string path;
  std::vector<Step> steps;
  std::vector<Contents> states;
};
Prepared prepare(const Scenario& scenario, const std::string& path);

}  // namespace hmap::test

#endif  // HMAP_TESTS_PROCESS_SCENARIOS_H_
