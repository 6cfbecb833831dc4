#include "adapter.h"

namespace hmap::bench {

const std::vector<StoreKind>& store_kinds() {
  static const std::vector<StoreKind> kinds = {
      {"hmap", true, [] { return make_hmap(); }},
#ifdef HMAP_BENCH_LMDB
      {"lmdb", true, [] { return make_lmdb(); }},
#endif
#ifdef HMAP_BENCH_TKRZW
      {"tkrzw", true, [] { return make_tkrzw(false); }},
      {"tkrzw-presized", false, [] { return make_tkrzw(true); }},
#endif
  };
  return kinds;
}

std::vector<std::string> stores_left_out() {
  std::vector<std::string> names;
#ifndef HMAP_BENCH_LMDB
  names.emplace_back("lmdb");
#endif
#ifndef HMAP_BENCH_TKRZW
  names.emplace_back("tkrzw");
#endif
  return names;
}

}  // namespace hmap::bench
