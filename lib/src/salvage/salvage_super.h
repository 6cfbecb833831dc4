// The superblock of a damaged store: what it was, as far as anything proves it.
#ifndef HMAP_SRC_SALVAGE_SALVAGE_SUPER_H_
#define HMAP_SRC_SALVAGE_SALVAGE_SUPER_H_

#include <array>
#include <optional>
#include <string>

#include "format/layout.h"
#include "hmap/recover.h"
#include "system/codec.h"
#include "system/mapping.h"

namespace hmap {

struct FoundSuperblock {
  RecoverReport::Superblock how = RecoverReport::Superblock::kIntact;
  u64 store_seed = 0;
  std::array<u8, 16> uuid{};     // as it stands there; damaged: kSpare and kRepaired verify it
  std::optional<Layout> layout;  // none: the sizes are not known, the seed is
  TypeInfo type;
  bool damaged = false;
};

// kNotAStore if no seed verifies anything, kWrongVersion if the superblock is intact and foreign.
Result<FoundSuperblock> find_superblock(const Mapping& map, const RecoverOptions& options);

// The intact dictionary of a store with this seed, whatever the superblock says of it.
std::optional<std::string> find_dictionary(const Mapping& map, u64 store_seed);

}  // namespace hmap

#endif  // HMAP_SRC_SALVAGE_SALVAGE_SUPER_H_
