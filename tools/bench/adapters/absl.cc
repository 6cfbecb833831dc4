// absl::flat_hash_map, grown from empty: of std::string, and of integers.
#include <absl/container/flat_hash_map.h>
#include <absl/strings/string_view.h>

#include "adapters/kinds.h"
#include "adapters/memory_map.h"

namespace hmap::bench {
namespace {

// Debian builds Abseil as C++14, with a string_view of its own.
struct AsAbslString : AsString {
  static absl::string_view lookup(std::string_view key) noexcept {
    return {key.data(), key.size()};
  }
};

std::unique_ptr<Adapter> make_strings() {
  using Map = absl::flat_hash_map<std::string, std::string>;
  return std::make_unique<MemoryMap<Map, AsAbslString>>(
      "absl::flat_hash_map<std::string, std::string>, in memory");
}

std::unique_ptr<Adapter> make_u64() {
  using Map = absl::flat_hash_map<std::uint64_t, std::uint64_t>;
  return std::make_unique<MemoryMap<Map, AsU64>>(
      "absl::flat_hash_map<std::uint64_t, std::uint64_t>, in memory");
}

}  // namespace

std::vector<StoreKind> absl_kinds() {
  return {{.name = "absl", .role = Role::kMemory, .make = make_strings},
          {.name = "absl-u64", .role = Role::kMemory, .make = make_u64, .u64_only = true}};
}

}  // namespace hmap::bench
