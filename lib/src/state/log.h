// Appending to the commit log: every change has its record there before anybody can see it, and no
// record counts whose change did not happen, whoever dies where.
//
//   L1  take the log's lock (a shard's lock is held; nothing else is taken until L6)
//   L2  write the record at the tail                    crash: it lies behind the tail, overwritten
//   L3  note the shard, the intent's state to be and the tail to be; inflight last
//   L4  publish the intent                              <- here the write has happened
//   L5  tail; inflight = 0                              crash between L4 and L5: the next owner
//   sees
//                                                       that the intent's state has come, and does
//                                                       it
//   L6  unlock; apply the intent
//
// So the order of records is the order in which changes became visible, and what a change builds on
// is before it in the log. lib/README.md, "The commit log".
#ifndef HMAP_SRC_STATE_LOG_H_
#define HMAP_SRC_STATE_LOG_H_

#include <string>
#include <string_view>

#include "state/engine.h"
#include "system/codec.h"
#include "system/log_file.h"

namespace hmap {

// A change as it is to be done again.
struct Logged {
  format::LogOp op;
  std::string_view key;
  StoredValue value;
};

class LogAppend {
 public:
  explicit LogAppend(Engine& engine) : engine_(engine) {}
  LogAppend(const LogAppend&) = delete;
  LogAppend& operator=(const LogAppend&) = delete;
  ~LogAppend();

  // L1 to L3, for the shard whose intent will have `state` when it is published; or, `owner` being
  // the number of shards, for a batch. Errors, nothing having happened: kNoSpace (is_log_full()
  // tells), kBusy, kIoError.
  Status write(u64 owner, u64 state, const Logged& what);
  // L5.
  void commit();

 private:
  Engine& engine_;
  bool locked_ = false;
};

// The log has no room before the next checkpoint: release all locks, take one, try again.
bool is_log_full(const Status& status);

// Takes and releases the log's lock, so that what a dead owner left is settled. The caller may hold
// a shard's lock.
Status settle_log(Engine& engine);

// Where a record appended now would end up behind: wait for this and everything so far is durable.
inline u64 log_tail(const Engine& engine) { return seam::load(engine.runtime->log.tail); }

// More than half full: time for a checkpoint in the background.
bool log_fills_up(const Engine& engine);

}  // namespace hmap

#endif  // HMAP_SRC_STATE_LOG_H_
