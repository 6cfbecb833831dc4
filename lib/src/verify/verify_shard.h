// One hmap of one state: its header, its chains with their records, its spans.
//
// In the live state others may be writing. So chains are checked in pieces: what a piece finds and
// marks counts only once it is committed, which the caller does when nothing changed meanwhile.
#ifndef HMAP_SRC_VERIFY_VERIFY_SHARD_H_
#define HMAP_SRC_VERIFY_VERIFY_SHARD_H_

#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "map/slots.h"
#include "records/spans.h"
#include "verify/verify_extents.h"

namespace hmap::checking {

class ShardCheck {
 public:
  // `counts` and `owners` are shared by all shards of a state; `limit`: findings kept.
  ShardCheck(const StateView& view, u64 shard, u64 limit, VerifyCounts& counts)
      : view_(view),
        shard_(shard),
        counts_(counts),
        piece_{Findings(limit, view.live), Findings(limit, view.live), {}, {}, 0, 0, 0, 0, false} {}

  ShardRuns runs;

  // Takes a header that lies at `offset`, sets `runs`, and checks what it says by itself. False:
  // its arrays cannot be walked. Repeated in the live state, with fresh words.
  bool use(const format::ShardHeader& header, u64 offset, Findings& out);
  // Allocates the marks for the header in use; they can be compared as long as nothing changes.
  void begin_marks();
  void drop_marks();

  // Number of main buckets to look at, 0 if there is no array, or none that can be walked.
  [[nodiscard]] u64 chains() const {
    return !walkable_ || header_.buckets.id == 0 ? 0 : u64{1} << header_.buckets.b;
  }
  // Checks what is reachable of main bucket n: its own chain, or that of the old bucket in its
  // stead.
  void chain(u64 n);
  // Throws the piece away, or adds it to the whole: what is wrong in a chain goes to `near`, what
  // is wrong between chains to `far`.
  void forget_piece();
  void commit_piece(Findings& near, Findings& far);

  // The directory, the lists of classes, and who owns which extent. Not while others write.
  void spans(ExtentOwners& owners, Findings& out);
  void claim(ExtentOwners& owners, Findings& out);
  // Counters and leaked slots, when every chain was committed with the same marks.
  void sums(Findings& out);
  // Whether some block could not be read, so that nothing can be said about what is missing.
  [[nodiscard]] bool has_gaps() const { return gaps_; }

 private:
  using SpanMap = std::array<u64, format::kSpanMapWords>;
  struct Reference {
    u64 offset;
    u64 span;  // kLarge: a large record
    u64 slot;  // of a large record: the number of its extents
    Spot spot;
  };
  static constexpr u64 kLarge = ~u64{0};
  struct Overflow {
    bool old;
    u64 number;
  };
  struct Piece {
    Findings near;
    Findings far;
    std::vector<Reference> references;
    std::vector<Overflow> overflows;
    u64 entries, large, buckets, bytes;
    bool gaps;  // a block was unreadable, or a chain broke off
  };
  struct Side {  // which of the two arrays
    const format::BucketArray& array;
    const std::array<CheckedRun, 1 + format::kOverflowRuns>& runs;
    bool old;
  };
  struct ChainEntry {
    u64 hash;
    std::string_view key;
    Spot spot;
  };
  struct RecordPlace {
    u64 span;
    u64 slot;
  };

  // verify_header.cc
  void check_array(const format::BucketArray& array, const char* name, Findings& out) const;
  void check_growth(Findings& out) const;
  void check_space_words(Findings& out) const;
  bool check_runs(Findings& out);
  void header_damage(Findings& out, std::string text) const;
  [[nodiscard]] u64 capacity(const format::BucketArray& array) const;
  [[nodiscard]] u64 span_capacity(const RunOffset* segments) const;

  // verify_chain.cc
  [[nodiscard]] Side current() const { return {header_.buckets, runs.buckets, false}; }
  [[nodiscard]] Side old() const { return {header_.oldbuckets, runs.oldbuckets, true}; }
  bool read_bucket(const Side& side, u64 n, BucketCopy& bucket, Spot& spot);
  bool evacuated_head(u64 i, bool is_first, bool& evacuated);
  void pair(u64 n, u64 other, bool evacuated);
  void walk(const Side& side, u64 head);
  bool step(const Side& side, u64 next, const Spot& spot);
  bool check_bucket(const Side& side, u64 head, const BucketCopy& bucket, const Spot& spot,
                    bool rest);
  void prefetch_records(const BucketCopy& bucket) const;
  void check_entry(const Side& side, u64 head, const BucketCopy& bucket, u64 slot,
                   const Spot& spot);
  void check_duplicates();

  // verify_record.cc
  bool check_record(u64 offset, const Spot& spot, std::string_view& key);
  bool check_reference(u64 offset, const Spot& spot, u64& word);
  [[nodiscard]] bool has_row(u64 extent, u64 word) const;
  bool seen_before(u64 offset, const Spot& spot);
  void check_content(const format::RecordHeader& header, const std::byte* at, const Spot& here);
  bool check_lengths(u64 offset, u64 word, u64 bytes, const Spot& spot);
  bool check_slot(u64 offset, u64 span, u64 bytes, const Spot& spot, RecordPlace& place);
  void commit_reference(const Reference& reference, Findings& far);

  // verify_spans.cc
  [[nodiscard]] bool is_span_head(u64 head) const;
  void check_span(ExtentOwners& owners, u64 span, Findings& out);
  void check_lists(Findings& out);
  void check_list(u64 size_class, std::vector<u8>& listed, Findings& out);
  void check_id(const Run& run, std::unordered_set<u64>& ids, Findings& out) const;
  void claim_run(ExtentOwners& owners, const Run& run, format::ExtentKind kind, u64 payload,
                 std::unordered_set<u64>& ids, Findings& out);
  void claim_dead(ExtentOwners& owners, Findings& out);
  [[nodiscard]] Spot span_spot(u64 span) const;

  const StateView& view_;
  const u64 shard_;
  VerifyCounts& counts_;
  format::ShardHeader header_{};
  u64 header_offset_ = 0;
  bool gaps_ = false;
  bool walkable_ = false;  // the arrays of the header in use

  void clear_piece();

  Piece piece_;
  std::vector<ChainEntry> chain_entries_;
  std::deque<std::string> chain_keys_;  // of these, if they lie in buckets

  // Marks of what was committed; empty while they mean nothing.
  bool marked_ = false;
  u64 entries_ = 0;
  u64 overflows_ = 0;
  std::vector<bool> overflow_used_;
  std::vector<bool> old_overflow_used_;
  std::vector<SpanMap> referred_;
  std::unordered_set<u64> large_;
  std::vector<u64> heads_;  // head word of each span, filled by spans()
  // The long records that were looked at since the header was taken, when nothing had changed.
  std::unordered_set<u64> long_seen_;
};

}  // namespace hmap::checking

#endif  // HMAP_SRC_VERIFY_VERIFY_SHARD_H_
