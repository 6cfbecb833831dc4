// What may be found in a store: all keys of a history, and contents as one value for each of them.
#ifndef HMAP_TESTS_KILL_UNIVERSE_H_
#define HMAP_TESTS_KILL_UNIVERSE_H_

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "../process/scenarios.h"
#include "raw_view.h"
#include "stores.h"

namespace hmap::test {

// All keys of a history, and contents as one value for each of them.
class Universe {
 public:
  // Null: the key is absent.
  using State = std::vector<const std::string*>;

  void add_key(const std::string& key);
  State state(const Contents& contents);

  [[nodiscard]] const std::vector<std::string>& keys() const { return keys_; }
  // The number of a key, or keys().size().
  [[nodiscard]] std::size_t number_of(std::string_view key) const;

 private:
  std::vector<std::string> keys_;
  std::map<std::string, std::size_t, std::less<>> numbers_;
  std::deque<std::string> values_;
};

using State = Universe::State;
// What may be found while a call is under way: the state before it, after it, and of a call that is
// not atomic those in between, in the order in which they come to be.
using Allowed = std::vector<State>;

// What may be found during each of the calls, the first of which begins with these contents. The
// contents at the end go to `model`.
std::vector<Allowed> foresee(const std::vector<Step>& steps, const RawView& raw, Universe& universe,
                             Contents& model);

}  // namespace hmap::test

#endif  // HMAP_TESTS_KILL_UNIVERSE_H_
