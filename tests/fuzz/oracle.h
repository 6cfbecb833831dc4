// What must hold whatever a file contains. Who breaks it ends the process,
// which is what a fuzzer counts as a finding.
#ifndef HMAP_TESTS_FUZZ_ORACLE_H_
#define HMAP_TESTS_FUZZ_ORACLE_H_

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "hmap/result.h"
#include "hmap/status.h"

namespace hmap::test {

[[noreturn]] void fail(const std::string& what);

// `status` is success or one of the codes documented for `call`.
void expect_documented(const char* call, const Status& status, std::initializer_list<Code> codes);

// Every value that was ever put under a key. Damage may hide an entry or bring
// an old one back, but what is handed out was put there by somebody.
class History {
 public:
  void put(std::string_view key, std::string_view value) {
    values_[std::string(key)].emplace(value);
  }
  void expect_put(std::string_view key, std::string_view value) const;
  [[nodiscard]] const std::map<std::string, std::set<std::string>>& values() const {
    return values_;
  }

 private:
  std::map<std::string, std::set<std::string>> values_;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_FUZZ_ORACLE_H_
