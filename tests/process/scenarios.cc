#include "scenarios.h"

#include <utility>

#include "values.h"

namespace hmap::test {
namespace {

using Steps = std::vector<Step>;
using Header = format::ShardHeader;

void fill(Store& store, KeySource& keys, std::uint64_t count) {
  while (keys.header().count < count) EXPECT_OK(store.put(keys.any(), value_of(1, 30)));
}

void finish_growth(Store& store, KeySource& keys) {
  const std::string key(store.begin()->key);
  while (keys.header().oldbuckets.id != 0) EXPECT_OK(store.put(key, value_of(1, 30)));
}

// The keys of a store in a fixed order.
std::vector<std::string> keys_in(const Store& store) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : contents(store)) keys.push_back(key);
  return keys;
}

Steps first_inserts(Store&, KeySource& keys) {
  Steps steps;
  for (std::uint64_t i = 0; i < 10; ++i) steps.push_back(put_step(keys.any(), value_of(i, 10 * i)));
  return steps;
}

Steps overwrites(Store& store, KeySource& keys) {
  fill(store, keys, 20);
  const std::vector<std::string> present = keys_in(store);
  return {put_step(present[0], value_of(2, 30)),   put_step(present[0], value_of(3, 30)),
          put_step(present[1], value_of(4, 500)),  put_step(present[2], ""),
          put_step(present[3], value_of(5, 3000)), put_step(present[3], value_of(6, 1)),
          put_step(present[19], value_of(7, 31)),  put_step(present[19], value_of(7, 31))};
}

// Adds keys to a bucket until its chain is exactly full.
void fill_chain(Store& store, KeySource& keys, std::uint64_t bucket, std::uint64_t b) {
  std::uint64_t load = 0;
  for (const std::string& key : keys_in(store)) load += keys.bucket_of(key, b) == bucket ? 1 : 0;
  for (; load == 0 || load % 8 != 0; ++load) {
    EXPECT_OK(store.put(keys.in_bucket(bucket, b), value_of(1, 30)));
  }
}

// The first overflow bucket comes from the preallocated one (B = 4), the next ones do not.
Steps overflow_inserts(Store& store, KeySource& keys) {
  fill(store, keys, 54);
  finish_growth(store, keys);
  for (const std::uint64_t bucket : {3U, 5U, 12U}) fill_chain(store, keys, bucket, 4);
  return {put_step(keys.in_bucket(3, 4), "a"), put_step(keys.in_bucket(3, 4), "b"),
          put_step(keys.in_bucket(5, 4), "c"), put_step(keys.in_bucket(12, 4), "d")};
}

// Fresh chains, so that a step links the first overflow bucket of an array.
Steps first_overflow(Store& store, KeySource& keys) {
  fill(store, keys, 14);
  finish_growth(store, keys);
  Steps steps;
  for (int i = 0; i < 10; ++i) steps.push_back(put_step(keys.in_bucket(2, 2), value_of(9, 20)));
  return steps;
}

Steps growth_of_four_buckets(Store& store, KeySource& keys) {
  fill(store, keys, 26);
  const std::vector<std::string> present = keys_in(store);
  return {put_step(keys.any(), "starts the growth"), put_step(present[3], "overwritten"),
          erase_step(present[20]), put_step(keys.any(), "new"), put_step(keys.any(), "newer")};
}

Steps growth_of_sixteen_buckets(Store& store, KeySource& keys) {
  fill(store, keys, 103);
  const std::vector<std::string> present = keys_in(store);
  return {put_step(keys.any(), "the last before"), put_step(keys.any(), "starts the growth"),
          put_step(present[3], "overwritten"),     erase_step(present[50]),
          put_step(keys.any(), value_of(1, 900)),  erase_step(present[51])};
}

Steps evacuation_of_chains(Store& store, KeySource& keys) {
  fill(store, keys, 30);
  finish_growth(store, keys);
  while (keys.header().count < 52) {
    EXPECT_OK(store.put(keys.in_bucket(keys.header().count % 2, 3), value_of(1, 30)));
  }
  const std::vector<std::string> present = keys_in(store);
  return {put_step(keys.in_bucket(0, 3), "starts"), put_step(keys.in_bucket(1, 3), "second"),
          erase_step(present[5]), put_step(keys.in_bucket(7, 3), "last")};
}

Steps erasures_along_a_chain(Store& store, KeySource& keys) {
  fill(store, keys, 28);
  finish_growth(store, keys);
  std::vector<std::string> chain;
  while (chain.size() < 20) {
    chain.push_back(keys.in_bucket(6, 3));
    EXPECT_OK(store.put(chain.back(), value_of(1, 30)));
  }
  // Holes in the middle first, so that the erasure of the last key empties the rest backwards.
  Steps steps;
  for (const unsigned i : {15U, 14U, 16U, 12U, 11U, 18U, 17U, 19U}) {
    steps.push_back(erase_step(chain[i]));
  }
  steps.push_back(erase_step(chain[13]));
  steps.push_back(erase_step("absent"));
  return steps;
}

Steps erasure_of_the_last_key(Store& store, KeySource& keys) {
  fill(store, keys, 3);
  const std::vector<std::string> present = keys_in(store);
  return {erase_step(present[1]),        erase_step(present[0]), erase_step(present[2]),
          put_step(present[1], "again"), erase_step(present[1]), put_step(present[0], "again")};
}

// Erasing keeps the overflow buckets, so chains filled one after the other pile them up.
Steps same_size_growth(Store& store, KeySource& keys) {
  fill(store, keys, 14);
  finish_growth(store, keys);
  for (std::uint64_t bucket = 0; keys.header().noverflow < 4; bucket = (bucket + 1) % 4) {
    std::vector<std::string> added;
    while (keys.header().count < 26 && added.size() < 12) {
      added.push_back(keys.in_bucket(bucket, 2));
      EXPECT_OK(store.put(added.back(), value_of(1, 30)));
      if (keys.header().noverflow >= 4) break;
    }
    for (const std::string& key : added) EXPECT_TRUE(store.erase(key).value());
  }
  const std::vector<std::string> present = keys_in(store);
  return {put_step(keys.any(), "starts the growth"), put_step(present[3], "overwritten"),
          erase_step(present[7]), put_step(keys.any(), "new")};
}

Steps clearing(Store& store, KeySource& keys) {
  fill(store, keys, 60);
  EXPECT_OK(store.put("large", value_of(1, 20'000)));
  return {clear_step(), put_step("large", "small"), put_step(keys.any(), "new"), clear_step(),
          put_step(keys.any(), "newer")};
}

Steps clearing_during_growth(Store& store, KeySource& keys) {
  fill(store, keys, 105);
  EXPECT_NE(0U, keys.header().oldbuckets.id);
  return {clear_step(), put_step(keys.any(), "new"), put_step(keys.any(), value_of(1, 5'000))};
}

Steps large_values(Store& store, KeySource& keys) {
  fill(store, keys, 12);
  return {put_step("large", value_of(1, 70'000)),  put_step("large", value_of(2, 90'000)),
          put_step("other", value_of(3, 200'000)), put_step("large", value_of(4, 7'000)),
          put_step("large", value_of(5, 70'001)),  erase_step("large"),
          put_step("third", value_of(6, 66'000)),  put_step("other", "")};
}

// The third segment of the extent table, a run of two extents, is added by the second call, when
// there is room for just that.
Steps extent_table_grows(Store& store, KeySource& keys) {
  fill(store, keys, 18);
  finish_growth(store, keys);
  const auto put = [&](const char* key, std::uint64_t extents) {
    EXPECT_OK(store.put(key, value_of(extents, extents * 4'096 - 200)));
  };
  put("first", 64);
  put("second", keys.words_left() - 6);
  return {put_step("third", value_of(3, 9'000)), put_step("fourth", value_of(4, 9'000)),
          put_step("fifth", value_of(5, 9'000))};
}

// Versions of blocks that several cuts need, and some that none needs any more in between.
Steps snapshots_between(Store& store, KeySource& keys) {
  fill(store, keys, 40);
  const std::vector<std::string> present = keys_in(store);
  return {put_step(present[0], "one"),
          checkpoint_step(),
          snapshot_step(),
          put_step(present[0], "two"),
          snapshot_step(),
          put_step(present[0], "three"),
          put_step(keys.any(), "new"),
          snapshot_step(),
          erase_step(present[1]),
          checkpoint_step(),
          put_step(present[0], "four"),
          release_step(),
          release_step(),
          put_step(present[0], "five"),
          checkpoint_step(),
          put_step(present[2], "six"),
          put_step(keys.any(), "grow"),
          release_step(),
          put_step(present[0], "seven")};
}

Steps checkpoints_between(Store& store, KeySource& keys) {
  fill(store, keys, 50);
  const std::vector<std::string> present = keys_in(store);
  return {put_step(present[0], "one"),
          checkpoint_step(),
          put_step(present[0], "two"),
          put_step(keys.any(), "new"),
          checkpoint_step(),
          checkpoint_step(),
          put_step(keys.any(), "grow"),
          put_step(keys.any(), "grow on"),
          erase_step(present[1]),
          checkpoint_step(),
          put_step(present[0], "three")};
}

// Into an empty map: its first array; then everything at once, a key twice.
Steps first_batches(Store&, KeySource& keys) {
  const std::string a = keys.any();
  const std::string b = keys.any();
  const std::string c = keys.any();
  return {batch_step({put_step(a, "a"), put_step(b, value_of(1, 100))}),
          batch_step({put_step(c, "c"), erase_step(b), put_step(a, "first"), put_step(a, "last")}),
          batch_step({erase_step(a), erase_step(c), erase_step("absent")}),
          batch_step({put_step(a, ""), put_step(b, value_of(2, 3'000))})};
}

// Chains that are full or nearly: overflow buckets are linked and reached within one batch.
Steps batches_in_chains(Store& store, KeySource& keys) {
  fill(store, keys, 14);
  finish_growth(store, keys);
  Steps parts;
  for (int i = 0; i < 11; ++i) parts.push_back(put_step(keys.in_bucket(2, 2), value_of(9, 20)));
  Steps back;
  for (const unsigned i : {0U, 3U, 7U, 10U, 9U, 8U}) back.push_back(erase_step(parts[i].key));
  back.push_back(put_step(keys.in_bucket(2, 2), "new"));
  return {batch_step(parts), batch_step(back)};
}

// From 4 to 16 buckets, records of the old entries replaced and erased meanwhile.
Steps growth_in_a_batch(Store& store, KeySource& keys) {
  fill(store, keys, 20);
  const std::vector<std::string> present = keys_in(store);
  Steps parts = {erase_step(present[1]), put_step(present[2], value_of(3, 700))};
  for (int i = 0; i < 40; ++i) parts.push_back(put_step(keys.any(), value_of(4, 30)));
  return {batch_step(parts), batch_step({put_step(present[3], "one"), erase_step(present[4])})};
}

// Where blocks must be copied first, and old versions stay needed.
Steps batches_between_cuts(Store& store, KeySource& keys) {
  fill(store, keys, 40);
  const std::vector<std::string> present = keys_in(store);
  EXPECT_OK(store.put("large", value_of(1, 70'000)));
  return {batch_step({put_step(present[0], "one"), put_step(present[7], "two")}),
          snapshot_step(),
          batch_step({put_step(present[0], "three"), erase_step("large"), erase_step(present[9])}),
          checkpoint_step(),
          batch_step({put_step(present[0], "four"), put_step("large", "small")}),
          release_step()};
}

// Rows of extents that become free, then holes (surplus.h), then something else's.
Steps space_given_back(Store& store, KeySource& keys) {
  fill(store, keys, 12);
  for (const char* key : {"a", "b", "c"}) EXPECT_OK(store.put(key, value_of(1, 18'000)));
  return {checkpoint_step(),
          erase_step("a"),
          erase_step("b"),
          checkpoint_step(),
          put_step(keys.any(), "one"),
          checkpoint_step(),
          put_step(keys.any(), "two"),
          checkpoint_step(),
          put_step("a", value_of(2, 30'000)),
          put_step(keys.any(), value_of(3, 5'000)),
          checkpoint_step()};
}

// Records of sparse spans move together; the spans become free, then holes.
Steps compaction(Store& store, KeySource& keys) {
  fill(store, keys, 300);
  const std::vector<std::string> present = keys_in(store);
  for (std::size_t i = 0; i < present.size(); ++i)
    EXPECT_TRUE(i % 5 == 0 || store.erase(present[i]).value());
  return {put_step(present[0], "one"), compact_step(), put_step(present[1], value_of(2, 20))};
}

// From 64 buckets to 16: old buckets are evacuated two at a time, by the compaction and by writes.
Steps growth_to_half_the_size(Store& store, KeySource& keys) {
  fill(store, keys, 250);
  finish_growth(store, keys);
  const std::vector<std::string> present = keys_in(store);
  for (std::size_t i = 60; i < present.size(); ++i) EXPECT_TRUE(store.erase(present[i]).value());
  return {compact_step(2),
          put_step(present[0], "overwritten"),
          erase_step(present[1]),
          put_step(keys.any(), "new"),
          compact_step(2),
          batch_step({put_step(keys.any(), "newer"), erase_step(present[2])}),
          compact_step(3),
          checkpoint_step(),
          put_step(present[3], value_of(2, 100)),
          compact_step(),
          put_step(present[4], "again")};
}

// Emptied in the middle of it, by clear() and by erasures.
Steps emptied_while_halving(Store& store, KeySource& keys) {
  fill(store, keys, 60);
  finish_growth(store, keys);
  const std::vector<std::string> present = keys_in(store);
  for (std::size_t i = 3; i < present.size(); ++i) EXPECT_TRUE(store.erase(present[i]).value());
  return {compact_step(1),
          erase_step(present[0]),
          erase_step(present[1]),
          erase_step(present[2]),
          put_step(present[0], "again"),
          clear_step(),
          put_step(present[1], "anew")};
}

bool anything(const Header&, const Header&) { return true; }
bool freed_spans(const Header& before, const Header& after) {
  return after.span_count - after.span_free < before.span_count - before.span_free;
}
bool overflowed(const Header& before, const Header& after) {
  return after.noverflow > before.noverflow;
}
bool doubled(const Header& before, const Header& after) { return after.b == before.b + 1; }
bool halved_twice(const Header& before, const Header& after) {
  return after.b + 2 == before.b && after.oldbuckets.id == 0;
}
bool doubled_twice(const Header& before, const Header& after) { return after.b == before.b + 2; }
bool same_size(const Header& before, const Header& after) {
  return after.b == before.b && after.buckets.id != before.buckets.id;
}
bool reseeded(const Header& before, const Header& after) { return after.hash0 != before.hash0; }

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> kAll = {
      {"FirstInserts", first_inserts, doubled},
      {"Overwrites", overwrites, anything},
      {"FirstOverflow", first_overflow, overflowed},
      {"OverflowInserts", overflow_inserts, overflowed},
      {"GrowthOfFourBuckets", growth_of_four_buckets, doubled},
      {"GrowthOfSixteenBuckets", growth_of_sixteen_buckets, doubled},
      {"EvacuationOfChains", evacuation_of_chains, doubled},
      {"ErasuresAlongAChain", erasures_along_a_chain, anything},
      {"ErasureOfTheLastKey", erasure_of_the_last_key, reseeded},
      {"SameSizeGrowth", same_size_growth, same_size},
      {"Clearing", clearing, reseeded},
      {"ClearingDuringGrowth", clearing_during_growth, reseeded},
      {"LargeValues", large_values, anything},
      {"ExtentTableGrows", extent_table_grows, anything},
      {"CheckpointsBetween", checkpoints_between, doubled},
      {"SnapshotsBetween", snapshots_between, anything},
      {"FirstBatches", first_batches, anything},
      {"BatchesInChains", batches_in_chains, overflowed},
      {"GrowthInABatch", growth_in_a_batch, doubled_twice},
      {"BatchesBetweenCuts", batches_between_cuts, anything},
      {"SpaceGivenBack", space_given_back, anything},
      {"Compaction", compaction, freed_spans},
      {"GrowthToHalfTheSize", growth_to_half_the_size, halved_twice},
      {"EmptiedWhileHalving", emptied_while_halving, reseeded},
  };
  return kAll;
}

Prepared prepare(const Scenario& scenario, const std::string& path) {
  Prepared prepared;
  prepared.path = path;
  Store store = Store::open(path, quiet_options()).value();
  const RawView raw(path);
  KeySource keys(raw);
  prepared.steps = scenario.prepare(store, keys);
  prepared.states.push_back(contents(store));
  for (const Step& step : prepared.steps) {
    prepared.states.push_back(prepared.states.back());
    perform(prepared.states.back(), step);
  }
  EXPECT_OK(store.close());
  return prepared;
}

}  // namespace hmap::test
