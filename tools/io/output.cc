// See output.h.
#include "io/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "report/failure.h"

namespace hmap::tool {
namespace {

[[noreturn]] void fail(const char* doing) { throw system_failure(errno, "standard output", doing); }

void write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("cannot write; what was written before is not complete");
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

Output::Output() { buffer_.reserve(kBufferBytes); }

void Output::write_through(std::string_view bytes) {
  flush();
  if (bytes.size() >= kBufferBytes) return write_all(bytes);
  buffer_ += bytes;
}

void Output::flush() {
  write_all(buffer_);
  buffer_.clear();
}

void Output::finish() {
  flush();
  if (::close(STDOUT_FILENO) != 0 && errno != EINTR) {
    fail("cannot close; what was written is perhaps not complete");
  }
}

}  // namespace hmap::tool
