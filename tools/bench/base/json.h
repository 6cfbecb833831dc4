// JSON whose members stay in the order in which they were added. Declared only: files that look
// inside include <nlohmann/json_fwd.hpp>, which takes the compiler seconds.
#ifndef HMAP_BENCH_BASE_JSON_H_
#define HMAP_BENCH_BASE_JSON_H_

#include <nlohmann/json_fwd.hpp>

namespace hmap::bench {

using Json = nlohmann::ordered_json;

}  // namespace hmap::bench

#endif  // HMAP_BENCH_BASE_JSON_H_
