// Replaying, beginning, joining and ending a commit log.
#include "life/replay.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "format/hash.h"
#include "life/apply.h"
#include "life/checkpoint.h"
#include "map/hmap.h"
#include "records/records.h"
#include "state/log.h"

namespace hmap {
namespace {

using format::LogOp;
using format::LogState;

constexpr u64 kDefaultAreaBytes = u64{16} << 20;

Result<std::unique_ptr<LogFile>> open_log(const Session& session, bool writable) {
  const Result<std::string> path = LogFile::path_of(session.fd.get());
  if (!path) return path.error();
  const Result<format::Superblock> superblock = read_superblock(session.fd.get(), false);
  if (!superblock) return superblock.error();
  return LogFile::open(*path, *superblock, writable);
}

// The log to begin with: the one that is there, or a new one. Nothing is overwritten that may be
// another store's.
Result<std::unique_ptr<LogFile>> open_or_create_log(const Session& session,
                                                    const Options& options) {
  const Result<std::string> path = LogFile::path_of(session.fd.get());
  if (!path) return path.error();
  const Result<format::Superblock> superblock = read_superblock(session.fd.get(), false);
  if (!superblock) return superblock.error();
  if (::access(path->c_str(), F_OK) != 0 && errno == ENOENT) {
    struct stat store {};
    if (::fstat(session.fd.get(), &store) != 0)
      return Status(Code::kSystem, "cannot stat", 0, errno);
    const u64 bytes = options.log_bytes != 0 ? options.log_bytes : kDefaultAreaBytes;
    if (Status s = LogFile::create(*path, *superblock, bytes, store.st_mode); !s.ok()) return s;
  }
  return LogFile::open(*path, *superblock, true);
}

// With Options::ignore_log: what is no log of this store is put aside.
Result<std::unique_ptr<LogFile>> replace_log(const Session& session, const Options& options) {
  const Result<std::string> path = LogFile::path_of(session.fd.get());
  if (!path) return path.error();
  if (::rename(path->c_str(), (*path + ".bad").c_str()) != 0)
    return Status(Code::kSystem, "cannot rename the damaged commit log", 0, errno);
  return open_or_create_log(session, options);
}

// Makes the next checkpoint() take a cut although nothing has changed.
void force_cut(Engine& engine) { seam::store(engine.cut().changes, ~u64{0}); }

// A value that is compressed is found wrong, if it is, by whoever decompresses it. Inline slots
// have none.
bool fits(const Layout& layout, const BatchItem& item) {
  const Lengths& lengths = layout.lengths;
  if (!lengths.key_fits(item.key.size())) return false;
  if (item.erases) return true;
  return item.value.flags != 0 ? !layout.bucket.is_inline()
                               : lengths.value_fits(item.value.bytes.size());
}
// As store.cc refuses it: there is room for so many operations in the batch area, and each record
// of a batch lies in a span.
bool is_possible_batch(const Layout& layout, const std::vector<BatchItem>& items) {
  return items.size() <= layout.batch_ops &&
         std::none_of(items.begin(), items.end(), [&](const BatchItem& item) {
           return !item.erases && is_large(layout, record_bytes(item.key, item.value));
         });
}

// One record through the ordinary write path. The engine has no log meanwhile.
Status do_again(Session& session, const LogEntry& entry) {
  Engine& engine = session.engine;
  Result<std::vector<BatchItem>> items = items_of(engine.layout, entry);
  if (!items) return items.error();
  // Nobody could read what would be written, nor what it would be written over. Who salvages goes
  // on with the other records.
  for (const BatchItem& item : *items) {
    if (!item.erases && !engine.codec->knows(item.value.flags))
      return {Code::kBadLog, "the commit log has a value stored in a way that this store has not"};
  }
  const u64 hash = hash_key(entry.key, engine.store_seed);
  switch (entry.op) {
    case LogOp::kPut:
      return put_entry(engine, entry.key, hash, {entry.value, entry.flags}, PutMode::kPut,
                       &engine.slot(session.slot).notes[0])
          .error();
    case LogOp::kErase:
      return erase_entry(engine, entry.key, hash).error();
    case LogOp::kBatch:
      return apply_batch(engine, *std::move(items));
    default:
      return clear_shard(engine, entry.shard);
  }
}

// From the position of the durable root to the first record that is not there, not intact, of
// another lap, or a marker. Checkpoints on the way are roots like any other: `tail` goes along.
Status replay(Session& session, const LogFile& log) {
  Engine& engine = session.engine;
  LogState& state = engine.runtime->log;
  for (;;) {
    const Result<std::optional<LogEntry>> entry = log.next(state.tail);
    if (!entry) return entry.error();
    if (!entry->has_value()) return {};
    Status status = do_again(session, **entry);
    if (status.code() == Code::kNoSpace) {
      if (Status s = checkpoint(engine, engine.lock_timeout); !s.ok()) return s;
      status = do_again(session, **entry);
    }
    if (!status.ok()) return status;
    // Crash: the runtime area is not valid yet; the next opener replays from its root.
    seam::store(state.tail, (*entry)->end);
    seam::store(state.replayed, state.replayed + 1);
  }
}

// A position that no record in the file can bear, whatever was written behind the last one that
// counts, even if the root is an older one than it should be: laps further, at the area's
// beginning. `tail` is the last position known.
u64 next_lap(u64 tail, u64 area_bytes) { return (tail / area_bytes + 3) * area_bytes; }

// The last position that the file may know; the end of the log if it is the file that the live
// state used. Beside another one, or a rebuilt state, there may be records that are newer than
// either knows: of a store that was put back to what it was once, or replaced by a copy of itself,
// which has the same seed.
Result<u64> last_position(const LogFile& log, const LogState& state) {
  if (log.inode() == seam::load(state.inode)) return state.tail;
  return log.last_position(state.tail);
}

// Gives back what lend_log() lent.
void take_log_back(Session& session) {
  session.engine.log = nullptr;
  session.log.reset();
}

}  // namespace

void lend_log(Session& session) {
  const LogState& state = session.engine.runtime->log;
  if (seam::load(state.in_use) == 0) return;
  Result<std::unique_ptr<LogFile>> log = open_log(session, true);
  if (!log || (*log)->inode() != seam::load(state.inode)) return;
  session.log = *std::move(log);
  session.engine.log = session.log.get();
}

Result<std::vector<BatchItem>> items_of(const Layout& layout, const LogEntry& entry) {
  std::vector<BatchItem> items;
  if (entry.op == LogOp::kClear) {
    if (entry.shard < layout.shards) return items;
    return Status(Code::kBadLog, "the commit log clears a shard that does not exist");
  }
  if (entry.op == LogOp::kBatch) {
    if (Status s = read_batch(entry.value, items); !s.ok()) return s;
    if (!is_possible_batch(layout, items))
      return Status(Code::kBadLog, "the commit log has a batch that no writer could have applied");
  } else {
    BatchItem& item = items.emplace_back();
    item.key = entry.key;
    item.value = {entry.value, entry.flags};
    item.erases = entry.op == LogOp::kErase;
  }
  for (const BatchItem& item : items) {
    if (!fits(layout, item))
      return Status(Code::kBadLog, "the commit log has an entry of another type");
  }
  return items;
}

Status set_up_log(Session& session, const Options& options, bool rebuilt) {
  Engine& engine = session.engine;
  LogState& state = engine.runtime->log;
  take_log_back(session);
  const bool wanted = session.durability == Durability::kCommit;
  const bool owed = rebuilt && state.in_use != 0 && !options.ignore_log;
  const bool root_says_owed = rebuilt && state.in_use != 0;
  u64 area_bytes = 0;
  u64 last = 0;
  if (owed) {
    const Result<std::unique_ptr<LogFile>> log = open_log(session, false);
    if (!log) return log.error();
    if (Status s = replay(session, **log); !s.ok()) return s;
    area_bytes = (*log)->area_bytes();
    last = state.tail;
  }
  if (wanted) {
    Result<std::unique_ptr<LogFile>> log = open_or_create_log(session, options);
    if (log.error().code() == Code::kBadLog && options.ignore_log)
      log = replace_log(session, options);
    if (!log) return log.error();
    const Result<u64> known = last_position(**log, state);
    if (!known) return known.error();
    last = *known;
    session.log = *std::move(log);
    area_bytes = session.log->area_bytes();
  }
  // Crash from here on: the area is not valid, or everything that counts is in it. The root and the
  // records that belong to it stay as they are until the next root is durable.
  if (area_bytes != 0) {
    const u64 tail = next_lap(last, area_bytes);
    seam::store(state.marker, 0);
    seam::store(state.flushed, 0);
    seam::store(state.tail, tail);
  }
  // Order: a guest who finds the log in use joins it.
  if (wanted) seam::store(state.inode, session.log->inode());
  seam::store(state.in_use, wanted ? 1 : 0);
  if (!wanted && !root_says_owed) return {};
  force_cut(engine);
  if (Status s = checkpoint(engine, engine.lock_timeout); !s.ok()) return s;
  engine.log = session.log.get();
  return {};
}

Status join_log(Session& session) {
  take_log_back(session);
  Result<std::unique_ptr<LogFile>> log = open_log(session, true);
  if (!log) return log.error();
  if ((*log)->inode() != seam::load(session.engine.runtime->log.inode)) {
    return {Code::kBadLog, "the commit log is not the one that the others use"};
  }
  session.log = *std::move(log);
  session.engine.log = session.log.get();
  return {};
}

Status close_log(Session& session) {
  Engine& engine = session.engine;
  // Order: while the log is in use, so that whoever settles has it.
  if (Status s = settle_log(engine); !s.ok()) return s;
  // Crash: the next one to open the store is alone and decides anew; after a power cut the root
  // still says that the log is in use.
  seam::store(engine.runtime->log.in_use, 0);
  force_cut(engine);
  return checkpoint(engine, engine.lock_timeout);
}

Status check_log_is_empty(const Session& session) {
  const LogState& state = session.engine.runtime->log;
  if (state.in_use == 0) return {};
  const Result<std::unique_ptr<LogFile>> log = open_log(session, false);
  if (!log) return log.error();
  const Result<std::optional<LogEntry>> entry = (*log)->read(state.tail);
  if (!entry) return entry.error();
  if (!entry->has_value()) return {};
  return {Code::kNeedsRecovery, "the commit log has writes that are not in the store yet"};
}

}  // namespace hmap
