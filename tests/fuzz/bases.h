// The undamaged stores that inputs are changes of. All are made by a program
// from fixed seeds, and are the same in every process of one build.
#ifndef HMAP_TESTS_FUZZ_BASES_H_
#define HMAP_TESTS_FUZZ_BASES_H_

#include <string>
#include <vector>

#include "hmap/type.h"
#include "image.h"
#include "oracle.h"

namespace hmap::test {

struct Base {
  std::string name;
  std::string file;
  std::string companion;  // of a log: its store
  History history;
  std::vector<std::string> keys;  // some present, some absent
  Anatomy anatomy;
  bool live = false;  // made of a store in use: its runtime area has the newest state
  TypeInfo type;

  // Keys and values lie in the buckets.
  [[nodiscard]] bool is_inline() const { return anatomy.layout().bucket.is_inline(); }
};

// The order is part of the inputs kept as regressions: only append.
const std::vector<Base>& bases();
// Logs whose stores died with less than they have. `file` and `anatomy` are of
// the log.
const std::vector<Base>& logged_bases();

}  // namespace hmap::test

#endif  // HMAP_TESTS_FUZZ_BASES_H_
