// One flush for all who wait.
#include "life/commit.h"

#include <chrono>
#include <cstdint>
#include <optional>

#include "life/checkpoint.h"
#include "life/gather.h"
#include "state/log.h"

namespace hmap {
namespace {

using format::LogState;
using std::chrono::milliseconds;

// How long a committer sleeps before it looks whether the one who flushes still lives.
constexpr milliseconds kLook{10};
// A living one that is not done by now may have been stopped: everybody may flush for himself.
constexpr milliseconds kPatience{1'000};

bool is_durable(const LogState& log, u64 position) {
  return seam::load(log.flushed) >= position || seam::load(log.head) >= position;
}

// A record that stands for a change which is not in the log: it, and what comes after it, is
// durable once the durable root has it. Loaded after the tail in question: the marker is stored
// before.
bool waits_for_checkpoint(const LogState& log) {
  return seam::load(log.marker) > seam::load(log.head);
}

// Everything in the log by now. The caller is the only one to store `flushed`.
Status flush_for_all(Engine& engine) {
  LogState& log = engine.runtime->log;
  GatheredFlush flush(log);
  // Order: the tail first. What is before it had been written when it was stored.
  const u64 tail = seam::load(log.tail);
  if (waits_for_checkpoint(log)) return {};
  flush.begin(tail);
  const Status status = engine.log->flush();
  flush.end();
  if (status.ok()) {
    // Crash: the next one flushes once more.
    if (tail > log.flushed) seam::store(log.flushed, tail);
  } else {
    // Crash: the error is reported once for each descriptor; those of the others will tell them.
    poison(engine, status.os_error());
  }
  seam::store(log.flushes, log.flushes + 1);
  return status;
}

// Flushes are numbered by `flushes` as it is while they run. Who sleeps for the end of one wakes up
// with those who sleep for the same, not with those for the one after it: of these, one is enough.
u32 sleepers_of(u32 flush) { return u32{1} << (flush & 1); }

// Flushes for all who wait, if nobody has, gives the flush lock back, and wakes those it was for,
// and one to lead the next. Crash in between: the others look after kLook, and whoever takes the
// lock over flushes once more.
Status lead(Engine& engine, u64 position, PlainLock flush_lock) {
  LogState& log = engine.runtime->log;
  const u32 flush = seam::load(log.flushes);
  // The one before may have flushed for us while we asked.
  const bool is_done = is_durable(log, position);
  const Status status = is_done ? Status() : flush_for_all(engine);
  const bool has_flushed = seam::load(log.flushes) != flush;
  flush_lock.unlock();
  if (is_done) {
    wake(log.flushes, 1, sleepers_of(flush));
  } else if (!status.ok() || !has_flushed) {
    wake(log.flushes, kAllSleepers, kAnyReason);  // an error, or a checkpoint's turn
  } else {
    wake(log.flushes, kAllSleepers, sleepers_of(flush));
    wake(log.flushes, 1, sleepers_of(flush + 1));
  }
  return status;
}

Status damaged(const Engine& engine, const char* what) {
  return Engine::corrupt(what, engine.map->offset_of(&engine.runtime->log));
}

}  // namespace

Status wait_durable(Engine& engine, u64 position) {
  LogState& log = engine.runtime->log;
  const auto start = std::chrono::steady_clock::now();
  Gathering others(log, position);
  std::optional<u32> awaited;  // the flush for whose end we sleep
  bool has_slept_out = false;
  // Bound: each round flushes, takes a checkpoint, waits for others to come, which left() bounds,
  // or for one who flushes and is alive, which it does at most kPatience long.
  for (;;) {
    const u32 seen = seam::load(log.flushes);
    if (is_durable(log, position)) {
      // Called to lead, perhaps, and not in need of it: somebody else may be.
      if (awaited == seen) wake(log.flushes, 1, sleepers_of(seen));
      return {};
    }
    if (Status s = engine.check_poison(); !s.ok()) return s;
    // A flush reaches no further than this, and it never goes back.
    if (seam::load(log.tail) < position) return damaged(engine, "the commit log's end is lost");
    if (waits_for_checkpoint(log)) {
      if (Status s = checkpoint(engine, engine.lock_timeout); !s.ok()) return s;
      // It has everything up to here, or another one had.
      if (!is_durable(log, position))
        return damaged(engine, "a checkpoint did not reach the commit log's position");
      continue;
    }
    others.arrive();
    if (awaited == seen) others.called();
    if (const auto left = others.left(); left.count() > 0) {
      awaited = seen;
      sleep_while(log.flushes, seen, left, sleepers_of(seen));
      continue;
    }
    // Whether the one who has the lock lives costs a system call: asked after a sleep in vain.
    Result<PlainLock> leads = has_slept_out
                                  ? PlainLock::take(engine, log.flush_lock, milliseconds{0})
                                  : PlainLock::try_take(engine, log.flush_lock);
    if (leads) {
      if (Status s = lead(engine, position, *std::move(leads)); !s.ok()) return s;
      continue;
    }
    if (leads.error().code() != Code::kBusy) return leads.error();
    if (std::chrono::steady_clock::now() - start > kPatience) {
      const Status status = engine.log->flush();
      if (!status.ok()) poison(engine, status.os_error());
      return status;
    }
    // Loaded before the lock was found held: the flush after this one begins with our record there.
    if (!awaited || static_cast<std::int32_t>(seen - *awaited) > 0) awaited = seen + 1;
    has_slept_out = !sleep_while(log.flushes, seen, kLook, sleepers_of(*awaited));
  }
}

}  // namespace hmap
