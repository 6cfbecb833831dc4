// The live state, shard by shard and piece by piece.
#include "verify/verify_live.h"

#include <sched.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "verify/verify_live_view.h"
#include "verify/verify_runtime.h"
#include "verify/verify_shard.h"
#include "verify/verify_unused.h"

namespace hmap::checking {
namespace {

using format::ShardHeader;

// Main buckets looked at in one piece: with the lock some ten microseconds; without it one, because
// a piece must fit between two writes.
constexpr u64 kLockedChains = 32;
constexpr u64 kLockedBlocks = 256;
constexpr u64 kUnlockedBlocks = 16;
constexpr u64 kUnlockedClasses = 4;
// A piece that never comes to rest is left out, and the report says so.
constexpr u64 kAttempts = 20'000;

enum class Piece : std::uint8_t { kDone, kRestless, kFailed };

class LiveCheck {
 public:
  LiveCheck(const Engine& engine, Engine* writer, const VerifyOptions& options,
            VerifyReport& report)
      : engine_(engine),
        writer_(writer),
        options_(options),
        report_(report),
        view_(engine),
        found_(options.findings_max, true),
        near_(options.findings_max, true),
        far_(options.findings_max, true) {
    counts_.checked = true;
  }

  Status run() {
    check_runtime(engine_, found_);
    const u64 before = changes();
    for (u64 s = 0; s < engine_.layout.shards; ++s) {
      shards_.push_back(std::make_unique<ShardCheck>(view_, s, options_.findings_max, counts_));
      if (Status status = check_shard(s, *shards_.back()); !status.ok()) return status;
      if (stopped_) break;
    }
    if (!stopped_) {
      if (Status status = check_table(); !status.ok()) return status;
    }
    if (!stopped_) check_owners(before);
    found_.move_to(report_);
    report_.live = counts_;
    if (stopped_) say_incomplete("the caller stopped it");
    if (stuck_) say_incomplete("what a dead process had begun cannot be finished");
    if (restless_ != 0) {
      say_incomplete(say(restless_,
                         " pieces of the live state were changed all the time; a handle "
                         "that may write can hold them still")
                         .c_str());
    }
    return {};
  }

 private:
  [[nodiscard]] u64 changes() const {
    u64 sum = 0;
    for (u64 d = 0; d <= engine_.layout.shards; ++d) sum += seam::load(engine_.intent(d).state);
    return sum;
  }

  void say_incomplete(const char* why) {
    report_.complete = false;
    report_.incomplete_why = why;
  }

  // A lock could not be had. What a dead owner left and nobody can finish is a finding, unless room
  // is all that is missing.
  Status refused(u64 d, const Status& why) {
    if (why.code() != Code::kCorrupt && why.code() != Code::kNoSpace) return why;
    quiet_ = false;
    if (why.code() == Code::kNoSpace) {
      say_incomplete("there is no room to finish what a dead process had begun");
      return {};
    }
    if (stuck_ == d) return {};
    stuck_ = d;
    const u32 shard = d < engine_.layout.shards ? static_cast<u32>(d) : Finding::kNoShard;
    found_.damage(FindingKind::kIntent, {why.value(), shard},
                  std::string("what a dead process had begun cannot be finished: ") + why.what());
    return {};
  }

  // Runs `fn`, which looks at domain d, until nothing changed meanwhile. `shard`: null for the
  // space.
  Status piece(u64 d, ShardCheck* shard, u64 attempts, Piece& outcome,
               const std::function<void()>& fn) {
    outcome = Piece::kRestless;
    for (u64 i = 0; i < attempts; ++i) {
      std::optional<Result<DomainLock>> lock;
      if (writer_ != nullptr) {
        lock.emplace(DomainLock::take(*writer_, d));
        if (!*lock) {
          if (shard != nullptr) shard->drop_marks();
          return refused(d, lock->error());
        }
      }
      view_.begin(d);
      fn();
      if (view_.steady()) {
        if (shard != nullptr) commit(*shard);
        found_.take(near_);
        outcome = Piece::kDone;
        return {};
      }
      if (shard != nullptr) shard->forget_piece();
      near_.clear();
      lock.reset();
      if (i > 64) ::sched_yield();
    }
    ++restless_;
    quiet_ = false;
    if (shard != nullptr) shard->drop_marks();
    return {};
  }

  void commit(ShardCheck& shard) {
    if (view_.intent_state() != first_state_) {
      quiet_ = false;
      shard.drop_marks();
    }
    shard.commit_piece(found_, far_);
  }

  // The header as it is now. False: it cannot be walked.
  bool use_header(u64 s, ShardCheck& shard) {
    ShardHeader header;
    const u64 at = engine_.layout.header_offset(s);
    view_.peek(at, &header, sizeof header);
    return shard.use(header, at, near_);
  }

  Status check_shard(u64 s, ShardCheck& shard) {
    Piece outcome = Piece::kDone;
    bool walkable = false;
    quiet_ = true;
    first_state_ = seam::load(engine_.intent(s).state);
    Status status = piece(s, &shard, kAttempts, outcome, [&] {
      first_state_ = view_.intent_state();
      walkable = use_header(s, shard);
      if (walkable) shard.begin_marks();
    });
    if (!status.ok() || !walkable || outcome != Piece::kDone) {
      all_quiet_ = false;
      return status;
    }
    if (Status st = check_places(s, shard); !st.ok() || stopped_) return st;
    if (Status st = check_unused(s, shard); !st.ok()) return st;
    if (Status st = check_chains(s, shard); !st.ok() || stopped_) return st;
    if (quiet_) {
      shard.sums(far_);
      quiet_ = seam::load(engine_.intent(s).state) == first_state_;
    }
    if (quiet_) found_.take(far_);
    far_.clear();
    all_quiet_ = all_quiet_ && quiet_;
    return quiet_ ? Status() : check_spans(s, shard);
  }

  Status check_places(u64 s, ShardCheck& shard) {
    const u64 step = writer_ != nullptr ? kLockedBlocks : kUnlockedBlocks;
    std::vector<Run> all;
    shard.runs.each([&](const CheckedRun& checked) {
      if (checked.run.offset != 0) all.push_back(checked.run);
    });
    for (const Run& run : all) {
      for (u64 first = 0; first < run.blocks; first += step) {
        if (!tell()) return {};
        Piece outcome = Piece::kDone;
        const u64 last = std::min(run.blocks, first + step);
        bool there = false;
        Status status = piece(s, &shard, kAttempts, outcome, [&] {
          // A run that is gone, or another one in its place, is somebody else's.
          if (view_.intent_state() != first_state_ && !use_header(s, shard)) return;
          there = false;
          shard.runs.each([&](const CheckedRun& now) {
            there = there || (now.run.offset == run.offset && now.run.blocks == run.blocks);
          });
          for (u64 i = first; there && i < last; ++i)
            view_.check_block(CheckedRun{run, {}}, i, s, near_);
        });
        if (!status.ok()) return status;
        counts_.blocks += last - first;
        done_ += (last - first) * sizeof(format::BlockState);
        if (!there) break;
      }
    }
    return {};
  }

  Status check_unused(u64 s, ShardCheck& shard) {
    const u64 step = writer_ != nullptr ? format::kClasses : kUnlockedClasses;
    for (u64 first = 0; first < format::kClasses; first += step) {
      Piece outcome = Piece::kDone;
      Status status = piece(s, &shard, kAttempts, outcome, [&] {
        if (view_.intent_state() != first_state_ && !use_header(s, shard)) return;
        for (u64 c = first; c < std::min(format::kClasses, first + step); ++c)
          check_unused_slots(engine_, view_, s, c, shard.runs, near_);
      });
      if (!status.ok()) return status;
    }
    return {};
  }

  // The blocks of the extent table. They are of no shard.
  Status check_table() {
    const u64 step = writer_ != nullptr ? kLockedBlocks : kUnlockedBlocks;
    for (u64 k = 0; k < format::kExtentSegments; ++k) {
      const Run run = extent_table_run(engine_, k);
      if (run.offset == 0) continue;
      if (engine_.map->bytes(run.offset, Layout::run_bytes(run)) == nullptr) {
        found_.damage(FindingKind::kRun, {engine_.layout.runtime_offset},
                      say("segment ", k, " of the extent table at ", run.offset,
                          " does not lie in the file: what is in it cannot be found"));
        continue;
      }
      for (u64 first = 0; first < run.blocks; first += step) {
        if (!tell()) return {};
        Piece outcome = Piece::kDone;
        const u64 last = std::min(run.blocks, first + step);
        const u64 space = engine_.layout.space_domain();
        Status status = piece(space, nullptr, kAttempts, outcome, [&] {
          for (u64 i = first; i < last; ++i)
            view_.check_block(CheckedRun{run, {}}, i, space, near_);
        });
        if (!status.ok()) return status;
        counts_.blocks += last - first;
      }
    }
    return {};
  }

  Status check_chains(u64 s, ShardCheck& shard) {
    const u64 step = writer_ != nullptr ? kLockedChains : 1;
    for (u64 n = 0; n < shard.chains(); n += step) {
      if (!tell()) return {};
      Piece outcome = Piece::kDone;
      Status status = piece(s, &shard, kAttempts, outcome, [&] {
        // After a growth the chains of the array before are all found again behind this one.
        if (view_.intent_state() != first_state_ && !use_header(s, shard)) return;
        for (u64 i = n; i < n + step && i < shard.chains(); ++i) shard.chain(i);
      });
      if (!status.ok()) return status;
    }
    return {};
  }

  // Directory and lists of a shard that others write to: with its lock, or in a lucky moment.
  Status check_spans(u64 s, ShardCheck& shard) {
    constexpr u64 kLuck = 16;
    Piece outcome = Piece::kDone;
    const u64 restless = restless_;
    const VerifyCounts counts = counts_;
    Status status = piece(s, &shard, writer_ != nullptr ? kAttempts : kLuck, outcome, [&] {
      counts_ = counts;  // what an attempt before this one looked at is not part of the report
      shard.drop_marks();
      if (!use_header(s, shard)) return;
      ExtentOwners owners(view_);
      shard.spans(owners, near_);
      shard.claim(owners, near_);
    });
    restless_ = restless;  // it is looked at whole or not at all: no piece is missing
    if (outcome != Piece::kDone) counts_ = counts;
    return status;
  }

  // Owners of extents, if nothing at all changed since the beginning.
  void check_owners(u64 before) {
    report_.live_quiet = false;
    if (!all_quiet_ || changes() != before) return;
    near_.clear();
    view_.begin(0);
    const VerifyCounts without = counts_;
    ExtentOwners owners(view_);
    excuse_unfinished(engine_, view_, engine_.layout.space_domain(), owners);
    claim_extent_table(engine_, view_, owners, near_);
    bool all_known = true;
    for (u64 s = 0; s < shards_.size(); ++s) {
      view_.begin(s);
      excuse_unfinished(engine_, view_, s, owners);
      shards_[s]->spans(owners, near_);
      shards_[s]->claim(owners, near_);
      all_known = all_known && !shards_[s]->has_gaps();
      check_frames(engine_, view_, s, near_);
    }
    VerifyCounts counts = counts_;
    owners.finish(all_known, counts, near_);
    if (changes() != before || !view_.steady()) {
      counts_ = without;
      return;
    }
    counts_ = counts;
    found_.take(near_);
    report_.live_quiet = true;
  }

  bool tell() {
    const u64 total = engine_.layout.extent_offset(view_.extents_end);
    if (options_.progress && calls_++ % 64 == 0) {
      told_ = std::max(told_, std::min(total, done_ + counts_.bytes));
      stopped_ = !options_.progress(told_, std::max(total, told_));
    }
    return !stopped_;
  }

  const Engine& engine_;
  Engine* writer_;
  const VerifyOptions& options_;
  VerifyReport& report_;
  LiveView view_;
  Findings found_;
  Findings near_;
  Findings far_;
  VerifyCounts counts_;
  std::vector<std::unique_ptr<ShardCheck>> shards_;
  u64 first_state_ = 0;
  bool quiet_ = true;      // this shard
  bool all_quiet_ = true;  // all of them
  bool stopped_ = false;
  u64 restless_ = 0;
  std::optional<u64> stuck_;  // the last domain that cannot be locked for damage
  u64 done_ = 0;
  u64 told_ = 0;
  u64 calls_ = 0;
};

}  // namespace

Status check_live(const Engine& engine, Engine* writer, const VerifyOptions& options,
                  VerifyReport& report) {
  return LiveCheck(engine, writer, options, report).run();
}

}  // namespace hmap::checking
