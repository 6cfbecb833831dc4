// The two roots of a file. format-spec/format.md, "Root".
#ifndef HMAP_SRC_VERIFY_VERIFY_ROOTS_H_
#define HMAP_SRC_VERIFY_VERIFY_ROOTS_H_

#include <cstring>
#include <vector>

#include "verify/verify_durable.h"
#include "verify/verify_findings.h"

namespace hmap::checking {

// A root and the headers behind it, as they were at one moment.
struct RootCopy {
  format::Root root{};
  std::vector<format::ShardHeader> headers;
  bool valid = false;

  [[nodiscard]] bool blank() const { return root.magic == 0; }
  friend bool same(const RootCopy& a, const RootCopy& b) {
    return std::memcmp(&a.root, &b.root, sizeof a.root) == 0;
  }
};

RootCopy read_root(const Ground& ground, u64 index);

// What the root that does not count says about the one that does, which has this index.
void check_other_root(const Ground& ground, const RootCopy& durable, u64 index,
                      const RootCopy& other, Findings& out);

}  // namespace hmap::checking

#endif  // HMAP_SRC_VERIFY_VERIFY_ROOTS_H_
