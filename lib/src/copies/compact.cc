// hmap::compact(): see hmap/compact.h.
#include "hmap/compact.h"

#include <sys/stat.h>

#include <cerrno>

#include "copies/fresh_store.h"
#include "copies/replacement.h"
#include "hmap/store.h"
#include "store/store_access.h"
#include "system/naming.h"

namespace hmap {
namespace {

Result<Store> open_alone(const std::string& path) {
  Options options;
  options.mode = Mode::kExclusive;
  // Whatever a commit log has is replayed; nothing is written in the background.
  options.durability = Durability::kNone;
  options.any_type = true;
  Result<Store> store = Store::open(path, options);
  if (store.error().code() == Code::kLockedExclusively)
    return Status(Code::kBusy, "others have the store open");
  return store;
}

Status fill(const Store& old, FreshStore& fresh, u64 total, const CompactOptions& options,
            CompactReport& report) {
  Result<Cursor> cursor = old.cursor(Position{});
  if (!cursor) return cursor.error();
  Status s = fresh.fill(*std::move(cursor), [&]() -> Status {
    ++report.entries;
    if (!options.progress || options.progress(report.entries, total)) return {};
    return {Code::kSystem, "ended by the progress callback", 0, ECANCELED};
  });
  if (!s.ok()) return s;
  // A header that says more than the chains have is damage, and a reason to stop.
  if (report.entries != total)
    return Engine::corrupt("the store has not as many entries as it says", 0);
  return {};
}

}  // namespace

Result<CompactReport> compact(const std::string& path, const CompactOptions& options) {
  const Result<Place> place = find_place(path);
  if (!place) return place.error();
  // Held until the new file is in place: nobody can begin to write to the old one meanwhile, and
  // who was about to open it notices (open_session).
  Result<Store> old = open_alone(place->path);
  if (!old) return old.error();
  sweep_temporaries(place->path);
  const Result<Stats> stats = old->stats();
  if (!stats) return stats.error();
  Result<Options> wish = options_like(*old, options.store);
  if (!wish) return wish.error();
  if (wish->expected_entries == 0) wish->expected_entries = stats->entries;
  wish->file_mode = 0600;
  CompactReport report;
  report.bytes_before = stats->file_bytes;
  report.allocated_before = stats->allocated_bytes;
  Result<FreshStore> fresh = FreshStore::create(place->path, *wish);
  if (!fresh) return fresh.error();
  if (Status s = fill(*old, *fresh, stats->entries, options, report); !s.ok()) return s;
  // The same uuid: a commit log beside the store stays the store's, and the new root says that
  // nothing in it counts.
  if (Status s = fresh->finish(stats->uuid); !s.ok()) return s;
  if (Status s = take_over(fresh->fd(), *place); !s.ok()) return s;
  struct stat now {};
  if (::fstat(fresh->fd(), &now) != 0) return Status(Code::kSystem, "cannot stat", 0, errno);
  report.bytes_after = static_cast<u64>(now.st_size);
  report.allocated_after = static_cast<u64>(now.st_blocks) * 512;
  const Result<std::shared_ptr<Handle>> handle = StoreAccess::handle(*old);
  if (!handle) return handle.error();
  Status status = replace_store((*handle)->session_to_write(), fresh->fd(),
                                [&] { return fresh->replace(place->path); });
  if (!status.ok()) return status;
  static_cast<void>(old->close().ok());
  return report;
}

}  // namespace hmap
