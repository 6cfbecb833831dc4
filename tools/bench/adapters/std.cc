// std::unordered_map, grown from empty: of std::string, and of integers.
#include <functional>
#include <unordered_map>

#include "adapters/kinds.h"
#include "adapters/memory_map.h"

namespace hmap::bench {
namespace {

// Lets find() take a view, without a std::string for each call.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view bytes) const noexcept {
    return std::hash<std::string_view>()(bytes);
  }
};

std::unique_ptr<Adapter> make_strings() {
  using Map = std::unordered_map<std::string, std::string, StringHash, std::equal_to<>>;
  return std::make_unique<MemoryMap<Map, AsString>>(
      "std::unordered_map<std::string, std::string>, in memory");
}

std::unique_ptr<Adapter> make_u64() {
  using Map = std::unordered_map<std::uint64_t, std::uint64_t>;
  return std::make_unique<MemoryMap<Map, AsU64>>(
      "std::unordered_map<std::uint64_t, std::uint64_t>, in memory");
}

}  // namespace

std::vector<StoreKind> std_kinds() {
  return {{.name = "std", .role = Role::kMemory, .make = make_strings},
          {.name = "std-u64", .role = Role::kMemory, .make = make_u64, .u64_only = true}};
}

}  // namespace hmap::bench
