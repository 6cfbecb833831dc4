// Which states of a damaged store can be read: the live one, if its boot is this one, and the one
// of the newest root.
#ifndef HMAP_SRC_SALVAGE_SALVAGE_ROOTS_H_
#define HMAP_SRC_SALVAGE_SALVAGE_ROOTS_H_

#include "salvage/salvage_state.h"

namespace hmap {

// None if neither root, nor what lies behind it, can be told to be the newest. Fills in
// `generation` and `certain` of the report.
std::optional<SalvageState> find_durable_state(const Engine& engine, DamageLog& log,
                                               RecoverReport& report);

// The caller has seen that the runtime area is of this boot. The mapping is private: the changes
// that a dead process had published and not finished are finished in it.
SalvageState find_live_state(const Engine& engine, DamageLog& log);

}  // namespace hmap

#endif  // HMAP_SRC_SALVAGE_SALVAGE_ROOTS_H_
