// Writes and reads one entry; prints the value. The whole public interface is included, so that no
// header asks for more than the installation has.
#include <cstdio>
#include <optional>
#include <string>

#include "hmap/options.h"
#include "hmap/result.h"
#include "hmap/status.h"
#include "hmap/store.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  hmap::Result<hmap::Store> store = hmap::Store::open(argv[1]);
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message().c_str());
    return 1;
  }
  if (hmap::Status status = store->put("ada", "Lovelace"); !status.ok()) return 1;
  // Across the boundary of a shared library: an exception of its type, caught by its type.
  try {
    hmap::Options options;
    options.mode = hmap::Mode::kCreate;
    static_cast<void>(hmap::Store::open(argv[1], options).value());
    return 1;
  } catch (const hmap::Error& error) {
    if (error.status().code() != hmap::Code::kExists) return 1;
  }
  const hmap::Result<std::optional<std::string>> name = store->get("ada");
  if (!name || !*name) return 1;
  std::puts((*name)->c_str());
  return store->close().ok() ? 0 : 1;
}
