// Store::verify(): which state, how often, and what to say about what could not be checked.
#ifndef HMAP_SRC_VERIFY_VERIFY_H_
#define HMAP_SRC_VERIFY_VERIFY_H_

#include <string>

#include "hmap/result.h"
#include "hmap/verify.h"
#include "life/open.h"

namespace hmap {

// Checks through an open session. `writer`: its engine, if the handle may write.
Result<VerifyReport> verify_session(const Session& session, Engine* writer,
                                    const VerifyOptions& options);

// Checks the durable state of a file that may be too damaged to be opened.
Result<VerifyReport> verify_path(const std::string& path, const VerifyOptions& options);

}  // namespace hmap

#endif  // HMAP_SRC_VERIFY_VERIFY_H_
