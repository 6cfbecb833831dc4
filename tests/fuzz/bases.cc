// See bases.h.
#include "bases.h"

#include <cstring>
#include <stdexcept>

#include "../compress/texts.h"
#include "fixed_type.h"
#include "hmap/batch.h"
#include "hmap/compact.h"
#include "hmap/snapshot.h"
#include "hmap/store.h"
#include "same_again.h"
#include "seeds.h"
#include "system/seam.h"
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
Options inline_options(std::uint32_t key_bytes, std::uint32_t value_bytes, int shard_bits = 0) {
  Options options = tiny_options(shard_bits);
  options.type = fixed_type(key_bytes, value_bytes);
  options.type.name = "key -> value";
  return options;
}
Options text_options() { return compressing(tiny_options(0), texts_dictionary()); }

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
  Maker(std::string name, const Options& options) : name_(std::move(name)), options_(options) {
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
  [[nodiscard]] std::string key(int i) const {
    return key_of(options_.type, static_cast<std::uint64_t>(i));
  }
  // Text where it will be compressed.
  [[nodiscard]] std::string value(std::uint64_t stamp, std::uint64_t bytes) const {
    const bool text = options_.compression == Compression::kLz4 && stamp % 4 != 3;
    return text ? long_text(stamp, 90 + 3 * bytes) : value_of(options_.type, stamp, bytes);
  }
  void erase(int i) { require(store_->erase(key(i)).error()); }
  void fill(int from, int to) {
    for (int i = from; i < to; ++i) {
      const auto n = static_cast<std::uint64_t>(i);
      put(key(i), value(n, n * 7 % 90));
      if (i % 5 == 3) put(key(i / 2), value(n + 1000, n * 11 % 120));
      if (i % 7 == 4) erase(i / 3);
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

  void fill_and_thin_out() {
    fill(0, 300);
    for (int i = 0; i < 300; ++i) {
      if (i % 8 != 5) erase(i);
    }
    require(store_->checkpoint());
  }
  // Until the shard is in the middle of it.
  void halve_partly() {
    bool halving = false;
    OnlineOptions options;
    options.progress = [&](std::uint64_t, std::uint64_t) {
      const Stats::Shard shard = store_->stats().value().shards.front();
      halving = shard.half_size_growth && shard.evacuated > 0;
      return !halving;
    };
    require(compact_online(*store_, options).error());
    if (!halving) throw std::runtime_error("no halving");
  }

  // A few puts and erasures at once.
  Status apply_some() {
    Batch batch;
    for (std::uint64_t i = 0; i < 12; ++i) {
      const std::string k = key(static_cast<int>(80 + i));
      const std::string v = value(i + 3'000, 20 + i % 5 * 30);
      if (i % 3 == 2) batch.erase(k);
      if (i % 3 != 2) batch.put(k, v);
      if (i % 3 != 2) history_.put(k, v);
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
    // Not the older root, whose blocks the newer checkpoint may have taken: it would count.
    seal_superblock(file);
    Anatomy anatomy(file);
    std::vector<std::string> keys{"", "absent", std::string(300, 'a')};
    if (has_fixed_keys(options_.type)) keys = {key(901), key(902)};
    for (const auto& [key, values] : history_.values()) keys.push_back(key);
    return {name_, std::move(file), "", history_, keys, anatomy, live, options_.type};
  }

 private:
  TempDir dir_{TempDir::Where::kMemory};
  std::string name_;
  Options options_;
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

// Growing, in use or closed: all that a store of this shape can have, but for large records.
Base growing(const std::string& name, const Options& options, bool live) {
  Maker maker(name, options);
  maker.fill(0, 60);
  maker.fill_until_growing(60);
  return live ? maker.in_use() : maker.closed();
}

// Its array of buckets half-way on its way to a smaller one.
Base halving(const std::string& name, const Options& options, bool live) {
  Maker maker(name, options);
  maker.fill_and_thin_out();
  maker.halve_partly();
  maker.fill(300, 302);
  return live ? maker.in_use() : maker.closed();
}

// A store whose owner died in the middle of something.
Base died_in(const std::string& what, std::uint64_t event,
             const Options& options = tiny_options(0)) {
  Maker maker("died in " + what + ", " + std::to_string(event), options);
  if (what != "halving") maker.fill(0, 90);
  if (what == "halving") maker.fill_and_thin_out();
  if (what == "growth") maker.fill_until_growing(90);
  const Result<Snapshot> snapshot = maker.store().snapshot();
  const Moment moment(maker.path(), event);
  if (what == "checkpoint") require(maker.store().checkpoint());
  if (what == "clear") require(maker.store().clear());
  if (what == "growth") maker.fill(500, 600);
  if (what == "batch") require(maker.apply_some());
  if (what == "halving") maker.halve_partly();
  if (what == "large put") maker.put("large", std::string(9'000, 'L'));
  return maker.base(Moment::file(), true);
}

Base with_log(const std::string& name, Options options) {
  options.durability = Durability::kCommit;
  options.checkpoint_interval = std::chrono::hours(24);
  options.log_bytes = 16'384;
  options.wait_for_log = false;
  Maker maker(name, options);
  maker.fill(0, 40);
  require(maker.store().checkpoint());
  for (int i = 0; i < 30; ++i) {
    const auto n = static_cast<std::uint64_t>(i);
    const std::string late = "late " + std::to_string(i % 20);
    maker.put(has_fixed_keys(options.type) ? maker.key(100 + i % 20) : late,
              maker.value(n, n * 13 % 100));
    if (i % 4 == 1) maker.erase(i);
    if (i == 20) require(maker.store().clear());
  }
  const Base store = maker.in_use();
  const std::string log = read_file(maker.path() + "-wal");
  const Anatomy anatomy(log, store.anatomy.layout());
  return {"log", log, store.file, store.history, store.keys, anatomy, true, store.type};
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
    all.push_back(growing("inline, 8 and 8", inline_options(8, 8), false));
    all.push_back(growing("inline, 3 and 5", inline_options(3, 5, 1), true));
    all.push_back(died_in("growth", 90, inline_options(5, 20)));
    all.push_back(died_in("batch", 150, inline_options(8, 3)));
    all.push_back(growing("texts", text_options(), false));
    all.push_back(growing("texts in use", text_options(), true));
    all.push_back(halving("halving in use", tiny_options(0), true));
    all.push_back(halving("halving", tiny_options(0), false));
    all.push_back(halving("halving in use, inline", inline_options(8, 8), true));
    all.push_back(died_in("halving", 120));
    all.push_back(died_in("halving", 60, inline_options(4, 9)));
    return all;
  }();
  return made;
}

const std::vector<Base>& logged_bases() {
  static const std::vector<Base> made{with_log("with a log", tiny_options(0)),
                                      with_log("inline, with a log", inline_options(8, 13)),
                                      with_log("texts, with a log", text_options())};
  return made;
}

}  // namespace hmap::test
