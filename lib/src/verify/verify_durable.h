// Checking the durable state: what the newest valid root reaches, byte by byte.
#ifndef HMAP_SRC_VERIFY_VERIFY_DURABLE_H_
#define HMAP_SRC_VERIFY_VERIFY_DURABLE_H_

#include "verify/verify_view.h"

namespace hmap::checking {

// What is checked, whoever has it mapped and however.
struct Ground {
  const Mapping& map;
  const Layout& layout;
  u64 seed;
  const Codec* codec;  // null: the dictionary is damaged, which was reported
  // If the store is in use, else null: it knows which root is the durable one, and a checkpoint may
  // be under way, so that the other root is being written.
  const format::RuntimeHeader* runtime;
};

// Adds to the report what is wrong with the durable state. False: a checkpoint was completed
// meanwhile and something looked wrong, which may be because its space was used again; nothing was
// added but what was counted, and the caller begins anew.
bool check_durable(const Ground& ground, const VerifyOptions& options, Progress& progress,
                   VerifyReport& report);

}  // namespace hmap::checking

#endif  // HMAP_SRC_VERIFY_VERIFY_DURABLE_H_
