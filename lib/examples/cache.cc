// A cache of expensive results that several processes fill and use, with a bound on its entries.
//
//   cache FILE
#include <hmap/store.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

namespace {

constexpr std::uint64_t kEntriesMax = 1'000;
constexpr int kProcesses = 3;
constexpr int kRequests = 5'000;  // by each process, for 2,000 different things

std::string compute(std::string_view key) { return "result of " + std::string(key); }

class Cache {
 public:
  explicit Cache(hmap::Store& store) : store_(store) {}

  std::string get(const std::string& key) {
    if (auto cached = store_.get(key).value()) return *std::move(cached);
    std::string fresh = compute(key);  // perhaps by two processes at once: the first one's counts
    if (store_.insert(key, fresh).value()) make_room();
    return fresh;
  }

 private:
  // Iteration begins at a random bucket, so what is evicted is random too, and processes that evict
  // at the same time seldom meet.
  void make_room() {
    if (store_.size().value() <= kEntriesMax) return;
    hmap::Cursor cursor = store_.cursor().value();
    while (store_.size().value() > kEntriesMax * 9 / 10) {
      const std::optional<hmap::Entry> entry = cursor.next().value();
      if (!entry) return;
      static_cast<void>(store_.erase(entry->key).value());  // perhaps another was faster
    }
  }

  hmap::Store& store_;
};

// All who have a store open at a time open it with one durability.
hmap::Result<hmap::Store> open(const std::string& path) {
  hmap::Options options;
  options.durability = hmap::Durability::kNone;  // after a power cut an empty cache will do
  return hmap::Store::open(path, options);
}

int work(const std::string& path, int number) {
  auto store = open(path);
  if (!store) return std::cerr << store.error() << '\n', 1;
  Cache cache(*store);
  try {
    for (int i = 0; i < kRequests; ++i) {
      const std::string key = "thing " + std::to_string((i * 7 + number * 131) % 2'000);
      if (cache.get(key) != compute(key)) return 1;
    }
  } catch (const hmap::Error& error) {  // of value()
    return std::cerr << error.status() << '\n', 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: cache FILE\n", 2;
  bool good = true;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(work(argv[1], i));
    if (child < 0) std::perror("fork");
    good = good && child > 0;
  }
  for (int status = 0; wait(&status) > 0;) good = good && status == 0;
  const auto store = open(argv[1]);
  if (!store) return std::cerr << store.error() << '\n', 1;
  // Each process may be one insertion beyond the bound before it makes room.
  const auto entries = store->size();
  if (!entries) return std::cerr << entries.error() << '\n', 1;
  std::cout << "every answer right: " << good << '\n'
            << "within the bound: " << (*entries > 0 && *entries <= kEntriesMax + kProcesses)
            << '\n';
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
