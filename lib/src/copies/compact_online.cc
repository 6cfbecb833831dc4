// hmap::compact_online(): see hmap/compact.h.
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>

#include "hmap/compact.h"
#include "hmap/store.h"
#include "life/settle.h"
#include "map/grow.h"
#include "map/hmap.h"
#include "map/sparse.h"
#include "state/dead.h"
#include "state/surplus.h"
#include "store/store_access.h"

namespace hmap {
namespace {

using Clock = std::chrono::steady_clock;

// The longest sleep for the rate's sake before the caller is asked again whether to go on.
constexpr std::chrono::milliseconds kNap{50};
// All reversed hashes of a shard: 2^64.
constexpr double kAll = 18446744073709551616.0;

class OnlineCompaction {
 public:
  OnlineCompaction(std::shared_ptr<Handle> handle, const OnlineOptions& options)
      : handle_(std::move(handle)), options_(options), start_(Clock::now()) {}

  Result<OnlineReport> run() {
    const Result<Stats> before = handle_->stats(StatsDepth::kHeaders);
    if (!before) return before.error();
    total_ = before->entries;
    shards_ = before->shards.size();
    report_.allocated_before = before->allocated_bytes;
    const Status status = go();
    if (!status.ok() && !ended_) return status;
    report_.complete = status.ok();
    report_.records_moved = moved_.records;
    report_.bytes_moved = moved_.bytes;
    const Result<Stats> after = handle_->stats(StatsDepth::kHeaders);
    if (!after) return after.error();
    report_.allocated_after = after->allocated_bytes;
    report_.file_bytes = after->file_bytes;
    return report_;
  }

 private:
  Status go() {
    for (u64 shard = 0; shard < shards_; ++shard) {
      const u64 before = moved_.records;
      shard_ = shard;
      walked_ = 0;
      if (Status s = shrink(shard); !s.ok()) return s;
      if (Status s = empty_sparse_spans(shard); !s.ok()) return s;
      if (Status s = give_back(shard); !s.ok()) return s;
      // From here on the next shard can use what this one freed.
      if (moved_.records == before && !shrunk_) continue;
      if (Status s = handle_->checkpoint(); !s.ok()) return s;
    }
    walked_ = kAll;
    SettleCalls calls;
    calls.repeat = [&](u64 shard, const SettleCalls::Step& step) { return repeat(shard, step); };
    calls.checkpoint = [&] { return handle_->checkpoint(); };
    if (Status s = settle(shards_, calls); !s.ok()) return s;
    return punch();
  }

  // Runs step(Engine&) -> Result<bool> until it says that there is no more.
  template <typename Step>
  Status repeat(u64 shard, Step&& step) {
    for (;;) {
      const Result<bool> more = handle_->write(shard, step);
      if (!more) return more.error();
      if (Status s = pause(); !s.ok()) return s;
      if (!*more) return {};
    }
  }

  Status shrink(u64 shard) {
    shrunk_ = false;
    const Status s = repeat(shard, [&](Engine& engine) {
      const Result<bool> more = shrink_step(engine, shard);
      shrunk_ = shrunk_ || (more && *more);
      return more;
    });
    // No room for a smaller array beside the old one: there may be afterwards.
    return s.code() == Code::kNoSpace ? Status() : s;
  }

  Status empty_sparse_spans(u64 shard) {
    SparseSpans sparse(shard);
    const auto look = [&](Engine& engine) { return sparse.look(engine); };
    if (Status s = repeat(shard, look); !s.ok()) return s;
    if (sparse.count() == 0) return {};
    u64 walked = 0;
    const auto move = [&](Engine& engine) {
      const Result<bool> more = move_records(engine, sparse, walked, moved_);
      walked_ = more && !*more ? kAll : static_cast<double>(walked);
      return more;
    };
    return repeat(shard, move);
  }

  // Empty spans, and whatever is on the shard's dead list.
  Status give_back(u64 shard) {
    for (u64 size_class = 0; size_class < format::kClasses; ++size_class) {
      u64 before = 0;
      u64 left = 0;  // of a damaged list that runs in a circle nobody would see the end
      Status s = repeat(shard, [&](Engine& engine) -> Result<bool> {
        const Result<DomainLock> lock = DomainLock::take(engine, shard);
        if (!lock) return lock.error();
        if (left == 0) left = engine.header(shard).span_count + 2;
        const Result<bool> more = release_empty_span(engine, shard, size_class, before);
        if (!more || !*more) return more;
        return --left > 1;
      });
      if (!s.ok()) return s;
    }
    return repeat(shard, [&](Engine& engine) -> Result<bool> {
      const Result<DomainLock> lock = DomainLock::take(engine, shard);
      if (!lock) return lock.error();
      return give_back_cleared(engine, shard);
    });
  }

  Status punch() {
    u64 next = 0;
    u64 bytes = 0;
    return repeat(0, [&](Engine& engine) { return punch_free(engine, next, bytes); });
  }

  // Between two steps: others who want the lock, the rate, the caller.
  Status pause() {
    ::sched_yield();
    for (;;) {
      ended_ = options_.progress && !options_.progress(done(), total_);
      if (ended_) return {Code::kSystem, "ended by the progress callback", 0, ECANCELED};
      const auto ahead = time_ahead();
      if (ahead <= Clock::duration::zero()) return {};
      const timespec time{0, std::chrono::nanoseconds(ahead).count()};
      ::nanosleep(&time, nullptr);
    }
  }

  // By how much the walk is faster than it may be, at most kNap.
  [[nodiscard]] Clock::duration time_ahead() const {
    if (options_.bytes_per_second == 0) return Clock::duration::zero();
    const std::chrono::duration<double> due(static_cast<double>(moved_.bytes) /
                                            static_cast<double>(options_.bytes_per_second));
    // At a byte a second it may be ahead by more years than the clock counts.
    const std::chrono::duration<double> ahead = due - (Clock::now() - start_);
    return std::chrono::duration_cast<Clock::duration>(
        std::min<std::chrono::duration<double>>(ahead, kNap));
  }

  [[nodiscard]] u64 done() const {
    const double share =
        (static_cast<double>(shard_) + walked_ / kAll) / static_cast<double>(shards_);
    // A damaged file may have a total that no double holds exactly.
    return share < 1 ? static_cast<u64>(share * static_cast<double>(total_)) : total_;
  }

  const std::shared_ptr<Handle> handle_;
  const OnlineOptions& options_;
  const Clock::time_point start_;
  u64 total_ = 0;
  u64 shards_ = 0;
  u64 shard_ = 0;
  double walked_ = 0;    // of its reversed hashes
  bool shrunk_ = false;  // it
  bool ended_ = false;   // by the caller
  Moved moved_;
  OnlineReport report_;
};

}  // namespace

Result<OnlineReport> compact_online(Store& store, const OnlineOptions& options) {
  Result<std::shared_ptr<Handle>> handle = StoreAccess::handle(store);
  if (!handle) return handle.error();
  return OnlineCompaction(*std::move(handle), options).run();
}

}  // namespace hmap
