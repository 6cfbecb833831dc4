// The map of one shard in a damaged store: what its buckets refer to, what its allocation bitmaps
// say, and about which keys and places that is the last word.
#ifndef HMAP_SRC_SALVAGE_SALVAGE_SHARD_H_
#define HMAP_SRC_SALVAGE_SALVAGE_SHARD_H_

#include <functional>
#include <unordered_map>

#include "map/slots.h"
#include "salvage/salvage_state.h"

namespace hmap {

class SalvageShard {
 public:
  SalvageShard(const Engine& engine, SalvageState& state, u64 shard, DamageLog& log)
      : engine_(engine),
        layout_(engine.layout),
        state_(state),
        header_(*state.header(shard)),
        shard_(shard),
        log_(log) {}

  // A filled slot of a bucket that is reachable as far as can be seen. `main` is the main bucket of
  // its chain in an array of 2^b buckets.
  struct Filled {
    u64 record = 0;        // where its record lies, if slots refer to records
    std::string_view key;  // of an entry that lies in its bucket, until the visit ends
    std::string_view value;
    u64 bucket_at = 0;  // of such an entry: a place to report
    u64 main = 0;
    u64 b = 0;
    u8 tophash = 0;
    Trust trust = Trust::kDamaged;  // of its block
  };
  // Whether the slot can be that of a key with this hash (hash_key()).
  [[nodiscard]] bool fits(const Filled& slot, u64 hash) const;

  using VisitSlot = std::function<Status(const Filled&)>;
  Status for_each_slot(const VisitSlot& visit);
  // After for_each_slot(): nothing of the map is missing, so that whatever it does not refer to is
  // not an entry.
  [[nodiscard]] bool whole() const { return !damaged_ && filled_ == header_.count; }
  // A slot referred to what cannot be its record: that one may lie where no slot leads.
  void doubt() { damaged_ = true; }
  // Whether the chain that the hash leads to is there, every block verified.
  [[nodiscard]] bool chain_is_whole(u64 hash);

  // A record slot whose bit is set, or a large record (size_class: kClasses).
  struct Used {
    u64 record = 0;
    u64 size_class = 0;
  };
  using VisitUsed = std::function<Status(const Used&)>;
  // Every set bit of every bitmap that is there. `visit_span` gets the extents of every span whose
  // entry is verified: what no set bit names in there is nobody's.
  using VisitSpan = std::function<void(u64 first, u64 extents)>;
  Status for_each_used(const VisitUsed& visit, const VisitSpan& visit_span);
  // After for_each_used(): all bitmaps are there.
  [[nodiscard]] bool bitmaps_are_whole() const {
    return bits_verified_ || (bits_there_ && bits_ + larges_ == header_.count);
  }
  // Whether the extent is the first one of a large record that a cleared or grown map left.
  [[nodiscard]] bool is_being_given_back(u64 extent) const;

  [[nodiscard]] u64 count() const { return header_.count; }
  [[nodiscard]] u64 buckets_at() const { return header_.buckets.run[0].value; }
  [[nodiscard]] u64 number() const { return shard_; }
  [[nodiscard]] SalvageState& state() const { return state_; }

 private:
  struct SeenBucket {
    BucketCopy bucket;  // unless the trust is kDamaged
    Trust trust = Trust::kDamaged;
  };
  SeenBucket bucket(const format::BucketArray& array, u64 number);
  // The array whose chain a hash leads to; null: nobody can tell.
  struct Chain {
    const format::BucketArray* array = nullptr;
    u64 main = 0;
    Trust trust = Trust::kDamaged;
  };
  Chain chain_of(u64 hash);
  Trust walk(const format::BucketArray& array, u64 main,
             const std::function<Status(const Filled&)>& visit, Status& status);
  [[nodiscard]] u64 home_of(const format::BucketArray& array, u64 main) const;
  [[nodiscard]] u64 main_buckets(const format::BucketArray& array) const;
  Status walk_array(const format::BucketArray& array, const VisitSlot& visit);
  Status visit_block(const std::byte* bytes, u64 first_span, const VisitUsed& visit,
                     const VisitSpan* visit_span);
  Status visit_large(const VisitUsed& visit);

  const Engine& engine_;
  const Layout& layout_;
  SalvageState& state_;
  const format::ShardHeader header_;
  u64 shard_;
  DamageLog& log_;
  u64 filled_ = 0;
  bool damaged_ = false;
  u64 bits_ = 0;
  u64 larges_ = 0;
  std::unordered_map<u64, bool> whole_chains_;  // by the place of their main bucket
  bool bits_verified_ = false;
  bool bits_there_ = false;
};

}  // namespace hmap

#endif  // HMAP_SRC_SALVAGE_SALVAGE_SHARD_H_
