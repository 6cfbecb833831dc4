// How a store is opened, and what the library says about it afterwards.
#ifndef HMAP_OPTIONS_H_
#define HMAP_OPTIONS_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "hmap/type.h"

namespace hmap {

// Limits of the format (format-spec/format.md, "Limits").
inline constexpr std::uint64_t kKeyBytesMax = 65'535;
inline constexpr std::uint64_t kValueBytesMax = 4'294'967'295;
inline constexpr std::uint32_t kShardBitsMax = 8;
inline constexpr std::uint32_t kDictionaryBytesMax = 65'536;
inline constexpr std::uint64_t kBatchOpsMax = 4'096;        // of a store with blocks of 4 KiB
inline constexpr std::uint64_t kBatchBytesMax = 1'048'576;  // keys and values of a batch

enum class Mode : std::uint8_t {
  kOpenOrCreate,  // Read and write; make the store if there is none.
  kOpen,          // Read and write; kNotFound if there is none.
  kCreate,        // Make a new store; kExists if there is a file.
  kReadOnly,      // Read; never writes one byte to the file and takes no process slot.
  kExclusive,     // Like kOpen, and alone: kLockedExclusively if anybody else has it open.
};

// What "acknowledged" means. Whatever the mode, kill -9 of any process loses no finished write.
enum class Durability : std::uint8_t {
  kStore,       // Whatever the store is open with; checkpoint if nobody has it open.
  kNone,        // No automatic checkpoints: a power cut leaves exactly the last sync() or close.
  kCheckpoint,  // A power cut leaves exactly the last checkpoint (the default of a store).
  kCommit,      // A power cut leaves every write that has returned: each waits for the commit log.
};

// How the values of a store lie in its file. Reading knows by itself what each value is.
enum class Compression : std::uint8_t {
  kStore,  // As the store has it: none for a new one; that of the source for a copy.
  kNone,   // As they are.
  kLz4,  // Those of 96 bytes and more (of 32, with a dictionary) that LZ4 makes an eighth shorter.
};

// Sizes that are fixed when a store is created. The defaults are right for nearly everybody; tests
// use small ones. Zero means the default. What is out of range, or does not fit together, is
// kInvalidArgument, and the status says which and what it may be.
struct Geometry {
  std::uint32_t block_bytes = 0;  // Unit of copying, a power of two, 512 to 65,536; default 4,096.
  // Unit of space, a power of two, 2,048 to 16 MiB; at least 4 * block_bytes, at most
  // block_bytes * block_bytes / 32; default 32 KiB.
  std::uint32_t extent_bytes = 0;
  std::uint32_t slots = 0;         // Processes that may have the store open for writing, 1 to 255.
  std::uint32_t intent_words = 0;  // Words one intent can change, 64 to 256 (those below 224
                                   // are raised to 224); default 256.
};

// As every struct of options: each member has an initializer, so that whoever names some of them
// (`{.mode = hmap::Mode::kOpen}`) is not warned of the others.
struct Options {
  Mode mode = Mode::kOpenOrCreate;
  Durability durability = Durability::kStore;

  // Creation only: the store is 2^shard_bits hmaps that can be written at the same time, 0 to
  // kShardBitsMax; 0 is exactly Go's map. -1 chooses the default (see rationale.md).
  int shard_bits = -1;
  // Creation only: as in Go's make(map, n). A hint; the store grows by itself. kInvalidArgument if
  // the buckets of so many would not fit into the window.
  std::uint64_t expected_entries = 0;
  // Creation only: permission bits of the new file, before the umask.
  std::uint32_t file_mode = 0644;
  Geometry geometry{};
  // Creation only. Of text, put() costs about 1 us more for 200 bytes, 3 us for 1 KiB and 2 us for
  // each further KiB; get() a fifth of that; find() of a compressed value gives a copy.
  Compression compression = Compression::kStore;
  // Creation only, with Compression::kLz4: what values are compressed against, 0 to 65,536 bytes,
  // so that short ones that resemble each other shrink, too. train_dictionary() makes one.
  std::string dictionary{};
  // What keys and values are. A new store gets this type, and only a store of the same type is
  // opened: another is kTypeMismatch, which names both. The default: byte strings.
  TypeInfo type{};
  // Opens a store of any type, for programs that handle keys and values as bytes whatever they
  // mean: writes of other lengths than the type's are kInvalidArgument, and so are look-ups.
  bool any_type = false;

  // Address space to reserve in bytes, a power of two; limits the file's size. 0: 1 TiB, halved
  // down to 1 GiB while the system refuses (environment HMAP_WINDOW_BYTES overrides the start).
  std::uint64_t window_bytes = 0;
  // The file is never made larger than this by this handle; 0: no limit but the window.
  std::uint64_t size_limit = 0;

  // How long a write waits for a lock that a living process holds before it answers kBusy.
  // Negative: for ever. Locks of dead processes are taken over at once, whatever this says.
  std::chrono::milliseconds lock_timeout{10'000};
  // Durability::kCheckpoint and kCommit: a change is in a checkpoint at most about this long after
  // it was made.
  std::chrono::milliseconds checkpoint_interval{5'000};
  // A checkpoint is also started when this many bytes were changed since the last one.
  std::uint64_t checkpoint_bytes = std::uint64_t{1} << 30;

  // Durability::kCommit: put(), erase() and the like return when the commit log has them on disk.
  // false: they return at once, and Store::wait_durable() waits for all of them.
  bool wait_for_log = true;
  // Size of the commit log (STORE-wal) if it has to be made: a multiple of 4096 from 16 KiB to 4
  // GiB; 0: 16 MiB. When it is half full a checkpoint is started; a value larger than an eighth of
  // it makes its put() wait for a checkpoint instead.
  std::uint64_t log_bytes = 0;
  // Open at the last checkpoint although the commit log has more, or is missing or damaged. A
  // writer gives up for good what the log has, and renames one that is no log of this store to
  // STORE-wal.bad; a read-only handle shows a view without it.
  bool ignore_log = false;

  // Verify the checksum of every record read. Costs about 10 ns for 100 bytes. Short entries of
  // fixed sizes lie in the buckets and have none (hmap/map.h).
  bool verify_reads = true;
  // Count look-ups by key, present or not, for Stats::Process::reads and `hmap watch`. Threads of
  // one handle then share a counter: an atomic addition for each look-up, which costs more while
  // several threads read. Of handles that can write; read-only ones have nowhere to count.
  bool count_reads = false;
  // Discard the live state and start from the last checkpoint, and what the commit log has beyond
  // it, as after a power cut (needs to be alone). For a file that was overwritten in place by a
  // restore within one boot.
  bool discard_live_state = false;
  // Install a process-wide SIGBUS handler that turns a failing disk or a file cut short by a
  // stranger into kIoError for calls of this Store and what it hands out, opening and closing
  // included, and chains to the handler found. A call that ends so leaks what memory it worked
  // with, and leaves in the store what a process killed there would; close() closes all the same.
  // Not guarded: threads of the application that block SIGBUS, reading the bytes of a View, and
  // calls that have no Options (compact(), publish(), recover(), Inspector, verify_file()).
  bool guard_sigbus = false;
};

// A picture of a store at one moment; each shard's numbers are consistent in themselves.
struct Stats {
  struct Shard {
    std::uint64_t entries = 0;
    std::uint64_t buckets_log2 = 0;      // B
    std::uint64_t overflow_buckets = 0;  // noverflow
    bool growing = false;
    bool same_size_growth = false;
    bool half_size_growth = false;  // Of compact_online().
    std::uint64_t old_buckets = 0;  // While growing: buckets of the old array ...
    std::uint64_t evacuated = 0;    // ... of which so many at least are evacuated.
    std::uint64_t spans = 0;
    // Changes since the runtime area was set up (a reboot, a copy): rises with every write, and
    // with every step of a growth.
    std::uint64_t epoch_changes = 0;
    // Since then too: entries written and erased, each by itself or in a batch. clear() counts
    // nothing, nor do compactions. A process that is killed may leave one uncounted.
    std::uint64_t inserted = 0;
    std::uint64_t replaced = 0;
    std::uint64_t erased = 0;
    // How often a writer had to wait for the shard's lock, and for how long in all.
    std::uint64_t lock_waits = 0;
    std::uint64_t lock_waited_ns = 0;
  };
  std::vector<Shard> shards;

  std::uint64_t entries = 0;
  std::uint64_t buckets = 0;
  std::uint64_t overflow_buckets = 0;
  double load_factor = 0;  // entries per bucket
  // chains[i]: main buckets with i overflow buckets behind them; the last cell: that many or more.
  // Filled by stats(StatsDepth::kChains) only.
  std::array<std::uint64_t, 8> chains{};

  // Filled by stats(StatsDepth::kChains) only, and only of a store that has Compression::kLz4.
  std::uint64_t compressed_values = 0;
  std::uint64_t compressed_bytes = 0;    // That these take in the file ...
  std::uint64_t uncompressed_bytes = 0;  // ... and in the hands of who reads them.

  std::uint64_t file_bytes = 0;       // Size of the file.
  std::uint64_t allocated_bytes = 0;  // Bytes of disk it takes (st_blocks).
  std::uint64_t free_bytes = 0;       // In extents that are free.
  std::uint64_t retired_bytes = 0;    // In extents that the last checkpoint or a snapshot needs.
  std::uint64_t held_bytes = 0;       // In extents that would be free, if no view held them.
  std::uint64_t bucket_bytes = 0;     // In extents of bucket arrays, with their tables.
  std::uint64_t span_bytes = 0;       // In extents of spans (records).
  std::uint64_t large_bytes = 0;      // In extents of records of their own.
  std::uint64_t frame_bytes = 0;      // In extents of displaced blocks.
  std::uint64_t other_bytes = 0;      // Superblock, roots, runtime area, directories, tables.

  std::uint64_t epoch = 0;          // Current epoch.
  std::uint64_t durable_epoch = 0;  // The last one that is in a completed checkpoint.
  std::uint64_t checkpoints = 0;    // Generation of the newest root.
  bool poisoned = false;
  // Of the commit log, while Durability::kCommit is on. Positions count bytes.
  std::uint64_t log_bytes = 0;     // Its size, without its header; 0 in read-only handles.
  std::uint64_t log_used = 0;      // Not yet in a checkpoint.
  std::uint64_t log_written = 0;   // Position of its end.
  std::uint64_t log_durable = 0;   // Everything before this position is on disk.
  std::uint64_t log_replayed = 0;  // Records replayed when the store was last recovered.
  Durability durability = Durability::kCheckpoint;

  struct Process {
    std::uint32_t slot = 0;
    std::uint32_t pid = 0;  // As the process saw itself; another pid namespace may differ.
    bool alive = false;
    std::uint64_t views = 0;          // That it holds (view.h); a dead one's until the next
                                      // checkpoint.
    std::uint64_t views_seconds = 0;  // For how long the oldest of them, or a row of views each
                                      // begun before the one before it ended, is held.
    bool counts_reads = false;        // Options::count_reads
    std::uint64_t reads = 0;          // Look-ups since it was attached, if it counts them.
  };
  std::vector<Process> processes;  // Attached for writing; read-only handles take no slot.

  struct HeldSnapshot {
    std::uint64_t epoch = 0;  // As Snapshot::epoch(); `epoch` - 1 is the youngest there can be.
    std::uint32_t slot = 0;   // Of the process that holds it.
    bool alive = false;       // If not, the next checkpoint ends it.
  };
  std::vector<HeldSnapshot> snapshots;  // Held by all processes.

  // Creation facts.
  std::uint32_t shard_bits = 0;
  std::uint32_t block_bytes = 0;
  std::uint32_t extent_bytes = 0;
  std::uint32_t slots = 0;
  std::uint32_t batch_ops = 0;  // Most operations of a Batch.
  std::uint32_t format_version = 0;
  Compression compression = Compression::kNone;
  std::uint32_t dictionary_bytes = 0;
  TypeInfo type;
  std::array<std::uint8_t, 16> uuid{};
};

enum class StatsDepth : std::uint8_t {
  kHeaders,  // Cost: the headers and one word per extent.
  kChains,   // Also walks every bucket for Stats::chains, and where values are compressed every
             // record.
};

}  // namespace hmap

#endif  // HMAP_OPTIONS_H_
