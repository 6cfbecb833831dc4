// Maps in memory behind the interface of the stores: how fast it could be without a file.
#ifndef HMAP_BENCH_ADAPTERS_MEMORY_MAP_H_
#define HMAP_BENCH_ADAPTERS_MEMORY_MAP_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "adapter.h"

namespace hmap::bench {

// How bytes become keys and values of a map of std::string, and of one of integers.
struct AsString {
  using Stored = std::string;
  static std::string_view lookup(std::string_view key) noexcept { return key; }
  static std::string_view in(std::string_view bytes) noexcept { return bytes; }
  static std::string_view out(const std::string& stored) noexcept { return stored; }
  static void assign(std::string& to, std::string_view from) { to.assign(from); }
};

struct AsU64 {
  using Stored = std::uint64_t;
  static std::uint64_t lookup(std::string_view key) noexcept { return in(key); }
  static std::uint64_t in(std::string_view bytes) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof(word));
    return word;
  }
  static std::string_view out(const std::uint64_t& stored) noexcept {
    return {reinterpret_cast<const char*>(&stored), sizeof(stored)};
  }
  static void assign(std::uint64_t& to, std::uint64_t from) noexcept { to = from; }
};

// Map: an associative container of As::Stored to As::Stored, with lookup by what As::lookup()
// returns.
template <typename Map, typename As>
class MemoryMap final : public Adapter {
 public:
  explicit MemoryMap(std::string words) : words_(std::move(words)) {}

  std::string describe() const override { return words_; }

  void open(const std::filesystem::path& /*dir*/, const Shape& /*shape*/) override {}
  void close() override { map_ = Map(); }

  bool get(std::string_view key, std::string& value) override {
    const auto found = map_.find(As::lookup(key));
    if (found == map_.end()) return false;
    value.assign(As::out(found->second));
    return true;
  }

  void put(std::string_view key, std::string_view value) override {
    const auto [place, is_new] = map_.try_emplace(typename As::Stored(As::in(key)), As::in(value));
    if (!is_new) As::assign(place->second, As::in(value));
  }

  bool erase(std::string_view key) override {
    const auto found = map_.find(As::lookup(key));
    if (found == map_.end()) return false;
    map_.erase(found);
    return true;
  }

  void iterate(EntrySink& sink) override {
    for (const auto& [key, value] : map_) sink.take(As::out(key), As::out(value));
  }

 private:
  std::string words_;
  Map map_;
};

}  // namespace hmap::bench

#endif  // HMAP_BENCH_ADAPTERS_MEMORY_MAP_H_
