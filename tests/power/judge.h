// Opens what a power cut left and compares it with what it must be.
#ifndef HMAP_TESTS_POWER_JUDGE_H_
#define HMAP_TESTS_POWER_JUDGE_H_

#include <cstdint>
#include <string>

#include "memory_file.h"
#include "stores.h"

namespace hmap::test {

class Judge {
 public:
  // The options that the stores were made with.
  explicit Judge(const Options& options);

  // An empty string if a store with exactly these contents comes out of the image, can be written
  // to, checkpointed and read; else what is wrong. Some of the images are opened read-only first,
  // some cut off again after the checkpoint; `number` chooses.
  std::string verdict(const std::string& image, const Contents& expected, std::uint64_t number);

 private:
  std::string compare(const Store& store, const Contents& expected);
  std::string read_only(const Contents& expected);
  std::string use(Store& store, const Contents& expected);
  std::string after_another_cut(Contents expected);

  MemoryFile file_;
  Options options_;
  std::string new_key_;
  std::string new_value_;
  std::string value_;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_POWER_JUDGE_H_
