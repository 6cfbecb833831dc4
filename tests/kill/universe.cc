#include "universe.h"

#include <utility>

#include "format/hash.h"

namespace hmap::test {
namespace {

// A clearing goes shard by shard.
std::vector<Contents> states_of_clearing(const Contents& before, const RawView& raw) {
  std::vector<Contents> states{before};
  const std::uint64_t shards = std::uint64_t{1} << raw.superblock().shard_bits;
  for (std::uint64_t shard = 0; shard < shards; ++shard) {
    states.push_back(states.back());
    std::erase_if(states.back(), [&](const auto& entry) {
      return (hash_key(entry.first, raw.superblock().store_seed) & (shards - 1)) == shard;
    });
  }
  return states;
}

}  // namespace

void Universe::add_key(const std::string& key) {
  if (numbers_.emplace(key, keys_.size()).second) keys_.push_back(key);
}

State Universe::state(const Contents& contents) {
  State state(keys_.size(), nullptr);
  for (const auto& [key, value] : contents) {
    values_.push_back(value);
    state.at(number_of(key)) = &values_.back();
  }
  return state;
}

std::size_t Universe::number_of(std::string_view key) const {
  const auto found = numbers_.find(key);
  return found == numbers_.end() ? keys_.size() : found->second;
}

std::vector<Allowed> foresee(const std::vector<Step>& steps, const RawView& raw, Universe& universe,
                             Contents& model) {
  for (const auto& [key, value] : model) universe.add_key(key);
  for (const Step& step : steps) {
    if (step.kind == Step::Kind::kPut || step.kind == Step::Kind::kErase)
      universe.add_key(step.key);
    for (const Step& part : step.batch) universe.add_key(part.key);
  }
  universe.add_key("nowhere!");
  std::vector<Allowed> all;
  for (const Step& step : steps) {
    std::vector<Contents> states{model};
    if (step.kind == Step::Kind::kClear) {
      states = states_of_clearing(model, raw);
    } else {
      states.push_back(model);
      perform(states.back(), step);
    }
    model = states.back();
    Allowed allowed;
    for (const Contents& contents : states) allowed.push_back(universe.state(contents));
    all.push_back(std::move(allowed));
  }
  return all;
}

}  // namespace hmap::test
