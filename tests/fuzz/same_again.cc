// See same_again.h.
#include "same_again.h"

#include <sys/types.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "seeds.h"
#include "stores.h"

namespace hmap::test {
namespace {

Random stream(0);

}  // namespace

void same_again(std::uint64_t seed) {
  static const bool once = [] {
    fake_reboot(0);
    return true;
  }();
  static_cast<void>(once);
  stream = Random(mix(seed));
}

// The linker takes this definition for the calls of the library.
extern "C" ssize_t getrandom(void* to, std::size_t bytes, unsigned) {  // NOLINT
  auto* out = static_cast<char*>(to);
  for (std::size_t done = 0; done < bytes; done += sizeof(std::uint64_t)) {
    const std::uint64_t random = stream.next();
    std::memcpy(out + done, &random, std::min(sizeof random, bytes - done));
  }
  return static_cast<ssize_t>(bytes);
}

}  // namespace hmap::test
