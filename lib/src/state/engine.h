// The handle's view of the shared state: where the parts of the runtime area are, and the rules for
// taking a domain's lock. Everything above gets an Engine&.
#ifndef HMAP_SRC_STATE_ENGINE_H_
#define HMAP_SRC_STATE_ENGINE_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "format/format.h"
#include "format/layout.h"
#include "format/runtime_format.h"
#include "system/codec.h"
#include "system/lock.h"
#include "system/mapping.h"
#include "system/seam.h"

namespace hmap {

class LogFile;

struct Engine {
  std::unique_ptr<Mapping> map;
  Layout layout;
  u64 store_seed = 0;
  std::unique_ptr<const Codec> codec;
  std::optional<Locker> locker;  // none in read-only handles
  std::chrono::milliseconds lock_timeout{10'000};
  u64 size_limit = 0;
  bool verify_reads = true;
  bool guarded = false;         // Options::guard_sigbus
  bool reserves_growth = true;  // whether the next array is made ready before it is needed
  u64* reads = nullptr;         // Options::count_reads: the slot's counter
  // Set by writes that see that space will be needed soon: life/ahead.h.
  std::atomic<bool> wants_ahead{false};
  bool punches = true;          // until the file system refuses; guarded by the space lock
  LogFile* log = nullptr;       // Durability::kCommit; the session's
  bool owns_file =
      false;  // the mapping is shared and writable (else: read-only, or a private copy)

  // The runtime area; checked to lie inside the file when the Engine was made.
  format::RuntimeHeader* runtime = nullptr;

  [[nodiscard]] format::Domain& domain(u64 d) const {
    return part(Offset<format::Domain>{layout.domain_offset(d)});
  }
  [[nodiscard]] format::Intent& intent(u64 d) const {
    return part(Offset<format::Intent>{layout.intent_offset(d)});
  }
  [[nodiscard]] format::IntentWord* intent_words(u64 d) const {
    return &part(Offset<format::IntentWord>{layout.intent_offset(d) + sizeof(format::Intent)});
  }
  [[nodiscard]] format::ShardHeader& header(u64 shard) const {
    return part(Offset<format::ShardHeader>{layout.header_offset(shard)});
  }
  [[nodiscard]] format::Slot& slot(u64 number) const {
    return part(Offset<format::Slot>{layout.slot_offset(number)});
  }
  [[nodiscard]] format::Pins& pins(u64 number) const {
    return part(Offset<format::Pins>{layout.pins_offset(number)});
  }
  [[nodiscard]] format::Cut& cut() const { return part(Offset<format::Cut>{layout.cut_offset()}); }
  [[nodiscard]] format::ShardHeader& cut_header(u64 shard) const {
    return part(Offset<format::ShardHeader>{layout.cut_header_offset(shard)});
  }

  [[nodiscard]] format::Batch& batch() const {
    return part(Offset<format::Batch>{layout.batch_offset()});
  }
  [[nodiscard]] format::BatchPart& batch_part(u64 shard) const {
    return part(Offset<format::BatchPart>{layout.batch_part_offset(shard)});
  }

  [[nodiscard]] u64 epoch() const { return seam::load(runtime->epoch); }
  [[nodiscard]] u64 durable_cut() const { return seam::load(runtime->durable) >> 1; }

  // Raises a counter whose lock the caller holds, after the fact. Crash: not counted.
  static void count(u64& counter) { seam::store(counter, counter + 1); }
  // Crash: counted, though nobody may have got the answer.
  void count_reads(u64 reads_now) const {
    if (reads != nullptr) [[unlikely]]
      seam::fetch_add(*reads, reads_now);
  }

  // The cuts whose state must stay: the durable one, while a checkpoint is under way the pending
  // one, and those of snapshots. D is read before P: a checkpoint that ends between the two only
  // makes the answer larger. Nobody takes a snapshot while we hold a domain's lock.
  struct Needed {
    u64 durable = 0;
    u64 pending = 0;  // 0: none
    u64 oldest = 0;   // the lowest of all
    u64 count = 0;    // of all
    std::array<u64, 2 + format::kSnapshots> all{};
    friend bool operator==(const Needed&, const Needed&) = default;

    void add(u64 cut) {
      all[count++] = cut;
      oldest = count == 1 || cut < oldest ? cut : oldest;
    }
  };
  [[nodiscard]] Needed needed_cuts() const {
    Needed cuts;
    cuts.durable = durable_cut();
    cuts.add(cuts.durable);
    const u64 cut_epoch = seam::load(cut().cut);
    if (cuts.durable < cut_epoch && cut_epoch < epoch()) {
      cuts.pending = cut_epoch;
      cuts.add(cut_epoch);
    }
    for (const format::SnapshotCell& cell : runtime->snapshots) {
      if (const u64 snapshot = seam::load(cell.cut); snapshot != 0) cuts.add(snapshot);
    }
    return cuts;
  }

  // kPoisoned if a flush failed since the store was last opened afresh.
  [[nodiscard]] Status check_poison() const {
    const u64 poison = seam::load(runtime->poison);
    if (poison == 0) [[likely]]
      return {};
    return Status(Code::kPoisoned,
                  "an earlier flush failed; close the store everywhere and open it again", 0,
                  static_cast<int>(poison));
  }

  // Counts what will have to be written back. Roughly: large records are counted without the lock
  // of the domain, so that two who do it at once may count as one.
  void add_dirty(u64 d, u64 bytes) const {
    u64& dirty = domain(d).dirty_bytes;
    seam::store(dirty, seam::load(dirty) + bytes);
  }

  // Whether another store has taken this one's name, so that nobody may write to this one any more
  // (replacement.h). Two loads, unless that was about to happen.
  [[nodiscard]] bool is_replaced() const {
    if (seam::load(runtime->replaced) == 0) [[likely]]
      return false;
    return !map->has_name();
  }
  static Status replaced() {
    return Status(Code::kReplaced, "another store has taken the place of this one");
  }

  static Status corrupt(const char* what, u64 offset) {
    return Status(Code::kCorrupt, what, offset);
  }
  template <typename T>
  static Status corrupt(const char* what, Offset<T> place) {
    return corrupt(what, place.value);
  }

  template <typename T>
  [[nodiscard]] T& part(Offset<T> place) const {
    return *reinterpret_cast<T*>(map->base() + place.value);
  }
};

// With the SIGBUS guard a fault skips destructors: what a thread holds is remembered here. Memory
// for one more is asked for before a lock is taken, because afterwards it must not be refused.
// Order: a lock is forgotten when it has been given back, because that may be the fault.
void make_room_for_locks(const Engine& engine);
void remember_lock(format::Lock& lock) noexcept;
void forget_lock(const format::Lock& lock) noexcept;
// How many locks this thread has remembered, and abandon_lock() for those that came after so many:
// of a call that a fault ended.
[[nodiscard]] std::size_t remembered_locks() noexcept;
void abandon_locks_beyond(std::size_t count) noexcept;
// Leaves a lock as if its owner had died, so that the next one to take it recovers what it guards.
void abandon_lock(const Engine& engine, format::Lock& lock) noexcept;

// While what a dead owner of a lock began is finished: whatever keeps that from being completed, an
// error or memory that is refused, leaves the lock as the dead owner did.
template <typename Lock>
class TakeOver {
 public:
  explicit TakeOver(Lock& lock) : lock_(lock) {}
  TakeOver(const TakeOver&) = delete;
  TakeOver& operator=(const TakeOver&) = delete;
  ~TakeOver() {
    if (!complete_) lock_.abandon();
  }
  void complete() noexcept { complete_ = true; }

 private:
  Lock& lock_;
  bool complete_ = false;
};

// Holds the lock of one domain. If the last owner died, its work is finished first
// (recover_domain).
class DomainLock {
 public:
  static Result<DomainLock> take(Engine& engine, u64 domain, std::chrono::milliseconds timeout);
  static Result<DomainLock> take(Engine& engine, u64 domain) {
    return take(engine, domain, engine.lock_timeout);
  }
  DomainLock(DomainLock&& other) noexcept : engine_(other.engine_), domain_(other.domain_) {
    other.engine_ = nullptr;
  }
  DomainLock& operator=(DomainLock&&) = delete;
  void abandon() noexcept;  // abandon_lock()
  ~DomainLock() {
    if (engine_ == nullptr) return;
    engine_->locker->unlock(engine_->domain(domain_).lock);
    if (engine_->guarded) [[unlikely]]
      forget();
  }

 private:
  DomainLock(Engine& engine, u64 domain) : engine_(&engine), domain_(domain) {
    if (engine.guarded) [[unlikely]]
      remember();
  }
  void remember() const noexcept;
  void forget() const noexcept;
  Engine* engine_;
  u64 domain_;
};

// Holds a lock that takes no recovery to take over: whoever has it begins with what the last owner
// left, however that one ended.
class PlainLock {
 public:
  static Result<PlainLock> take(const Engine& engine, format::Lock& lock,
                                std::chrono::milliseconds timeout);
  // kBusy also if the owner is dead: Locker::try_lock().
  static Result<PlainLock> try_take(const Engine& engine, format::Lock& lock);
  PlainLock(PlainLock&& other) noexcept : engine_(other.engine_), lock_(other.lock_) {
    other.lock_ = nullptr;
  }
  PlainLock& operator=(PlainLock&&) = delete;
  ~PlainLock() { unlock(); }
  void unlock() noexcept;

 private:
  PlainLock(const Engine& engine, format::Lock& lock);
  const Engine* engine_;
  format::Lock* lock_;
};

// Finishes what the dead last owner of a domain had begun; the caller holds its lock. Idempotent,
// and may itself be killed anywhere. lib/README.md, "Recovery of a dead owner".
Status recover_domain(Engine& engine, u64 domain);

// The last step of it, for shards (batch_redo.cc, which is above: recovery is the one thing that
// calls upwards). Does what a committed batch has left to do in the shard, or takes back the mark
// of one that was not committed. The caller holds the shard's lock. Errors: kCorrupt, kBusy; then
// it is to be called again before anything else is written to the shard.
Status finish_batch_part(Engine& engine, u64 shard);

}  // namespace hmap

#endif  // HMAP_SRC_STATE_ENGINE_H_
