#include "device.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "seeds.h"

namespace hmap::test {
namespace {

// Versions kept of a sector since the last flush; of more, some in the middle are forgotten.
constexpr std::size_t kVersionsMax = 6;

}  // namespace

Device::Device(std::string durable, const Layout& layout, const Lies& lies)
    : lies_(lies),
      runtime_begin_(layout.runtime_offset),
      runtime_end_(layout.runtime_offset + layout.runtime_bytes),
      durable_(std::move(durable)),
      durable_bytes_(durable_.size()),
      cache_bytes_(durable_.size()) {
  durable_.resize((durable_.size() + kSectorBytes - 1) / kSectorBytes * kSectorBytes);
  cache_ = durable_;
}

void Device::apply(const Log& log, const LogEntry& entry) {
  switch (entry.kind) {
    case LogEntry::Kind::kBytes:
      store(entry.offset, log.data.data() + entry.data, entry.bytes);
      break;
    case LogEntry::Kind::kSize:
      resize(entry.offset);
      break;
    case LogEntry::Kind::kFlushBegins:
      begin_flush();
      break;
    case LogEntry::Kind::kFlushEnds:
      end_flush();
      break;
    case LogEntry::Kind::kRootBegins:
      root_offset_ = entry.offset;
      root_bytes_ = entry.bytes;
      store(entry.offset, log.data.data() + entry.data, entry.bytes);
      break;
    case LogEntry::Kind::kRootEnds:
      if (!lies_.roots_are_not_flushed) end_root();
      break;
    case LogEntry::Kind::kRootFails:
      dirty_.at(entry.offset / kSectorBytes).lost = true;
      break;
  }
}

void Device::store(std::uint64_t offset, const char* bytes, std::size_t count) {
  std::memcpy(cache_.data() + offset, bytes, count);
  for (std::uint64_t s = offset / kSectorBytes; s * kSectorBytes < offset + count; ++s) {
    add_version(s);
  }
}

void Device::add_version(std::uint64_t sector) {
  Dirty& dirty = dirty_[sector];
  dirty.lost = false;
  if (dirty.versions.size() - dirty.flushing >= kVersionsMax) {
    // Any but the newest may go; the choice follows from the content, so that runs repeat.
    const std::size_t among = dirty.versions.size() - dirty.flushing - 1;
    const auto victim = dirty.flushing + mix(sector + cache_bytes_ + dirty_.size()) % among;
    dirty.versions.erase(dirty.versions.begin() + static_cast<std::ptrdiff_t>(victim));
  }
  Sector content;
  std::memcpy(content.data(), cache_.data() + sector * kSectorBytes, kSectorBytes);
  dirty.versions.push_back(content);
}

// What is stored from here on is not covered by this flush.
void Device::begin_flush() {
  flushed_.clear();
  for (auto& [sector, dirty] : dirty_) {
    if (dirty.lost) continue;
    flushed_.emplace_back(sector, dirty.versions.back());
    dirty.flushing = dirty.versions.size();
  }
  flushed_bytes_ = cache_bytes_;
}

void Device::end_flush() {
  durable_bytes_ = flushed_bytes_;
  if (lies_.flushes_do_nothing) {
    for (auto& [sector, dirty] : dirty_) dirty.flushing = 0;
    return;
  }
  for (const auto& [sector, content] : flushed_) {
    std::memcpy(durable_.data() + sector * kSectorBytes, content.data(), kSectorBytes);
    const auto found = dirty_.find(sector);
    Dirty& dirty = found->second;
    dirty.versions.erase(dirty.versions.begin(),
                         dirty.versions.begin() + static_cast<std::ptrdiff_t>(dirty.flushing));
    dirty.flushing = 0;
    if (dirty.versions.empty()) dirty_.erase(found);
  }
}

// Nothing else lies in the sectors of a root, so the newest version of them is the root.
void Device::end_root() {
  if (root_offset_ % kSectorBytes != 0 || root_bytes_ % kSectorBytes != 0) {
    throw std::runtime_error("a root that is not whole sectors");
  }
  std::memcpy(durable_.data() + root_offset_, cache_.data() + root_offset_, root_bytes_);
  for (std::size_t at = 0; at < root_bytes_; at += kSectorBytes) {
    dirty_.erase((root_offset_ + at) / kSectorBytes);
  }
}

void Device::resize(std::uint64_t bytes) {
  cache_bytes_ = bytes;
  const std::uint64_t room = (bytes + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
  cache_.resize(room);
  durable_.resize(room);
}

bool Device::in_runtime(std::uint64_t sector) const {
  return sector * kSectorBytes >= runtime_begin_ && sector * kSectorBytes < runtime_end_;
}

std::size_t Device::dirty_sectors() const {
  return static_cast<std::size_t>(std::count_if(
      dirty_.begin(), dirty_.end(), [this](const auto& item) { return !in_runtime(item.first); }));
}

void Device::compose(const Selection& selection, std::string& image) const {
  using Mix = Selection::Mix;
  image = durable_;
  Random random(mix(selection.seed));
  const std::size_t focus = random.below(std::max<std::size_t>(1, dirty_sectors()));
  const bool coin = random.one_in(2);
  const bool grown = selection.mix == Mix::kAllOld ? false : selection.mix == Mix::kAllNew || coin;
  std::size_t number = 0;  // of the sector among those that count
  for (const auto& [sector, dirty] : dirty_) {
    const std::size_t newest = dirty.versions.size();  // 0 is the durable one
    const bool counts = !in_runtime(sector);
    const std::size_t index = counts ? number++ : 0;
    for (std::size_t at = 0; at < kSectorBytes; at += selection.unit) {
      const bool heads = random.one_in(2);
      std::size_t age = heads ? newest : 0;
      if (selection.mix == Mix::kAllOld) age = 0;
      if (selection.mix == Mix::kAllNew) age = newest;
      if (selection.mix == Mix::kAges) age = random.below(newest + 1);
      if (counts && selection.mix == Mix::kOneNew) age = index == focus ? newest : 0;
      if (counts && selection.mix == Mix::kOneOld) age = index == focus ? 0 : newest;
      if (counts && selection.mix == Mix::kSubset) age = selection.seed >> index & 1 ? newest : 0;
      if (age == 0) continue;
      std::memcpy(image.data() + sector * kSectorBytes + at, dirty.versions[age - 1].data() + at,
                  selection.unit);
    }
  }
  image.resize(grown ? cache_bytes_ : durable_bytes_);
}

}  // namespace hmap::test
