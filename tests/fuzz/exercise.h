// Does with a store that may be damaged whatever a program can do with one, and
// holds every answer against what must be true all the same.
#ifndef HMAP_TESTS_FUZZ_EXERCISE_H_
#define HMAP_TESTS_FUZZ_EXERCISE_H_

#include <optional>
#include <set>
#include <string>

#include "bases.h"
#include "hmap/store.h"
#include "script.h"

namespace hmap::test {

// What is done. The bits are part of the inputs kept as regressions: only
// append.
enum Steps : std::uint8_t {
  kReadOnly = 1,        // open read-only and read everything
  kVerifyReadOnly = 2,  // and verify
  kWrite = 4,           // open for writing and write
  kVerifyWriting = 8,   // and verify
  kSnapshot = 16,       // and take a snapshot, read after the writes
  kClear = 32,          // and clear, between two halves of the writes
  kLarge = 64,          // some values are large
  kReopen = 128,        // after the close open it again
  kAllSteps = 255,
};

struct Exercise {
  const Base* base = nullptr;
  std::string path;
  std::uint8_t steps = kAllSteps;
  // Whether what is handed out can be held against what was put: not if an
  // input makes the checksums of its own records, or changes bytes meanwhile.
  bool values_count = true;
  // Whether what a call has put is found at once: not if live words were changed, for which nothing
  // vouches, or checksums were made right. Two blocks, or two records, may have become one, and who
  // writes to one of them writes to the other.
  bool puts_are_found = true;
  bool any_error = false;  // not only documented ones: the file changes meanwhile
  bool with_log = false;   // open() may complain of the commit log
  bool ignore_log = false;
  // Whether an open for writing that finds damage must leave every byte as it
  // was: where nothing but checksums and bounds has to be looked at to find it.
  bool refusal_changes_nothing = false;
  int writes = 50;
  // Which keys are asked for each time: every fourth from this one on. All
  // would take longer and find no more.
  std::size_t first_key = 0;
  // Every sixteenth, and a few writes from this one on: for many inputs instead of much with each.
  bool brief = false;
  bool shrink = false;  // compact_online() between two halves of the writes
  Durability durability = Durability::kNone;
  bool any_type = true;  // false: the store is opened as of the type of its base
  // Set by run():
  int opened = 0;  // times that an open succeeded
  int errors = 0;  // calls that failed
  Status open_error;

  void run();
  void verify_file_only();

 private:
  [[nodiscard]] Options options(Mode mode) const;
  void note(const char* call, const Status& status, std::initializer_list<Code> codes);
  void expect_value(std::string_view key, std::string_view value) const;
  void read_all(const Store& store);
  template <typename Readable>
  void get_all(const Readable& readable);
  template <typename Readable>
  void iterate(const Readable& readable);
  void verify(const Store& store);
  void write_some(Store& store, int from, int to);
  void write_in_halves(Store& store);
  void compact_some(Store& store);
  void apply_some(Store& store, int i);
  void expect_found(const std::string& call, const std::string& key,
                    const std::optional<std::string>& found,
                    const std::set<std::string>& values) const;
  void put_one(Store& store, const std::string& key, int i);
  [[nodiscard]] std::string fitting(std::string key) const;
  [[nodiscard]] std::string other_key(const char* what, int i) const;
  [[nodiscard]] std::string new_value(std::uint64_t stamp, std::size_t bytes) const;
  void learn_type(const Store& store);
  void write_phase();

  History put_now_;
  TypeInfo type_;  // of the store as it was opened
};

// Whether what a damaged store hands out can be held against what was put: records whose checksums
// are the store's own. Reads look at no checksum of keys and values that lie in buckets.
bool values_count_in(const Script& script, const Base& base);

// Of the victim file, as a script about `base` says.
Exercise exercise_of(const Script& script, const Base& base);

}  // namespace hmap::test

#endif  // HMAP_TESTS_FUZZ_EXERCISE_H_
