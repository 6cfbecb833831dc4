// What both test programs of this folder share: a store next to the map that says what must be in
// it, written out as lines "KEYHEX<tab>VALUEHEX" in the order of the keys.
#ifndef HMAP_TESTS_FORMAT_MODEL_LINES_H_
#define HMAP_TESTS_FORMAT_MODEL_LINES_H_

#include <hmap/batch.h>
#include <hmap/compact.h>
#include <hmap/store.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace hmap::test {

using Model = std::map<std::string, std::string>;

inline std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

inline std::string lines(const Model& model) {
  std::string text;
  for (const auto& [key, value] : model) text += hex(key) + "\t" + hex(value) + "\n";
  return text;
}

// Throws hmap::Error for a call that failed.
inline void require(Status status) {
  if (!status.ok()) throw Error(status);
}

// A store and its model, changed together.
class Pair {
 public:
  explicit Pair(Store store) : store_(std::move(store)) {}

  void put(const std::string& key, const std::string& value) {
    require(store_.put(key, value));
    model_[key] = value;
  }
  void erase(const std::string& key) {
    if (store_.erase(key).value() != (model_.erase(key) != 0)) {
      throw Error(Status(Code::kCorrupt, "erase() disagrees with the model"));
    }
  }
  void clear() {
    require(store_.clear());
    model_.clear();
  }
  // As one batch; no value: the key is erased.
  void apply(const std::map<std::string, std::optional<std::string>>& changes) {
    Batch batch;
    for (const auto& [key, value] : changes) {
      if (value) {
        batch.put(key, *value);
        model_[key] = *value;
      } else {
        batch.erase(key);
        model_.erase(key);
      }
    }
    require(store_.apply(batch));
  }
  // Ended after so many steps.
  void compact(int steps) {
    OnlineOptions options;
    options.progress = [&](std::uint64_t, std::uint64_t) { return --steps > 0; };
    require(compact_online(store_, options).error());
  }
  void close() { require(store_.close()); }
  void reopen(Store store) { store_ = std::move(store); }

  [[nodiscard]] Store& store() { return store_; }
  [[nodiscard]] const Model& model() const { return model_; }

 private:
  Store store_;
  Model model_;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_FORMAT_MODEL_LINES_H_
