// Who owns which extent: every owner claims its own, and what nobody claimed must be free.
#ifndef HMAP_SRC_VERIFY_VERIFY_EXTENTS_H_
#define HMAP_SRC_VERIFY_VERIFY_EXTENTS_H_

#include <vector>

#include "state/space.h"
#include "verify/verify_view.h"

namespace hmap::checking {

class ExtentOwners {
 public:
  // Memory: one byte per extent of the state.
  explicit ExtentOwners(const StateView& view) : view_(view), owned_(view.extents_end) {}

  // Each adds at most one finding. `payload` kAnyPayload: any, the same in all words.
  static constexpr u64 kAnyPayload = ~u64{0};
  void claim_run(const Run& run, format::ExtentKind kind, u64 shard, u64 payload, const Spot& spot,
                 Findings& out);
  void claim_span(u64 first, u64 count, u64 shard, u64 span, const Spot& spot, Findings& out);
  void claim_large(u64 first, u64 count, u64 shard, const Spot& spot, Findings& out);
  // A row on a dead list: whatever its words say, nobody else may own it.
  void claim_dead(u64 first, u64 count, u64 shard, const Spot& spot, Findings& out);
  // Extents that are being taken or given back right now: nothing is said about them.
  void excuse(u64 first, u64 count);
  // Large records of the shard in extents [from, to) are being given back, and nobody else's.
  void excuse_large(u64 shard, u64 from, u64 to);

  // When all have claimed: words nobody claimed. `all_known`: no owner was left out because its
  // bytes are damaged, so that an extent without one is lost.
  void finish(bool all_known, VerifyCounts& counts, Findings& out);

 private:
  static constexpr u8 kOwned = 1;
  static constexpr u8 kExcused = 2;
  struct DeadLarge {
    u64 shard, from, to;
  };
  // False: out of bounds, or owned; reported.
  bool take(u64 first, u64 count, const Spot& spot, Findings& out);
  void check_words(u64 first, u64 count, u64 expected, const Spot& spot, Findings& out);
  [[nodiscard]] bool is_cleared(u64 extent, u64 word) const;
  void check_owned(u64 extent, u64 word, Findings& out) const;
  // The number of extents that belong together from `extent` on.
  u64 check_unowned(u64 extent, u64 word, bool all_known, Findings& out);
  u64 check_unowned_row(u64 extent, u64 word, bool all_known, Findings& out);
  [[nodiscard]] Spot spot_of(u64 extent, u64 word) const;

  const StateView& view_;
  std::vector<u8> owned_;
  std::vector<DeadLarge> dead_large_;
};

}  // namespace hmap::checking

#endif  // HMAP_SRC_VERIFY_VERIFY_EXTENTS_H_
