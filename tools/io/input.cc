// See input.h.
#include "io/input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/descriptors.h"
#include "report/failure.h"

namespace hmap::tool {
namespace {

// The rest of a regular file; std::nullopt for pipes and devices.
std::optional<std::uint64_t> remaining_bytes(int fd) {
  struct stat status = {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const off_t position = ::lseek(fd, 0, SEEK_CUR);
  if (position < 0 || position > status.st_size) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_size - position);
}

Failure refusal(const std::string& name, std::uint64_t line, std::string_view found,
                std::string_view expected) {
  Failure failure(Code::kBadInput, name, fmt::format("found {}, expected {}", found, expected));
  failure.line = line;
  return failure;
}

}  // namespace

Input::Input(const std::string& path, std::size_t buffer_bytes)
    : name_(path), buffer_(buffer_bytes) {
  if (path.empty() || path == "-") {
    name_ = "stdin";
    fd_ = STDIN_FILENO;
  } else {
    // Not waiting for who writes to a FIFO: fill() does, and a signal ends it.
    fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd_ < 0) throw system_failure(errno, path, "cannot open the input");
    ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) & ~O_NONBLOCK);
  }
  total_ = remaining_bytes(fd_);
}

Input::~Input() {
  if (fd_ > STDIN_FILENO) ::close(fd_);
}

bool Input::fill() {
  if (ended_ || end_ - begin_ == buffer_.size()) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  for (;;) {
    wait_for_input(fd_);
    if (pending_interrupt() != 0) throw interrupted_failure(pending_interrupt(), name_);
    const ssize_t count = ::read(fd_, buffer_.data() + end_, buffer_.size() - end_);
    // Asked at the end of the input too: Ctrl-C also ends the program that writes to our pipe, and
    // then the end comes too early.
    if (pending_interrupt() != 0) throw interrupted_failure(pending_interrupt(), name_);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_failure(errno, name_, "cannot read the input");
    ended_ = count == 0;
    end_ += static_cast<std::size_t>(count);
    return !ended_;
  }
}

std::string_view Input::peek() {
  if (begin_ == end_) fill();
  return {buffer_.data() + begin_, end_ - begin_};
}

std::string_view Input::peek_line() {
  std::string_view bytes = peek();
  while (bytes.find('\n') == std::string_view::npos && fill()) bytes = peek();
  return bytes;
}

void Input::consume(std::size_t count) {
  const char* const first = buffer_.data() + begin_;
  line_ += static_cast<std::uint64_t>(std::count(first, first + count, '\n'));
  begin_ += count;
  consumed_ += count;
}

bool Input::read_line(std::string& text, std::size_t bytes_max, bool& cut) {
  text.clear();
  cut = false;
  for (std::string_view bytes = peek(); !bytes.empty(); bytes = peek()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    if (end > bytes_max - text.size()) {
      refuse(fmt::format("a line of more than {} bytes", bytes_max), "a shorter line");
    }
    text += bytes.substr(0, end);
    const bool complete = end < bytes.size();
    consume(complete ? end + 1 : end);
    if (complete) return true;
  }
  cut = !text.empty();
  return cut;
}

void Input::refuse(std::string_view found, std::string_view expected) const {
  refuse_at(line_, found, expected);
}

void Input::refuse_at(std::uint64_t line, std::string_view found, std::string_view expected) const {
  throw refusal(name_, line, found, expected);
}

std::string read_standard_input(std::uint64_t bytes_max) {
  Input input("-");
  std::string bytes;
  for (std::string_view part = input.peek(); !part.empty(); part = input.peek()) {
    if (part.size() > bytes_max - bytes.size()) {
      throw Failure(Code::kTooLarge, input.name(),
                    fmt::format("the value has more than {} bytes", bytes_max));
    }
    bytes += part;
    input.consume(part.size());
  }
  return bytes;
}

}  // namespace hmap::tool
