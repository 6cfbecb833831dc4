#include "judgement.h"

#include <array>
#include <stdexcept>
#include <utility>

#include "format/hash.h"
#include "hmap/batch.h"
#include "hmap/snapshot.h"
#include "plot.h"
#include "values.h"
#include "virtual_time.h"

namespace hmap::test {
namespace {

// The locks of the dead are taken over after 2 ms each; a cut gives others way for 5 ms.
constexpr std::uint64_t kPatienceUs = 100'000;

std::string said(const char* what, const Status& status) {
  return std::string(what) + ": " + status.message();
}

std::string complaints(const Store& store, VerifyState state) {
  VerifyOptions options;
  options.state = state;
  const Result<VerifyReport> report = store.verify(options);
  if (!report) return said("verify", report.error());
  if (!report->clean()) {
    const Finding& first = report->findings.front();
    return "verify finds " + std::to_string(report->findings.size()) + ": " +
           std::string(name(first.kind)) + " at " + std::to_string(first.offset) + ", " +
           first.text;
  }
  if (!report->complete) return "verify is not complete: " + report->incomplete_why;
  // Looking at the live state alone, it may have been the first to take the locks of the dead.
  if (state == VerifyState::kBoth && !report->live_quiet) return "somebody writes";
  return {};
}

std::string erase(Store& store, const std::string& key, bool present) {
  const Result<bool> erased = store.erase(key);
  if (!erased) return said("erase", erased.error());
  return *erased == present ? std::string() : "erase says the wrong thing about " + key;
}

// What heir number `heir`, 1 or 2, writes: one entry that stays, and perhaps one that does not.
// Lengths that suit every store.
std::string heir_key(std::uint64_t heir) { return "heir 00" + std::to_string(heir); }
std::string heir_value(std::uint64_t heir) { return value_of(heir, kInlineValueBytes); }
std::string large_key(std::uint64_t heir) { return "heir L0" + std::to_string(heir); }
std::string large_value(const Question& question, std::uint64_t heir) {
  return value_of(heir, question.large_bytes);
}

std::string act_first(Store& store, const Question& question, std::uint64_t heir, FirstAct act) {
  switch (act) {
    case FirstAct::kPut:
      return {};
    case FirstAct::kVerify:
      return complaints(store, VerifyState::kLive);
    case FirstAct::kCheckpoint: {
      const Status status = store.checkpoint();
      return status.ok() ? std::string() : said("checkpoint", status);
    }
    case FirstAct::kRepeat: {
      const Status status = perform(store, *question.step);
      return status.ok() ? std::string() : said("the call of the dead", status);
    }
    case FirstAct::kPutLarge: {
      const Status status = store.put(large_key(heir), large_value(question, heir));
      if (!status.ok()) return said("put of a large value", status);
      return erase(store, large_key(heir), true);
    }
    case FirstAct::kSnapshot: {
      const Result<Snapshot> snapshot = store.snapshot();
      return snapshot ? std::string() : said("snapshot", snapshot.error());
    }
    case FirstAct::kBatch: {
      Batch batch;
      for (int i = 0; i < 8; ++i) batch.erase("nowhere" + std::to_string(i));
      const Status status = store.apply(batch);
      return status.ok() ? std::string() : said("a batch", status);
    }
    default:
      return erase(store, "nowhere!", false);
  }
}

FirstAct act_of(const Question& question) {
  // A plain write most often: it is quick, and the others contain it.
  static constexpr std::array kActs = {
      FirstAct::kPut,    FirstAct::kPut,    FirstAct::kPut,      FirstAct::kPut,
      FirstAct::kPut,    FirstAct::kBatch,  FirstAct::kRepeat,   FirstAct::kRepeat,
      FirstAct::kRepeat, FirstAct::kVerify, FirstAct::kVerify,   FirstAct::kCheckpoint,
      FirstAct::kErase,  FirstAct::kErase,  FirstAct::kPutLarge, FirstAct::kSnapshot};
  const FirstAct act = kActs.at(mix(question.number) % kActs.size());
  if (act != FirstAct::kRepeat) return act;
  if (question.step == nullptr) return FirstAct::kSnapshot;
  // Steps that change nothing for others are not worth repeating; they hold snapshots.
  const Step::Kind kind = question.step->kind;
  const bool held = kind == Step::Kind::kSnapshot || kind == Step::Kind::kRelease;
  return held ? FirstAct::kSnapshot : act;
}

}  // namespace

std::string Judgement::read() {
  std::string wrong;
  const std::size_t states = question_.allowed->size();
  for (std::size_t i = state_; i < states; ++i) {
    const std::string here = compare((*question_.allowed)[i]);
    if (!here.empty()) {
      wrong += (wrong.empty() ? "" : "; ") + here;
      continue;
    }
    state_ = i;
    if (std::string heirs = compare_heirs(); !heirs.empty()) return heirs;
    return question_.number % 4 == 0 ? iterate((*question_.allowed)[i]) : std::string();
  }
  return "none of the states from " + std::to_string(state_) + " on: " + wrong;
}

std::string Judgement::compare(const State& state) {
  const std::vector<std::string>& keys = question_.universe->keys();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Result<bool> found = store_.get_into(keys[i], value_);
    if (!found) return said("get", found.error());
    if (*found != (state[i] != nullptr)) {
      return (*found ? "finds " : "does not find ") + keys[i];
    }
    if (*found && value_ != *state[i]) return "another value of " + keys[i];
  }
  return {};
}

std::string Judgement::compare_heirs() {
  others_ = 0;
  for (std::uint64_t heir = 1; heir <= question_.earlier_heirs + 1; ++heir) {
    const bool is_own = heir == question_.earlier_heirs + 1;
    for (const bool large : {false, true}) {
      const Result<bool> found = store_.get_into(large ? large_key(heir) : heir_key(heir), value_);
      if (!found) return said("get", found.error());
      const std::string who = "heir " + std::to_string(heir);
      if (*found && value_ != (large ? large_value(question_, heir) : heir_value(heir))) {
        return "another value of " + who;
      }
      if (is_own && *found != (has_written_ && !large)) return "wrong about the write of " + who;
      others_ += *found ? 1 : 0;
    }
  }
  return {};
}

std::string Judgement::iterate(const State& state) {
  Result<Cursor> cursor = store_.cursor();
  if (!cursor) return said("cursor", cursor.error());
  std::size_t present = others_;
  for (const std::string* value : state) present += value != nullptr ? 1 : 0;
  std::size_t count = 0;
  for (;; ++count) {
    const Result<std::optional<Entry>> entry = cursor->next();
    if (!entry) return said("iteration", entry.error());
    if (!entry->has_value()) break;
    if (count > present) return "iteration without end";
    const std::size_t number = question_.universe->number_of((*entry)->key);
    if (number == state.size()) {
      if (!(*entry)->key.starts_with("heir ")) return "iterates over a key from nowhere";
    } else if (state[number] == nullptr || *state[number] != (*entry)->value) {
      return "iterates over another value of " + std::string((*entry)->key);
    }
  }
  if (count == present) return {};
  return "iterates over " + std::to_string(count) + " entries instead of " +
         std::to_string(present);
}

std::string begin_to_inherit(Store& store, const Question& question) {
  const std::uint64_t heir = question.earlier_heirs + 1;
  if (std::string wrong = act_first(store, question, heir, act_of(question)); !wrong.empty()) {
    return wrong;
  }
  const Status status = store.put(heir_key(heir), heir_value(heir));
  return status.ok() ? std::string() : said("put", status);
}

std::uint64_t Verified::hash_of(std::uint64_t part) {
  constexpr std::uint64_t kBytes = ChangedParts::kBytes;
  return hash_key({stage_.files().store + part * kBytes, kBytes}, part);
}

// Only what has changed is hashed again, which is little.
std::uint64_t Verified::hash_now() {
  ChangedParts& changed = stage_.changed();
  for (const Write& write : tape_.writes()) {
    if (write.kind == Write::Kind::kBytes && write.offset < kLogFileAt) {
      changed.add(write.offset, write.bytes);
    }
  }
  const std::uint64_t parts = stage_.store_bytes() / ChangedParts::kBytes;
  if (parts != parts_.size()) {
    changed.add_all();
    parts_.assign(parts, 0);
    sum_ = 0;
  }
  changed.take(parts, [&](std::uint64_t part) {
    sum_ -= parts_[part];
    sum_ += parts_[part] = hash_of(part);
  });
  return sum_;
}

bool Verified::add() {
  const std::uint64_t now = hash_now();
  if (++asked_ % 4096 == 0) {
    std::uint64_t sum = 0;
    for (std::uint64_t part = 0; part < parts_.size(); ++part) sum += hash_of(part);
    if (sum != now) throw std::logic_error("a change of the file went unnoticed");
  }
  return hashes_.insert(now).second;
}

std::string inherit(Store& store, const Question& question, Verified* verified) {
  const VirtualTime time;
  Judgement judgement(store, question);
  // A reader takes no lock: it sees the store as the dead process left it.
  if (std::string wrong = judgement.read(); !wrong.empty()) return "beside the dead: " + wrong;
  if (VirtualTime::slept_us() > 1'000) return "a reader waited";
  if (std::string wrong = begin_to_inherit(store, question); !wrong.empty()) return wrong;
  judgement.expect_write();
  if (act_of(question) == FirstAct::kRepeat) judgement.expect_last_state();
  if (std::string wrong = judgement.read(); !wrong.empty()) return "taken over: " + wrong;
  if (const Status s = store.checkpoint(); !s.ok()) return said("checkpoint", s);
  if (verified == nullptr || verified->add()) {
    if (std::string wrong = complaints(store, VerifyState::kBoth); !wrong.empty()) return wrong;
  }
  if (VirtualTime::slept_us() < kPatienceUs) return {};
  return "waited for " + std::to_string(VirtualTime::slept_us()) + " us";
}

std::string open_and_inherit(Stage& stage, const Image& image, const Options& options,
                             const Question& question) {
  stage.show(image, false);
  Result<Store> store = Store::open(stage.path(), options);
  if (!store) return said("open", store.error());
  if (std::string wrong = inherit(*store, question); !wrong.empty()) return wrong;
  const Status status = store->close();
  return status.ok() ? std::string() : said("close", status);
}

}  // namespace hmap::test
