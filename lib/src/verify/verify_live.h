// Checking the live state while others read and write it.
#ifndef HMAP_SRC_VERIFY_VERIFY_LIVE_H_
#define HMAP_SRC_VERIFY_VERIFY_LIVE_H_

#include "state/engine.h"
#include "verify/verify_findings.h"

namespace hmap::checking {

// Adds to the report what is wrong with the live state of `engine`. With a `writer` (the same
// engine, of a writing handle) each piece is looked at under the lock of its shard; else until
// nothing changed while it was looked at. Errors: those of taking a lock.
Status check_live(const Engine& engine, Engine* writer, const VerifyOptions& options,
                  VerifyReport& report);

}  // namespace hmap::checking

#endif  // HMAP_SRC_VERIFY_VERIFY_LIVE_H_
