// hmap as it comes: default options, default durability (checkpoints in the background).
//
// Keys and values are byte strings of any length here, also where a workload has integers;
// adapters/hmap_u64.cc has the typed map.
#include <fmt/format.h>

#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "adapter.h"
#include "adapters/kinds.h"
#include "hmap/store.h"

namespace hmap::bench {
namespace {

void require(const Status& status) {
  if (!status.ok()) throw std::runtime_error("hmap: " + status.message());
}

template <typename T>
T unwrap(Result<T> result) {
  if (!result.has_value()) require(result.error());
  return *std::move(result);
}

class Hmap final : public Adapter {
 public:
  Hmap(Options options, const char* settings) : options_(options), settings_(settings) {}

  std::string describe() const override { return fmt::format("hmap, {}", settings_); }

  void open(const std::filesystem::path& dir, const Shape& /*shape*/) override {
    store_ = unwrap(Store::open((dir / "store.hmap").string(), options_));
  }

  void close() override {
    require(store_->close());
    store_.reset();
  }

  bool get(std::string_view key, std::string& value) override {
    const Result<bool> found = store_->get_into(key, value);
    if (!found.has_value()) require(found.error());
    return *found;
  }

  void put(std::string_view key, std::string_view value) override {
    require(store_->put(key, value));
  }

  bool erase(std::string_view key) override { return unwrap(store_->erase(key)); }

  void iterate(EntrySink& sink) override {
    Cursor cursor = unwrap(store_->cursor());
    for (;;) {
      const Result<std::optional<Entry>> entry = cursor.next();
      if (!entry.has_value()) require(entry.error());
      if (!entry->has_value()) return;
      sink.take((*entry)->key, (*entry)->value);
    }
  }

  bool has_get_many() const override { return true; }
  std::size_t get_many(std::span<const std::string> keys, std::span<std::string> values) override {
    keys_.assign(keys.begin(), keys.end());
    answers_.resize(keys.size());
    const std::size_t found = unwrap(store_->multi_get(keys_, answers_));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (answers_[i]) values[i].swap(*answers_[i]);
    }
    return found;
  }

 private:
  Options options_;
  const char* settings_;
  std::optional<Store> store_;
  std::vector<std::string_view> keys_;
  std::vector<std::optional<std::string>> answers_;
};

std::unique_ptr<Adapter> make_hmap() {
  return std::make_unique<Hmap>(Options{}, "default options, default durability (checkpoint)");
}

// To find out how many shards are best: hmap-shards-1 to hmap-shards-256, if named.
template <int kBits>
std::unique_ptr<Adapter> make_hmap_shards() {
  Options options;
  options.shard_bits = kBits;
  return std::make_unique<Hmap>(options, "default options but shard_bits");
}

template <int... kBits>
void add_shards(std::vector<StoreKind>& kinds, std::integer_sequence<int, kBits...> /*bits*/) {
  const auto add = [&](int bits, std::unique_ptr<Adapter> (*make)()) {
    kinds.push_back({.name = fmt::format("hmap-shards-{}", 1 << bits),
                     .role = Role::kOurs,
                     .make = make,
                     .shared = true,
                     .only_if_named = true});
  };
  (add(kBits, make_hmap_shards<kBits>), ...);
}

std::unique_ptr<Adapter> make_hmap_commit() {
  Options options;
  options.durability = Durability::kCommit;
  return std::make_unique<Hmap>(options, "default options, Durability::kCommit");
}

std::unique_ptr<Adapter> make_hmap_after_power_cut() {
  Options options;
  options.discard_live_state = true;
  return std::make_unique<Hmap>(options, "discard_live_state");
}

}  // namespace

std::vector<StoreKind> hmap_kinds() {
  std::vector<StoreKind> kinds = {{.name = "hmap",
                                   .role = Role::kOurs,
                                   .make = make_hmap,
                                   .shared = true,
                                   .make_after_power_cut = make_hmap_after_power_cut},
                                  {.name = "hmap-commit",
                                   .role = Role::kOurs,
                                   .make = make_hmap_commit,
                                   .durable = true,
                                   .shared = true}};
  add_shards(kinds, std::make_integer_sequence<int, kShardBitsMax + 1>());
  return kinds;
}

}  // namespace hmap::bench
