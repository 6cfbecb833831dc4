// hmap as it comes: default options, default durability (checkpoints in the background).
#include <fmt/format.h>

#include <optional>
#include <stdexcept>
#include <utility>

#include "adapter.h"
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
  std::string describe() const override {
    return "hmap, default options, default durability (checkpoint)";
  }

  void open(const std::filesystem::path& dir, const Shape& /*shape*/) override {
    store_ = unwrap(Store::open((dir / "store.hmap").string()));
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

 private:
  std::optional<Store> store_;
};

}  // namespace

std::unique_ptr<Adapter> make_hmap() { return std::make_unique<Hmap>(); }

}  // namespace hmap::bench
