#include "random_history.h"

#include <algorithm>
#include <array>
#include <utility>

#include "hmap/compact.h"
#include "values.h"

namespace hmap::test {

std::string history_key(std::uint64_t index, std::uint64_t salt) {
  static constexpr std::array<std::size_t, 16> kBytes = {7,  8,  9,  12, 15, 16, 16,  17,
                                                         20, 24, 31, 32, 33, 63, 100, 255};
  if (index == 0) return {};
  if (index <= 64) return std::string(1, static_cast<char>(index * 3));
  const std::uint64_t random = mix(index ^ salt);
  std::size_t bytes = kBytes[random % kBytes.size()];
  if ((random >> 8) % 1000 == 0) bytes = kKeyBytesMax - (random >> 20) % 2;
  if ((random >> 8) % 1000 == 1) bytes = 4000 + (random >> 20) % 200;
  // The index in front makes the key unique, the rest is any bytes.
  std::string key = value_of(random, bytes);
  for (std::size_t i = 0; i < 7; ++i) key[i] = static_cast<char>(index >> (8 * i));
  return key;
}

std::string history_fixed_key(std::uint64_t index, std::uint64_t salt, std::size_t bytes) {
  std::string key = value_of(mix(index ^ salt), bytes);
  for (std::size_t i = 0; i < 3; ++i) key[i] = static_cast<char>(index >> (8 * i));
  return key;
}

std::size_t history_value_bytes(Random& random, std::size_t key_bytes, bool allow_megabytes) {
  static constexpr std::array<std::size_t, 13> kEdges = {0,  1,  2,  7,  8,  15, 16,
                                                         31, 32, 33, 63, 64, 65};
  const std::uint64_t dice = random.below(100'000);
  if (dice < 50'000) return kEdges[random.below(kEdges.size())];
  if (dice < 85'000) return random.below(200);
  if (dice < 95'000) {  // a record just below, at or above a multiple of 16 bytes
    const std::uint64_t record = 16 * random.between(1, 260) + random.below(3) - 1;
    const std::uint64_t around = 12 + key_bytes;
    return record > around ? record - around : 0;
  }
  if (dice < 99'700) return random.below(4'000);
  if (dice < 99'950) return random.between(4'000, 32'768);
  if (dice < 99'980) return random.between(32'768, 65'536);
  if (dice < 99'998) return random.between(65'500, 70'000);
  return allow_megabytes ? random.between(1 << 20, 6 << 20) : random.between(65'500, 300'000);
}

RandomHistory::RandomHistory(const Plan& plan, std::uint64_t seed, TempDir::Where where, Seen& seen)
    : plan_(plan),
      random_(seed),
      salt_(mix(seed)),
      seen_(seen),
      dir_(where),
      path_(dir_.file("history.hmap")) {}

std::string RandomHistory::key_of_number(std::uint64_t index) const {
  const std::size_t bytes = plan_.options.type.key.bytes;
  return bytes != 0 ? history_fixed_key(index, salt_, bytes) : history_key(index, salt_);
}

std::size_t RandomHistory::value_bytes(std::size_t key_bytes) {
  const TypeInfo::Part& value = plan_.options.type.value;
  return value.kind == TypeInfo::Kind::kFixed
             ? value.bytes
             : history_value_bytes(random_, key_bytes, plan_.megabytes);
}

std::string RandomHistory::run() {
  open();
  for (; operation_ < plan_.operations && failure_.empty(); ++operation_) step();
  seen_.operations += operation_;
  if (failure_.empty()) iterate();
  if (failure_.empty()) {
    const Status closed = store_->close();
    if (!closed.ok()) fail("close", closed);
  }
  return failure_;
}

void RandomHistory::choose_write_share() {
  static constexpr std::array<std::uint64_t, 6> kShares = {95, 70, 50, 45, 20, 5};
  if (plan_.tide != 0) {
    if (model_.size() >= plan_.tide) write_share_ = 5;
    if (model_.size() <= plan_.tide / 8) write_share_ = 95;
  } else if (operation_ == phase_end_) {
    write_share_ = kShares[random_.below(kShares.size())];
    phase_end_ += random_.between(1, 3 * plan_.keys);
  }
}

void RandomHistory::step() {
  choose_write_share();
  const std::uint64_t index = random_.below(plan_.keys);
  const std::uint64_t dice = random_.below(100);
  if (dice < 55) {
    write_step(index);
  } else {
    read_step(index);
  }
  if (random_.one_in(3 * (plan_.tide != 0 ? plan_.tide : plan_.keys) + 200)) rare_step();
}

void RandomHistory::write_step(std::uint64_t index) {
  const bool ebb = plan_.tide != 0 && write_share_ < 50 && !model_.empty();
  const std::string key = ebb ? model_.begin()->first : key_of_number(index);
  const bool full = plan_.tide != 0 && model_.size() >= plan_.tide;
  if (full || random_.below(100) >= write_share_) {
    erase(key);
  } else {
    switch (random_.below(4)) {
      case 0:
        insert(key);
        break;
      case 1:
        replace(key);
        break;
      default:
        put(key);
        break;
    }
  }
  watch_growth(false);
}

void RandomHistory::read_step(std::uint64_t index) {
  const std::string key = key_of_number(index);
  const auto found = model_.find(key);
  if (random_.one_in(4)) {
    const Result<bool> contains = store_->contains(key);
    if (!contains) return fail("contains", contains.error());
    if (*contains != (found != model_.end())) fail("contains disagrees");
    return;
  }
  if (random_.one_in(2)) {
    const Result<bool> got = store_->get_into(key, scratch_);
    if (!got) return fail("get_into", got.error());
    if (*got != (found != model_.end())) return fail("get_into: presence disagrees");
    if (*got) check_value(key, found->second, scratch_);
    return;
  }
  const Result<std::optional<std::string>> got = store_->get(key);
  if (!got) return fail("get", got.error());
  if (got->has_value() != (found != model_.end())) return fail("get: presence disagrees");
  if (got->has_value()) check_value(key, found->second, **got);
}

void RandomHistory::rare_step() {
  switch (random_.below(16)) {
    case 12:
    case 13:
    case 14:
    case 15:
      return compact();
    case 0:
      return clear();
    case 1:
    case 2:
      return reopen();
    case 3:
    case 4: {
      const Status status = random_.one_in(2) ? store_->checkpoint() : store_->sync();
      if (!status.ok()) fail("checkpoint", status);
      return;
    }
    case 5:
      return check_size();
    case 6:
    case 7:
      return iterate_in_two_parts();
    default:
      return iterate();
  }
}

RandomHistory::Value RandomHistory::fresh_value(const std::string& key) {
  const Value value{++stamp_, value_bytes(key.size())};
  if (value.bytes > 65'536) ++seen_.values_above_64k;
  fill_value(value.stamp ^ salt_, value.bytes, scratch_);
  return value;
}

void RandomHistory::put(const std::string& key) {
  const Value value = fresh_value(key);
  const Status status = store_->put(key, scratch_);
  if (!status.ok()) return fail("put", status);
  model_[key] = value;
}

void RandomHistory::insert(const std::string& key) {
  const Value value = fresh_value(key);
  const Result<bool> inserted = store_->insert(key, scratch_);
  if (!inserted) return fail("insert", inserted.error());
  if (*inserted != model_.try_emplace(key, value).second) fail("insert disagrees");
}

void RandomHistory::replace(const std::string& key) {
  const Value value = fresh_value(key);
  const Result<bool> replaced = store_->replace(key, scratch_);
  if (!replaced) return fail("replace", replaced.error());
  const auto found = model_.find(key);
  if (*replaced != (found != model_.end())) return fail("replace disagrees");
  if (*replaced) found->second = value;
}

void RandomHistory::erase(const std::string& key) {
  const Result<bool> erased = store_->erase(key);
  if (!erased) return fail("erase", erased.error());
  const bool was_there = model_.erase(key) == 1;
  if (*erased != was_there) return fail("erase disagrees");
  if (was_there && model_.empty()) ++seen_.emptied;
}

// To the end or to any point: most often in the middle of a growth to half the size.
void RandomHistory::compact() {
  const bool whole = random_.one_in(3);
  std::uint64_t left = random_.between(1, 40);
  OnlineOptions options;
  options.progress = [&](std::uint64_t, std::uint64_t) {
    return whole || (--left > 0 && !(halving() && random_.one_in(3)));
  };
  const Result<OnlineReport> report = compact_online(*store_, options);
  if (!report) return fail("compact_online", report.error());
  if (whole && !report->complete) return fail("compact_online did not come to an end");
  ++seen_.compactions;
  watch_growth(false);
  if (halving()) ++seen_.half_done;
}

bool RandomHistory::halving() const {
  return raw_ != nullptr && (raw_->shard().flags & format::kHalfSizeGrow) != 0;
}

void RandomHistory::clear() {
  const Status status = store_->clear();
  if (!status.ok()) return fail("clear", status);
  model_.clear();
  ++seen_.clears;
  check_size();
  watch_growth(true);
}

bool RandomHistory::visit(const Entry& entry, std::unordered_set<std::string>& visited,
                          bool may_repeat) {
  std::string key(entry.key);
  const auto found = model_.find(key);
  if (found == model_.end()) {
    fail("iteration hands out a key that is not there");
    return false;
  }
  check_value(key, found->second, entry.value);
  if (!visited.insert(std::move(key)).second && !may_repeat) fail("iteration repeats a key");
  return failure_.empty();
}

void RandomHistory::iterate() {
  std::unordered_set<std::string> visited;
  Result<Cursor> cursor = store_->cursor();
  if (!cursor) return fail("cursor", cursor.error());
  while (true) {
    Result<std::optional<Entry>> entry = cursor->next();
    if (!entry) return fail("next", entry.error());
    if (!entry->has_value()) break;
    if (!visit(**entry, visited, false)) return;
  }
  ++seen_.iterations;
  if (visited.size() != model_.size()) fail("iteration misses entries");
  check_size();
}

void RandomHistory::iterate_in_two_parts() {
  std::unordered_set<std::string> visited;
  Result<Cursor> first = store_->cursor();
  if (!first) return fail("cursor", first.error());
  for (std::uint64_t left = random_.below(model_.size() + 1); left > 0; --left) {
    Result<std::optional<Entry>> entry = first->next();
    if (!entry) return fail("next", entry.error());
    if (!entry->has_value()) return fail("iteration ends early");
    if (!visit(**entry, visited, false)) return;
  }
  Result<Cursor> second = store_->cursor(first->position());
  if (!second) return fail("cursor at a position", second.error());
  while (true) {
    Result<std::optional<Entry>> entry = second->next();
    if (!entry) return fail("next", entry.error());
    if (!entry->has_value()) break;
    if (!visit(**entry, visited, true)) return;
  }
  if (visited.size() != model_.size()) fail("a resumed iteration misses entries");
}

void RandomHistory::open() {
  Result<Store> opened = Store::open(path_, plan_.options);
  if (!opened) return fail("open", opened.error());
  store_.emplace(*std::move(opened));
  if (plan_.options.shard_bits == 0) raw_ = std::make_unique<RawView>(path_);
}

void RandomHistory::reopen() {
  ++seen_.reopenings;
  switch (random_.below(3)) {
    case 0: {
      const Status status = store_->close();
      if (!status.ok()) return fail("close", status);
      return open();
    }
    case 1:
      store_.reset();
      return open();
    default: {  // the next handle is there before the last one goes
      Result<Store> next = Store::open(path_, plan_.options);
      if (!next) return fail("second open", next.error());
      *store_ = *std::move(next);
    }
  }
}

void RandomHistory::check_size() {
  const Result<std::uint64_t> entries = store_->size();
  if (!entries) return fail("size", entries.error());
  if (*entries != model_.size()) {
    fail("size is " + std::to_string(*entries) + ", not " + std::to_string(model_.size()));
  }
}

void RandomHistory::watch_growth(bool cleared) {
  if (raw_ == nullptr || !failure_.empty()) return;
  const format::ShardHeader& shard = raw_->shard();
  if (shard.count != model_.size()) fail("count is wrong: " + std::to_string(shard.count));
  if (shard.buckets.id != array_id_ && array_id_ != 0 && !cleared) {
    (shard.b == b_ ? seen_.same_size_growths : shard.b > b_ ? seen_.growths : seen_.halvings) += 1;
  }
  array_id_ = shard.buckets.id;
  b_ = shard.b;
}

void RandomHistory::check_value(const std::string& key, const Value& want, std::string_view got) {
  fill_value(want.stamp ^ salt_, want.bytes, expected_);
  if (got == expected_) return;
  fail("wrong value for a key of " + std::to_string(key.size()) +
       " bytes: " + std::to_string(got.size()) + " bytes instead of " + std::to_string(want.bytes));
}

void RandomHistory::fail(const std::string& what) {
  if (failure_.empty()) failure_ = "operation " + std::to_string(operation_) + ": " + what;
}

}  // namespace hmap::test
