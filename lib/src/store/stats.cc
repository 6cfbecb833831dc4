// Store::stats() and size().
#include "store/stats.h"

#include <sys/stat.h>

#include <algorithm>

#include "format/type.h"
#include "map/bmap.h"
#include "map/read_through.h"
#include "map/slots.h"
#include "state/pins.h"
#include "state/space.h"

namespace hmap {
namespace {

using format::ExtentKind;
using format::ShardHeader;

void add_shard(const Engine& engine, u64 shard, Stats& stats) {
  const ShardHeader& header = engine.header(shard);
  Stats::Shard s;
  s.entries = live_count(engine, shard);
  s.buckets_log2 = seam::load(header.b);
  s.overflow_buckets = seam::load(header.noverflow);
  s.growing = seam::load(header.oldbuckets.id) != 0;
  s.same_size_growth = (seam::load(header.flags) & format::kSameSizeGrow) != 0;
  if (s.growing) {
    s.old_buckets = u64{1} << std::min<u64>(seam::load(header.oldbuckets.b), kMaxB);
    s.half_size_growth = (seam::load(header.flags) & format::kHalfSizeGrow) != 0;
    s.evacuated = seam::load(header.nevacuate) * (s.half_size_growth ? 2 : 1);
  }
  s.spans = seam::load(header.span_count) - seam::load(header.span_free);
  // One that is published has happened, applied or not.
  s.epoch_changes = (seam::load(engine.intent(shard).state) + 1) / 2;
  const format::Domain& domain = engine.domain(shard);
  s.inserted = seam::load(domain.inserted);
  s.replaced = seam::load(domain.replaced);
  s.erased = seam::load(domain.erased);
  s.lock_waits = seam::load(domain.lock.waits);
  s.lock_waited_ns = seam::load(domain.lock.waited_ns);
  stats.entries += s.entries;
  stats.buckets += u64{1} << std::min<u64>(s.buckets_log2, kMaxB);
  stats.overflow_buckets += s.overflow_buckets;
  stats.shards.push_back(s);
}

Status add_extents(const Engine& engine, Stats& stats) {
  const u64 oldest = engine.needed_cuts().oldest;
  const HeldSpace held = HeldSpace::of(engine);
  const u64 bytes = engine.layout.extent_bytes;
  for (u64 extent = 0; extent < seam::load(engine.runtime->extents_end); ++extent) {
    const Result<u64> word = extent_word(engine, extent);
    if (!word) return word.error();
    switch (extent_kind(*word)) {
      case ExtentKind::kFree:
        (extent_payload(*word) > oldest                   ? stats.retired_bytes
         : extent_payload(*word) != 0 && held.has(extent) ? stats.held_bytes
                                                          : stats.free_bytes) += bytes;
        break;
      case ExtentKind::kBuckets:
        stats.bucket_bytes += bytes;
        break;
      case ExtentKind::kSpan:
        stats.span_bytes += bytes;
        break;
      case ExtentKind::kLarge:
      case ExtentKind::kLargeRest:
      case ExtentKind::kLargePending:
        stats.large_bytes += bytes;
        break;
      case ExtentKind::kFrames:
        stats.frame_bytes += bytes;
        break;
      default:
        stats.other_bytes += bytes;
        break;
    }
  }
  stats.other_bytes += engine.layout.heap_offset;
  return {};
}

// What the compressed values of a bucket take.
void add_records(const Engine& engine, const BucketWords& words, Stats& stats) {
  prefetch_slots(engine, words.rest, filled_slots(words.tophash));
  for (u64 i = 0; i < format::kSlots; ++i) {
    if (!is_filled(tophash_at(words.tophash, i))) continue;
    const Result<EntryView> entry = view_slot(engine, words.rest, i);
    if (!entry || entry->flags == 0) continue;
    ++stats.compressed_values;
    stats.compressed_bytes += entry->value_bytes;
    stats.uncompressed_bytes +=
        Codec::decoded_bytes(entry->flags, entry->value, entry->value_bytes);
  }
}

// A damaged header may claim more buckets than the file can hold.
u64 buckets_in_file(const Engine& engine, const format::BucketArray& array) {
  return std::min(u64{1} << std::min<u64>(seam::load(array.b), kMaxB),
                  engine.map->file_bytes() / engine.layout.bucket.bytes);
}

// Walks the chain of a bucket; answers its length in overflow buckets. Writers may be at work: what
// is counted is a chain that was there at some moment.
template <typename Visit>
u64 walk_buckets(const Engine& engine, u64 shard, const format::BucketArray& array, u64 n,
                 Visit&& visit) {
  ShardReader reader(engine, shard, nullptr);
  u64 length = 0;
  for (ChainHops hops;;) {
    BucketWords words;
    if (reader.bucket(array, n, words) != Look::kOk || !visit(words) || words.overflow == 0)
      return length;
    n = words.overflow;
    if (!hops.goes_on(n)) return length;
    ++length;
  }
}

void add_chains(const Engine& engine, u64 shard, Stats& stats) {
  const ShardHeader& header = engine.header(shard);
  if (seam::load(header.buckets.id) == 0) return;
  for (u64 n = 0; n < buckets_in_file(engine, header.buckets); ++n) {
    const u64 length =
        walk_buckets(engine, shard, header.buckets, n, [](const BucketWords&) { return true; });
    ++stats.chains[std::min<u64>(length, stats.chains.size() - 1)];
  }
}

// While growing the entries of a key's bucket are in the old array until it is evacuated; what is
// elsewhere then is rubbish (format-spec, F-10).
void add_compressed(const Engine& engine, u64 shard, Stats& stats) {
  const ShardHeader& header = engine.header(shard);
  if (seam::load(header.buckets.id) == 0) return;
  const auto add = [&](const format::BucketArray& array, u64 n) {
    bool evacuated = false;
    walk_buckets(engine, shard, array, n, [&](const BucketWords& words) {
      evacuated = is_evacuated(words.tophash);
      if (!evacuated) add_records(engine, words, stats);
      return !evacuated;
    });
    return !evacuated;
  };
  const bool growing = seam::load(header.oldbuckets.id) != 0;
  const u64 old = growing ? buckets_in_file(engine, header.oldbuckets) : 0;
  std::vector<bool> in_old(old);
  for (u64 n = 0; n < old; ++n) in_old[n] = add(header.oldbuckets, n);
  for (u64 n = 0; n < buckets_in_file(engine, header.buckets); ++n) {
    if (old == 0 || !in_old[n % old]) add(header.buckets, n);
  }
}

void add_processes(const Session& session, Stats& stats) {
  for (u32 slot = 1; slot <= session.engine.layout.slots; ++slot) {
    const u64 pid = seam::load(session.engine.slot(slot).pid);
    if (pid == 0 || !session.live) continue;
    const bool alive = slot_lives(session, slot);
    const SlotViews views = views_of(session.engine, slot);
    // One more than were counted, so that 0 tells who does not count.
    const u64 reads = seam::load(session.engine.slot(slot).reads);
    stats.processes.push_back({slot, static_cast<u32>(pid), alive, views.count, views.seconds,
                               reads != 0, reads == 0 ? 0 : reads - 1});
  }
}

}  // namespace

std::vector<Stats::HeldSnapshot> held_snapshots(const Session& session) {
  std::vector<Stats::HeldSnapshot> held;
  if (!session.live) return held;
  for (const format::SnapshotCell& cell : session.engine.runtime->snapshots) {
    const u64 owner = seam::load(cell.owner);
    const u64 cut = seam::load(cell.cut);
    if (owner == 0 || cut == 0) continue;
    held.push_back({cut, static_cast<u32>(owner & 0xffff), owner_lives(session, owner)});
  }
  return held;
}

u64 live_count(const Engine& engine, u64 shard) {
  const ShardHeader& header = engine.header(shard);
  const u64 offset = engine.map->offset_of(&header.count);
  Patience patience(engine, shard);
  do {
    const u64 state = seam::load(engine.intent(shard).state);
    u64 count = seam::load(header.count);
    if (state % 2 != 0) {
      const u64 words =
          std::min<u64>(seam::load(engine.intent(shard).words), engine.layout.intent_words);
      for (u64 i = 0; i < words; ++i) {
        if (seam::load(engine.intent_words(shard)[i].offset).value == offset) {
          count = seam::load(engine.intent_words(shard)[i].value);
        }
      }
    }
    if (seam::load(engine.intent(shard).state) == state) return count;
  } while (patience.again());
  return seam::load(header.count);
}

Result<Stats> collect_stats(const Session& session, StatsDepth depth) {
  const Engine& engine = session.engine;
  Stats stats;
  for (u64 shard = 0; shard < engine.layout.shards; ++shard) {
    add_shard(engine, shard, stats);
    if (depth != StatsDepth::kChains) continue;
    add_chains(engine, shard, stats);
    if (engine.codec->compresses()) add_compressed(engine, shard, stats);
  }
  stats.load_factor = stats.buckets == 0
                          ? 0
                          : static_cast<double>(stats.entries) / static_cast<double>(stats.buckets);
  if (Status s = add_extents(engine, stats); !s.ok()) return s;
  struct stat file {};
  if (::fstat(session.fd.get(), &file) == 0) {
    stats.file_bytes = static_cast<u64>(file.st_size);
    stats.allocated_bytes = static_cast<u64>(file.st_blocks) * 512;
  }
  stats.epoch = engine.epoch();
  stats.durable_epoch = engine.durable_cut();
  stats.checkpoints = seam::load(engine.runtime->generation);
  stats.poisoned = seam::load(engine.runtime->poison) != 0;
  stats.durability = static_cast<Durability>(seam::load(engine.runtime->durability));
  if (stats.durability == Durability::kStore) stats.durability = Durability::kCheckpoint;
  const format::LogState& log = engine.runtime->log;
  if (session.log != nullptr) stats.log_bytes = session.log->area_bytes();
  if (stats.durability == Durability::kCommit) {
    // The tail last: it is never behind the others.
    const u64 head = seam::load(log.head);
    stats.log_durable = std::max(seam::load(log.flushed), head);
    stats.log_written = seam::load(log.tail);
    stats.log_used = stats.log_written - head;
  }
  stats.log_replayed = seam::load(log.replayed);
  add_processes(session, stats);
  stats.snapshots = held_snapshots(session);
  const Result<format::Superblock> superblock = read_superblock(session.fd.get(), false);
  if (!superblock) return superblock.error();
  stats.shard_bits = superblock->shard_bits;
  stats.block_bytes = superblock->block_bytes;
  stats.extent_bytes = superblock->extent_bytes;
  stats.slots = superblock->slots;
  stats.batch_ops = static_cast<u32>(engine.layout.batch_ops);
  stats.format_version = superblock->version;
  stats.compression = engine.codec->compresses() ? Compression::kLz4 : Compression::kNone;
  stats.dictionary_bytes = superblock->dictionary_bytes;
  stats.type = type_of(*superblock);
  std::copy(std::begin(superblock->uuid), std::end(superblock->uuid), stats.uuid.begin());
  return stats;
}

}  // namespace hmap
