// What a figure is worth depends on where it was measured.
#ifndef HMAP_BENCH_BASE_MACHINE_H_
#define HMAP_BENCH_BASE_MACHINE_H_

#include <filesystem>
#include <string>

namespace hmap::bench {

struct Machine {
  std::string cpu;
  long cores = 0;
  double memory_gib = 0;
  std::string kernel;
  std::string file_system;  // Type of the one that holds the stores.
  double load = 0;          // Load average over a minute when the program began.
  std::string compiler;
  std::string flags;
};

[[nodiscard]] Machine describe_machine(const std::filesystem::path& dir);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_BASE_MACHINE_H_
