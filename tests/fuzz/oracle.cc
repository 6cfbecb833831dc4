// See oracle.h.
#include "oracle.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace hmap::test {

void fail(const std::string& what) {
  std::fprintf(stderr, "\nFINDING: %s\n", what.c_str());
  std::fflush(nullptr);
  std::abort();
}

void expect_documented(const char* call, const Status& status, std::initializer_list<Code> codes) {
  if (status.ok() || std::find(codes.begin(), codes.end(), status.code()) != codes.end()) return;
  fail(std::string(call) + ": undocumented error: " + status.message());
}

void History::expect_put(std::string_view key, std::string_view value) const {
  const auto found = values_.find(std::string(key));
  if (found == values_.end()) fail("a key that was never put: " + std::string(key));
  if (!found->second.contains(std::string(value))) {
    fail("a value that was never put under " + std::string(key) + ": " + std::string(value));
  }
}

}  // namespace hmap::test
