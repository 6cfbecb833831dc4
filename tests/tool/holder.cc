// holder FILE KEY...: holds a view of each key and a snapshot of the store until its input ends.
#include <cstdio>
#include <vector>

#include "hmap/snapshot.h"
#include "hmap/store.h"

int main(int argc, char** argv) {
  hmap::Options options;
  options.mode = hmap::Mode::kOpen;
  options.count_reads = true;
  const hmap::Result<hmap::Store> store = hmap::Store::open(argv[1], options);
  if (!store) return 2;
  const hmap::Result<hmap::Snapshot> snapshot = store->snapshot();
  if (!snapshot) return 3;
  std::vector<hmap::View> views;
  for (int i = 2; i < argc; ++i) {
    hmap::Result<std::optional<hmap::View>> view = store->find(argv[i]);
    if (!view || !*view) return 4;
    views.push_back(*std::move(*view));
  }
  std::puts("holding");
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  return 0;
}
