// Finding, walking and applying the commit log of a damaged store.
#include "salvage/salvage_log.h"

#include <unistd.h>

#include <cerrno>

#include "format/hash.h"
#include "life/replay.h"

namespace hmap {
namespace {

using format::LogOp;

Status left_aside(const char* why) { return {Code::kNeedsRecovery, why}; }

}  // namespace

Status SalvageLog::apply(bool falls_back) {
  report_.log_status = find(falls_back);
  if (log_ == nullptr) return {};
  // Twice: what a clear will take need not be put, and one walk over the new store is enough for
  // all of them, of which a log may have any number.
  Status status = walk([&](u64 at, const LogEntry& entry, const std::vector<BatchItem>& items) {
    return see(at, entry, items);
  });
  if (status.ok()) status = empty_cleared_shards();
  if (status.ok()) {
    status = walk([&](u64 at, const LogEntry&, const std::vector<BatchItem>& items) {
      return do_again(at, items);
    });
  }
  if (!status.ok()) return status;
  const Result<u64> entries = fresh_.size();
  if (entries) report_.entries = *entries;
  return entries.error();
}

bool SalvageLog::decides(u64 hash) const {
  return decided_.contains(hash) || (!clears_.empty() && clears_.contains(shard_of(hash)));
}

// Whether the state needs the log, and if so, opens it. An error says why what it has may be lost.
Status SalvageLog::find(bool falls_back) {
  if (source_.live && !falls_back) return {};  // written to the log, then published: it has all
  if (!source_.durable) {
    return may_be_there() ? left_aside("no root says where the commit log goes on: left aside")
                          : Status();
  }
  const SalvageState::LogStart& start = source_.durable->log_start();
  const bool known = start.verified && report_.certain;
  if (known && !start.in_use) return {};
  if (!known && !start.in_use && !may_be_there()) return {};
  report_.log_needed = true;
  // A shard's durable state with what others wrote since then would be a state that never was.
  if (source_.live)
    return left_aside("a shard is that of the last checkpoint: the commit log was left aside");
  // The root may be older than what its buckets lead to by now, and the log be cut off before that.
  if (!report_.certain)
    return left_aside("a newer root may be lost: the commit log was left aside");
  if (!start.verified)
    return left_aside("the root that says where the commit log goes on is damaged: left aside");
  const Status status = open(source_.uuid.data());
  if (status.ok() || source_.uuid_verified) return status;
  // The first page is lost, and the seed is not: a record that verifies is one of this store.
  if (!open(nullptr).ok()) return status;
  const Result<std::optional<LogEntry>> first = log_->read(start.position);
  if (first && first->has_value()) return {};
  log_.reset();
  return status;
}

Status SalvageLog::open(const u8* uuid) {
  Result<std::unique_ptr<LogFile>> log =
      LogFile::open_by_seed(source_.log_path, uuid, source_.engine.store_seed);
  if (!log) return log.error();
  log_ = *std::move(log);
  return {};
}

Status SalvageLog::walk(const Visit& visit) {
  const u64 from = source_.durable->log_start().position;
  u64 at = from;
  // Bound: a row is not longer than the area, whose bytes it would use twice.
  while (at - from < log_->area_bytes()) {
    const Result<std::optional<LogEntry>> entry = log_->next(at);
    if (!entry || !entry->has_value()) {
      blame(entry.error());
      return {};
    }
    const Result<std::vector<BatchItem>> items = items_of(source_.engine.layout, **entry);
    if (!items) {
      blame(items.error());
      return {};
    }
    if (Status s = step_(); !s.ok()) return s;
    if (Status s = visit(at, **entry, *items); !s.ok()) return s;
    at = (*entry)->end;
  }
  return {};
}

Status SalvageLog::see(u64 at, const LogEntry& entry, const std::vector<BatchItem>& items) {
  ++report_.log_records;
  report_.log_operations += entry.op == LogOp::kClear ? 1 : items.size();
  if (entry.op == LogOp::kClear) clears_[entry.shard] = at;
  for (const BatchItem& item : items)
    decided_.insert(hash_key(item.key, source_.engine.store_seed));
  return {};
}

Status SalvageLog::empty_cleared_shards() {
  if (clears_.size() == source_.engine.layout.shards) return fresh_.clear();
  if (clears_.empty()) return {};
  std::vector<std::string> keys;
  Result<Cursor> cursor = fresh_.cursor(Position{});
  if (!cursor) return cursor.error();
  for (;;) {
    const Result<std::optional<Entry>> entry = cursor->next();
    if (!entry) return entry.error();
    if (!entry->has_value()) break;
    const u64 hash = hash_key((*entry)->key, source_.engine.store_seed);
    if (clears_.contains(shard_of(hash))) keys.emplace_back((*entry)->key);
  }
  for (const std::string& key : keys) {
    if (const Result<bool> erased = fresh_.erase(key); !erased) return erased.error();
  }
  return {};
}

Status SalvageLog::do_again(u64 at, const std::vector<BatchItem>& items) {
  for (const BatchItem& item : items) {
    const u64 hash = hash_key(item.key, source_.engine.store_seed);
    const auto cleared = clears_.find(shard_of(hash));
    if (cleared != clears_.end() && at < cleared->second) continue;
    Status status = item.erases ? fresh_.erase(item.key).error() : put(item);
    if (!status.ok()) return status;
  }
  return {};
}

// What cannot be had is not replaced by what was there before.
Status SalvageLog::put(const BatchItem& item) {
  std::string decoded;
  std::string_view value = item.value.bytes;
  bool known = true;
  if (item.value.flags != 0) {
    decoded = value;
    known = source_.engine.codec->decode(item.value.flags, decoded);
    value = decoded;
  }
  if (known && lengths_.check(item.key.size(), value.size()).ok())
    return fresh_.put(item.key, value);
  blame({Code::kBadLog, "the commit log has values that cannot be decompressed"});
  return fresh_.erase(item.key).error();
}

void SalvageLog::blame(const Status& status) {
  if (report_.log_status.ok()) report_.log_status = status;
}

bool SalvageLog::may_be_there() const {
  return ::access(source_.log_path.c_str(), F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

u64 SalvageLog::shard_of(u64 hash) const { return hash & (source_.engine.layout.shards - 1); }

}  // namespace hmap
