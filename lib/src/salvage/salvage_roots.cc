// Which states of a damaged store can be read.
#include "salvage/salvage_roots.h"

#include <cstring>

#include "format/hash.h"
#include "life/checkpoint.h"

namespace hmap {
namespace {

using format::Root;
using format::ShardHeader;

struct SeenRoot : SalvageState::ByRoot {
  bool blank = false;
  u64 generation = 0;  // 0: not known. Either checksum proves it.
  [[nodiscard]] bool known() const { return generation != 0; }
};

// Tries the headers behind the root, then those of the last cut in the runtime area, from which
// these were copied.
bool headers_verify(const Engine& engine, SeenRoot& seen, u64 generation) {
  const u64 bytes = engine.layout.shards * sizeof(ShardHeader);
  const u64 behind = engine.layout.root_offset(seen.index) + sizeof(Root);
  seen.headers_at = behind;
  for (const u64 offset : {behind, engine.layout.cut_header_offset(0)}) {
    const std::byte* at = engine.map->bytes(offset, bytes);
    if (at == nullptr ||
        seen.root.headers_checksum != checksum(at, bytes, engine.store_seed ^ generation)) {
      continue;
    }
    seen.headers = true;
    seen.headers_at = offset;
    return true;
  }
  return false;
}

SeenRoot see_root(const Engine& engine, u64 index) {
  SeenRoot seen;
  seen.index = index;
  const u64 at = engine.layout.root_offset(index);
  seen.headers_at = at + sizeof(Root);
  const std::byte* bytes = engine.map->bytes(at, sizeof(Root));
  if (bytes == nullptr) return seen;
  std::memcpy(&seen.root, bytes, sizeof(Root));
  const Root zero{};
  seen.blank = std::memcmp(&seen.root, &zero, sizeof zero) == 0;
  seen.sector = root_is_intact(seen.root, engine.store_seed);
  if (seen.blank || !headers_verify(engine, seen, seen.root.generation)) seen.headers = false;
  if (seen.sector || seen.headers) seen.generation = seen.root.generation;
  return seen;
}

// The generation field itself may be what is wrong: roots take turns.
void guess_generation(const Engine& engine, SeenRoot& seen, const SeenRoot& other) {
  if (seen.known() || seen.blank || !other.known()) return;
  for (const u64 guess : {other.generation + 1, other.generation - 1}) {
    if (guess == 0 || !headers_verify(engine, seen, guess)) continue;
    seen.generation = guess;
    return;
  }
}

// What the runtime area, of whatever boot, remembers of the durable root. A hint: it has no
// checksum.
struct Hint {
  u64 index = 2;  // 2: none
  u64 generation = 0;
};
Hint hint_of(const Engine& engine) {
  const auto* runtime = engine.map->at(Offset<format::RuntimeHeader>{engine.layout.runtime_offset});
  if (runtime == nullptr || runtime->magic != format::kRuntimeMagic || runtime->durable < 2 ||
      runtime->durable >> 1 >= runtime->epoch) {
    return {};
  }
  return {runtime->durable & 1, runtime->generation};
}

class Chooser {
 public:
  Chooser(const Engine& engine, DamageLog& log) : engine_(engine), log_(log) {
    for (u64 i = 0; i < 2; ++i) roots_[i] = see_root(engine, i);
    guess_generation(engine, roots_[0], roots_[1]);
    guess_generation(engine, roots_[1], roots_[0]);
    hint_ = hint_of(engine);
  }

  std::optional<SalvageState> choose(u64& generation, bool& certain) {
    certain = true;
    const bool b_is_newer = roots_[1].generation > roots_[0].generation;
    const SeenRoot& best = roots_[b_is_newer ? 1 : 0];
    const SeenRoot& other = roots_[b_is_newer ? 0 : 1];
    log_damage();
    generation = best.generation;
    if (!best.known()) {
      if (hint_.index == 2) return std::nullopt;
      generation = hint_.generation;
      return state(roots_[hint_.index]);
    }
    const bool never_written = other.blank && best.generation == 1;
    if (other.known() || never_written) return state(best);
    if (hint_.index == best.index && hint_.generation == best.generation) {
      return state(best);
    }
    if (hint_.index == other.index && hint_.generation == best.generation + 1) {
      generation = hint_.generation;
      return state(other);
    }
    // The other one may have been newer, and what this one reaches used again (format-spec, F-34).
    certain = false;
    return state(best);
  }

 private:
  [[nodiscard]] SalvageState state(const SeenRoot& seen) {
    return SalvageState::durable(engine_, seen, log_);
  }

  void log_damage() {
    for (const SeenRoot& seen : roots_) {
      const bool never_written = seen.blank && roots_[1 - seen.index].generation <= 1;
      if (never_written && roots_[1 - seen.index].known()) continue;
      const u64 at = engine_.layout.root_offset(seen.index);
      if (!seen.sector) log_.add("root with a wrong checksum", at);
      if (!seen.headers || seen.headers_at != at + sizeof(Root)) {
        log_.add("shard headers behind a root with a wrong checksum", at + sizeof(Root));
      }
    }
  }

  const Engine& engine_;
  DamageLog& log_;
  std::array<SeenRoot, 2> roots_;
  Hint hint_;
};

// A change that was published and perhaps half applied when its maker died. All of it or nothing:
// words that lead astray mean that the intent itself is damaged.
void finish_intent(const Engine& engine, u64 domain, DamageLog& log) {
  const format::Intent& intent = engine.intent(domain);
  if (intent.state % 2 == 0) return;
  const format::IntentWord* words = engine.intent_words(domain);
  bool possible = intent.words <= engine.layout.intent_words;
  for (u64 i = 0; possible && i < intent.words; ++i) {
    possible = words[i].offset.value >= engine.layout.runtime_offset &&
               engine.map->at(words[i].offset) != nullptr;
  }
  if (!possible) {
    log.add("intent: impossible", engine.layout.intent_offset(domain));
    return;
  }
  for (u64 i = 0; i < intent.words; ++i) {
    seam::store(*engine.map->at(words[i].offset), words[i].value);
  }
}

}  // namespace

std::optional<SalvageState> find_durable_state(const Engine& engine, DamageLog& log,
                                               RecoverReport& report) {
  return Chooser(engine, log).choose(report.generation, report.certain);
}

SalvageState find_live_state(const Engine& engine, DamageLog& log) {
  // The space first, as in recover_domain(): its intents may belong to a shard's.
  finish_intent(engine, engine.layout.space_domain(), log);
  for (u64 s = 0; s < engine.layout.shards; ++s) finish_intent(engine, s, log);
  return SalvageState::live(engine, log);
}

}  // namespace hmap
