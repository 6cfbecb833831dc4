// See exercise.h.
#include "exercise.h"

#include <algorithm>

#include "../compress/texts.h"
#include "fixed_type.h"
#include "hmap/batch.h"
#include "hmap/compact.h"
#include "hmap/snapshot.h"
#include "oracle.h"
#include "temp_file.h"
#include "values.h"
#include "victim_file.h"

namespace hmap::test {
namespace {

// The errors documented in store.h, of a file that is there and may be read and
// written.
constexpr std::initializer_list<Code> kOpenCodes{
    Code::kNotAStore, Code::kWrongVersion, Code::kTruncated,    Code::kCorrupt,
    Code::kNoSpace,   Code::kBusy,         Code::kTypeMismatch,
};
constexpr std::initializer_list<Code> kOpenWithLogCodes{
    Code::kNotAStore, Code::kWrongVersion,  Code::kTruncated, Code::kCorrupt,      Code::kNoSpace,
    Code::kBadLog,    Code::kNeedsRecovery, Code::kBusy,      Code::kTypeMismatch,
};
constexpr std::initializer_list<Code> kReadCodes{Code::kCorrupt};
constexpr std::initializer_list<Code> kWriteCodes{Code::kBusy, Code::kNoSpace, Code::kCorrupt,
                                                  Code::kPoisoned};
// Longer values are not made, though the type of a damaged store may want them.
constexpr std::size_t kFittingBytesMax = 100'000;

// More than fit into any file of a few hundred KiB if no entry comes twice.
constexpr int kEntriesMax = 1'000'000;

// Nothing grows beyond half of the window.
constexpr std::uint64_t kWindowBytes = std::uint64_t{2} << 20;

}  // namespace

Options Exercise::options(Mode mode) const {
  Options options;
  options.mode = mode;
  options.durability = durability;
  options.window_bytes = kWindowBytes;
  options.size_limit = kWindowBytes / 2;
  // Nobody else is there, so nobody is worth waiting for.
  options.lock_timeout = std::chrono::milliseconds(0);
  options.checkpoint_interval = std::chrono::hours(24);
  options.log_bytes = 16'384;
  options.ignore_log = ignore_log;
  options.type = base->type;
  options.any_type = any_type;
  return options;
}

void Exercise::note(const char* call, const Status& status, std::initializer_list<Code> codes) {
  if (status.ok()) return;
  ++errors;
  if (any_error) return;
  if (status.code() == Code::kInvalidArgument && type_.value.bytes > kFittingBytesMax) return;
  expect_documented(call, status, codes);
}

void Exercise::expect_value(std::string_view key, std::string_view value) const {
  if (!values_count || !same_type(type_, base->type)) return;
  const auto own = put_now_.values().find(std::string(key));
  if (own != put_now_.values().end() && own->second.contains(std::string(value))) return;
  base->history.expect_put(key, value);
}

// What is damaged may be the type: keys and values of the length it says, so that they are not
// refused at once.
void Exercise::learn_type(const Store& store) {
  const Result<TypeInfo> type = store.type();
  if (type) type_ = *type;
}
std::string Exercise::fitting(std::string key) const {
  if (has_fixed_keys(type_)) key.resize(type_.key.bytes, '0');
  return key;
}
// One of those that the base does not have.
std::string Exercise::other_key(const char* what, int i) const {
  return has_fixed_keys(type_) ? fitting(std::string(1, *what) + std::to_string(i))
                               : what + std::to_string(i);
}
std::string Exercise::new_value(std::uint64_t stamp, std::size_t bytes) const {
  if (type_.value.bytes > kFittingBytesMax) return {};
  if (base->anatomy.layout().dictionary_bytes != 0 && stamp % 3 != 0) return text_of(stamp);
  return value_of(type_, stamp, bytes);
}

template <typename Readable>
void Exercise::get_all(const Readable& readable) {
  const std::size_t step = brief ? 16 : 4;
  for (std::size_t i = first_key % step; i < base->keys.size(); i += step) {
    const std::string key = fitting(base->keys[i]);
    const Result<std::optional<std::string>> value = readable.get(key);
    note("get", value.error(), kReadCodes);
    if (value && value->has_value()) expect_value(key, **value);
  }
}

template <typename Readable>
void Exercise::iterate(const Readable& readable) {
  Result<Cursor> cursor = readable.cursor();
  note("cursor", cursor.error(), kReadCodes);
  if (!cursor) return;
  for (int i = 0;; ++i) {
    if (i == kEntriesMax) fail("an iteration without end");
    const Result<std::optional<Entry>> entry = cursor->next();
    note("next", entry.error(), kReadCodes);
    if (!entry || !entry->has_value()) return;
    expect_value((*entry)->key, (*entry)->value);
  }
}

void Exercise::read_all(const Store& store) {
  get_all(store);
  iterate(store);
  note("size", store.size().error(), kReadCodes);
  note("stats", store.stats(StatsDepth::kChains).error(), kReadCodes);
}

void Exercise::verify(const Store& store) {
  for (const VerifyState state : {VerifyState::kLive, VerifyState::kDurable}) {
    VerifyOptions options;
    options.state = state;
    options.findings_max = 20;
    note("verify", store.verify(options).error(), {Code::kBusy, Code::kIoError});
  }
}

void Exercise::verify_file_only() {
  note("verify_file", Store::verify_file(path).error(),
       {Code::kNotAStore, Code::kWrongVersion, Code::kTruncated, Code::kCorrupt});
}

void Exercise::expect_found(const std::string& call, const std::string& key,
                            const std::optional<std::string>& found,
                            const std::set<std::string>& values) const {
  if (!puts_are_found) {
    if (found) expect_value(key, *found);
    return;
  }
  if (!found) fail(call + "() succeeded and get() finds nothing: " + key);
  if (!values.contains(*found)) fail(call + "() succeeded and get() returns another value: " + key);
}

void Exercise::put_one(Store& store, const std::string& key, int i) {
  std::size_t bytes = static_cast<std::size_t>(i) * 37 % 200;
  if ((steps & kLarge) != 0 && i % 16 == 7) bytes = 9'000;
  const std::string value = new_value(static_cast<std::uint64_t>(i) + 77'000, bytes);
  put_now_.put(key, value);
  const Status status = store.put(key, value);
  note("put", status, kWriteCodes);
  if (!status.ok()) return;
  const Result<std::optional<std::string>> there = store.get(key);
  note("get after put", there.error(), kReadCodes);
  if (!there || !values_count) return;
  expect_found("put", key, *there, {value});
}

void Exercise::apply_some(Store& store, int i) {
  Batch batch;
  std::vector<std::pair<std::string, std::string>> put;
  const auto first = static_cast<std::size_t>(i);
  for (std::size_t n = first; n < first + 6; ++n) {
    const std::string old_key = fitting(base->keys[n * 11 % base->keys.size()]);
    const std::string key = n % 2 == 0 ? old_key : other_key("batched ", static_cast<int>(n));
    const std::string value = new_value(n + 78'000, 10 + (n - first) * 30);
    if (n == first + 4) {
      batch.erase(old_key);
      std::erase_if(put, [&](const auto& entry) { return entry.first == old_key; });
    }
    if (n != first + 4) batch.put(key, value);
    if (n != first + 4) put.emplace_back(key, value);
    if (n != first + 4) put_now_.put(key, value);
  }
  const Status status = store.apply(batch);
  // Of a damaged type, which the keys and values fit.
  if (status.code() == Code::kTooLarge &&
      (type_.key.bytes > base->type.key.bytes || type_.value.bytes > base->type.value.bytes)) {
    return;
  }
  note("apply", status, kWriteCodes);
  if (!status.ok() || !values_count) return;
  for (const auto& [key, value] : put) {
    const Result<std::optional<std::string>> there = store.get(key);
    note("get after apply", there.error(), kReadCodes);
    if (there) expect_found("apply", key, *there, put_now_.values().at(key));
  }
}

void Exercise::write_some(Store& store, int from, int to) {
  const std::vector<std::string>& keys = base->keys;
  for (int i = from; i < to; ++i) {
    const std::string old_key = fitting(keys[static_cast<std::size_t>(i) * 7 % keys.size()]);
    if (i % 16 == 14) {
      apply_some(store, i);
      continue;
    }
    switch (i % 4) {
      case 0:
        put_one(store, old_key, i);
        break;
      case 1: {
        const Result<bool> erased = store.erase(old_key);
        note("erase", erased.error(), kWriteCodes);
        if (!erased) break;
        const Result<bool> there = store.contains(old_key);
        note("contains", there.error(), kReadCodes);
        break;
      }
      default:
        put_one(store, other_key("new ", i), i);
        break;
    }
  }
}

// Ended after some steps, so that what comes next finds it half done; or not at all.
void Exercise::compact_some(Store& store) {
  std::size_t left = first_key % 8;
  OnlineOptions options;
  options.progress = [&](std::uint64_t, std::uint64_t) { return --left != 0; };
  note("compact_online", compact_online(store, options).error(), kWriteCodes);
}

void Exercise::write_in_halves(Store& store) {
  constexpr int kBriefWrites = 8;
  const int begin = brief ? static_cast<int>(first_key % 48) : 0;
  const int half = brief ? kBriefWrites / 2 : writes / 2;
  write_some(store, begin, begin + half);
  note("checkpoint", store.checkpoint(), kWriteCodes);
  if ((steps & kClear) != 0) note("clear", store.clear(), kWriteCodes);
  if (shrink) compact_some(store);
  write_some(store, begin + half, begin + (brief ? kBriefWrites : writes));
}

void Exercise::write_phase() {
  Result<Store> store = Store::open(path, options(Mode::kOpen));
  if (refusal_changes_nothing && !store && !victim_file().is_unchanged())
    fail("open() refuses the file and changes it: " + store.error().message());
  note("open", store.error(), with_log ? kOpenWithLogCodes : kOpenCodes);
  open_error = store.error();
  if (!store) return;
  ++opened;
  learn_type(*store);
  if ((steps & kVerifyWriting) != 0) verify(*store);
  std::optional<Snapshot> snapshot;
  if ((steps & kSnapshot) != 0) {
    Result<Snapshot> taken = store->snapshot();
    note("snapshot", taken.error(),
         {Code::kBusy, Code::kPoisoned, Code::kTooManySnapshots, Code::kCorrupt});
    if (taken) snapshot.emplace(*std::move(taken));
  }
  write_in_halves(*store);
  if (snapshot) {
    get_all(*snapshot);
    iterate(*snapshot);
    snapshot.reset();
  }
  read_all(*store);
  if ((steps & kVerifyWriting) != 0) verify(*store);
  note("close", store->close(), kWriteCodes);
}

void Exercise::run() {
  if ((steps & kReadOnly) != 0 || (steps & kWrite) == 0) {
    const Result<Store> store = Store::open(path, options(Mode::kReadOnly));
    note("open read-only", store.error(), with_log ? kOpenWithLogCodes : kOpenCodes);
    if (store) {
      ++opened;
      learn_type(*store);
      read_all(*store);
      if ((steps & kVerifyReadOnly) != 0) verify(*store);
    }
  }
  if ((steps & kVerifyReadOnly) != 0) verify_file_only();
  if ((steps & kWrite) == 0) return;
  write_phase();
  if ((steps & kReopen) == 0) return;
  const Result<Store> store = Store::open(path, options(Mode::kOpen));
  note("open again", store.error(), with_log ? kOpenWithLogCodes : kOpenCodes);
  if (!store) return;
  learn_type(*store);  // it may be the first one that could be opened
  read_all(*store);
}

bool values_count_in(const Script& script, const Base& base) {
  if (script.edits.empty()) return true;
  // A dictionary that was sealed is another one: values decode to others.
  const int own =
      base.anatomy.layout().dictionary_bytes != 0 ? Script::kBothSealed : Script::kSealRecords;
  return !base.is_inline() && (script.flags & own) == 0;
}

Exercise exercise_of(const Script& script, const Base& base) {
  Exercise exercise;
  exercise.base = &base;
  exercise.path = victim_file().path();
  exercise.first_key = script.salt;
  exercise.steps = script.steps;
  exercise.any_type = script.salt % 4 != 3;
  exercise.brief = (script.flags & Script::kBrief) != 0;
  exercise.shrink = (script.flags & Script::kShrink) != 0;
  return exercise;
}

}  // namespace hmap::test
