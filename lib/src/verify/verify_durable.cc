// Roots, tables and blocks of the durable state; the rest is ShardCheck's and ExtentOwners'.
// format-spec/format.md, "Block runs" and "Root".
#include "verify/verify_durable.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <unordered_set>
#include <vector>

#include "format/hash.h"
#include "life/checkpoint.h"
#include "verify/verify_roots.h"
#include "verify/verify_shard.h"

namespace hmap::checking {
namespace {

using format::ExtentKind;
using format::Root;
using format::ShardHeader;
using format::TableEntry;
using format::TablePage;

class DurableView : public StateView {
 public:
  explicit DurableView(const Ground& ground)
      : StateView(ground.map, ground.layout, ground.seed, ground.codec, false) {}

  bool read(const CheckedRun& run, u64 block, u64 inside, void* to, u64 bytes) const override {
    const u64 at = block < run.places.size() ? run.places[block] : CheckedRun::kBad;
    if (at == CheckedRun::kBad) return false;
    if (at == CheckedRun::kUnwritten) {
      std::memset(to, 0, bytes);
      return true;
    }
    const std::byte* from = map.bytes(at + inside, bytes);
    if (from == nullptr) return false;
    seam::copy_out(to, from, bytes);
    return true;
  }
  bool extent_word(u64 extent, u64& word) const override {
    if (extent >= words.size() || !known[extent]) return false;
    word = words[extent];
    return true;
  }
  [[nodiscard]] bool may_be_odd(u64) const override { return false; }
  [[nodiscard]] u64 place(const CheckedRun& run, u64 block) const override {
    const u64 at = block < run.places.size() ? run.places[block] : CheckedRun::kBad;
    return at == CheckedRun::kBad || at == CheckedRun::kUnwritten
               ? run.run.offset + block * layout.block_bytes
               : at;
  }

  std::vector<u64> words;  // of the extents in use
  std::vector<bool> known;
};

class DurableCheck {
 public:
  DurableCheck(const Ground& ground, const VerifyOptions& options, Progress& progress)
      : ground_(ground),
        layout_(ground.layout),
        progress_(progress),
        limit_(options.findings_max),
        found_(limit_, false),
        far_(limit_, false),
        view_(ground) {
    counts_.checked = true;
  }

  void run() {
    durable_ = durable_word();
    for (u64 i = 0; i < 2; ++i) roots_[i] = read_root(ground_, i);
    counts_.bytes += sizeof(format::Superblock) + 2 * sizeof(Root);
    if (!choose_root() || !check_root() || !check_extent_table()) return;
    all_known_ = std::find(view_.known.begin(), view_.known.end(), false) == view_.known.end();
    ExtentOwners owners(view_);
    for (u64 k = 1; k < segments_.size(); ++k) {
      if (segments_[k].run.offset == 0) continue;
      owners.claim_run(segments_[k].run, ExtentKind::kExtentTable, layout_.shards & 0xff, k,
                       {segments_[k].run.offset}, found_);
    }
    for (u64 s = 0; s < layout_.shards && !progress_.stopped(); ++s) check_shard(s, owners);
    if (progress_.stopped()) return;
    owners.finish(all_known_, counts_, far_);
    found_.take(far_);
    progress_.at(progress_.total());
  }

  [[nodiscard]] bool unchanged() const {
    return same(read_root(ground_, 0), roots_[0]) && same(read_root(ground_, 1), roots_[1]) &&
           durable_word() == durable_;
  }
  [[nodiscard]] bool clean() const { return found_.empty(); }
  void report_to(VerifyReport& report) {
    found_.move_to(report);
    report.durable = counts_;
    report.generation = roots_[index_].valid ? roots_[index_].root.generation : 0;
  }

 private:
  [[nodiscard]] u64 durable_word() const {
    return ground_.runtime == nullptr ? 0 : seam::load(ground_.runtime->durable);
  }

  bool choose_root() {
    const bool a = roots_[0].valid;
    const bool b = roots_[1].valid;
    if (!a && !b) {
      for (u64 i = 0; i < 2; ++i) {
        found_.damage(FindingKind::kRoot, {layout_.root_offset(i)},
                      "neither root is valid: nothing says where the entries are");
      }
      return false;
    }
    index_ = a && (!b || roots_[0].root.generation > roots_[1].root.generation) ? 0 : 1;
    if (ground_.runtime != nullptr && !roots_[durable_ & 1].valid) {
      found_.damage(FindingKind::kRoot, {layout_.root_offset(durable_ & 1)},
                    "the durable root is not valid: a power cut now would lose what was written "
                    "since the checkpoint before. The next checkpoint writes another root");
      return false;
    }
    check_other_root(ground_, roots_[index_], index_, roots_[1 - index_], found_);
    return true;
  }

  bool check_root() {
    const Root& root = roots_[index_].root;
    const Spot here{layout_.root_offset(index_)};
    counts_.bytes += layout_.shards * sizeof(ShardHeader);
    view_.cut = root.cut;
    if (root.extent_table[0].value != layout_.extent_table_offset) {
      found_.damage(FindingKind::kRoot, here,
                    say("the root is impossible: extent table at ", root.extent_table[0].value));
      return false;
    }
    view_.extents_end = root.extents_end;
    const u64 end = layout_.extent_offset(root.extents_end);
    if (end > ground_.map.refresh()) {
      found_.damage(FindingKind::kTruncated, {ground_.map.file_bytes()},
                    say("the file has ", ground_.map.file_bytes(), " bytes, its root needs ", end,
                        ": the end is missing"));
      return false;
    }
    u64 used = 0;
    while (used < format::kExtentSegments && !root.extent_table[used].none()) ++used;
    const u64 capacity = layout_.words_per_block << (used - 1);
    if (root.extents_end > capacity ||
        std::any_of(root.extent_table + used, std::end(root.extent_table),
                    [](RunOffset run) { return !run.none(); })) {
      found_.damage(FindingKind::kRoot, here,
                    say("the extent table has room for ", capacity, " extents of ",
                        root.extents_end, ", or a gap"));
      return false;
    }
    return true;
  }

  // The words of all extents, which everything else is measured by.
  bool check_extent_table() {
    const Root& root = roots_[index_].root;
    for (u64 k = 0; k < format::kExtentSegments && !root.extent_table[k].none(); ++k) {
      CheckedRun& segment = segments_[k];
      segment.run = Run(root.extent_table[k], layout_.extent_table_shape(k));
      if (k != 0 && !run_fits(view_, segment.run)) {
        found_.damage(FindingKind::kRun, {layout_.root_offset(index_)},
                      say("segment ", k, " of the extent table does not lie in extents in use"));
        return false;
      }
      sweep(segment, Finding::kNoShard);
    }
    view_.words.assign(root.extents_end, 0);
    view_.known.assign(root.extents_end, true);
    u64 extent = 0;
    std::vector<u64> words(layout_.words_per_block);
    for (const CheckedRun& segment : segments_) {
      for (u64 i = 0; i < segment.places.size(); ++i) {
        const bool known = view_.read(segment, i, 0, words.data(), layout_.block_bytes);
        take_words(segment, i, known ? words.data() : nullptr, extent);
        extent += layout_.words_per_block;
      }
    }
    const auto taken =
        static_cast<u64>(std::count_if(view_.words.begin(), view_.words.end(), [](u64 word) {
          return extent_kind(word) != ExtentKind::kFree;
        }));
    progress_.set_total(layout_.heap_offset + taken * layout_.extent_bytes);
    return true;
  }

  void take_words(const CheckedRun& segment, u64 block, const u64* words, u64 first) {
    const u64 end = view_.words.size();
    for (u64 i = 0; i < layout_.words_per_block; ++i) {
      if (first + i < end) {
        view_.words[first + i] = words == nullptr ? 0 : words[i];
        view_.known[first + i] = words != nullptr;
      } else if (words != nullptr && words[i] != 0) {
        found_.damage(FindingKind::kExtent,
                      {view_.place(segment, block) + i * 8, Finding::kNoShard, FindingUnit::kExtent,
                       first + i},
                      say("extent ", first + i, " is not in use yet, but has a word"));
        return;
      }
    }
  }

  // Every page of the run's table and every block that it names.
  void sweep(CheckedRun& checked, u32 shard) {
    const Run& run = checked.run;
    checked.places.assign(run.blocks, CheckedRun::kBad);
    for (u64 page = 0; page < layout_.table_pages(run.blocks); ++page) {
      const u64 at = layout_.table_offset(run, index_) + page * layout_.block_bytes;
      const u64 first = page * layout_.entries_per_page;
      const u64 last = std::min(run.blocks, first + layout_.entries_per_page);
      const std::byte* shared = ground_.map.bytes(at, layout_.block_bytes);
      // A copy: what is used is what was checked.
      std::vector<std::byte> page_bytes(shared != nullptr ? layout_.block_bytes : 0);
      if (shared != nullptr) seam::copy_out(page_bytes.data(), shared, page_bytes.size());
      const std::byte* bytes = page_bytes.data();
      if (shared == nullptr || !page_is_intact(bytes, at)) {
        found_.damage(
            FindingKind::kTable, {at, shard},
            say("a page of a table has a wrong checksum: the ", last - first, " blocks from ",
                run.offset + first * layout_.block_bytes, " on cannot be found"));
        continue;
      }
      counts_.bytes += layout_.block_bytes;
      const auto* entries = reinterpret_cast<const TableEntry*>(bytes + sizeof(TablePage));
      for (u64 i = first; i < last; ++i) {
        checked.places[i] = check_block(run, i, entries[i - first], shard);
      }
      const auto* end = reinterpret_cast<const TableEntry*>(bytes + layout_.block_bytes);
      check_page_rest(entries + (last - first), end, at, shard);
      if (!progress_.at(counts_.bytes)) return;
    }
  }

  // The entries of a page that no block has (F-98).
  void check_page_rest(const TableEntry* entry, const TableEntry* end, u64 page, u32 shard) {
    const auto is_zero = [](const TableEntry& e) { return e.place == 0 && e.checksum == 0; };
    if (std::all_of(entry, end, is_zero)) return;
    found_.damage(FindingKind::kTable, {page, shard},
                  "a page of a table has entries of blocks that its run does not have: it was "
                  "written over, whatever its checksum says");
  }

  [[nodiscard]] bool page_is_intact(const std::byte* page, u64 at) const {
    constexpr u64 kSkip = sizeof(u32);
    u32 stored = 0;
    std::memcpy(&stored, page, sizeof stored);
    if (stored == checksum(page + kSkip, layout_.block_bytes - kSkip, ground_.seed ^ at))
      return true;
    return std::all_of(page, page + layout_.block_bytes,
                       [](std::byte b) { return b == std::byte{0}; });
  }

  u64 check_block(const Run& run, u64 index, const TableEntry& entry, u32 shard) {
    if (entry.place == 0) return CheckedRun::kUnwritten;
    const u64 home = run.offset + index * layout_.block_bytes;
    const u64 at = u64{entry.place} * layout_.block_bytes;
    const std::byte* bytes = ground_.map.bytes(at, layout_.block_bytes);
    if (bytes == nullptr || !is_place(run, home, at, shard)) {
      found_.damage(FindingKind::kPlace, {at, shard, FindingUnit::kBlock, index},
                    say("a table says that the block with home ", home, " is at ", at,
                        ", where it cannot be"));
      return CheckedRun::kBad;
    }
    if (entry.checksum != checksum(bytes, layout_.block_bytes, ground_.seed ^ home)) {
      found_.damage(FindingKind::kBlock, {at, shard, FindingUnit::kBlock, index},
                    say("a block (home ", home, ") has a wrong checksum: what is in it is lost"));
      return CheckedRun::kBad;
    }
    ++counts_.blocks;
    counts_.bytes += layout_.block_bytes;
    return at;
  }

  // Home, spare copy, or a frame of the shard that no other block has.
  bool is_place(const Run& run, u64 home, u64 at, u32 shard) {
    if (at == home) return true;
    if (run.copies > 1) {
      const u64 stride = run.blocks * layout_.block_bytes;
      return at > home && (at - home) % stride == 0 && (at - home) / stride < run.copies;
    }
    u64 word = 0;
    if (at < layout_.heap_offset || layout_.extent_of(at) >= view_.extents_end ||
        !view_.extent_word(layout_.extent_of(at), word)) {
      return false;
    }
    const bool frame = extent_kind(word) == ExtentKind::kFrames && extent_shard(word) == shard &&
                       (at - layout_.heap_offset) % layout_.extent_bytes != 0;
    return frame && frames_.insert(at).second;
  }

  void check_shard(u64 s, ExtentOwners& owners) {
    ShardCheck shard(view_, s, limit_, counts_);
    const u64 at = layout_.root_offset(index_) + sizeof(Root) + s * sizeof(ShardHeader);
    if (!shard.use(roots_[index_].headers[s], at, found_)) {
      all_known_ = false;
      return;
    }
    shard.runs.each([&](CheckedRun& run) {
      if (run.run.offset != 0 && !progress_.stopped()) sweep(run, static_cast<u32>(s));
    });
    shard.begin_marks();
    for (u64 n = 0; n < shard.chains(); ++n) {
      if (!progress_.at(counts_.bytes)) return;
      shard.chain(n);
      shard.commit_piece(found_, far_);
    }
    shard.sums(found_);
    shard.spans(owners, found_);
    shard.claim(owners, found_);
    if (shard.has_gaps()) all_known_ = false;
  }

  const Ground& ground_;
  const Layout& layout_;
  Progress& progress_;
  const u64 limit_;
  Findings found_;
  Findings far_;
  DurableView view_;
  std::array<RootCopy, 2> roots_;
  u64 index_ = 0;
  u64 durable_ = 0;  // what the store in use says about it
  std::array<CheckedRun, format::kExtentSegments> segments_;
  std::unordered_set<u64> frames_;
  VerifyCounts counts_;
  bool all_known_ = false;
};

}  // namespace

bool check_durable(const Ground& ground, const VerifyOptions& options, Progress& progress,
                   VerifyReport& report) {
  DurableCheck check(ground, options, progress);
  check.run();
  if (!check.clean() && !check.unchanged()) return false;
  check.report_to(report);
  return true;
}

}  // namespace hmap::checking
