// Walking over all entries of a shard, chain by chain, through any number of growths.
//
// The walk goes through the hashes in the order of their reversed bits: the low bits, which choose
// the bucket, count most. A bucket chain of an array of 2^b buckets then holds one interval of that
// order, and when the map doubles the interval is halved, never mixed with others. So one number,
// how far the walk has come, says exactly which keys were handed out, whatever B was and will be.
// (Go keeps B and a bucket number instead, and filters.)
#ifndef HMAP_SRC_MAP_ITERATE_H_
#define HMAP_SRC_MAP_ITERATE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "hmap/position.h"
#include "records/records.h"
#include "state/engine.h"

namespace hmap {

struct Frozen;

// An entry read out of a chain. Large values are left behind, to be looked up when it is their
// turn.
struct WalkedEntry {
  std::string key;
  std::string value;
  u64 record = 0;  // that the value was copied from; 0: it lay in the bucket
  u16 flags = 0;   // its
  bool value_left_behind = false;
};

// The entries of one chain after the other. Strings are used again, as far as they are small.
class WalkedEntries {
 public:
  [[nodiscard]] std::size_t size() const { return count_; }
  WalkedEntry& operator[](std::size_t i) { return all_[i]; }
  [[nodiscard]] auto begin() { return all_.begin(); }
  [[nodiscard]] auto end() { return all_.begin() + static_cast<std::ptrdiff_t>(count_); }
  void clear();
  // One more, its members as somebody left them.
  WalkedEntry& add() {
    if (count_ == all_.size()) all_.emplace_back();
    return all_[count_++];
  }
  void drop_last() { --count_; }
  void drop(std::string_view key);

 private:
  std::vector<WalkedEntry> all_;
  std::size_t count_ = 0;
};

// Reads the chain at `position`, consistently, into `entries` (replacing them), and moves the
// position behind it; at the end of a shard on to the next. `position.shard` == number of shards:
// the end. The chain may be empty. Errors: kCorrupt. No lock; repeats itself while writers are at
// that chain. Of the live state, or of the cut that `frozen` holds. `astray`: of the walk, from 0:
// bytes of long records that were read and lie in another part of their chain. A growth on the way
// makes a few; in a file made to have many, the walk would never come to the end.
Status walk_chain(const Engine& engine, Position& position, WalkedEntries& entries, u64& astray,
                  const Frozen* frozen = nullptr);

// A random place in the first shard.
Position random_start();

}  // namespace hmap

#endif  // HMAP_SRC_MAP_ITERATE_H_
