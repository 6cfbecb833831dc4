#include "plot.h"

#include <stdexcept>
#include <utility>

#include "stage.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kSettings = 4;   // checkpointed or not, with or without a commit log
constexpr std::uint64_t kShardings = 3;  // of the random ones: 1, 2 or 4 shards
constexpr std::uint64_t kShapes = 2;     // of these: records; keys and values in the buckets
constexpr std::uint64_t kExtentSizes = 3;
constexpr std::uint64_t kRandomSteps = 40;
constexpr std::uint64_t kRandomKeys = 70;

Options kill_options() {
  Options options = quiet_options();
  options.geometry.slots = 4;
  options.window_bytes = kWindowBytes;
  options.checkpoint_interval = std::chrono::hours(1);
  // So large that nobody takes a checkpoint in the background, which the tape could not follow.
  options.log_bytes = 1 << 20;
  return options;
}

Options commit_options() {
  Options options = kill_options();
  options.durability = Durability::kCommit;
  return options;
}

// Of 8 bytes, so that it suits every store.
std::string random_key(Random& random) {
  const std::string number = std::to_string(random.below(kRandomKeys));
  return "key " + std::string(4 - number.size(), '0') + number;
}

std::string random_value(Random& random, bool is_inline, std::uint64_t most) {
  return value_of(random.next(), is_inline ? kInlineValueBytes : random.below(most));
}

Step random_batch(Random& random, bool is_inline) {
  std::vector<Step> parts;
  for (std::uint64_t left = random.between(1, 8); left > 0; --left) {
    std::string key = random_key(random);
    if (random.one_in(3)) {
      parts.push_back(erase_step(std::move(key)));
    } else {
      parts.push_back(put_step(std::move(key), random_value(random, is_inline, 90)));
    }
  }
  return batch_step(std::move(parts));
}

// Mixed calls that any number of shards can bear.
std::vector<Step> random_steps(Random& random, bool is_inline) {
  std::vector<Step> steps;
  std::uint64_t held = 0;
  for (std::uint64_t i = 0; i < kRandomSteps; ++i) {
    const std::uint64_t dice = random.below(1'000);
    std::string key = random_key(random);
    if (dice < 25) {
      steps.push_back(clear_step());
    } else if (dice < 60) {
      steps.push_back(checkpoint_step());
    } else if (dice < 85 && held < 3) {
      steps.push_back(snapshot_step());
      ++held;
    } else if (dice < 110 && held > 0) {
      steps.push_back(release_step());
      --held;
    } else if (dice < 180) {
      steps.push_back(random_batch(random, is_inline));
    } else if (dice < 205) {
      steps.push_back(compact_step(random.between(1, 10)));
    } else if (dice < 400) {
      steps.push_back(erase_step(std::move(key)));
    } else {
      const std::uint64_t most = dice < 960 ? 90 : 12'000;
      steps.push_back(put_step(std::move(key), random_value(random, is_inline, most)));
    }
  }
  for (; held > 0; --held) steps.push_back(release_step());
  return steps;
}

std::vector<Step> prepare_random(Store& store, Random& random, bool is_inline) {
  const std::uint64_t filled = random.below(kRandomKeys);
  for (std::uint64_t i = 0; i < filled; ++i) {
    if (!store.put(random_key(random), random_value(random, is_inline, 90)).ok()) {
      throw std::runtime_error("cannot fill the store");
    }
  }
  return random_steps(random, is_inline);
}

}  // namespace

std::uint64_t scripted_plots() { return scenarios().size() * kSettings; }
std::uint64_t kinds_of_random_plots() { return kSettings * kShardings * kShapes; }

Plot plot(std::uint64_t number) {
  Plot plot;
  plot.checkpointed = number % 2 == 1;
  const bool commits = number / 2 % 2 == 1;
  plot.options = commits ? commit_options() : kill_options();
  if (number < scripted_plots()) {
    plot.scenario = &scenarios()[number / kSettings];
    plot.name = plot.scenario->name;
  } else {
    plot.options.shard_bits = static_cast<int>(number / kSettings % kShardings);
    plot.name = "random, shard bits " + std::to_string(plot.options.shard_bits);
    if (number / kSettings / kShardings % kShapes == 1) {
      plot.options.type = fixed_type(8, kInlineValueBytes);
      plot.name += ", inline";
    }
    // The smallest first, of which many runs take several.
    const std::uint64_t round = (number - scripted_plots()) / kinds_of_random_plots();
    plot.options.geometry.extent_bytes = 2'048U << (round % kExtentSizes);
  }
  if (commits) plot.name += ", commit";
  if (plot.checkpointed) plot.name += ", checkpointed";
  return plot;
}

std::vector<Step> prepare_steps(const Plot& plot, Store& store, KeySource& keys, Random& random) {
  std::vector<Step> steps = plot.scenario != nullptr
                                ? plot.scenario->prepare(store, keys)
                                : prepare_random(store, random, is_inline(plot.options));
  if (plot.checkpointed) require(store.checkpoint(), "checkpoint");
  return steps;
}

}  // namespace hmap::test
