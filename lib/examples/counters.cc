// A table of counters that several processes add to at the same time, without a server.
//
//   counters FILE
//
// Four processes count page views into FILE; then the parent prints the totals.
#include <hmap/store.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <string>

namespace {

constexpr std::array<const char*, 3> kPages = {"/", "/about", "/contact"};
constexpr int kProcesses = 4;
constexpr int kViews = 1'000;  // of each page, by each process

// A child opens the store itself: a handle does not survive fork().
int count(const std::string& path) {
  auto store = hmap::Store::open(path);
  if (!store) return std::cerr << store.error() << '\n', 1;
  for (int i = 0; i < kViews; ++i) {
    for (const char* page : kPages) {
      // Atomic for all processes; killing this one loses nothing that fetch_add() has returned.
      if (auto before = store->fetch_add(page, 1); !before)
        return std::cerr << before.error() << '\n', 1;
    }
  }
  return store->close().ok() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: counters FILE\n", 2;
  for (int i = 0; i < kProcesses; ++i) {
    if (fork() == 0) _exit(count(argv[1]));
  }
  bool good = true;
  for (int status = 0; wait(&status) > 0;) good = good && status == 0;
  if (!good) return EXIT_FAILURE;

  auto store = hmap::Store::open(argv[1]);
  if (!store) return std::cerr << store.error() << '\n', 1;
  for (const char* page : kPages) {
    // Adding nothing reads the counter.
    std::cout << page << ' ' << store->fetch_add(page, 0).value() << '\n';
  }
  return store->close().ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}
