// L1 to L6 of log.h.
#include "state/log.h"

#include "system/per_thread.h"

namespace hmap {
namespace {

using format::LogOp;
using format::LogState;

// Keeps its room for the next record of the thread.
struct RecordBuffer {
  std::string bytes;
};

constexpr const char* kFull = "the commit log is full";

LogState& state_of(Engine& engine) { return engine.runtime->log; }

// What may have been written behind the tail shall not be found there after a power cut, even if
// nobody appends any more. Where a record had no room nothing was written.
void blank_tail(Engine& engine) {
  const LogState& log = state_of(engine);
  if (engine.log == nullptr) return;
  if (log.tail + sizeof(format::LogRecord) - seam::load(log.head) > engine.log->area_bytes())
    return;
  // If it fails, the flush of the next commit will, too.
  static_cast<void>(engine.log->blank(log.tail).ok());
}

// The state that tells whether the change of `inflight` happened: that of a shard's intent, or of
// the batch.
const u64& state_of_inflight(Engine& engine, u64 inflight) {
  return inflight <= engine.layout.shards ? engine.intent(inflight - 1).state
                                          : engine.batch().state;
}

// The last owner of the log's lock died. Its shard, or the batch area, is still locked by it, or is
// being recovered and has not gone on: the state says whether the change happened.
void settle(Engine& engine) {
  LogState& log = state_of(engine);
  const u64 inflight = seam::load(log.inflight);
  if (inflight == 0 || inflight > engine.layout.shards + 1) return blank_tail(engine);
  if (seam::load(state_of_inflight(engine, inflight)) >= seam::load(log.inflight_state)) {
    seam::store(log.tail, log.inflight_end);
  } else {
    blank_tail(engine);  // it never happened
  }
  // Crash: before this store the next owner does the same once more.
  seam::store(log.inflight, 0);
}

void unlock(Engine& engine) {
  LogState& log = state_of(engine);
  engine.locker->unlock(log.append_lock);
  if (engine.guarded) forget_lock(log.append_lock);
}

Status lock(Engine& engine) {
  LogState& log = state_of(engine);
  make_room_for_locks(engine);
  const Result<Acquired> acquired = engine.locker->lock(log.append_lock, engine.lock_timeout);
  if (!acquired) return acquired.error();
  if (engine.guarded) remember_lock(log.append_lock);
  if (*acquired == Acquired::kOwnerDied) {
    // The file of the log may be the new store's by now.
    if (engine.is_replaced()) {
      unlock(engine);
      return Engine::replaced();
    }
    settle(engine);
  }
  return {};
}

}  // namespace

LogAppend::~LogAppend() {
  if (locked_) unlock(engine_);
}

Status LogAppend::write(u64 owner, u64 state, const Logged& what) {
  std::string& record = PerThread<RecordBuffer>::get().bytes;
  const u64 area = engine_.log->area_bytes();
  const u64 bytes = sizeof(format::LogRecord) + what.key.size() + what.value.bytes.size();
  const bool too_large = bytes + format::kLogUnit > area / format::kLogShare;
  if (too_large) {
    LogFile::compose(LogOp::kMarker, {}, {}, 0, record);
  } else {
    LogFile::compose(what.op, what.key, what.value, owner, record);
  }
  if (Status s = lock(engine_); !s.ok()) return s;
  locked_ = true;
  LogState& log = state_of(engine_);
  const u64 tail = log.tail;
  const u64 end = tail + record.size();
  if (end - seam::load(log.head) > area) return {Code::kNoSpace, kFull};
  if (Status s = engine_.log->write(tail, record); !s.ok()) return s;
  // Crash: a marker that does not count costs a checkpoint and nothing else.
  if (too_large) seam::store(log.marker, end);
  seam::store(log.inflight_end, end);
  seam::store(log.inflight_state, state);
  seam::store(log.inflight, owner + 1);
  return {};
}

void LogAppend::commit() {
  LogState& log = state_of(engine_);
  seam::store(log.tail, log.inflight_end);
  seam::store(log.inflight, 0);
  locked_ = false;
  unlock(engine_);
}

bool is_log_full(const Status& status) {
  return status.code() == Code::kNoSpace && status.what() == kFull;
}

Status settle_log(Engine& engine) {
  if (Status s = lock(engine); !s.ok()) return s;
  unlock(engine);
  return {};
}

bool log_fills_up(const Engine& engine) {
  if (engine.log == nullptr) return false;
  const LogState& log = engine.runtime->log;
  return seam::load(log.tail) - seam::load(log.head) > engine.log->area_bytes() / 2;
}

}  // namespace hmap
