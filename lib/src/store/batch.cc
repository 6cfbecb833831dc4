// Putting a batch together.
#include "hmap/batch.h"

namespace hmap {

void Batch::put(std::string_view key, std::string_view value) {
  ops_.push_back({text_.size(), key.size(), value.size(), false});
  text_.append(key).append(value);
}

void Batch::erase(std::string_view key) {
  ops_.push_back({text_.size(), key.size(), 0, true});
  text_.append(key);
}

void Batch::clear() noexcept {
  text_.clear();
  ops_.clear();
}

}  // namespace hmap
