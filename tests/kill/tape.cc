#include "tape.h"

#include <algorithm>

#include "format/log_format.h"
#include "stage.h"
#include "window.h"

namespace hmap::test {
namespace {

using seam::Event;

thread_local Tape* active = nullptr;

}  // namespace

void Tape::start(const Files& files, bool keeps_bytes) {
  files_ = files;
  keeps_bytes_ = keeps_bytes;
  writes_.clear();
  data_.clear();
  points_ = settled_ = step_ = 0;
  size_ = keeps_bytes ? file_size(files.store_fd) : 0;
  listens_ = true;
  active = this;
  seam::hook.store(&listen);
}

void Tape::stop() {
  if (!listens_) return;
  may_have_grown_ = true;
  settle();
  listens_ = false;
  active = nullptr;
  seam::hook.store(nullptr);
}

void Tape::begin_step(std::uint32_t step) {
  settle();
  step_ = step;
}

void Tape::listen(Event event, const void* address, std::size_t bytes) {
  if (active != nullptr) active->on_event(event, address, bytes);
}

void Tape::on_event(Event event, const void* address, std::size_t bytes) {
  settle();
  ++points_;
  switch (event) {
    case Event::kFlush:
    case Event::kFlushLog:
      return;
    case Event::kAllocate:
      return add_reach(reinterpret_cast<std::uintptr_t>(address) + bytes);
    case Event::kPunch:
    case Event::kWriteRoot:
      return add(reinterpret_cast<std::uintptr_t>(address), bytes);
    case Event::kWriteLog:
      return add_log_write(reinterpret_cast<std::uintptr_t>(address), bytes);
    default:
      return add(offset_of(address), bytes);
  }
}

// The size, if it changes, is seen by the next settle(); but on another stage the file may be
// shorter, and whoever goes on there must not find it so.
void Tape::add_reach(std::uint64_t end) {
  may_have_grown_ = true;
  Write write;
  write.kind = Write::Kind::kReach;
  write.step = step_;
  write.offset = end;
  writes_.push_back(write);
}

// A position is an offset in a circle.
void Tape::add_log_write(std::uint64_t position, std::size_t bytes) {
  const std::uint64_t area = files_.log_bytes - format::kLogAreaAt;
  const std::uint64_t at = position % area;
  const std::size_t first = std::min<std::size_t>(bytes, area - at);
  add(kLogFileAt + format::kLogAreaAt + at, first);
  if (first < bytes) add(kLogFileAt + format::kLogAreaAt, bytes - first);
}

void Tape::add(std::uint64_t offset, std::size_t bytes) {
  Write write;
  write.step = step_;
  write.offset = offset;
  write.bytes = bytes;
  writes_.push_back(write);
}

void Tape::settle() {
  if (!keeps_bytes_) return;
  const std::uint64_t size = may_have_grown_ ? file_size(files_.store_fd) : size_;
  may_have_grown_ = false;
  if (size != size_) {
    Write write;
    write.kind = Write::Kind::kSize;
    write.step = step_;
    write.offset = size_ = size;
    writes_.push_back(write);
  }
  for (; settled_ < writes_.size(); ++settled_) {
    Write& write = writes_[settled_];
    if (write.kind != Write::Kind::kBytes) continue;
    write.data = data_.size();
    const bool in_log = write.offset >= kLogFileAt;
    data_.append(in_log ? files_.log + (write.offset - kLogFileAt) : files_.store + write.offset,
                 write.bytes);
  }
}

std::uint64_t Tape::offset_of(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  if (window_ == 0 || at < window_ || at - window_ >= kWindowBytes) window_ = window_around(at);
  return at - window_;
}

}  // namespace hmap::test
