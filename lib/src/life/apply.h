// A batch from its operations to its end: locks, preparation, commit point, doing it.
// lib/README.md, "A batch".
#ifndef HMAP_SRC_LIFE_APPLY_H_
#define HMAP_SRC_LIFE_APPLY_H_

#include <string>
#include <vector>

#include "map/batch_plan.h"

namespace hmap {

// Does all of the items at one moment; of several with the same key, the last one. Their hashes
// need not be set. The keys and values outlive the call; the records lie in spans, and there are at
// most Layout::batch_ops of them. Errors, nothing having happened: kNoSpace (is_log_full() tells),
// kBusy, kCorrupt, kPoisoned, kIoError.
Status apply_batch(Engine& engine, std::vector<BatchItem> items);

// The items out of a batch's record in the commit log, whose bytes they refer to. kBadLog.
Status read_batch(std::string_view logged, std::vector<BatchItem>& items);

}  // namespace hmap

#endif  // HMAP_SRC_LIFE_APPLY_H_
