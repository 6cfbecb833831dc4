// absl::flat_hash_map, grown from empty: of std::string, and of integers.
#include <absl/container/flat_hash_map.h>
#include <absl/strings/string_view.h>

#include <algorithm>
#include <bit>

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

// Of a table of 2^n slots, each a pair of `slot_bytes` and a control byte, of which at most 7/8 are
// taken, and `apart_bytes` of each entry beside it: at the end, or while the last growth has both
// tables.
std::uint64_t table_memory(std::uint64_t entries, std::uint64_t slot_bytes,
                           std::uint64_t apart_bytes) {
  const std::uint64_t slots = std::bit_ceil(entries + entries / 7 + 1);
  const std::uint64_t table = slots * (slot_bytes + 1);
  return std::max(table + entries * apart_bytes, table + table / 2 + slots / 16 * 7 * apart_bytes);
}

// What malloc takes for the bytes of a string that do not fit into itself.
std::uint64_t bytes_apart(std::uint64_t bytes) {
  constexpr std::uint64_t kFits = 15;
  return bytes <= kFits ? 0 : (bytes + 1 + 8 + 15) / 16 * 16;
}

std::uint64_t memory_of_strings(const Shape& shape) {
  return table_memory(shape.entries, 2 * sizeof(std::string),
                      bytes_apart(shape.key_bytes) + bytes_apart(shape.value_bytes));
}

std::uint64_t memory_of_u64(const Shape& shape) {
  return table_memory(shape.entries, 2 * sizeof(std::uint64_t), 0);
}

}  // namespace

std::vector<StoreKind> absl_kinds() {
  return {
      {.name = "absl", .role = Role::kMemory, .make = make_strings, .memory = memory_of_strings},
      {.name = "absl-u64",
       .role = Role::kMemory,
       .make = make_u64,
       .u64_only = true,
       .memory = memory_of_u64}};
}

}  // namespace hmap::bench
