// Writes to a store in commit mode, all at random, and dies at one event; killed_commit.py lets
// both readers judge what is left.
//
//   killed_commit FILE SEED EVENT
//     EVENT   number of the store, copy, write or flush at which the process dies; it dies behind
//             its last write if there are fewer
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>

#include "fixed_type.h"
#include "model_lines.h"
#include "system/seam.h"

namespace hmap::test {
namespace {

std::atomic<long> events_left = -1;  // negative: nobody counts

void die() { ::kill(::getpid(), SIGKILL); }

void count_down(seam::Event, const void*, std::size_t) {
  if (events_left.load() < 0) return;
  if (events_left.fetch_sub(1) == 0) die();
}

class Writer {
 public:
  Writer(const std::string& path, unsigned seed)
      : random_(seed), inline_(seed % 4 == 3), store_(Store::open(path, options(seed)).value()) {}

  void write() {
    const std::uint64_t way = random_() % 100;
    if (way < 60) {
      require(store_.put(key(), value()));
    } else if (way < 80) {
      require(store_.erase(key()).error());
    } else if (way < 97) {
      require(store_.apply(batch()));
    } else if (way < 98) {
      require(store_.clear());
    } else {
      require(store_.checkpoint());
    }
  }

 private:
  Options options(unsigned seed) const {
    Options options;
    options.durability = Durability::kCommit;
    options.checkpoint_interval = std::chrono::hours(1);
    options.log_bytes = 16'384;
    options.shard_bits = static_cast<int>(seed % 3);
    options.geometry = {.block_bytes = 512, .extent_bytes = 4096, .slots = 4, .intent_words = 224};
    if (seed % 2 == 0) options.compression = Compression::kLz4;
    if (seed % 8 == 0) options.dictionary = "value value value value value value 0123456789";
    if (inline_) options.type = fixed_type(4, 3);
    return options;
  }
  std::string key() {
    const std::uint64_t number = random_() % 150;
    return inline_ ? std::to_string(1'000 + number)
                   : std::string(number % 40, 'k') += std::to_string(number);
  }
  std::string value() {
    if (inline_) return std::to_string(100 + random_() % 900);
    if (random_() % 40 == 0) return std::string(2'000 + random_() % 9'000, 'm');  // a marker, often
    std::string text = "value value value " + std::to_string(random_());
    for (std::uint64_t i = random_() % 300; i > 0; --i) text += static_cast<char>(random_());
    return text;
  }
  Batch batch() {
    Batch batch;
    for (std::uint64_t i = random_() % 12; i > 0; --i) {
      if (random_() % 3 == 0) {
        batch.erase(key());
      } else {
        batch.put(key(), value().substr(0, 400));
      }
    }
    return batch;
  }

  std::mt19937_64 random_;
  bool inline_;
  Store store_;
};

int run(const std::string& path, unsigned seed, long event) {
  std::filesystem::remove(path);
  std::filesystem::remove(path + "-wal");
  seam::hook.store(count_down);
  const pid_t child = ::fork();
  if (child == 0) {
    Writer writer(path, seed);
    events_left = event;
    for (int i = 0; i < 400; ++i) writer.write();
    die();
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return 1;
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : 1;
}

}  // namespace
}  // namespace hmap::test

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: killed_commit FILE SEED EVENT\n";
    return 2;
  }
  try {
    const auto seed = static_cast<unsigned>(std::atol(argv[2]));
    return hmap::test::run(argv[1], seed, std::atol(argv[3]));
  } catch (const std::exception& error) {
    std::cerr << "killed_commit: " << error.what() << "\n";
    return 1;
  }
}
