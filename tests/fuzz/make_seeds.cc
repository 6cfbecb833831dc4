// fuzz_seeds TARGET FOLDER: writes the inputs that a fuzzer begins with.
#include <filesystem>
#include <iostream>

#include "target.h"
#include "temp_file.h"

int main(int argc, char** argv) {
  using namespace hmap::test;
  if (argc != 3) {
    std::cerr << "usage: fuzz_seeds TARGET FOLDER\n";
    return 2;
  }
  try {
    const std::vector<std::string> seeds = target_named(argv[1]).seeds();
    std::filesystem::create_directories(argv[2]);
    for (std::size_t i = 0; i < seeds.size(); ++i)
      write_file(std::string(argv[2]) + "/seed_" + std::to_string(i), seeds[i]);
    std::cout << seeds.size() << " inputs\n";
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "fuzz_seeds: " << error.what() << "\n";
    return 1;
  }
}
