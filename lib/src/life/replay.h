// The commit log in a store's life: replayed after a power cut, begun by the first that opens the
// store with Durability::kCommit, joined by the others, ended by the last to close.
//
// The durable root says where the log goes on from it and whether anything may follow there
// (kLogInUse); the log file itself holds nothing that changes but its records.
#ifndef HMAP_SRC_LIFE_REPLAY_H_
#define HMAP_SRC_LIFE_REPLAY_H_

#include <vector>

#include "life/open.h"
#include "map/batch_plan.h"

namespace hmap {

// Before anything may be taken over from the dead: what they left behind the end of a log in use is
// blanked there (F-63), whatever durability the session will have. A log that is missing or is not
// the store's is found by those below who need it.
void lend_log(Session& session);

// What a record of a log's row does, in this order and at one moment: puts and erasures, whose
// bytes are the entry's; nothing of a clear. kBadLog: a store of this layout has written no such
// record.
Result<std::vector<BatchItem>> items_of(const Layout& layout, const LogEntry& entry);

// For a writer that is alone, all domains recovered, nobody let in yet. `rebuilt`: the runtime area
// comes from the durable root, so that what the log has beyond it must be replayed. Afterwards the
// log is begun if the session's durability is kCommit, else out of use; a checkpoint is durable
// that says so. Errors: kBadLog, kNoSpace, kIoError, kBusy, kPermission, kSystem.
Status set_up_log(Session& session, const Options& options, bool rebuilt);

// For a writer that joins others whose durability is kCommit. Errors: kBadLog, kPermission.
Status join_log(Session& session);

// The last checkpoint of a store in commit mode: after it nobody needs the log.
Status close_log(Session& session);

// For a read-only view of the durable root. kNeedsRecovery if the log has more, kBadLog.
Status check_log_is_empty(const Session& session);

}  // namespace hmap

#endif  // HMAP_SRC_LIFE_REPLAY_H_
