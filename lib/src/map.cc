// What hmap::Map needs of the library beside Store and Snapshot.
#include <cstring>
#include <string>

#include "hmap/map_coding.h"

namespace hmap::detail {
namespace {

template <typename Source>
Result<bool> get_into_memory(const Source& source, std::string_view key, void* to,
                             std::size_t bytes) {
  // Keeps its room for the next call of the thread: a value has at most kMapValueBytesMax bytes.
  thread_local std::string value;
  const Result<bool> found = source.get_into(key, value);
  if (!found || !*found) return found;
  if (value.size() != bytes) return wrong_length();
  std::memcpy(to, value.data(), bytes);
  return found;
}

}  // namespace

Result<bool> get_fixed(const Store& store, std::string_view key, void* to, std::size_t bytes) {
  return get_into_memory(store, key, to, bytes);
}

Result<bool> get_fixed(const Snapshot& snapshot, std::string_view key, void* to,
                       std::size_t bytes) {
  return get_into_memory(snapshot, key, to, bytes);
}

}  // namespace hmap::detail
