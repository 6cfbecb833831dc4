#include "history.h"

#include <stdexcept>
#include <utility>

namespace hmap::test {

void record(const Plot& plot, std::uint64_t seed, Stage& stage, Recording& recording) {
  const Options& options = plot.options;
  std::vector<Store> all;  // the victim first
  for (int slot = kVictimSlot; slot <= kSecondHeirSlot; ++slot) {
    all.push_back(Store::open(stage.path(), options).value());
  }
  Store& victim = all.front();
  const RawView raw(stage.path());
  KeySource keys(raw);
  Random random(seed);
  recording.plot = plot;
  recording.steps = prepare_steps(plot, victim, keys, random);
  const format::ShardHeader header_before = raw.shard();
  Contents model = contents(victim);
  recording.allowed = foresee(recording.steps, raw, recording.universe, model);
  recording.before = stage.image();
  recording.tape.start(stage.files(), true);
  for (std::uint32_t i = 0; i < recording.steps.size(); ++i) {
    recording.tape.begin_step(i);
    require(perform(victim, recording.steps[i]), "a call");
  }
  recording.tape.stop();
  if (plot.scenario != nullptr && !plot.scenario->happened(header_before, raw.shard())) {
    throw std::runtime_error("the calls did not do what the scenario is for");
  }
  if (contents(victim) != model) throw std::runtime_error("the calls did something else");
  for (Store& store : all) require(store.close(), "close");
}

}  // namespace hmap::test
