// A damaged file, opened: its sizes, its seed, and the states that can be read of it.
#ifndef HMAP_SRC_SALVAGE_SALVAGE_SOURCE_H_
#define HMAP_SRC_SALVAGE_SALVAGE_SOURCE_H_

#include <array>
#include <optional>
#include <string>

#include "salvage/salvage_state.h"

namespace hmap {

// What could be read of the damaged store before the first record is looked at.
struct SalvageSource {
  Engine engine;
  TypeInfo type;
  std::array<u8, 16> uuid{};
  bool uuid_verified = false;
  std::string log_path;  // of the commit log, if there is one; empty: cannot be known
  bool layout_known = false;
  bool this_boot =
      false;  // the runtime area is of this boot and this file; `live` needs memory too
  std::optional<SalvageState> live;
  std::optional<SalvageState> durable;
};

// Maps the file, finds its superblock, however damaged, and its states. The mapping is private, so
// that changes which a dead process had published can be finished in it; where there is no memory
// to promise for that it is read-only, and the live state is left alone. The file is not changed.
// The file must stay open. Errors: those of find_superblock(); kNoAddressSpace, kIoError, kSystem.
Status open_source(SalvageSource& source, int fd, const RecoverOptions& options, DamageLog& log,
                   RecoverReport& report);

}  // namespace hmap

#endif  // HMAP_SRC_SALVAGE_SALVAGE_SOURCE_H_
