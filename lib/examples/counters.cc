// A table of counters that several processes add to at the same time, without a server.
//
//   counters FILE
//
// Four processes count page views into FILE; then the parent prints the totals.
#include <hmap/map.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

namespace {

using Counters = hmap::Map<hmap::bytes, std::uint64_t>;

constexpr std::array<const char*, 3> kPages = {"/", "/about", "/contact"};
constexpr int kProcesses = 4;
constexpr int kViews = 1'000;  // of each page, by each process

// A child opens the store itself: a handle does not survive fork().
int count(const std::string& path) {
  auto counters = Counters::open(path);
  if (!counters) return std::cerr << counters.error() << '\n', 1;
  for (int i = 0; i < kViews; ++i) {
    for (const char* page : kPages) {
      // Atomic for all processes; killing this one loses nothing that fetch_add() has returned.
      if (auto before = counters->fetch_add(page, 1); !before)
        return std::cerr << before.error() << '\n', 1;
    }
  }
  return counters->close().ok() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: counters FILE\n", 2;
  bool good = true;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(count(argv[1]));
    if (child < 0) std::perror("fork");
    good = good && child > 0;
  }
  for (int status = 0; wait(&status) > 0;) good = good && status == 0;
  if (!good) return EXIT_FAILURE;

  auto counters = Counters::open(argv[1]);
  if (!counters) return std::cerr << counters.error() << '\n', 1;
  for (const char* page : kPages) {
    const auto views = counters->get(page);
    if (!views) return std::cerr << views.error() << '\n', 1;
    std::cout << page << ' ' << views->value_or(0) << '\n';
  }
  return counters->close().ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}
