// Publishing, applying and replaying intents. lib/README.md, steps W5 to W9.
#include "state/intent.h"

#include <array>
#include <span>
#include <utility>

namespace hmap {

Change::Change(Engine& engine, u64 domain)
    : engine_(engine),
      domain_(domain),
      intent_(engine.intent(domain)),
      body_(engine.intent_words(domain)) {}

format::IntentWord* Change::find(const u64& word) {
  for (u32 i = 0; i < words_; ++i) {
    if (targets_[i] == &word) return &body_[i];
  }
  return nullptr;
}

void Change::set(u64& word, u64 value) {
  // Crash: the state is even, nobody reads the body.
  // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): the body is in the file, never null
  seam::store(body_[words_].offset, {engine_.map->offset_of(&word)});
  seam::store(body_[words_].value, value);
  targets_[words_] = &word;
  ++words_;
}

void Change::set_bits(u64& word, u64 on, u64 off) {
  if (format::IntentWord* earlier = find(word)) {
    seam::store(earlier->value, (earlier->value | on) & ~off);
  } else {
    set(word, (seam::load(word) | on) & ~off);
  }
}

void Change::guard(u64& version) {
  versions_[seqlocks_] = &version;
  seam::store(intent_.seqlock[seqlocks_], {engine_.map->offset_of(&version)});
  ++seqlocks_;
}

void Change::publish() {
  declare();
  apply();
}

Status Change::publish_logged(const Logged& what) {
  if (engine_.log == nullptr) {
    publish();
    return {};
  }
  LogAppend append(engine_);
  // Crash: the change never happened; its record lies behind the log's tail and does not count.
  if (Status s = append.write(domain_, intent_.state + 1, what); !s.ok()) return s;
  declare();
  // Crash: it has happened, and whoever takes the log's lock next makes its record count.
  append.commit();
  apply();
  return {};
}

void Change::declare() {
  seam::store(intent_.words, words_);
  seam::store(intent_.seqlocks, seqlocks_);
  const u64 state = intent_.state;
  // Order: the body before the state. Crash: before this store the change never happened, after it
  // the next owner of the lock completes it, and readers that meet an odd version see it already.
  seam::store(intent_.state, state + 1);
}

void Change::apply() {
  for (u32 i = 0; i < seqlocks_; ++i) seam::store(*versions_[i], *versions_[i] | 1);
  // Crash: some words new, some old; every bucket concerned is odd, and its readers look here.
  // Where to is not read back: strangers may write to the body, and a store must not go anywhere.
  for (u32 i = 0; i < words_; ++i) seam::store(*targets_[i], seam::load(body_[i].value));
  for (u32 i = 0; i < seqlocks_; ++i) seam::store(*versions_[i], (*versions_[i] | 1) + 1);
  // Crash: before this store the next owner applies everything once more, to the same effect.
  seam::store(intent_.state, intent_.state + 1);
}

Status replay_intent(Engine& engine, u64 domain) {
  format::Intent& intent = engine.intent(domain);
  const u64 state = seam::load(intent.state);
  if (state % 2 == 0) return {};
  const u64 place = engine.layout.intent_offset(domain);
  const u32 words = seam::load(intent.words);
  const u32 seqlocks = seam::load(intent.seqlocks);
  if (words > engine.layout.intent_words || seqlocks > format::kIntentSeqlocks) {
    return Engine::corrupt("published intent: impossible length", place);
  }
  const format::IntentWord* body = engine.intent_words(domain);
  // No memory is asked for: it may be refused, and this must get done.
  std::array<std::pair<u64*, u64>, kIntentWordsMax> all_changes;
  std::array<u64*, format::kIntentSeqlocks> all_versions;
  const std::span changes(all_changes.data(), words);
  const std::span versions(all_versions.data(), seqlocks);
  for (u32 i = 0; i < words; ++i) {
    const Offset<u64> at = seam::load(body[i].offset);
    changes[i] = {engine.map->at(at), seam::load(body[i].value)};
    // Superblock and roots are nobody's live words.
    if (changes[i].first == nullptr || at.value < engine.layout.runtime_offset)
      return Engine::corrupt("intent: word outside the live state", place);
  }
  for (u32 i = 0; i < seqlocks; ++i) {
    const Offset<u64> at = seam::load(intent.seqlock[i]);
    versions[i] = engine.map->at(at);
    if (versions[i] == nullptr || at.value < engine.layout.runtime_offset)
      return Engine::corrupt("intent: version outside the live state", place);
  }
  // Crash anywhere here: the state stays odd, the next owner does all of it again.
  for (u64* version : versions) seam::store(*version, seam::load(*version) | 1);
  for (const auto& [word, value] : changes) seam::store(*word, value);
  for (u64* version : versions) seam::store(*version, (seam::load(*version) | 1) + 1);
  seam::store(intent.state, state + 1);
  return {};
}

}  // namespace hmap
