// Closing: what the last one leaves behind.
#include "life/checkpoint.h"
#include "life/open.h"
#include "life/replay.h"
#include "life/settle.h"
#include "life/snapshots.h"
#include "state/guarded.h"
#include "state/surplus.h"

namespace hmap {
namespace {

// Whether nobody will open the store again: flushing gigabytes of it would be time wasted.
bool has_no_future(const Session& session) {
  const Engine& engine = session.engine;
  // Replaced: nobody needs what it has, and its log is the new store's. A file that had no name
  // from the start may still get one (FreshStore). A commit log is settled, as it still has its
  // name.
  return engine.is_replaced() || session.unwanted ||
         (session.named && session.log == nullptr && !engine.map->has_name());
}

// By the last one to close.
Status leave_checkpoint(Session& session) {
  Engine& engine = session.engine;
  const bool changed = changed_since_checkpoint(engine);
  // Otherwise it takes the space that it took when it was opened.
  const bool was_written = changed || sum_of_changes(engine) != session.changes;
  Status status;
  // Also by a guest, who has none: those who had it found him there and left it in use.
  if (session.log != nullptr || seam::load(engine.runtime->log.in_use) != 0) {
    status = close_log(session);
  } else if (changed) {
    status = checkpoint(engine, engine.lock_timeout);
  }
  if (!status.ok() || !was_written) return status;
  // What cannot be given back now can be another time.
  static_cast<void>(punch_ahead(engine).ok());
  return settle_at_close(engine);
}

// With the OPEN byte.
Status leave_state(Session& session) {
  Engine& engine = session.engine;
  bool others = false;
  for (u32 slot = 1; slot <= engine.layout.slots && !others; ++slot) {
    others = slot != session.slot && seam::load(engine.slot(slot).pid) != 0 &&
             slot_alive(session.fd.get(), slot);
  }
  if (has_no_future(session)) return {};
  if (Status s = engine.check_poison(); !s.ok()) return s;
  return others ? Status() : leave_checkpoint(session);
}

}  // namespace

// Each step is guarded on its own: a fault in one keeps nothing from being given up. What it leaves
// behind in the file is what a death leaves there.
Status close_session(Session& session) {
  if (session.attachment == nullptr) return {};
  Engine& engine = session.engine;
  const Status released = run_guarded(engine.guarded, [&]() -> Status {
    release_own_snapshots(engine);
    return {};
  });
  // Under the OPEN byte, so that of two that close at once the second knows that it is the last.
  // Outside the guard: kept, it would keep everybody from opening.
  const Result<OpenGuard> closing = OpenGuard::take(session.fd.get());
  const Status left = run_to_an_answer(engine.guarded, "no memory for the last checkpoint",
                                       [&] { return leave_state(session); });
  const Status given = run_guarded(engine.guarded, [&]() -> Status {
    seam::store(engine.slot(session.slot).pid, 0);
    return {};
  });
  session.attachment->leave();
  session.attachment.reset();
  if (!left.ok()) return left;
  return released.ok() ? given : released;
}

}  // namespace hmap
