// What Store::verify() looks for and what it answers.
//
// A store has two states in one file: the durable one (the last checkpoint: what a power cut or a
// copy leaves) and, while processes use it, the live one. Each can be checked by itself. Nothing is
// ever repaired: a finding says what is wrong, where, and what it means.
#ifndef HMAP_VERIFY_H_
#define HMAP_VERIFY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "hmap/export.h"

namespace hmap {

enum class VerifyState : std::uint8_t {
  kBoth,     // The live state if the store is in use, and the durable one.
  kDurable,  // What the newest valid root reaches.
  kLive,     // What readers and writers see now; the durable one if nobody has the store in use.
};

// What is wrong. The numbers are part of the interface: none is ever changed or reused.
enum class FindingKind : std::uint8_t {
  kSuperblock = 0,    // The fixed description of the store.
  kRoot = 1,          // The durable root, or what it says is impossible.
  kOtherRoot = 2,     // The other root is not valid: torn by a power cut, or damaged.
  kTruncated = 3,     // The file ends before the extents in use do.
  kHeader = 4,        // A word of a shard header contradicts the others.
  kTable = 5,         // A page of a table of blocks has a wrong checksum, or too many entries.
  kBlock = 6,         // A block has a wrong checksum.
  kPlace = 7,         // A table names a place that its block cannot have.
  kRun = 8,           // An array, a directory or a table does not lie in extents in use.
  kChain = 9,         // A chain leads to a bucket that is not its own, or never ends.
  kSlotState = 10,    // A tophash that cannot be where it is (emptyRest, evacuated).
  kEvacuation = 11,   // A bucket below `nevacuate` is not evacuated, or one is in half.
  kWrongBucket = 12,  // A key in a bucket, or with a tophash, that its hash does not lead to.
  kDuplicate = 13,    // A key, or a record, that is there twice.
  kReference = 14,    // A reference that leads to no record of the shard.
  kRecord = 15,       // A record with a wrong checksum.
  kCount = 16,        // A counter that differs from what was counted.
  kSpan = 17,         // An entry of a span directory contradicts the extents.
  kSpanList = 18,     // The lists of spans by size class are not what they should be.
  kLeakedSlot = 19,   // Slots of a span are taken and nobody refers to them.
  kExtent = 20,       // Two owners of an extent, or a word that contradicts its owner.
  kLeakedExtent = 21,  // Extents are taken and nobody reaches them.
  kVersion = 22,       // A version word is odd and no change is being made.
  kLivePlace = 23,     // The live place of a block contradicts the states of the places.
  kRuntime = 24,       // The runtime area contradicts itself or the roots.
  kIntent = 25,        // A published change names words, or a batch records, that do not exist.
  kHashBits = 26,      // The hash bits of a slot are not those of its key.
  kOfferedSlot = 27,   // A slot that somebody needs is remembered as unused, to be given out.
  kDictionary = 28,    // What values are compressed against has a wrong checksum.
};

// The name of a kind as written in the sources without the k, for example "LeakedSlot".
HMAP_EXPORT std::string_view name(FindingKind kind) noexcept;

enum class Severity : std::uint8_t {
  kNote,    // Nothing is wrong, but somebody may want to know.
  kLeak,    // Space is lost until the shard is cleared or the store is loaded anew; no entry is.
  kDamage,  // Entries are lost, wrong, or may become so.
};

// What Finding::number counts.
enum class FindingUnit : std::uint8_t { kNothing, kBucket, kOldBucket, kSpan, kExtent, kBlock };

struct Finding {
  static constexpr std::uint32_t kNoShard = ~std::uint32_t{0};

  FindingKind kind = FindingKind::kRoot;
  Severity severity = Severity::kDamage;
  bool live = false;               // Of the live state, else of the durable one.
  std::uint64_t offset = 0;        // In the file, where the bytes in question are.
  std::uint32_t shard = kNoShard;  // kNoShard: of no shard.
  FindingUnit unit = FindingUnit::kNothing;
  std::uint64_t number = 0;  // Of the bucket, span, extent or block.
  std::string text;          // What was found and what it means; one sentence or two.
};

struct VerifyOptions {
  VerifyState state = VerifyState::kBoth;
  // Called now and then with the bytes done and the bytes to do (both rough, `done` never falls).
  // False ends the check; the report then says so. Must not call into the store.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress{};
  // With a writing handle: no checkpoint of anybody from the beginning of the durable state's check
  // to its end, instead of after several of them came in its way. For large stores that are written
  // to all the time; a power cut meanwhile would lose more than the checkpoint interval, and who
  // asks for a checkpoint waits.
  bool hold_checkpoints = false;
  // So many findings are kept with their texts; the others are counted only.
  std::uint64_t findings_max = 1000;
};

// What was looked at in one state.
struct VerifyCounts {
  bool checked = false;  // Whether this state was asked for, and is there.
  std::uint64_t entries = 0;
  std::uint64_t large_records = 0;  // Entries whose record has extents of its own.
  std::uint64_t buckets = 0;        // Reachable ones, overflow buckets included.
  std::uint64_t blocks = 0;
  std::uint64_t spans = 0;
  std::uint64_t extents = 0;
  std::uint64_t bytes = 0;  // Bytes read and compared with a checksum or a rule.
};

struct VerifyReport {
  std::vector<Finding> findings;  // In the order of discovery; at most findings_max.
  std::uint64_t notes = 0;        // All findings by severity, those not kept included.
  std::uint64_t leaks = 0;
  std::uint64_t damages = 0;
  std::uint64_t leaked_bytes = 0;
  VerifyCounts durable;
  VerifyCounts live;
  std::uint64_t generation = 0;  // Of the durable root that was checked; 0: there is no valid one.
  // Whether nothing was written while the live state was checked, so that counters, leaks and the
  // owners of extents could be compared in it too.
  bool live_quiet = false;
  bool complete = true;        // Whether everything asked for was checked.
  std::string incomplete_why;  // If not: why.

  // Nothing is wrong with what was checked.
  [[nodiscard]] bool clean() const noexcept { return leaks == 0 && damages == 0; }
};

}  // namespace hmap

#endif  // HMAP_VERIFY_H_
