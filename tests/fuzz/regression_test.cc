// Every input that was ever a finding, the inputs that fuzzers begin with, and
// some random ones: without a fuzzer, with any compiler. HMAP_FUZZ_RUNS: random
// inputs a target.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>
#include <string>

#include "child.h"
#include "seeds.h"
#include "stores.h"
#include "target.h"
#include "temp_file.h"
#include "victim_file.h"

namespace hmap::test {
namespace {

// Instead of a fuzzer's mutation without knowledge.
Random& random_bytes() {
  static Random random(0);
  return random;
}
std::size_t change_bytes(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max) {
  Random& random = random_bytes();
  if (bytes == 0 || (bytes < bytes_max && random.one_in(4))) {
    data[bytes] = static_cast<std::uint8_t>(random.next());
    return bytes + 1;
  }
  if (random.one_in(8)) return bytes - 1;
  const std::uint64_t at = random.below(bytes);
  data[at] = static_cast<std::uint8_t>(random.one_in(2) ? random.next()
                                                        : data[at] ^ 1U << random.below(8));
  return bytes;
}

class FuzzTarget : public ::testing::TestWithParam<Target> {
 protected:
  // The last line printed names the input that ended the process.
  static void run_named(const std::string& name, const std::string& text) {
    std::cout << name << '\n';
    watchdog().feed();
    run_bounded(GetParam(), {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  static Watchdog& watchdog() {
    static Watchdog one;
    return one;
  }
};

TEST_P(FuzzTarget, Found) {
  const std::filesystem::path folder = std::filesystem::path(HMAP_FUZZ_FOUND) / GetParam().name;
  if (!std::filesystem::exists(folder)) return;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) run_named(file.filename().string(), read_file(file.string()));
}

TEST_P(FuzzTarget, Seeds) {
  const std::vector<std::string> seeds = GetParam().seeds();
  for (std::size_t i = 0; i < seeds.size(); ++i) run_named("seed " + std::to_string(i), seeds[i]);
}

// An input that ends the process is written to HMAP_FUZZ_INPUT, if that is set.
TEST_P(FuzzTarget, Random) {
  // The short run says whether something broke; what is new is for the long runs to find.
  const bool short_run = std::getenv("HMAP_FUZZ_RUNS") == nullptr;
  const std::uint64_t seed = short_run ? environment_number("HMAP_TEST_SEED", 1) : test_seed();
  const std::vector<std::string> seeds = GetParam().seeds();
  const char* keep = std::getenv("HMAP_FUZZ_INPUT");
  for (std::uint64_t i = environment_number("HMAP_FUZZ_RUNS", 200); i > 0; --i) {
    Random random(mix(seed) + i);
    random_bytes() = Random(random.next());
    std::string text = seeds[random.below(seeds.size())];
    text.resize(GetParam().bytes_max);
    std::size_t bytes = std::min(text.size(), seeds[random.below(seeds.size())].size());
    for (std::uint64_t changes = random.below(8); changes > 0; --changes) {
      bytes = GetParam().mutate(reinterpret_cast<std::uint8_t*>(text.data()), bytes, text.size(),
                                static_cast<unsigned>(random.next()), change_bytes);
    }
    text.resize(bytes);
    if (keep != nullptr) write_file(keep, text);
    watchdog().feed();
    run_bounded(GetParam(), {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
}

// Without a sanitizer nothing else would notice: where old entries lie new ones are written.
TEST(FuzzFound, ANewBucketOverAnOldOneIsRefused) {
  const std::string text = read_file(HMAP_FUZZ_FOUND "/store/new_bucket_over_an_old_one.bin");
  const Base& base =
      lay_out(Script::parse({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
  Options options = with_mode({}, Mode::kOpen);
  options.type = base.type;
  Store store = Store::open(victim_file().path(), options).value();
  std::set<std::string> said;
  for (const std::string& key : base.keys) said.insert(store.erase(key).error().message());
  EXPECT_TRUE(std::any_of(said.begin(), said.end(), [](const std::string& message) {
    return message.find("a new bucket lies over an old one") != std::string::npos;
  })) << ::testing::PrintToString(said);
}

INSTANTIATE_TEST_SUITE_P(All, FuzzTarget, ::testing::ValuesIn(targets()),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace hmap::test
