// A store with all entries in it, closed.
#ifndef HMAP_BENCH_MEASURES_FILL_H_
#define HMAP_BENCH_MEASURES_FILL_H_

#include <filesystem>

#include "adapter.h"
#include "base/workload.h"

namespace hmap::bench {

// Makes a store in the empty directory `dir`, puts all entries (version 0) and closes it.
void fill_store(const Shape& shape, const StoreKind& kind, const std::filesystem::path& dir);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_MEASURES_FILL_H_
