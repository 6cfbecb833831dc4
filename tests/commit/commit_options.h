// Stores in commit mode for tests.
#ifndef HMAP_TESTS_COMMIT_COMMIT_OPTIONS_H_
#define HMAP_TESTS_COMMIT_COMMIT_OPTIONS_H_

#include <string>

#include "stores.h"
#include "temp_file.h"

namespace hmap::test {

// Small, with the smallest log, and no checkpoint but where one is needed.
inline Options commit_options() {
  Options options = small_options();
  options.durability = Durability::kCommit;
  options.log_bytes = 16'384;
  options.checkpoint_interval = std::chrono::hours(1);
  return options;
}

inline std::string log_of(const std::string& store) { return store + "-wal"; }

// The store and its log as another boot finds them: copies, whose live state counts for nothing.
inline void copy_store(const std::string& from, const std::string& to) {
  copy_file(from, to);
  copy_file(log_of(from), log_of(to));
}

inline void damage_log(const std::string& store, std::uint64_t at) {
  std::string bytes = read_file(log_of(store));
  bytes[at] = static_cast<char>(bytes[at] ^ 0x5a);
  write_file(log_of(store), bytes);
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_COMMIT_COMMIT_OPTIONS_H_
