// hmap-commit-bench [DIR [SECONDS]]: commits per second in Durability::kCommit, beside the floor of
// the disk: a bare loop of a 4 KiB pwrite() and an fdatasync() on a file that was filled and
// flushed before. Everything by turns, in one fresh directory in DIR, fifteen rounds; medians.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "hmap/store.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRounds = 15;
constexpr std::size_t kPage = 4096;
constexpr std::uint64_t kFilePages = 4096;

// How many times work(i) is done in so many seconds, by how many processes together, per second.
double rate(int processes, double seconds,
            const std::function<std::function<void(int)>(int)>& prepare) {
  void* memory = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("mmap failed");
  struct Board {
    std::atomic<int> ready;
    std::atomic<bool> go;
    std::atomic<bool> stop;
    std::atomic<std::uint64_t> done;
  };
  auto* board = new (memory) Board{};
  std::vector<pid_t> children;
  for (int p = 0; p < processes; ++p) {
    const pid_t pid = fork();
    if (pid < 0) throw std::runtime_error("fork failed");
    if (pid > 0) {
      children.push_back(pid);
      continue;
    }
    int code = 1;
    try {
      const std::function<void(int)> work = prepare(p);
      ++board->ready;
      while (!board->go) usleep(100);
      for (int i = 0; !board->stop; ++i) {
        work(i);
        ++board->done;
      }
      code = 0;
    } catch (const std::exception& failure) {
      fmt::print(stderr, "{}\n", failure.what());
    }
    _exit(code);  // what a crash leaves is enough: closing is not measured
  }
  while (board->ready < processes) usleep(100);
  const auto start = Clock::now();
  board->go = true;
  usleep(static_cast<useconds_t>(seconds * 1e6));
  board->stop = true;
  const std::uint64_t done = board->done;
  const double took = std::chrono::duration<double>(Clock::now() - start).count();
  for (const pid_t pid : children) {
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || status != 0) throw std::runtime_error("a child failed");
  }
  munmap(memory, kPage);
  return static_cast<double>(done) / took;
}

double floor_rate(const std::string& path, double seconds) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const std::string page(kPage, 'x');
  for (std::uint64_t i = 0; i < kFilePages; ++i) {
    if (pwrite(fd, page.data(), kPage, static_cast<off_t>(i * kPage)) < 0)
      throw std::runtime_error("pwrite failed");
  }
  if (fsync(fd) != 0) throw std::runtime_error("fsync failed");
  const double result = rate(1, seconds, [&](int) {
    return [&](int i) {
      const auto at = static_cast<off_t>(static_cast<std::uint64_t>(i) % kFilePages * kPage);
      if (pwrite(fd, page.data(), kPage, at) < 0 || fdatasync(fd) != 0)
        throw std::runtime_error("pwrite or fdatasync failed");
    };
  });
  close(fd);
  return result;
}

double hmap_rate(const std::string& path, int processes, double seconds) {
  hmap::Options options;
  options.durability = hmap::Durability::kCommit;
  // Open for as long as the children are, so that none of them is alone.
  hmap::Store store = hmap::Store::open(path, options).value();
  const double result = rate(processes, seconds, [&](int process) {
    auto own = std::make_shared<hmap::Store>(hmap::Store::open(path, options).value());
    const std::string value(100, 'v');
    return [own, process, value](int i) {
      const hmap::Status status = own->put(fmt::format("{:02}/{:010}", process, i % 20'000), value);
      if (!status.ok()) throw std::runtime_error(status.message());
    };
  });
  if (const hmap::Status status = store.close(); !status.ok())
    throw std::runtime_error(status.message());
  return result;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void measure(const std::filesystem::path& dir, double seconds) {
  std::vector<double> floors;
  std::vector<double> ones;
  std::vector<double> eights;
  for (int round = 0; round < kRounds; ++round) {
    floors.push_back(floor_rate(dir / "floor", seconds));
    ones.push_back(hmap_rate(dir / "store", 1, seconds));
    eights.push_back(hmap_rate(dir / "store", 8, seconds));
    fmt::print("floor {:.0f}/s, 1 process {:.0f}/s, 8 processes {:.0f}/s\n", floors.back(),
               ones.back(), eights.back());
  }
  const double bare = median(floors);
  fmt::print(
      "medians: floor {:.0f}/s ({:.0f} us); 1 process {:.2f} of the floor, 8 processes {:.2f}\n",
      bare, 1e6 / bare, median(ones) / bare, median(eights) / bare);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::string pattern = std::string(argc > 1 ? argv[1] : ".") + "/hmap_commit_XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp: " + pattern);
    measure(pattern, argc > 2 ? std::strtod(argv[2], nullptr) : 0.5);
    std::filesystem::remove_all(pattern);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "hmap-commit-bench: {}\n", failure.what());
    return 2;
  }
  return 0;
}
