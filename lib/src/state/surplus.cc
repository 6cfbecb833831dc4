// Punching free extents.
#include "state/surplus.h"

#include <algorithm>

#include "state/pins.h"
#include "state/space.h"

namespace hmap {
namespace {

// What is given back at once, and extent words looked at in one step.
constexpr u64 kPunchBytes = u64{1} << 20;
constexpr u64 kScanWords = 4096;
// What a step waits for a stopped owner of the space lock before it is put off.
constexpr std::chrono::milliseconds kPatience{50};

// Which free extents to punch.
struct Wanted {
  u64 newer_than = 0;  // a row must have one that was freed after this epoch ...
  u64 up_to = 0;       // ... and none that was freed after this one
  u64 least_row = 1;
  bool all = false;  // also what was never in use
};

struct Row {
  u64 first = 0;
  u64 count = 0;
};

// The first row to punch in the extents [from, to), which lie in one group; count 0: there is none.
class RowSearch {
 public:
  RowSearch(const Engine& engine, const Wanted& wanted)
      : engine_(engine), wanted_(wanted), held_(HeldSpace::of(engine)) {}

  Result<Row> in_group(u64 from, u64 to) {
    Row row{from, 0};
    bool is_new = false;
    for (u64 extent = from; extent < to; ++extent) {
      const Result<u64> word = extent_word(engine_, extent);
      if (!word) return word.error();
      if (is_usable(*word, extent, wanted_.up_to, held_)) {
        ++row.count;
        is_new = is_new || wanted_.all || extent_payload(*word) > wanted_.newer_than;
        continue;
      }
      if (is_new && row.count >= wanted_.least_row) return row;
      row = {extent + 1, 0};
      is_new = false;
    }
    if (is_new && row.count >= wanted_.least_row) return row;
    return Row{};
  }

 private:
  const Engine& engine_;
  Wanted wanted_;
  HeldSpace held_;
};

// Extents of a group: what one call punches. Groups begin at multiples of it, so that what is
// punched again because it has a new neighbour is never more than that.
u64 group_extents(const Layout& layout) {
  return std::max<u64>(1, kPunchBytes / layout.extent_bytes);
}

// One step from `next` on, with the space lock held. False: the end is reached.
Result<bool> step(Engine& engine, Wanted wanted, u64& next, u64& bytes) {
  const Layout& layout = engine.layout;
  const format::RuntimeHeader& runtime = *engine.runtime;
  // What lies behind was never stored to and keeps its blocks: nobody would ask for them again.
  const u64 end = std::min(runtime.extents_end, runtime.clean_from);
  const u64 group = group_extents(layout);
  wanted.least_row = std::min(wanted.least_row, group);
  RowSearch search(engine, wanted);
  for (u64 left = kScanWords; next < end && left > 0;) {
    const u64 to = std::min({end, next - next % group + group, next + left});
    const Result<Row> row = search.in_group(next, to);
    if (!row) return row.error();
    left -= to - next;
    if (row->count == 0) {
      next = to;
      continue;
    }
    const u64 length = row->count * layout.extent_bytes;
    // Crash: the extents are free as before; what is in them means nothing to anybody.
    if (Status s = engine.map->punch(layout.extent_offset(row->first), length); !s.ok()) return s;
    bytes += length;
    next = row->first + row->count;
    break;
  }
  return next < end;
}

// Begins another round through the table if there is anything new. All words of it are hints.
bool begin_round(Engine& engine, u64 up_to) {
  format::RuntimeHeader& runtime = *engine.runtime;
  if (runtime.punching > runtime.punched) return true;
  if (up_to <= runtime.punched || runtime.freed <= runtime.punched) return false;
  // Crash in between: a round that begins in the middle leaves something for the next one.
  seam::store(runtime.punch_next, 0);
  seam::store(runtime.punching, up_to);
  return true;
}

// Of a call that must not be repeated on a file system without holes.
Result<bool> unless_unsupported(Engine& engine, Result<bool> more) {
  if (more.error().code() != Code::kUnsupported) return more;
  engine.punches = false;
  return false;
}

}  // namespace

Result<bool> punch_surplus(Engine& engine, Surplus surplus) {
  format::RuntimeHeader& runtime = *engine.runtime;
  const Result<DomainLock> lock = DomainLock::take(engine, engine.layout.space_domain(), kPatience);
  if (!lock) return lock.error();
  if (!engine.punches) return false;
  const u64 oldest = engine.needed_cuts().oldest;
  // The cut of the other root was the durable one while the last checkpoint was made.
  const u64 before = seam::load(runtime.table_cut[1 - (seam::load(runtime.durable) & 1)]);
  if (!begin_round(engine, surplus == Surplus::kUnused ? oldest : std::min(oldest, before)))
    return false;
  const Wanted wanted{runtime.punched, std::min(runtime.punching, oldest), kSurplusRow, false};
  u64 next = runtime.punch_next;
  u64 bytes = 0;
  const Result<bool> more = step(engine, wanted, next, bytes);
  if (!more) return unless_unsupported(engine, more);
  seam::store(runtime.punch_next, next);
  if (!*more) seam::store(runtime.punched, runtime.punching);
  return more;
}

Result<bool> punch_free(Engine& engine, u64& next, u64& bytes) {
  const Result<DomainLock> lock = DomainLock::take(engine, engine.layout.space_domain());
  if (!lock) return lock.error();
  if (!engine.punches) return false;
  return unless_unsupported(engine,
                            step(engine, {0, engine.needed_cuts().oldest, 1, true}, next, bytes));
}

Status punch_ahead(Engine& engine) {
  const Layout& layout = engine.layout;
  format::RuntimeHeader& runtime = *engine.runtime;
  const Result<DomainLock> lock = DomainLock::take(engine, layout.space_domain());
  if (!lock) return lock.error();
  const u64 from = runtime.clean_from;
  const u64 in_file = (engine.map->file_bytes() - layout.heap_offset) / layout.extent_bytes;
  const u64 to = std::min(runtime.file_extents, in_file);
  const u64 zone = layout.zone_extents();
  if (!engine.punches || zone == 0 || to < from || to - from < zone) return {};
  // A damaged `clean_from` must not take from anybody what he has.
  for (u64 extent = from; extent < std::min(to, table_capacity(engine)); ++extent) {
    const Result<u64> word = extent_word(engine, extent);
    if (!word) return word.error();
    if (extent_kind(*word) != format::ExtentKind::kFree)
      return Engine::corrupt("an extent in use where none was stored to",
                             layout.extent_offset(extent));
  }
  // Order: first these, so that whoever takes the extents asks for blocks. Crash in between: they
  // have some.
  seam::store(runtime.clean_from, std::max(from, runtime.extents_end));
  seam::store(runtime.file_extents, std::min(to, runtime.extents_end));
  const Status status =
      engine.map->punch(layout.extent_offset(from), (to - from) * layout.extent_bytes);
  return status.code() == Code::kUnsupported ? Status() : status;
}

}  // namespace hmap
