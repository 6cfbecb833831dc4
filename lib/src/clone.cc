// hmap::clone(): see hmap/copy.h.
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "checkpoint.h"
#include "fresh_store.h"
#include "hmap/copy.h"
#include "store_access.h"

namespace hmap {
namespace {

// With the checkpoint lock held: who writes meanwhile touches nothing that the durable state has,
// so that whatever mixture of old and new pages is shared, that state is whole in it, as after a
// power cut.
Result<CopyReport> share_and_publish(const Session& session, const std::string& fresh) {
  CopyReport report;
  struct stat file {};
  if (::fstat(session.fd.get(), &file) != 0) return Status(Code::kSystem, "cannot stat", 0, errno);
  report.source_bytes = static_cast<u64>(file.st_size);
  Result<FreshStore> made = FreshStore::share(session.fd.get(), fresh);
  if (!made) return made.error();
  std::array<u8, 16> uuid{};
  fill_random(uuid.data(), uuid.size());
  if (Status s = made->finish(uuid); !s.ok()) return s;
  if (::fstat(made->fd(), &file) != 0) return Status(Code::kSystem, "cannot stat", 0, errno);
  report.file_bytes = static_cast<u64>(file.st_size);
  report.entries = made->contents().entries;
  report.epoch = made->contents().epoch;
  if (Status s = made->publish(fresh); !s.ok()) return s;
  return report;
}

}  // namespace

Result<CopyReport> clone(Store& source, const std::string& fresh) {
  if (::access(fresh.c_str(), F_OK) == 0)
    return Status(Code::kExists, "there is a file where the new store is to be");
  return StoreAccess::write(source, [&fresh](Session& session) -> Result<CopyReport> {
    Result<CopyReport> report = CopyReport{};
    Status s = checkpoint(session.engine, session.engine.lock_timeout, [&]() -> Status {
      report = share_and_publish(session, fresh);
      return report.error();
    });
    if (!s.ok()) return s;
    return report;
  });
}

}  // namespace hmap
