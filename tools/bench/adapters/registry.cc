#include <iterator>
#include <stdexcept>

#include "adapter.h"
#include "adapters/go.h"
#include "adapters/kinds.h"

namespace hmap::bench {

std::size_t Adapter::get_many(std::span<const std::string> keys, std::span<std::string> values) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) found += get(keys[i], values[i]) ? 1 : 0;
  return found;
}

const std::vector<StoreKind>& store_kinds() {
  static const std::vector<StoreKind> kinds = [] {
    std::vector<StoreKind> all = hmap_kinds();
    for (StoreKind& typed : hmap_u64_kinds()) all.push_back(std::move(typed));
    for (std::vector<StoreKind>& more : rival_kinds()) {
      all.insert(all.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
    }
    for (StoreKind& floor : bare_loop_kinds()) all.push_back(std::move(floor));
    for (StoreKind& floor : bare_table_kinds()) all.push_back(std::move(floor));
    return all;
  }();
  return kinds;
}

const std::vector<LeftOut>& stores_left_out() {
  static const std::vector<LeftOut> absent = rivals_left_out();
  return absent;
}

const StoreKind& store_kind(std::string_view name) {
  for (const StoreKind& kind : store_kinds()) {
    if (kind.name == name) return kind;
  }
  throw std::runtime_error("no such store in this build: " + std::string(name));
}

std::string describe(const StoreKind& kind) {
  return kind.make == nullptr ? describe_go() : kind.make()->describe();
}

}  // namespace hmap::bench
