// Stores with everything in them that verify looks at, in the smallest geometry.
#ifndef HMAP_TESTS_VERIFY_MADE_STORES_H_
#define HMAP_TESTS_VERIFY_MADE_STORES_H_

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "hmap/store.h"

namespace hmap::test {

inline Options tiny_options(int shard_bits) {
  Options options;
  options.durability = Durability::kNone;
  options.shard_bits = shard_bits;
  options.geometry = {.block_bytes = 512, .extent_bytes = 4096, .slots = 4, .intent_words = 224};
  return options;
}

inline void expect(const Status& status) {
  if (!status.ok()) throw Error(status);
}
template <typename T>
void expect(const Result<T>& result) {
  expect(result.error());
}

inline bool in_mid_growth(const Stats& stats) {
  for (const Stats::Shard& shard : stats.shards) {
    if (shard.growing && shard.evacuated > 1 && shard.evacuated + 2 < shard.old_buckets &&
        shard.overflow_buckets != 0) {
      return true;
    }
  }
  return false;
}

inline bool any_growing(const Store& store) {
  const Stats stats = store.stats().value();
  return std::any_of(stats.shards.begin(), stats.shards.end(),
                     [](const Stats::Shard& shard) { return shard.growing; });
}

// Two shards at rest with some 150 keys, many blocks in frames. Closed, all of it durable.
inline void make_resting_store(const std::string& path) {
  Store store = Store::open(path, tiny_options(1)).value();
  int keys = 0;
  for (; keys < 150 || any_growing(store); ++keys)
    expect(store.put("key " + std::to_string(keys), "value"));
  expect(store.checkpoint());
  for (int i = 0; i < keys; ++i) expect(store.put("key " + std::to_string(i), "other"));
  expect(store.checkpoint());
  expect(store.close());
}

// Overflow chains, half an evacuation, erased and replaced slots, spans of several
// classes, large records, freed extents, displaced blocks of several checkpoints. Closed.
inline void make_mixed_store(const std::string& path, int shard_bits) {
  Store store = Store::open(path, tiny_options(shard_bits)).value();
  const int erasable = 40 << shard_bits;
  for (int i = 0; i < erasable; ++i) {
    expect(store.put("erased " + std::to_string(i), std::string(static_cast<std::size_t>(i), 'e')));
  }
  expect(store.checkpoint());
  expect(store.put("large and gone", std::string(50'000, 'G')));
  expect(store.put("large", std::string(9'000, 'L')));
  expect(store.put(std::string(8'500, 'k'), "large by its key"));
  for (int i = 0; i < erasable; i += 2) expect(store.erase("erased " + std::to_string(i)));
  expect(store.checkpoint());
  for (int i = 1; i < erasable; i += 6) expect(store.put("erased " + std::to_string(i), "new"));
  expect(store.erase("large and gone"));
  for (int i = 0; i < 100'000; ++i) {
    if (i % 7 == 0) expect(store.checkpoint());
    expect(store.put("key " + std::to_string(i), "value " + std::to_string(i * i)));
    if (i > 60 && in_mid_growth(store.stats().value())) {
      expect(store.close());
      return;
    }
  }
  throw std::runtime_error("the state wanted does not come about");
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_VERIFY_MADE_STORES_H_
