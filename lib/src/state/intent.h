// Changing live words so that a death between any two stores leaves the old or the new state.
#ifndef HMAP_SRC_STATE_INTENT_H_
#define HMAP_SRC_STATE_INTENT_H_

#include <array>

#include "state/engine.h"
#include "state/log.h"

namespace hmap {

// One atomic change of live words, guarded by the lock of `domain`, which the caller holds.
//
// set() fills the intent's body, which nobody looks at while its state is even; publish() makes the
// change happen. A Change that is dropped unpublished leaves no trace. At most one at a time per
// domain, at most Layout::intent_words words and 16 seqlocks.
class Change {
 public:
  Change(Engine& engine, u64 domain);

  // `word` will hold `value`. A word set twice keeps the later value.
  void set(u64& word, u64 value);
  template <typename T>
  void set(Offset<T>& word, Offset<T> place) {
    set(word.value, place.value);
  }
  // `word` will have the bits of `on` set and those of `off` cleared, on top of earlier set()s.
  void set_bits(u64& word, u64 on, u64 off);
  // The version is odd while the words are being applied. Destinations first, the source last.
  void guard(u64& version);

  [[nodiscard]] bool empty() const { return words_ == 0; }
  // Whether `word` has been set.
  [[nodiscard]] bool has(u64& word) { return find(word) != nullptr; }
  // Words that still fit.
  [[nodiscard]] u64 room() const { return engine_.layout.intent_words - words_; }

  // Publishes, applies and retracts. Cannot fail.
  void publish();

  // The same for a change that the commit log must have, if there is one: its record is in the log
  // before anybody can see the change. Errors, the change not having happened: kNoSpace
  // (is_log_full), kBusy, kIoError.
  Status publish_logged(const Logged& what);

 private:
  [[nodiscard]] format::IntentWord* find(const u64& word);
  void declare();  // stores the odd state
  void apply();

  Engine& engine_;
  u64 domain_;
  format::Intent& intent_;
  format::IntentWord* body_;
  u32 words_ = 0;
  u32 seqlocks_ = 0;
  std::array<u64*, kIntentWordsMax> targets_;
  std::array<u64*, format::kIntentSeqlocks> versions_;
};

// Applies a published intent found in the file, whose bytes are not trusted: words that lie outside
// the file are kCorrupt. Does nothing if the state is even.
Status replay_intent(Engine& engine, u64 domain);

}  // namespace hmap

#endif  // HMAP_SRC_STATE_INTENT_H_
