// Any row of calls: the same answers as std::unordered_map, also after a power
// cut.
#include <filesystem>
#include <optional>
#include <unordered_map>

#include "../compress/texts.h"
#include "exercise.h"
#include "fixed_type.h"
#include "hmap/batch.h"
#include "hmap/compact.h"
#include "hmap/snapshot.h"
#include "same_again.h"
#include "target.h"
#include "values.h"
#include "victim_file.h"

namespace hmap::test {
namespace {

using Model = std::unordered_map<std::string, std::string>;

class Life {
 public:
  explicit Life(ByteReader& input) : input_(input), path_(victim_file().path_of("model")) {
    std::filesystem::remove(path_);
    const auto choice = input.take<std::uint8_t>();
    options_.durability = Durability::kNone;
    options_.shard_bits = choice % 3;
    options_.geometry = {.block_bytes = (choice & 16) != 0 ? 1024U : 512U,
                         .extent_bytes = (choice & 32) != 0 ? 8192U : 4096U,
                         .slots = 4,
                         .intent_words = 224};
    options_.expected_entries = (choice & 64) != 0 ? 100 : 0;
    if ((choice & 128) != 0) choose_shape(input.take<std::uint8_t>());
    options_.window_bytes = std::uint64_t{16} << 20;
    options_.size_limit = std::uint64_t{8} << 20;
    open(path_);
    require(store_->checkpoint());
  }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;
  ~Life() { std::filesystem::remove(path_); }

  void live() {
    while (!input_.at_end()) step(input_.take<std::uint8_t>());
    const auto report = value(store_->verify());
    if (!report.clean()) fail("not clean: " + report.findings.front().text);
    expect_same(*store_, model_);
  }

 private:
  static void require(const Status& status) {
    if (!status.ok()) fail("a call failed: " + status.message());
  }
  // What keys and values are: pairs that lie in buckets, pairs too long for that, texts.
  void choose_shape(std::uint8_t shape) {
    static constexpr std::uint32_t kBytes[][2] = {{8, 8}, {3, 5}, {5, 0}, {4, 40}, {9, 130}};
    if (shape % 8 < std::size(kBytes)) {
      const auto [key_bytes, value_bytes] = kBytes[shape % 8];
      options_.type = fixed_type(key_bytes, value_bytes);
    } else {
      options_ = compressing(options_, shape % 2 == 0 ? texts_dictionary() : std::string());
    }
  }
  template <typename T>
  static T value(Result<T>&& result) {
    require(result.error());
    return *std::move(result);
  }
  void open(const std::string& path) {
    store_.reset();
    store_.emplace(value(Store::open(path, options_)));
  }

  // Few keys, so that they meet again; some of them long.
  std::string key() {
    const auto number = input_.take<std::uint8_t>();
    if (has_fixed_keys(options_.type)) return key_of(options_.type, number % 128);
    if (number % 32 == 31) return std::string(number, 'k');
    return "k" + std::to_string(number % 128);
  }
  [[nodiscard]] std::string many_key(int i) const {
    if (!has_fixed_keys(options_.type)) return "many " + std::to_string(i);
    return key_of(options_.type, 200 + static_cast<std::uint64_t>(i));
  }
  std::string new_value() {
    const auto choice = input_.take<std::uint8_t>();
    std::size_t bytes = choice % 64;
    if (choice >= 192) bytes = (choice - 192U) * 40U;
    if (choice >= 250) bytes = (choice - 249U) * 3'000U;
    ++stamp_;
    if (options_.compression == Compression::kLz4 && choice % 4 != 0) {
      return long_text(stamp_, 60 + 3 * bytes);
    }
    return value_of(options_.type, stamp_, bytes);
  }

  void step(std::uint8_t op) {
    switch (op % 16) {
      case 0:
      case 1:
      case 2:
        return put();
      case 3:
        return insert();
      case 4:
        return replace();
      case 5:
      case 6:
        return erase();
      case 7:
        return get();
      case 8:
        return many(op / 32, op / 16 % 2 == 0);
      case 9:
        return checkpoint();
      case 10:
        return close_and_open();
      case 11:
        return power_cut();
      case 12:
        return take_snapshot();
      case 13:
        return look_at_snapshot();
      case 14:
        if (op / 16 % 4 == 0) return clear();
        return op / 16 % 4 == 1 ? compact(op / 64) : apply();
      default:
        return expect_same(*store_, model_);
    }
  }

  // Many at once, to make it grow, and to make it sparse.
  void many(int which, bool puts) {
    for (int i = which * 40; i < which * 40 + 40; ++i) {
      if (puts) put_value(many_key(i));
      if (!puts) erase_key(many_key(i));
    }
  }
  // As much as it can, or ended after some steps, so that what comes next finds it half done.
  void compact(int steps) {
    OnlineOptions options;
    options.progress = [&](std::uint64_t, std::uint64_t) { return --steps != 0; };
    if (value(compact_online(*store_, options)).complete) durable_ = model_;
  }
  void put() { put_value(key()); }
  void put_value(const std::string& key) {
    const std::string value = new_value();
    require(store_->put(key, value));
    model_[key] = value;
  }
  void insert() {
    const std::string k = key();
    const std::string v = new_value();
    if (value(store_->insert(k, v)) != model_.emplace(k, v).second) fail("insert: " + k);
  }
  void replace() {
    const std::string k = key();
    const std::string v = new_value();
    const auto found = model_.find(k);
    if (value(store_->replace(k, v)) != (found != model_.end())) fail("replace: " + k);
    if (found != model_.end()) found->second = v;
  }
  void erase() { erase_key(key()); }
  void erase_key(const std::string& k) {
    if (value(store_->erase(k)) != (model_.erase(k) != 0)) fail("erase: " + k);
  }
  void get() {
    const std::string k = key();
    const auto found = model_.find(k);
    const auto there = value(store_->get(k));
    if (there.has_value() != (found != model_.end())) fail("get: " + k);
    if (there && *there != found->second) fail("get returns another value: " + k);
    if (value(store_->contains(k)) != there.has_value()) fail("contains: " + k);
  }
  void checkpoint() {
    require(store_->checkpoint());
    durable_ = model_;
  }
  void close_and_open() {
    snapshot_.reset();
    require(store_->close());
    durable_ = model_;
    open(path_);
  }
  // A copy has only what the last checkpoint left.
  void power_cut() {
    const std::string copy = victim_file().path_of("copy");
    copy_file(path_, copy);
    Options options = options_;
    options.mode = Mode::kOpen;
    {
      const Store store = value(Store::open(copy, options));
      expect_same(store, durable_);
    }
    std::filesystem::remove(copy);
  }
  void take_snapshot() {
    snapshot_.reset();
    snapshot_.emplace(value(store_->snapshot()));
    seen_ = model_;
  }
  void look_at_snapshot() {
    if (snapshot_) expect_same(*snapshot_, seen_);
  }
  void apply() {
    Batch batch;
    Model after = model_;
    for (int left = input_.take<std::uint8_t>() % 24; left > 0; --left) {
      const std::string k = key();
      const bool erases = (k.size() + static_cast<unsigned char>(k.back())) % 2 ==
                          0;  // by the key, so that each is now one, now the other
      const std::string v = erases ? std::string() : new_value();
      if (erases) batch.erase(k);
      if (!erases) batch.put(k, v);
      if (erases) after.erase(k);
      if (!erases) after[k] = v;
    }
    const Status status = store_->apply(batch);
    if (status.code() == Code::kTooLarge) return;  // a value that wants extents of its own
    require(status);
    model_ = std::move(after);
  }
  void clear() {
    require(store_->clear());
    model_.clear();
  }

  template <typename Readable>
  void expect_same(const Readable& readable, const Model& model) {
    if (value(readable.size()) != model.size()) fail("size() is another one");
    std::size_t count = 0;
    for (const auto& [k, v] : readable) {
      ++count;
      const auto found = model.find(std::string(k));
      if (found == model.end() || found->second != v) fail("iteration: " + std::string(k));
    }
    if (count != model.size()) fail("iteration: another number of entries");
    for (const auto& [k, v] : model) {
      const auto there = value(readable.get(k));
      if (!there || *there != v) fail("get: " + k);
    }
  }

  ByteReader& input_;
  std::string path_;
  Options options_;
  std::optional<Store> store_;
  std::optional<Snapshot> snapshot_;
  Model model_;
  Model durable_;
  Model seen_;
  std::uint64_t stamp_ = 0;
};

void run_model(Bytes input) {
  same_again(1);
  ByteReader reader(input);
  Life(reader).live();
}

std::vector<std::string> model_seeds() {
  std::vector<std::string> all;
  constexpr std::uint64_t kPlain = 24;  // of any shape; the others of one of fixed lengths or texts
  for (std::uint64_t i = 0; i < kPlain + 8; ++i) {
    Random random(i);
    std::string text;
    const std::uint64_t bytes = std::uint64_t{20} << (i < kPlain ? i / 4 : 5);
    if (i >= kPlain) text += {static_cast<char>(0x80 | random.next()), static_cast<char>(i)};
    for (std::uint64_t at = 0; at < bytes; ++at) text += static_cast<char>(random.next());
    all.push_back(text);
  }
  return all;
}

}  // namespace

Target model_target() { return {"model", run_model, mutate_calls, model_seeds, 640}; }

}  // namespace hmap::test
