// C1 to C8 of lib/README.md.
#include "life/checkpoint.h"

#include <cerrno>
#include <ctime>
#include <numeric>
#include <vector>

#include "format/hash.h"
#include "life/snapshots.h"
#include "map/hmap.h"
#include "state/blocks.h"
#include "state/pins.h"
#include "state/space.h"
#include "state/surplus.h"
#include "state/tables.h"
#include "system/process.h"

namespace hmap {
namespace {

using format::Cut;
using format::PlaceState;
using format::Root;
using format::ShardHeader;
using format::TablePage;
using std::chrono::milliseconds;

// A cut waits this long for each lock before it lets all others go on and tries again.
constexpr milliseconds kCutPatience{2};
constexpr milliseconds kBackOff{5};
// Steps of giving space back at the end of a checkpoint: some 64 MiB, some ms. Background goes on.
constexpr int kPunchSteps = 64;
// Steps of emptying a shard's dead list before the cut, of some 8 MiB each.
constexpr int kDeadSteps = 64;

bool cut_is_pending(const Engine& engine) { return engine.needed_cuts().pending != 0; }

u64 now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<u64>(now.tv_sec) * 1'000'000'000 + static_cast<u64>(now.tv_nsec);
}

// C2 to C4. False if nothing has changed.
Result<bool> take_cut(Engine& engine, milliseconds timeout) {
  Result<std::vector<DomainLock>> locks = lock_all(engine, timeout);
  if (!locks) return locks.error();
  if (has_published_notes(engine)) return Status(Code::kBusy, "a large record is being finished");
  Cut& cut = engine.cut();
  const u64 changes = sum_of_changes(engine);
  if (changes == cut.changes && cut.cut == engine.durable_cut()) return false;
  // Crash: until `epoch` is stored the record does not count, because its cut is not below it; and
  // who raises the epoch for another reason forgets it first.
  const u64 epoch = engine.epoch();
  seam::store(cut.cut, epoch);
  seam::store(cut.changes, changes);
  seam::store(cut.extents_end, engine.runtime->extents_end);
  // Who appends holds a shard's lock: the log ends exactly with the changes of this cut.
  const format::LogState& log = engine.runtime->log;
  seam::store(cut.log_sequence, log.tail | (log.in_use != 0 ? format::kLogInUse : 0));
  seam::copy_in(cut.extent_table, engine.runtime->extent_table, sizeof cut.extent_table);
  for (u64 s = 0; s < engine.layout.shards; ++s) {
    seam::copy_in(&engine.cut_header(s), &engine.header(s), sizeof(ShardHeader));
  }
  for (u64 d = 0; d <= engine.layout.shards; ++d) {
    format::Domain& domain = engine.domain(d);
    seam::store(domain.dirty_bytes, 0);
    seam::store(domain.copies_before, domain.copies);
    seam::store(domain.copies, 0);
  }
  // The cut: from this store on, every block is frozen and is copied by whoever touches it next.
  seam::store(engine.runtime->epoch, epoch + 1);
  return true;
}

// Brings one page of table k up to date: the entries of blocks that changed since it was written.
class TablePageWriter {
 public:
  TablePageWriter(Engine& engine, const Run& run, u64 k, u64 cut)
      : engine_(engine),
        run_(run),
        k_(k),
        cut_(cut),
        table_cut_(seam::load(engine.runtime->table_cut[k])),
        durable_cut_(engine.durable_cut()) {}

  Status write(u64 page) {
    const Layout& layout = engine_.layout;
    const u64 offset = layout.table_offset(run_, k_) + page * layout.block_bytes;
    std::byte* bytes = engine_.map->bytes(offset, layout.block_bytes);
    const std::byte* durable = engine_.map->bytes(
        layout.table_offset(run_, 1 - k_) + page * layout.block_bytes, layout.block_bytes);
    if (bytes == nullptr || durable == nullptr || offset % sizeof(u64) != 0)
      return Engine::corrupt("table outside the file", offset);
    auto* entries = reinterpret_cast<u64*>(bytes + sizeof(TablePage));
    const auto* durable_entries = reinterpret_cast<const u64*>(durable + sizeof(TablePage));
    bool changed = false;
    const u64 first = page * layout.entries_per_page;
    for (u64 i = 0; i < layout.entries_per_page && first + i < run_.blocks; ++i) {
      const Result<u64> entry = entry_for(first + i, durable_entries[i]);
      if (!entry) return entry.error();
      if (*entry == kUnchanged) continue;
      if (*entry != entries[i]) seam::store(entries[i], *entry);
      changed = true;
    }
    // Crash: a page with a wrong checksum belongs to no root yet.
    if (changed) {
      seam::store(reinterpret_cast<TablePage*>(bytes)->checksum,
                  page_checksum(engine_, bytes, offset));
    }
    return {};
  }

 private:
  static constexpr u64 kUnchanged = ~u64{0};

  Result<u64> entry_for(u64 index, u64 durable_entry) {
    const Result<Block> block = block_of(engine_, run_, index);
    if (!block) return block.error();
    const u64 unwritten = table_cut_ == 0 ? 0 : kUnchanged;
    if (seam::load(*block->place_word) == 0) return unwritten;
    const Result<u64> place = place_at(engine_, *block, cut_);
    if (!place) return place.error();
    if (*place == 0) return unwritten;
    const Result<PlaceState*> state = place_state(engine_, *block, *place);
    if (!state) return state.error();
    const u64 born = seam::load((*state)->born);
    if (born <= table_cut_) return kUnchanged;
    // In the durable table already: the same version, checksummed then.
    if (born <= durable_cut_ && durable_entry != 0) return durable_entry;
    const std::byte* bytes = engine_.map->bytes(*place, engine_.layout.block_bytes);
    if (bytes == nullptr) return Engine::corrupt("block outside the file", *place);
    return *place / engine_.layout.block_bytes | u64{block_checksum(engine_, bytes, block->home)}
                                                     << 32;
  }

  Engine& engine_;
  const Run& run_;
  u64 k_;
  u64 cut_;
  u64 table_cut_;
  u64 durable_cut_;
};

Status write_tables(Engine& engine, u64 k, u64 cut) {
  Status status;
  const auto write_run = [&](const Run& run) {
    TablePageWriter writer(engine, run, k, cut);
    for (u64 page = 0; page < engine.layout.table_pages(run.blocks) && status.ok(); ++page) {
      status = writer.write(page);
    }
    return status.ok();
  };
  for (u64 segment = 0; segment < format::kExtentSegments && status.ok(); ++segment) {
    const RunOffset run = engine.cut().extent_table[segment];
    if (run.none()) continue;
    write_run(Run(run, engine.layout.extent_table_shape(segment)));
  }
  for (u64 s = 0; s < engine.layout.shards && status.ok(); ++s) {
    for_each_run(engine.layout, engine.cut_header(s), write_run);
  }
  return status;
}

// Of the root that comes next. An owner who died in C8 may have left `generation` raised already,
// for the very root that is now written again.
u64 next_generation(const Engine& engine, u64 durable_root) {
  Root root;
  seam::copy_out(&root, engine.map->base() + engine.layout.root_offset(durable_root), sizeof root);
  const bool known = root_is_intact(root, engine.store_seed);
  return (known ? root.generation : engine.runtime->generation) + 1;
}

// C5 to C8: makes the pending cut durable.
Status complete_cut(Engine& engine) {
  const Layout& layout = engine.layout;
  const Cut& cut = engine.cut();
  const u64 number = cut.cut;
  const u64 k = 1 - (seam::load(engine.runtime->durable) & 1);
  if (Status s = write_tables(engine, k, number); !s.ok()) return s;
  const u64 generation = next_generation(engine, 1 - k);
  const u64 at = layout.root_offset(k);
  const u64 headers_bytes = layout.shards * sizeof(ShardHeader);
  std::byte* headers = engine.map->base() + at + sizeof(Root);
  seam::copy_in(headers, &engine.cut_header(0), headers_bytes);
  if (Status s = engine.map->flush(); !s.ok()) {
    poison(engine, s.os_error());
    return s;
  }
  Root root{};
  root.magic = format::kRootMagic;
  root.generation = generation;
  root.cut = number;
  root.extents_end = cut.extents_end;
  root.log_sequence = cut.log_sequence;
  std::memcpy(root.extent_table, cut.extent_table, sizeof root.extent_table);
  root.headers_checksum = checksum(headers, headers_bytes, engine.store_seed ^ generation);
  root.checksum = root_checksum(root, engine.store_seed);
  // Crash: kill, the next one writes it again; power, this root or the other one, both complete.
  if (Status s = engine.map->write_durable(at, &root, sizeof root); !s.ok()) {
    poison(engine, s.os_error());
    return s;
  }
  seam::store(engine.runtime->table_cut[k], number);
  seam::store(engine.runtime->generation, generation);
  seam::store(engine.runtime->checkpoint_ns, now_ns());
  seam::store(engine.runtime->log.head, cut.log_sequence & ~format::kLogInUse);
  // From here on what only the former root reached may be used again.
  seam::store(engine.runtime->durable, number << 1 | k);
  return {};
}

// Space that dead processes hold for large records they never finished.
Status sweep_dead_slots(Engine& engine) {
  // A note may be just about to be set.
  if (Status s = finish_for_the_dead(engine, engine.layout.space_domain()); !s.ok()) return s;
  for (u64 slot = 1; slot <= engine.layout.slots; ++slot) {
    const format::Slot& entry = engine.slot(slot);
    u64 notes = 0;
    for (const u64& note : entry.notes) notes |= seam::load(note);
    if (notes == 0) continue;
    const u64 generation = seam::load(entry.generation);
    if (engine.locker->owner_alive(owner_word(generation, slot))) continue;
    if (Status s = sweep_notes(engine, slot, generation); !s.ok()) return s;
  }
  return {};
}

// What erasing, growing and clearing left to later writes: there may be none. Puts nothing off that
// a checkpoint is for: what fails here, or waits for a stopped writer, is left to the next one.
void give_back_dead(Engine& engine) {
  for (u64 shard = 0; shard < engine.layout.shards; ++shard) {
    bool more = has_dead(engine, shard);
    for (int step = 0; step < kDeadSteps && more; ++step) {
      const Result<DomainLock> lock = DomainLock::take(engine, shard, kCutPatience);
      if (!lock) break;
      const Result<bool> left = give_back_cleared(engine, shard);
      more = left && *left;
    }
  }
}

// The checkpoint has succeeded whatever becomes of this, which the next one goes on with.
void punch_some_surplus(Engine& engine) {
  Result<bool> more = true;
  for (int step = 0; step < kPunchSteps && more && *more; ++step)
    more = punch_surplus(engine, Surplus::kUnwanted);
}

// With the checkpoint lock held.
Status make_durable(Engine& engine, milliseconds timeout) {
  if (Status s = engine.check_poison(); !s.ok()) return s;
  if (Status s = sweep_dead_slots(engine); !s.ok()) return s;
  if (Status s = sweep_dead_snapshots(engine); !s.ok()) return s;
  sweep_dead_pins(engine);
  // A record that is reachable must not be pending in the cut.
  if (Status s = adopt_published(engine); !s.ok()) return s;
  // A cut that its taker did not live to complete.
  if (cut_is_pending(engine)) {
    if (Status s = complete_cut(engine); !s.ok()) return s;
  }
  give_back_dead(engine);
  const Result<bool> taken = take_cut(engine, timeout);
  if (!taken) return taken.error();
  if (!*taken) return {};
  if (Status s = complete_cut(engine); !s.ok()) return s;
  punch_some_surplus(engine);
  return {};
}

}  // namespace

Result<std::vector<DomainLock>> lock_all(Engine& engine, milliseconds timeout) {
  std::vector<u64> domains(engine.layout.shards + 1);
  std::iota(domains.begin(), domains.end(), u64{0});
  return lock_these(engine, domains, timeout);
}

Result<std::vector<DomainLock>> lock_these(Engine& engine, const std::vector<u64>& domains,
                                           milliseconds timeout) {
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    std::vector<DomainLock> locks;
    locks.reserve(domains.size());
    Status failure;
    for (const u64 d : domains) {
      Result<DomainLock> lock = DomainLock::take(engine, d, kCutPatience);
      if (!lock) failure = lock.error();
      if (!lock) break;
      locks.push_back(*std::move(lock));
    }
    if (failure.ok()) return locks;
    if (failure.code() != Code::kBusy) return failure;
    if (has_timed_out(start, timeout)) return failure;
    locks.clear();
    timespec pause{0, std::chrono::nanoseconds(kBackOff).count()};
    ::nanosleep(&pause, nullptr);
  }
}

u32 root_checksum(Root root, u64 store_seed) {
  root.checksum = 0;
  return checksum(&root, sizeof root, store_seed);
}

bool root_is_intact(const Root& root, u64 store_seed) {
  return root.magic == format::kRootMagic && root.checksum == root_checksum(root, store_seed);
}

bool root_is_possible(const Root& root, const Layout& layout) {
  return !root.extent_table[0].none() && root.extents_end <= layout.extents_max &&
         root.cut < u64{1} << 47;
}

void poison(Engine& engine, int error) {
  seam::store(engine.runtime->poison, error != 0 ? static_cast<u64>(error) : EIO);
}

void for_each_run(const Layout& layout, const ShardHeader& header, const VisitRun& visit) {
  for (const format::BucketArray* array : {&header.buckets, &header.oldbuckets}) {
    if (array->id == 0) continue;
    for (u64 j = 0; j <= format::kOverflowRuns; ++j) {
      if (!array->run[j].none() && !visit(layout.array_run(*array, j))) return;
    }
  }
  for (const RunOffset* segments : {header.directory, header.dead_directory}) {
    for (u64 k = 0; k < format::kDirectorySegments; ++k) {
      if (!segments[k].none() && !visit(Run(segments[k], layout.directory_shape(k)))) return;
    }
  }
}

void forget_unfinished_cut(Engine& engine) {
  Cut& cut = engine.cut();
  if (cut.cut != engine.epoch()) return;
  // Order: a record that says "durable" must not say that nothing changed since. Crash in between:
  // the record is as unfinished as before.
  seam::store(cut.changes, format::kForever);
  seam::store(cut.cut, engine.durable_cut());
}

u64 sum_of_changes(const Engine& engine) {
  u64 sum = 0;
  for (u64 d = 0; d <= engine.layout.shards; ++d) sum += seam::load(engine.intent(d).state);
  return sum;
}

bool changed_since_checkpoint(const Engine& engine) {
  return seam::load(engine.cut().changes) != sum_of_changes(engine) ||
         seam::load(engine.cut().cut) != engine.durable_cut();
}

Status checkpoint(Engine& engine, milliseconds timeout, const std::function<Status()>& then) {
  if (Status s = engine.check_poison(); !s.ok()) return s;
  // Whoever holds it begins with what the last one left, dead or not: make_durable().
  const Result<PlainLock> lock = PlainLock::take(engine, engine.runtime->checkpoint_lock, timeout);
  if (!lock) return lock.error();
  if (Status s = make_durable(engine, timeout); !s.ok()) return s;
  return then ? then() : Status();
}

}  // namespace hmap
