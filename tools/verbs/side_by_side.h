// The entries of one store beside what another one has under the same keys.
#ifndef HMAP_TOOLS_VERBS_SIDE_BY_SIDE_H_
#define HMAP_TOOLS_VERBS_SIDE_BY_SIDE_H_

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "hmap/store.h"

namespace hmap::tool {

// Looks up several keys at a time, whose cache misses then go side by side: with ten million
// entries most of the time is spent there. All errors are Failures of the store concerned.
class SideBySide {
 public:
  enum class What { kValues, kPresence };
  struct Pair {
    std::string_view key;
    std::string_view value;
    bool there;              // in the other store
    std::string_view other;  // kValues: its value there, if there is one
  };

  // All of it must outlive this.
  SideBySide(const Store& one, const std::string& one_path, const Store& other,
             const std::string& other_path, What what);

  // Valid until the next call; nothing at the end.
  std::optional<Pair> next();

 private:
  static constexpr std::size_t kKeys = 16;

  void read();
  void look_up();

  const Store& other_;
  const std::string& one_path_;
  const std::string& other_path_;
  const What what_;
  Cursor cursor_;
  std::size_t read_ = 0;
  std::size_t given_ = 0;
  std::array<std::string, kKeys> keys_;
  std::array<std::string, kKeys> values_;
  std::array<std::optional<std::string>, kKeys> found_;
  std::array<bool, kKeys> there_{};
};

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_VERBS_SIDE_BY_SIDE_H_
