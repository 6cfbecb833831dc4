// Each adapter's stores; those of rivals that are not installed are not defined.
#ifndef HMAP_BENCH_ADAPTERS_KINDS_H_
#define HMAP_BENCH_ADAPTERS_KINDS_H_

#include <vector>

#include "adapter.h"

namespace hmap::bench {

[[nodiscard]] std::vector<StoreKind> hmap_kinds();
[[nodiscard]] std::vector<StoreKind> hmap_u64_kinds();
[[nodiscard]] std::vector<StoreKind> lmdb_kinds();
[[nodiscard]] std::vector<StoreKind> tkrzw_kinds();
[[nodiscard]] std::vector<StoreKind> kyoto_kinds();
[[nodiscard]] std::vector<StoreKind> tdb_kinds();
[[nodiscard]] std::vector<StoreKind> gdbm_kinds();
[[nodiscard]] std::vector<StoreKind> berkeley_kinds();
[[nodiscard]] std::vector<StoreKind> leveldb_kinds();
[[nodiscard]] std::vector<StoreKind> rocksdb_kinds();
[[nodiscard]] std::vector<StoreKind> boost_kinds();
[[nodiscard]] std::vector<StoreKind> absl_kinds();
[[nodiscard]] std::vector<StoreKind> std_kinds();
[[nodiscard]] std::vector<StoreKind> go_kinds();
[[nodiscard]] std::vector<StoreKind> bare_loop_kinds();
[[nodiscard]] std::vector<StoreKind> bare_table_kinds();

// Those of the above that are installed, and the names of the others (made by CMake).
[[nodiscard]] std::vector<std::vector<StoreKind>> rival_kinds();
[[nodiscard]] std::vector<LeftOut> rivals_left_out();

}  // namespace hmap::bench

#endif  // HMAP_BENCH_ADAPTERS_KINDS_H_
