// hmap::Store: a persistent hash map of byte strings in one file, shared by processes.
//
//   hmap::Result<hmap::Store> store = hmap::Store::open("users.hmap");
//   if (!store) return fail(store.error());
//   hmap::Status status = store->put("ada", "Lovelace");
//   hmap::Result<std::optional<std::string>> name = store->get("ada");
//
// Properties of every Store (guarantees and their tests: README.md):
//   * Any number of threads may use one handle; any number of processes may open one file.
//   * Readers take no lock, store nothing to shared memory and wait for nobody.
//   * A process may die at any instruction: finished writes stay, unfinished ones are completed or
//     never happened, and nobody else is disturbed.
//   * Keys and values are bytes; they need not be text and may contain zeros.
//   * After fork() the child's copy of a handle answers kForked; the child opens the store anew.
//   * A handle may be moved, not copied. Destroying it closes it.
//   * A handle that can write has up to two threads of its own: for checkpoints, and one that makes
//     memory ready for a store that grows. All signals are blocked there.
#ifndef HMAP_STORE_H_
#define HMAP_STORE_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hmap/export.h"
#include "hmap/options.h"
#include "hmap/position.h"
#include "hmap/result.h"
#include "hmap/status.h"
#include "hmap/verify.h"
#include "hmap/view.h"

namespace hmap {

class Store;

// One entry handed out by iteration. The bytes belong to the iterator and stay until it moves on.
struct Entry {
  std::string_view key;
  std::string_view value;
};

// A resumable walk over all entries.
//
// Guarantees (design: Go's map iteration): every key at most once; a key present from begin to end
// exactly once; a key erased before it is reached not at all; a key inserted meanwhile perhaps;
// through any number of growths and by any number of processes. The order is random.
// Threads: one cursor belongs to one thread at a time. Must not outlive its Store.
class HMAP_EXPORT Cursor {
 public:
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  ~Cursor();

  // Moves to the next entry. Returns it, or std::nullopt at the end.
  // Errors: kCorrupt, kForked, kClosed, kIoError (with the SIGBUS guard).
  // Cost: amortized one bucket and one record. Waits for nobody.
  Result<std::optional<Entry>> next();

  // Where this cursor stands, in whole bucket chains: a cursor resumed there hands out every entry
  // that this one has not yet, and may repeat entries of the chain being handed out now.
  [[nodiscard]] Position position() const noexcept;

 private:
  friend class Store;
  friend class Snapshot;
  class Impl;
  explicit Cursor(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

class Batch;
class Snapshot;

// An open store. When another one is put in its place (hmap/publish.h, hmap/compact.h), each call
// that begins later is about that one: it opens the path once more, with the options of open(), and
// may return the errors of open() then. So may a call of a read-only handle that is the first to
// meet a writer after a reboot or a copy: it looks at the file anew. In a store of fixed lengths
// (hmap/type.h) keys and values of others are kInvalidArgument, whatever the call.
class HMAP_EXPORT Store {
 public:
  // Opens or creates the store at `path`.
  //
  // Errors, each leaving every entry as it was: kInvalidArgument (options), kNotFound, kExists,
  // kNotAStore, kWrongVersion, kTruncated, kCorrupt, kPermission, kReadOnly (medium),
  // kLockedExclusively, kTooManyProcesses, kModeMismatch, kNoSpace, kIoError, kNoAddressSpace,
  // kUnsupported (file system), kNeedsRecovery (read-only: the commit log has more than the store),
  // kBadLog, kBusy (the file was replaced again and again during the lock time-out; or damage: a
  // lock in the file names this very handle), kSystem.
  // Of a store that nobody has in use, damage that a checksum or a bound tells leaves every byte as
  // it was; where right checksums cover what contradicts itself, the runtime area and other bytes
  // that only the live state uses may have been written by then.
  // Threads: any; also for a file this process has open already.
  // Cost: a few system calls; after a reboot, a power cut or a copy also time in proportion to the
  // tables of blocks (8 bytes per 4 KiB of buckets). Blocks while another process is opening.
  // Durability: a new store is on disk, name included, when this returns.
  static Result<Store> open(const std::string& path, const Options& options = {});

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  // Closes the store; a failure goes unseen, so call close() first if you care.
  ~Store();

  // Looks up `key` (0 to kKeyBytesMax bytes) and copies its value out; std::nullopt if absent.
  // Errors: kInvalidArgument (key too long), kCorrupt, kForked, kClosed, kIoError (guarded).
  // Cost: one bucket chain, one record, one copy. No lock, no store to shared memory, no waiting.
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const;

  // The same into a buffer of the caller, which keeps its capacity; `key` may not be a view of it.
  // Returns whether the key is present; if not, or on an error, the content of `value` is
  // unspecified.
  [[nodiscard]] Result<bool> get_into(std::string_view key, std::string& value) const;

  // Whether the store has `key`. Errors and cost as get(), without the copy of the value.
  [[nodiscard]] Result<bool> contains(std::string_view key) const;

  // Looks up many keys at once: faster than one after the other in a store beyond the processor's
  // caches, because the accesses to memory run side by side.
  //
  //   keys    any number, each 0 to kKeyBytesMax bytes, repetitions allowed.
  //   values  as many: each becomes the value of the key at its place, or std::nullopt. Strings
  //           that are there already keep their capacity where a value is found; no key may be a
  //           view of one of them.
  // Returns how many of the keys are present. Each key is looked up as by get(), at a moment of
  // its own: who wants all of them as they were at one moment takes a Snapshot.
  // Errors: kInvalidArgument (a key too long, or not as many values as keys; nothing was looked
  // up), else as get(): then `values` is partly filled.
  // Cost: as get() for each key; 16 keys are under way at a time.
  [[nodiscard]] Result<std::size_t> multi_get(std::span<const std::string_view> keys,
                                              std::span<std::optional<std::string>> values) const;

  // The same without the values: whether each key is present.
  [[nodiscard]] Result<std::size_t> multi_contains(std::span<const std::string_view> keys,
                                                   std::span<bool> present) const;

  // Looks up `key` and pins its value where it lies: a View of the bytes in the mapped file, which
  // stay as they are until it ends. std::nullopt if the key is absent. For values that are large,
  // or that are looked at in part; get_into() is as quick for small ones. Needs a writing handle,
  // because others must see the pin: a read-only one answers kReadOnly, and copies with get().
  // Errors: kInvalidArgument (key too long), kReadOnly, kTooManyViews (16 million beside each
  // other), kCorrupt, kForked, kClosed, kIoError (guarded).
  // Threads: any. Cost: as contains(), one pass over the record for its checksum, and two atomic
  // additions, two more when the View ends; stores to the process's own slot only, waits for
  // nobody.
  [[nodiscard]] Result<std::optional<View>> find(std::string_view key) const;

  // Sets the value of `key`, whether or not it is present.
  //
  //   key    0 to kKeyBytesMax bytes.
  //   value  0 to kValueBytesMax bytes.
  // Errors: kTooLarge, kReadOnly, kBusy, kNoSpace, kCorrupt, kPoisoned, kForked, kClosed, kIoError.
  // After any error the old value (or absence) stands; with Durability::kCommit there is one
  // exception: kIoError and kPoisoned, and after a value too large for the log kBusy, kNoSpace and
  // kSystem (no memory), may come from waiting for the disk. Then the new value is visible, and
  // whether it survives a power cut is not known.
  // Threads: any thread of any process; writers of one shard take turns. The value is visible to
  // all processes when this returns.
  // Durability: survives kill -9 when this returns; a power cut as Options::durability says.
  // Cost: one bucket chain, one record written, and while growing at most two buckets evacuated.
  Status put(std::string_view key, std::string_view value);

  // As put(), only if the key is absent. Returns whether it was inserted.
  Result<bool> insert(std::string_view key, std::string_view value);

  // As put(), only if the key is present. Returns whether it was replaced.
  Result<bool> replace(std::string_view key, std::string_view value);

  // Sets the value of `key` to `desired` if it is `expected` at that moment; std::nullopt stands
  // for absence, on either side. Returns whether it was so. All or nothing for other threads and
  // processes and under kill -9, as put(); what other writers did to the key before and changed
  // back goes unnoticed.
  // Errors: as put(); kInvalidArgument instead of kTooLarge where nothing would be written; of two
  // absences, which only reads, as contains().
  // Durability: as put(). Cost: as put(); the values are compared, and the checksum of one that is
  // another is verified, while the shard is locked.
  Result<bool> compare_exchange(std::string_view key, std::optional<std::string_view> expected,
                                std::optional<std::string_view> desired);

  // Replaces the value of `key` by fn(value), if the key is present. Returns whether it was.
  //
  //   fn  takes the value as a std::string_view, gives the new one (anything a std::string_view can
  //       be made of). It runs without a lock and runs again, with the newer value, when another
  //       writer was faster; so it must have no effects of its own. It may use the store. What it
  //       throws comes out of update(), and nothing has happened.
  // Errors, durability: as put(), but the key is looked up first: kInvalidArgument where it is too
  // long, and no kReadOnly where it is absent. Cost: a get() and a compare_exchange() for each time
  // fn runs. A round that is lost is a round that another writer won: there is no bound for a
  // single caller.
  template <typename Fn>
  Result<bool> update(std::string_view key, Fn&& fn);

  // The same whether or not the key is present: fn takes a std::optional<std::string_view>,
  // std::nullopt for absence. Returns whether the key was inserted. Errors, durability, cost: as
  // update(), and kReadOnly always.
  template <typename Fn>
  Result<bool> upsert(std::string_view key, Fn&& fn);

  // Adds `delta` to the integer of `key`, which is 8 bytes, little-endian, two's complement, and
  // wraps around; an absent key counts as 0 and is inserted. Returns the integer before.
  // Errors: as upsert(); kInvalidArgument: the value is not 8 bytes. Durability, cost: as update(),
  // and atomic like it.
  Result<std::int64_t> fetch_add(std::string_view key, std::int64_t delta);

  // Appends `bytes` to the value of `key`; an absent key counts as an empty value. Returns the
  // length of the new value. Errors: as upsert(), kTooLarge for the sum. Durability, cost: as
  // update(), and atomic like it; the value is written anew.
  Result<std::uint64_t> append(std::string_view key, std::string_view bytes);

  // Removes `key`. Returns whether it was present. Errors: as put(), but kTooLarge becomes
  // kInvalidArgument; uses the reserve, so that it works on a full disk.
  Result<bool> erase(std::string_view key);

  // Does all operations of `batch` at one moment: whoever sees one of them done sees all of them,
  // and a death or a power cut leaves all or none (hmap/batch.h has the rules and limits).
  // Errors: kTooLarge (the batch, a key or a value exceeds a limit), kReadOnly, kBusy, kNoSpace,
  // kCorrupt, kPoisoned, kForked, kClosed, kIoError. After any error nothing has been done, with
  // the exceptions of put() for Durability::kCommit.
  // Threads: any thread of any process; batches take turns, and writers of the shards concerned
  // wait meanwhile: some microseconds for each operation.
  // Durability: as put(), for the batch as a whole; with Durability::kCommit one record of the
  // log and one wait. A batch without operations does nothing.
  // Cost: as the puts and erasures one by one, apart from the locks and the log.
  Status apply(const Batch& batch);

  // Removes everything, shard by shard (not one atomic step for all shards), and gives all space
  // back to the store in bounded steps. Errors: as erase().
  Status clear();

  // The number of entries: exact when no write is in progress. Errors: kForked, kClosed.
  [[nodiscard]] Result<std::uint64_t> size() const;

  // Starts an iteration at a random place, or resumes one. Errors: kForked, kClosed.
  [[nodiscard]] Result<Cursor> cursor() const;
  [[nodiscard]] Result<Cursor> cursor(const Position& position) const;

  // Range-for over the entries, in random order, with the guarantees of Cursor:
  //   for (auto [key, value] : store) ...
  // Throws hmap::Error where a Cursor would return an error; use a Cursor to avoid exceptions.
  class Iterator;
  [[nodiscard]] Iterator begin() const;
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  // Makes everything written before the call durable: cut, flush, root. Returns at once if nothing
  // changed since the last one.
  // Errors: kReadOnly, kBusy (a stopped writer holds a lock), kIoError and kPoisoned (a flush
  // failed: the store refuses writes until all have closed it), kNoSpace, kCorrupt, kForked,
  // kClosed.
  // Cost: writers wait some microseconds; the call itself takes as long as the disk.
  Status checkpoint();

  // The same: the name of the call that Durability::kNone users look for.
  Status sync();

  // Waits until everything that this handle has written so far, in all its threads, survives a
  // power cut. For those who open with Durability::kCommit and Options::wait_for_log = false: many
  // writes, one wait. In the other modes it is checkpoint(). Errors: kReadOnly, kIoError and
  // kPoisoned (a flush failed: it is not known what a power cut would leave of these writes), kBusy
  // and kNoSpace (as checkpoint(), after a value too large for the log), kCorrupt (the log's state
  // is damaged), kForked, kClosed. Cost: one flush of the log, shared with all who wait at the same
  // time.
  Status wait_durable();

  // What the store was made for (hmap/type.h); never changes. For handles opened with
  // Options::any_type. Errors: kForked, kClosed. Threads: any. Cost: a copy, no look at the file.
  [[nodiscard]] Result<TypeInfo> type() const;

  // Errors: kCorrupt, kForked, kClosed. Cost: see StatsDepth.
  [[nodiscard]] Result<Stats> stats(StatsDepth depth = StatsDepth::kHeaders) const;

  // Looks for damage, in the file as it is: every checksum, every chain, every record, who owns
  // which extent. Repairs nothing, and changes no byte of the durable state.
  //
  //   options  which state, what to call meanwhile, how many findings to keep.
  // Returns what was found; a store with nothing wrong has report.clean(). A report that is not
  // `complete` says why.
  // Errors: kBusy (a stopped writer holds a lock that a writing handle wants), kIoError, kForked,
  // kClosed. Damage is a finding, not an error.
  // Threads and processes: any; others may read and write meanwhile and are never the cause of a
  // finding. A writing handle takes each shard's lock for pieces of some microseconds, and after
  // several checkpoints came in its way holds back further ones until it is done. A read-only
  // handle takes no lock; what is changed all the time may be left out (not complete). Counters,
  // leaks and owners of the live state are compared only if nobody wrote (report.live_quiet);
  // those of the durable state always.
  // Cost: reads all entries once per state; memory: 120 bytes per span (32 KiB of records), one
  // byte per extent, and 8 bytes per block and per extent.
  [[nodiscard]] Result<VerifyReport> verify(const VerifyOptions& options = {}) const;

  // The same for the durable state of a file that is not open, and perhaps too damaged to be
  // opened. Takes no lock and no process slot. Others may have it open.
  // Errors: kNotFound, kPermission, kNotAStore, kWrongVersion, kTruncated and kCorrupt (the
  // superblock, without which there is nothing to go by), kNoAddressSpace, kIoError, kSystem.
  static Result<VerifyReport> verify_file(const std::string& path,
                                          const VerifyOptions& options = {});

  // Takes a snapshot: the store as it is at this moment, for as long as the Snapshot lives, while
  // writers go on. Needs a writing handle.
  // Errors: kReadOnly, kTooManySnapshots (12 at a time for all processes), kBusy (a stopped writer
  // holds a lock), kPoisoned, kCorrupt, kForked, kClosed, kIoError (guarded).
  // Cost: the locks of all shards for some microseconds; then one copy of each 4 KiB block that is
  // changed for the first time. Space that only the snapshot still needs is held until it ends.
  [[nodiscard]] Result<Snapshot> snapshot() const;

  // Closes the handle: the last writing process to close leaves a checkpoint behind, whose error is
  // returned (kSystem: no memory); the handle is closed all the same. (Not of a file that was
  // removed meanwhile: nobody can open it again.) Later calls answer kClosed. But while Views of it
  // are held, kBusy, and it stays open.
  // Cost: of the last one, as long as the disk takes for what changed since the last checkpoint.
  // When something was written since it was opened, and a sixteenth of the file or more is free, or
  // held copies of blocks for checkpoints, that goes back to the file system: two checkpoints more,
  // and a copy of each such block (ten million entries, just filled: a second). Who opens the store
  // meanwhile waits.
  // Threads: no other thread may be inside a call on this handle meanwhile.
  Status close();

  // Whether the handle can write.
  [[nodiscard]] bool writable() const noexcept;

 private:
  friend class Cursor;
  friend struct StoreAccess;
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl) noexcept;
  [[nodiscard]] Status usable() const;
  Result<bool> write(std::string_view key, std::string_view value, int mode,
                     const std::string_view* expected = nullptr);
  Result<bool> remove(std::string_view key, const std::string_view* expected);
  [[nodiscard]] Result<std::optional<View>> find_inline(std::string_view key) const;
  std::unique_ptr<Impl> impl_;
};

// Input iterator of Store::begin().
class Store::Iterator {
 public:
  using value_type = Entry;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  Iterator() = default;
  explicit Iterator(Cursor cursor) : cursor_(std::make_shared<Cursor>(std::move(cursor))) {
    ++*this;
  }
  const Entry& operator*() const noexcept { return *entry_; }
  const Entry* operator->() const noexcept { return &*entry_; }
  Iterator& operator++() {
    entry_ = cursor_->next().value();
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const Iterator& it, std::default_sentinel_t) noexcept {
    return !it.entry_.has_value();
  }

 private:
  std::shared_ptr<Cursor> cursor_;
  std::optional<Entry> entry_;
};

template <typename Fn>
Result<bool> Store::update(std::string_view key, Fn&& fn) {
  std::string value;
  for (;;) {
    const Result<bool> found = get_into(key, value);
    if (!found || !*found) return found;
    // Named, because a temporary must outlive the view of it.
    const auto& desired = fn(std::string_view(value));
    const Result<bool> done = compare_exchange(key, value, std::string_view(desired));
    if (!done || *done) return done;
  }
}

template <typename Fn>
Result<bool> Store::upsert(std::string_view key, Fn&& fn) {
  std::string value;
  for (;;) {
    const Result<bool> found = get_into(key, value);
    if (!found) return found;
    const auto expected = *found ? std::optional<std::string_view>(value) : std::nullopt;
    const auto& desired = fn(expected);
    const Result<bool> done = compare_exchange(key, expected, std::string_view(desired));
    if (!done) return done;
    if (*done) return !*found;
  }
}

inline Store::Iterator Store::begin() const { return Iterator(cursor().value()); }

}  // namespace hmap

#endif  // HMAP_STORE_H_
