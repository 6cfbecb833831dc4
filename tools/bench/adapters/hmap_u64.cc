// hmap::Map<std::uint64_t, std::uint64_t> as it comes: default options, default durability.
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "adapter.h"
#include "adapters/kinds.h"
#include "hmap/map.h"

namespace hmap::bench {
namespace {

using Numbers = Map<std::uint64_t, std::uint64_t>;

void require_ok(const Status& status) {
  if (!status.ok()) throw std::runtime_error("hmap-u64: " + status.message());
}

template <typename T>
T value_of(Result<T> result) {
  if (!result.has_value()) require_ok(result.error());
  return *std::move(result);
}

std::uint64_t number_in(std::string_view bytes) {
  std::uint64_t number = 0;
  if (bytes.size() != sizeof number) throw std::runtime_error("hmap-u64: not an integer");
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

void assign(std::string& to, std::uint64_t number) {
  to.assign(reinterpret_cast<const char*>(&number), sizeof number);
}

class HmapU64 final : public Adapter {
 public:
  std::string describe() const override {
    return "hmap::Map<std::uint64_t, std::uint64_t>, default options, default durability";
  }

  void open(const std::filesystem::path& dir, const Shape& /*shape*/) override {
    map_ = value_of(Numbers::open((dir / "store.hmap").string()));
  }

  void close() override {
    require_ok(map_->close());
    map_.reset();
  }

  bool get(std::string_view key, std::string& value) override {
    const auto found = value_of(map_->get(number_in(key)));
    if (found) assign(value, *found);
    return found.has_value();
  }

  void put(std::string_view key, std::string_view value) override {
    require_ok(map_->put(number_in(key), number_in(value)));
  }

  bool erase(std::string_view key) override { return value_of(map_->erase(number_in(key))); }

  void iterate(EntrySink& sink) override {
    for (const auto& [key, value] : *map_) {
      sink.take({reinterpret_cast<const char*>(&key), sizeof key},
                {reinterpret_cast<const char*>(&value), sizeof value});
    }
  }

  bool has_get_many() const override { return true; }
  std::size_t get_many(std::span<const std::string> keys, std::span<std::string> values) override {
    keys_.resize(keys.size());
    answers_.resize(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) keys_[i] = number_in(keys[i]);
    const std::size_t found = value_of(map_->multi_get(keys_, answers_));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (answers_[i]) assign(values[i], *answers_[i]);
    }
    return found;
  }

 private:
  std::optional<Numbers> map_;
  std::vector<std::uint64_t> keys_;
  std::vector<std::optional<std::uint64_t>> answers_;
};

}  // namespace

std::vector<StoreKind> hmap_u64_kinds() {
  const auto make = []() -> std::unique_ptr<Adapter> { return std::make_unique<HmapU64>(); };
  return {{.name = "hmap-u64", .role = Role::kOurs, .make = make, .u64_only = true}};
}

}  // namespace hmap::bench
