// One state of a damaged store, live or durable, as far as it can be read: blocks with a word on
// how far they can be trusted, shard headers, extent words. Every offset is checked.
#ifndef HMAP_SRC_SALVAGE_SALVAGE_STATE_H_
#define HMAP_SRC_SALVAGE_SALVAGE_STATE_H_

#include <array>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hmap/recover.h"
#include "state/engine.h"

namespace hmap {

// What was found damaged, each place once.
class DamageLog {
 public:
  explicit DamageLog(std::size_t list_max) : list_max_(list_max) {}
  void add(const char* what, u64 offset) {
    if (!seen_.emplace(offset, what).second) return;
    if (list_.size() < list_max_) list_.push_back({what, offset});
  }
  [[nodiscard]] u64 total() const { return seen_.size(); }
  [[nodiscard]] const std::vector<RecoverReport::Damage>& list() const { return list_; }

 private:
  std::size_t list_max_;
  std::set<std::pair<u64, const char*>> seen_;
  std::vector<RecoverReport::Damage> list_;
};

enum class Trust : u8 {
  kVerified,  // a checksum says that these are the bytes
  kSuspect,   // nothing speaks against them
  kDamaged,   // there are none
};

struct SeenBlock {
  const std::byte* bytes = nullptr;  // null iff kDamaged
  Trust trust = Trust::kDamaged;
};

class SalvageState {
 public:
  // A durable state by a root, of which perhaps not everything verifies.
  struct ByRoot {
    u64 index = 0;
    format::Root root{};
    bool sector = false;   // the checksum of its 512 bytes is right
    bool headers = false;  // that of the shard headers is
    u64 headers_at = 0;    // where these are: behind the root, or still in the runtime area
  };
  static SalvageState durable(const Engine& engine, const ByRoot& by, DamageLog& log);
  // The live state in the runtime area.
  static SalvageState live(const Engine& engine, DamageLog& log);

  [[nodiscard]] bool is_live() const { return live_; }
  [[nodiscard]] bool headers_verified() const { return headers_verified_; }
  // Of a durable state: where the commit log goes on from it, as its root says.
  struct LogStart {
    u64 position = 0;
    bool in_use = false;    // something may follow there; unverified: somebody says so
    bool verified = false;  // by the root's checksum, or the last cut said the same
  };
  [[nodiscard]] const LogStart& log_start() const { return log_start_; }
  // Of a durable state: the root (A: 0, B: 1).
  [[nodiscard]] u64 root_index() const { return root_index_; }
  // A segment of the extent table; none if there is none, or it cannot be believed.
  [[nodiscard]] RunOffset extent_table(u64 segment) const { return extent_table_[segment]; }
  // Extents of the state.
  [[nodiscard]] u64 extents_end() const { return extents_end_; }
  // Null if the header is lost or impossible.
  [[nodiscard]] const format::ShardHeader* header(u64 shard) const {
    return headers_[shard] ? &*headers_[shard] : nullptr;
  }

  // Block `index` of a run. Cost: a hash table look-up; the first time a checksum.
  SeenBlock block(const Run& run, u64 index);

  struct SeenWord {
    u64 word = 0;
    Trust trust = Trust::kDamaged;
  };
  // The extent table's word of an extent; kVerified also beyond its end.
  SeenWord extent_word(u64 extent);

 private:
  SalvageState(const Engine& engine, DamageLog& log) : engine_(engine), log_(log) {}
  void take_log_start(const ByRoot& by);
  void take_headers(u64 at, u64 otherwise_at);
  [[nodiscard]] std::optional<format::ShardHeader> header_at(u64 offset) const;
  [[nodiscard]] bool possible(const format::ShardHeader& header) const;
  [[nodiscard]] bool possible(const format::BucketArray& array) const;
  void check_segments();
  SeenBlock live_block(const Run& run, u64 index) const;
  SeenBlock durable_block(const Run& run, u64 index);
  Trust page(u64 at);

  const Engine& engine_;
  DamageLog& log_;
  bool live_ = false;
  bool headers_verified_ = false;
  bool root_verified_ = false;
  u64 root_index_ = 0;
  u64 extents_end_ = 0;
  LogStart log_start_;
  std::vector<std::optional<format::ShardHeader>> headers_;
  std::array<RunOffset, format::kExtentSegments> extent_table_{};
  std::unordered_map<u64, Trust> pages_;       // by offset
  std::unordered_map<u64, SeenBlock> blocks_;  // by home
};

}  // namespace hmap

#endif  // HMAP_SRC_SALVAGE_SALVAGE_STATE_H_
