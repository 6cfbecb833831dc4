#include "recorder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "system_calls.h"
#include "window.h"

namespace hmap::test {
namespace {

using seam::Event;

Recorder* active = nullptr;

}  // namespace

Recorder::Recorder(const MemoryFile& file, const Layout& layout, Log& log)
    : file_(file),
      log_(log),
      runtime_begin_(layout.runtime_offset),
      runtime_end_(layout.runtime_offset + layout.runtime_bytes),
      shadow_(file.base(), file.bytes()) {
  active = this;
  seam::hook.store(&listen);
}

void Recorder::stop() {
  seam::hook.store(nullptr);
  active = nullptr;
}

void Recorder::listen(Event event, const void* address, std::size_t bytes) {
  active->on_event(event, address, bytes);
}

void Recorder::on_event(Event event, const void* address, std::size_t bytes) {
  settle();
  const bool is_offset =
      event == Event::kAllocate || event == Event::kPunch || event == Event::kWriteRoot;
  const std::uint64_t offset = is_offset                ? reinterpret_cast<std::uintptr_t>(address)
                               : event == Event::kFlush ? 0
                                                        : offset_of(address);
  Pending next{true, event, offset, bytes, 0};
  if (event == Event::kFlush) next.entry = add(LogEntry::Kind::kFlushBegins, 0);
  if (event == Event::kWriteRoot) next.entry = add(LogEntry::Kind::kRootBegins, offset);
  let_others_work(event, offset);
  pending_ = next;
}

// From C5 to C8. The first event outside the runtime area after the epoch was stored is C5's: what
// comes in between are the lock words of C4.
void Recorder::let_others_work(Event event, std::uint64_t offset) {
  if (nested_ || meanwhile_ == nullptr) return;
  const bool in_runtime =
      event != Event::kFlush && offset >= runtime_begin_ && offset < runtime_end_;
  if (cut_taken_ && !in_runtime) unlocked_ = true;
  if (offset == runtime_begin_ + offsetof(format::RuntimeHeader, epoch)) cut_taken_ = true;
  if (!unlocked_) return;
  nested_ = true;
  meanwhile_(event);
  settle();
  nested_ = false;
  // After C8 space is given back, under a lock.
  if (offset == runtime_begin_ + offsetof(format::RuntimeHeader, durable)) {
    cut_taken_ = unlocked_ = false;
  }
}

void Recorder::settle() {
  const Pending done = std::exchange(pending_, {});
  if (!done.any) return;
  pending_ = done;
  switch (done.event) {
    case Event::kFlush:
      add(LogEntry::Kind::kFlushEnds, 0);
      break;
    case Event::kWriteRoot: {
      LogEntry& begun = log_.entries[done.entry];
      begun.data = log_.data.size();
      begun.bytes = done.bytes;
      begun.model = next_model_;
      log_.data.append(file_.base() + done.offset, done.bytes);
      std::memcpy(shadow_.data() + done.offset, file_.base() + done.offset, done.bytes);
      add(flushes_of_roots_fail() ? LogEntry::Kind::kRootFails : LogEntry::Kind::kRootEnds,
          done.offset);
      durable_model_ = next_model_;
      break;
    }
    case Event::kAllocate:
      settle_size();
      break;
    default:
      settle_bytes();
  }
  pending_ = {};
}

void Recorder::settle_size() {
  const std::uint64_t bytes = file_.bytes();
  if (bytes == shadow_.size()) return;
  shadow_.resize(bytes);
  add(LogEntry::Kind::kSize, bytes);
}

void Recorder::settle_bytes() {
  const std::uint64_t end = std::min<std::uint64_t>(pending_.offset + pending_.bytes,
                                                    std::min(shadow_.size(), file_.bytes()));
  if (pending_.offset >= end) return;
  const std::size_t bytes = end - pending_.offset;
  const char* now = file_.base() + pending_.offset;
  if (std::memcmp(shadow_.data() + pending_.offset, now, bytes) == 0) return;
  const std::size_t index = add(LogEntry::Kind::kBytes, pending_.offset);
  log_.entries[index].data = log_.data.size();
  log_.entries[index].bytes = bytes;
  log_.data.append(now, bytes);
  std::memcpy(shadow_.data() + pending_.offset, now, bytes);
}

std::string Recorder::unannounced() const {
  if (file_.bytes() != shadow_.size()) return "the size of the file was changed unannounced";
  const auto [ours, theirs] =
      std::mismatch(shadow_.data(), shadow_.data() + shadow_.size(), file_.base());
  if (ours == shadow_.data() + shadow_.size()) return {};
  return "byte " + std::to_string(ours - shadow_.data()) + " was changed unannounced";
}

void Recorder::begin_checkpoint(std::size_t model, Meanwhile meanwhile) {
  next_model_ = model;
  meanwhile_ = std::move(meanwhile);
  cut_taken_ = unlocked_ = false;
  crucial_ = true;
}

void Recorder::end_checkpoint() {
  settle();
  meanwhile_ = nullptr;
  crucial_ = false;
}

std::size_t Recorder::add(LogEntry::Kind kind, std::uint64_t offset) {
  LogEntry entry;
  entry.kind = kind;
  entry.offset = offset;
  entry.crucial = crucial_;
  log_.entries.push_back(entry);
  return log_.entries.size() - 1;
}

std::uint64_t Recorder::offset_of(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  if (window_ == 0 || at < window_ || at - window_ >= MemoryFile::kWindow) {
    window_ = window_around(at);
  }
  return at - window_;
}

}  // namespace hmap::test
