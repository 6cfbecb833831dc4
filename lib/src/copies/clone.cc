// hmap::clone(): see hmap/copy.h.
#include <array>
#include <optional>

#include "copies/fresh_store.h"
#include "hmap/copy.h"
#include "life/checkpoint.h"
#include "store/store_access.h"

namespace hmap {

Result<CopyReport> clone(Store& source, const std::string& fresh) {
  if (Status s = refuse_existing(fresh); !s.ok()) return s;
  CopyReport report;
  std::optional<FreshStore> made;
  // While the checkpoint lock is held who writes touches nothing that the durable state has, so
  // that whatever mixture of old and new pages is shared, that state is whole in it, as after a
  // power cut.
  Status status = StoreAccess::write(source, [&](Session& session) {
    return checkpoint(session.engine, session.engine.lock_timeout, [&]() -> Status {
      report.source_bytes = session.engine.map->refresh();
      Result<FreshStore> shared = FreshStore::share(session.fd.get(), fresh);
      if (!shared) return shared.error();
      made.emplace(*std::move(shared));
      return {};
    });
  });
  if (!status.ok()) return status;
  std::array<u8, 16> uuid{};
  fill_random(uuid.data(), uuid.size());
  if (Status s = made->finish(uuid); !s.ok()) return s;
  report.file_bytes = made->contents().file_bytes;
  report.entries = made->contents().entries;
  report.epoch = made->contents().epoch;
  if (Status s = made->take_name(fresh); !s.ok()) return s;
  return report;
}

}  // namespace hmap
