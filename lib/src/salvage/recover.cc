// hmap::recover(): see hmap/recover.h.
#include "hmap/recover.h"

#include <fcntl.h>

#include "copies/fresh_store.h"
#include "salvage/salvage.h"

namespace hmap {
namespace {

// Asking for a lock needs no permission to write. A file system without such locks has no writers.
Status refuse_if_in_use(int fd) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(format::kUsersByteAt);
  lock.l_len = 1;
  if (::fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return {};
  return {Code::kLockedExclusively, "a writer has the damaged store open"};
}

}  // namespace

Result<RecoverReport> recover(const std::string& damaged, const std::string& fresh,
                              const RecoverOptions& options) {
  if (Status s = refuse_existing(fresh); !s.ok()) return s;
  Result<Fd> fd = open_file(damaged, false);
  if (!fd) return fd.error();
  if (Status s = refuse_if_in_use(fd->get()); !s.ok()) return s;
  SalvageSource source;
  RecoverReport report;
  DamageLog log(options.list_max);
  if (Status s = open_source(source, fd->get(), options, log, report); !s.ok()) return s;

  Options store_options = options_like(source.layout_known ? &source.engine.layout : nullptr,
                                       source.engine.codec.get(), options.store);
  store_options.type = source.type;
  Result<FreshStore> store = FreshStore::create(fresh, store_options);
  if (!store) return store.error();
  if (Status s = Salvage(source, store->store(), options, log, report).run(); !s.ok()) return s;
  if (Status s = store->finish(); !s.ok()) return s;
  report.damage_total = log.total();
  report.damage = log.list();
  if (Status s = store->take_name(fresh); !s.ok()) return s;
  return report;
}

}  // namespace hmap
