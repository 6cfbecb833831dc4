#include <deque>
#include <utility>

#include "format/hash.h"
#include "hmap/batch.h"
#include "hmap/compact.h"
#include "hmap/snapshot.h"
#include "scenarios.h"

namespace hmap::test {
namespace {

Status compact(Store& store, const Step& step) {
  OnlineOptions options;
  std::uint64_t left = step.value.empty() ? ~std::uint64_t{0} : std::stoull(step.value);
  options.progress = [&](std::uint64_t, std::uint64_t) { return --left > 0; };
  return compact_online(store, options).error();
}

}  // namespace

std::uint64_t KeySource::bucket_of(std::string_view key, std::uint64_t b) const {
  const std::uint64_t hash = hash_key(key, raw_.superblock().store_seed);
  return hmap::mix(hash, header().hash0) & ((std::uint64_t{1} << b) - 1);
}

std::string KeySource::in_bucket(std::uint64_t bucket, std::uint64_t b) {
  while (true) {
    std::string key = any();
    if (bucket_of(key, b) == bucket) return key;
  }
}

std::uint64_t KeySource::words_left() const {
  const std::uint64_t words_per_block = raw_.superblock().block_bytes / sizeof(std::uint64_t);
  const std::uint64_t words = words_per_block << (raw_.extent_table_segments() - 1);
  return words - raw_.runtime().extents_end;
}

Status perform(Store& store, const Step& step) {
  static std::deque<Snapshot> held;
  switch (step.kind) {
    case Step::Kind::kSnapshot: {
      Result<Snapshot> snapshot = store.snapshot();
      if (snapshot) held.push_back(*std::move(snapshot));
      return snapshot.error();
    }
    case Step::Kind::kRelease:
      if (!held.empty()) held.pop_front();
      return {};
    case Step::Kind::kPut:
      return store.put(step.key, step.value);
    case Step::Kind::kErase:
      return store.erase(step.key).error();
    case Step::Kind::kCompact:
      return compact(store, step);
    case Step::Kind::kClear:
      return store.clear();
    case Step::Kind::kBatch: {
      Batch batch;
      for (const Step& part : step.batch) {
        part.kind == Step::Kind::kPut ? batch.put(part.key, part.value) : batch.erase(part.key);
      }
      return store.apply(batch);
    }
    default:
      return store.checkpoint();
  }
}

void perform(Contents& model, const Step& step) {
  switch (step.kind) {
    case Step::Kind::kPut:
      model[step.key] = step.value;
      break;
    case Step::Kind::kErase:
      model.erase(step.key);
      break;
    case Step::Kind::kClear:
      model.clear();
      break;
    case Step::Kind::kBatch:
      for (const Step& part : step.batch) perform(model, part);
      break;
    default:
      break;
  }
}

}  // namespace hmap::test
