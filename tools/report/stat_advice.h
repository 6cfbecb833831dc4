// What the numbers of a store mean for its owner.
#ifndef HMAP_TOOLS_REPORT_STAT_ADVICE_H_
#define HMAP_TOOLS_REPORT_STAT_ADVICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "hmap/options.h"

namespace hmap::tool {

// Sentences, the most urgent first; empty: all is well.
[[nodiscard]] std::vector<std::string> advice(const Stats& stats);

// The end of the file that belongs to nobody yet: files grow in larger steps than stores.
[[nodiscard]] std::uint64_t unassigned_bytes(const Stats& stats);

// Anything that a person has to do something about.
[[nodiscard]] bool healthy(const Stats& stats);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_STAT_ADVICE_H_
