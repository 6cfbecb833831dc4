// committer FILE KEY...: puts each key with the value "value" in commit mode and ends without
// closing the store, as if it were killed.
#include <unistd.h>

#include "hmap/store.h"

int main(int argc, char** argv) {
  hmap::Options options;
  options.durability = hmap::Durability::kCommit;
  options.log_bytes = 16 * 1024;
  hmap::Result<hmap::Store> store = hmap::Store::open(argv[1], options);
  if (!store) return 2;
  for (int i = 2; i < argc; ++i) {
    if (!store->put(argv[i], "value").ok()) return 3;
  }
  ::_exit(0);
}
