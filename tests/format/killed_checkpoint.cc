// Kills a process at one event of a checkpoint, then goes on with the store as the next process
// would, and writes out what must be durable in the end; killed_checkpoint.py lets reader.py judge.
//
//   killed_checkpoint FILE EVENT BOOT WRITES
//     EVENT   number of the store, copy or flush of the checkpoint at which the process dies
//     BOOT    same: the next process finds the runtime area; other: it starts from the durable
//     root,
//             as after a power cut that kept every sector
//     WRITES  entries that the next process puts before it closes the store
//
// Prints the entries and exits with 0; with 3 if the checkpoint has fewer events.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>

#include "model_lines.h"
#include "system/seam.h"

namespace hmap::test {
namespace {

constexpr int kFewerEvents = 3;

long events_left = -1;  // negative: nobody counts

void count_down(seam::Event, const void*, std::size_t) {
  if (events_left < 0) return;
  if (events_left-- == 0) ::kill(::getpid(), SIGKILL);
}

Store open(const std::string& path) {
  Options options;
  options.durability = Durability::kNone;
  options.shard_bits = 0;
  // Many blocks, few of them written: what a table says about the others matters, too.
  options.expected_entries = 2'000;
  options.geometry = {.block_bytes = 512, .extent_bytes = 4096, .slots = 4, .intent_words = 224};
  return Store::open(path, options).value();
}

void change_some(Pair& pair, unsigned seed, int changes, unsigned keys) {
  std::mt19937 random(seed);
  for (int i = 0; i < changes; ++i) {
    const std::string key = "key " + std::to_string(random() % keys);
    if (random() % 4 == 0) {
      pair.erase(key);
    } else {
      pair.put(key, "value " + std::to_string(random()));
    }
  }
}

// The life that ends too early: one checkpoint completed, more changes, the next one begun.
int first_life(const std::string& path, long event) {
  Pair pair(open(path));
  change_some(pair, 1, 30, 100);
  require(pair.store().checkpoint());
  change_some(pair, 2, 60, 100);
  events_left = event;
  require(pair.store().checkpoint());
  events_left = -1;
  return kFewerEvents;
}

void next_life(const std::string& path, int writes) {
  Store store = open(path);
  Model model;
  for (const auto& [key, value] : store) model.emplace(key, value);
  for (int i = 0; i < writes; ++i) {
    const std::string key = "later " + std::to_string(i);
    require(store.put(key, key));
    model[key] = key;
  }
  require(store.close());
  std::cout << lines(model);
}

int run(char** words) {
  const std::string path = words[1];
  std::filesystem::remove(path);
  seam::hook.store(count_down);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(first_life(path, std::atol(words[2])));
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return 1;
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  if (words[3] == std::string("other")) {
    ::setenv("HMAP_BOOT_ID", "000102030405060708090a0b0c0d0e0f", 1);
  }
  next_life(path, std::atoi(words[4]));
  return 0;
}

}  // namespace
}  // namespace hmap::test

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: killed_checkpoint FILE EVENT same|other WRITES\n";
    return 2;
  }
  try {
    return hmap::test::run(argv);
  } catch (const std::exception& error) {
    std::cerr << "killed_checkpoint: " << error.what() << "\n";
    return 1;
  }
}
