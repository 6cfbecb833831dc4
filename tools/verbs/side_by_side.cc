// See side_by_side.h.
#include "verbs/side_by_side.h"

#include <algorithm>
#include <span>

#include "verbs/common.h"

namespace hmap::tool {
namespace {

// Values are gigabytes at most: a group ends behind a large one, and its memory is not kept.
constexpr std::size_t kGroupBytes = std::size_t{1} << 20;

}  // namespace

SideBySide::SideBySide(const Store& one, const std::string& one_path, const Store& other,
                       const std::string& other_path, What what)
    : other_(other),
      one_path_(one_path),
      other_path_(other_path),
      what_(what),
      cursor_(take(one.cursor(), one_path)) {}

std::optional<SideBySide::Pair> SideBySide::next() {
  if (given_ == read_) {
    read();
    if (read_ == 0) return std::nullopt;
    look_up();
  }
  const std::size_t i = given_++;
  Pair pair{keys_[i], values_[i], there_[i], {}};
  if (found_[i]) pair.other = *found_[i];
  return pair;
}

void SideBySide::read() {
  for (std::size_t i = 0; i < read_; ++i) {
    if (values_[i].capacity() > kGroupBytes) std::string().swap(values_[i]);
    if (found_[i] && found_[i]->capacity() > kGroupBytes) found_[i].reset();
  }
  read_ = given_ = 0;
  for (std::size_t bytes = 0; read_ < kKeys && bytes < kGroupBytes; ++read_) {
    const std::optional<Entry> entry = take(cursor_.next(), one_path_);
    if (!entry) break;
    keys_[read_] = entry->key;
    values_[read_] = entry->value;
    bytes += entry->value.size();
  }
}

void SideBySide::look_up() {
  std::array<std::string_view, kKeys> views;
  std::copy_n(keys_.begin(), read_, views.begin());
  const std::span<const std::string_view> keys(views.data(), read_);
  if (what_ == What::kPresence) {
    (void)take(other_.multi_contains(keys, std::span(there_.data(), read_)), other_path_);
    return;
  }
  (void)take(other_.multi_get(keys, std::span(found_.data(), read_)), other_path_);
  for (std::size_t i = 0; i < read_; ++i) there_[i] = found_[i].has_value();
}

}  // namespace hmap::tool
