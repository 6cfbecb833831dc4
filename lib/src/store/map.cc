// What hmap::Map needs of the library beside Store and Snapshot.
#include <cstring>
#include <string>

#include "format/hash.h"
#include "hmap/map_coding.h"
#include "map/find.h"
#include "map/quick_find.h"
#include "store/store_access.h"
#include "system/per_thread.h"

namespace hmap::detail {
namespace {

// Keeps its room for the next call of the thread: a value has at most kMapValueBytesMax bytes.
struct ValueBuffer {
  std::string bytes;
};

// Where values are in records: they are copied once more.
template <typename Source>
Result<bool> get_into_memory(const Source& source, std::string_view key, void* to,
                             std::size_t bytes) {
  std::string& value = PerThread<ValueBuffer>::get().bytes;
  const Result<bool> found = source.get_into(key, value);
  if (!found || !*found) return found;
  if (value.size() != bytes) return wrong_length();
  std::memcpy(to, value.data(), bytes);
  return found;
}

}  // namespace

std::optional<bool> find_word(const Store& store, std::uint64_t key, std::uint64_t& value) {
  const Quick quick = StoreAccess::look_quickly(
      store, [&](const Engine& engine) __attribute__((always_inline)) {
        return engine.reads == nullptr ? quick_find_word(engine, key, value) : Quick::kUnsure;
      });
  if (quick == Quick::kUnsure) [[unlikely]]
    return std::nullopt;
  return quick == Quick::kFound;
}

Result<bool> get_fixed(const Store& store, std::string_view key, void* to, std::size_t bytes) {
  bool in_records = false;
  const Result<bool> found = StoreAccess::read(store, [&](const Session& session) -> Result<bool> {
    const Engine& engine = session.engine;
    const BucketShape& shape = engine.layout.bucket;
    // Asked first: where slots hold references these lengths are 0, as may be those of an entry.
    if (!shape.is_inline() || shape.key_bytes != key.size() || shape.elem_bytes != bytes) {
      in_records = true;
      return false;
    }
    engine.count_reads(1);
    const u64 hash = hash_key(key, engine.store_seed);
    const Quick quick = quick_find_inline(engine, shape, key.data(), hash, to);
    if (quick != Quick::kUnsure) [[likely]]
      return quick == Quick::kFound;
    return find_elem(engine, key, hash, to);
  });
  return in_records ? get_into_memory(store, key, to, bytes) : found;
}

Result<bool> get_fixed(const Snapshot& snapshot, std::string_view key, void* to,
                       std::size_t bytes) {
  return get_into_memory(snapshot, key, to, bytes);
}

}  // namespace hmap::detail
