// See bases.h.
#include "bases.h"

#include <cstring>
#include <stdexcept>

#include "hmap/batch.h"
#include "hmap/snapshot.h"
#include "hmap/store.h"
#include "same_again.h"
#include "seam.h"
#include "seeds.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

Options tiny_options(int shard_bits) {
  Options options;
  options.durability = Durability::kNone;
  options.shard_bits = shard_bits;
  options.geometry = {.block_bytes = 512, .extent_bytes = 4096, .slots = 4, .intent_words = 224};
  options.window_bytes = std::uint64_t{16} << 20;
  options.size_limit = std::uint64_t{1} << 20;
  return options;
}

void require(const Status& status) {
  if (!status.ok()) throw Error(status);
}

// Copies the file before the n-th store to shared memory: what a death there
// leaves.
class Moment {
 public:
  Moment(std::string path, std::uint64_t event) {
    path_ = std::move(path);
    left_ = event;
    file_.clear();
    seam::hook.store(&listen);
  }
  Moment(const Moment&) = delete;
  Moment& operator=(const Moment&) = delete;
  ~Moment() { seam::hook.store(nullptr); }
  [[nodiscard]] static const std::string& file() {
    if (file_.empty()) {
      throw std::runtime_error("the moment never came: " + std::to_string(left_) + " left");
    }
    return file_;
  }

 private:
  static void listen(seam::Event, const void*, std::size_t) {
    if (left_ != 0 && --left_ == 0) file_ = read_file(path_);
  }
  static inline std::string path_;
  static inline std::uint64_t left_ = 0;
  static inline std::string file_;
};

// A store being filled, with what was put into it.
class Maker {
 public:
  Maker(std::string name, const Options& options) : name_(std::move(name)) {
    same_again(mix(name_.size()) ^ mix(static_cast<std::uint64_t>(name_[0])));
    store_.emplace(Store::open(path(), options).value());
  }
  [[nodiscard]] std::string path() const { return dir_.file("store"); }
  Store& store() { return *store_; }
  [[nodiscard]] History& history() { return history_; }

  void put(const std::string& key, const std::string& value) {
    history_.put(key, value);
    require(store_->put(key, value));
  }
  void fill(int from, int to) {
    for (int i = from; i < to; ++i) {
      const auto n = static_cast<std::uint64_t>(i);
      put("key " + std::to_string(i), value_of(n, n * 7 % 90));
      if (i % 5 == 3) put("key " + std::to_string(i / 2), value_of(n + 1000, n * 11 % 120));
      if (i % 7 == 4) require(store_->erase("key " + std::to_string(i / 3)).error());
      if (i % 16 == 15) require(store_->checkpoint());
    }
  }
  void fill_until_growing(int from) {
    for (int i = from; i < from + 1000; ++i) {
      fill(i, i + 1);
      for (const Stats::Shard& shard : store_->stats().value().shards) {
        if (shard.growing && shard.evacuated > 0 && shard.evacuated + 2 < shard.old_buckets) return;
      }
    }
    throw std::runtime_error("no growth");
  }

  // A few puts and erasures at once.
  Status apply_some() {
    Batch batch;
    for (std::uint64_t i = 0; i < 12; ++i) {
      const std::string key = "key " + std::to_string(80 + i);
      const std::string value = value_of(i + 3'000, 20 + i % 5 * 30);
      if (i % 3 == 2) batch.erase(key);
      if (i % 3 != 2) batch.put(key, value);
      if (i % 3 != 2) history_.put(key, value);
    }
    return store_->apply(batch);
  }

  Base closed() {
    require(store_->close());
    return base(read_file(path()), false);
  }
  Base in_use() { return base(read_file(path()), true); }
  Base base(std::string file, bool live) {
    // For people only, and not the same again.
    const std::uint64_t never = 0;
    std::memcpy(file.data() + offsetof(format::Superblock, created_unix_ns), &never, sizeof never);
    Anatomy anatomy(file);
    seal_structures(file, anatomy);
    std::vector<std::string> keys{"", "absent", std::string(300, 'a')};
    for (const auto& [key, values] : history_.values()) keys.push_back(key);
    return {name_, std::move(file), "", history_, keys, anatomy, live};
  }

 private:
  TempDir dir_{TempDir::Where::kMemory};
  std::string name_;
  std::optional<Store> store_;
  History history_;
};

Base few_entries() {
  Maker maker("few entries", tiny_options(0));
  maker.fill(0, 7);
  return maker.closed();
}

Base mixed(int shard_bits, bool live) {
  Maker maker(std::string(live ? "in use, " : "mixed, ") + std::to_string(shard_bits),
              tiny_options(shard_bits));
  maker.put("large", std::string(9'000, 'L'));
  maker.put("in a span of several extents", std::string(5'000, 'S'));
  maker.put("large and gone", std::string(12'000, 'G'));
  maker.fill(0, 60);
  require(maker.store().erase("large and gone").error());
  maker.fill_until_growing(60);
  if (!live) return maker.closed();
  maker.put("large and new", std::string(9'500, 'N'));
  return maker.in_use();
}

// A store whose owner died in the middle of something.
Base died_in(const std::string& what, std::uint64_t event) {
  Maker maker("died in " + what + ", " + std::to_string(event), tiny_options(0));
  maker.fill(0, 90);
  if (what == "growth") maker.fill_until_growing(90);
  const Result<Snapshot> snapshot = maker.store().snapshot();
  const Moment moment(maker.path(), event);
  if (what == "checkpoint") require(maker.store().checkpoint());
  if (what == "clear") require(maker.store().clear());
  if (what == "growth") maker.fill(500, 600);
  if (what == "batch") require(maker.apply_some());
  if (what == "large put") maker.put("large", std::string(9'000, 'L'));
  return maker.base(Moment::file(), true);
}

Base with_log() {
  Options options = tiny_options(0);
  options.durability = Durability::kCommit;
  options.checkpoint_interval = std::chrono::hours(24);
  options.log_bytes = 16'384;
  options.wait_for_log = false;
  Maker maker("with a log", options);
  maker.fill(0, 40);
  require(maker.store().checkpoint());
  for (int i = 0; i < 30; ++i) {
    const auto n = static_cast<std::uint64_t>(i);
    maker.put("late " + std::to_string(i % 20), value_of(n, n * 13 % 100));
    if (i % 4 == 1) require(maker.store().erase("key " + std::to_string(i)).error());
    if (i == 20) require(maker.store().clear());
  }
  const Base store = maker.in_use();
  const std::string log = read_file(maker.path() + "-wal");
  const Anatomy anatomy(log, store.anatomy.layout());
  return {"log", log, store.file, store.history, store.keys, anatomy, true};
}

}  // namespace

const std::vector<Base>& bases() {
  static const std::vector<Base> made = [] {
    std::vector<Base> all;
    all.push_back(few_entries());
    all.push_back(mixed(0, false));
    all.push_back(mixed(1, false));
    all.push_back(mixed(0, true));
    all.push_back(died_in("checkpoint", 25));
    all.push_back(died_in("clear", 260));
    all.push_back(died_in("growth", 100));
    all.push_back(died_in("large put", 40));
    all.push_back(died_in("batch", 320));
    return all;
  }();
  return made;
}

const std::vector<Base>& logged_bases() {
  static const std::vector<Base> made{with_log()};
  return made;
}

}  // namespace hmap::test
