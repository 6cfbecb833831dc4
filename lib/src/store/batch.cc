// Putting a batch together.
#include "hmap/batch.h"

namespace hmap {

void Batch::put(std::string_view key, std::string_view value) { add(key, value, false); }

void Batch::erase(std::string_view key) { add(key, {}, true); }

void Batch::add(std::string_view key, std::string_view value, bool erases) {
  const std::size_t at = text_.size();
  ops_.push_back({at, key.size(), value.size(), erases});
  try {
    text_.append(key).append(value);
  } catch (...) {
    // Without its text the operation would be about the bytes of the next one.
    ops_.pop_back();
    text_.resize(at);
    throw;
  }
}

void Batch::clear() noexcept {
  text_.clear();
  ops_.clear();
}

}  // namespace hmap
