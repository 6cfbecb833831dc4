#include "system_calls.h"

#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "seeds.h"

namespace hmap::test {
namespace {

Random stream(0);
bool roots_fail = false;

}  // namespace

void fix_library_randomness(std::uint64_t seed) { stream = Random(mix(seed)); }
void fail_flushes_of_roots(bool fail) { roots_fail = fail; }
bool flushes_of_roots_fail() { return roots_fail; }

// The linker takes these definitions for calls from the library.
extern "C" {

ssize_t getrandom(void* to, std::size_t bytes, unsigned) {  // NOLINT
  auto* out = static_cast<char*>(to);
  for (std::size_t done = 0; done < bytes; done += sizeof(std::uint64_t)) {
    const std::uint64_t random = stream.next();
    std::memcpy(out + done, &random, std::min(sizeof random, bytes - done));
  }
  return static_cast<ssize_t>(bytes);
}

ssize_t pwritev2(int fd, const iovec* parts, int count, off_t offset, int) {  // NOLINT
  const ssize_t written = pwritev(fd, parts, count, offset);
  if (!roots_fail) return written;
  errno = EIO;
  return -1;
}
}

}  // namespace hmap::test
