// hmap::compact(): see hmap/compact.h.
#include "hmap/compact.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "fresh_store.h"
#include "hmap/store.h"
#include "naming.h"

namespace hmap {
namespace {

// The file behind all symbolic links: a link must go on pointing to it.
Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (real == nullptr) return open_error(errno, "cannot find the file");
  return std::string(real.get());
}

Result<struct stat> facts_of(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return open_error(errno, "cannot stat the file");
  if (S_ISREG(facts.st_mode) && facts.st_nlink > 1)
    return Status(Code::kUnsupported,
                  "the file has further hard links, which would keep the old one");
  return facts;
}

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

// The new file belongs to whom the old one belonged to.
Status take_over(int fd, const struct stat& old) {
  struct stat now {};
  if (::fstat(fd, &now) != 0) return {Code::kSystem, "cannot stat the new file", 0, errno};
  if ((now.st_uid != old.st_uid || now.st_gid != old.st_gid) &&
      ::fchown(fd, old.st_uid, old.st_gid) != 0)
    return {Code::kPermission, "cannot give the new file the owner of the old one", 0, errno};
  // After the owner, which clears some of the bits.
  if (::fchmod(fd, old.st_mode & 07777) != 0)
    return {Code::kPermission, "cannot give the new file the mode of the old one", 0, errno};
  return {};
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
  const Result<std::string> real = real_path(path);
  if (!real) return real.error();
  const Result<struct stat> facts = facts_of(*real);
  if (!facts) return facts.error();
  // Held until the new file is in place: nobody can begin to write to the old one meanwhile, and
  // who was about to open it notices (open_session).
  Result<Store> old = open_alone(*real);
  if (!old) return old.error();
  sweep_temporaries(*real);
  const Result<Stats> stats = old->stats();
  if (!stats) return stats.error();
  Result<Options> wish = options_like(*old, options.store);
  if (!wish) return wish.error();
  if (wish->expected_entries == 0) wish->expected_entries = stats->entries;
  wish->file_mode = 0600;
  CompactReport report;
  report.bytes_before = stats->file_bytes;
  report.allocated_before = stats->allocated_bytes;
  Result<FreshStore> fresh = FreshStore::create(*real, *wish);
  if (!fresh) return fresh.error();
  if (Status s = fill(*old, *fresh, stats->entries, options, report); !s.ok()) return s;
  // The same uuid: a commit log beside the store stays the store's, and the new root says that
  // nothing in it counts.
  if (Status s = fresh->finish(stats->uuid); !s.ok()) return s;
  if (Status s = take_over(fresh->fd(), *facts); !s.ok()) return s;
  struct stat now {};
  if (::fstat(fresh->fd(), &now) != 0) return Status(Code::kSystem, "cannot stat", 0, errno);
  report.bytes_after = static_cast<u64>(now.st_size);
  report.allocated_after = static_cast<u64>(now.st_blocks) * 512;
  // Crash: the old file or the new one.
  if (Status s = fresh->replace(*real); !s.ok()) return s;
  // The old file has no name any more: what its last checkpoint could say is of no use.
  static_cast<void>(old->close().ok());
  return report;
}

}  // namespace hmap
