// No store: the least that a hash table in a mapped file can do. It is told how many entries there
// will be, never grows, checks nothing, locks nothing, and a kill or a power cut may leave
// anything. What an operation costs here is the memory's: one line of the table and the lines of a
// record, which wait for each other; of integers, the one line of the table where they lie.
#include <sys/mman.h>

#include <bit>
#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "adapter.h"
#include "adapters/kinds.h"

namespace hmap::bench {
namespace {

namespace ipc = boost::interprocess;

// A sparse file, mapped as a whole, in huge pages where there are such.
class MappedFile {
 public:
  void open(const std::filesystem::path& path, std::size_t bytes) {
    if (!std::filesystem::exists(path)) std::ofstream(path).flush();
    std::filesystem::resize_file(path, bytes);
    const ipc::file_mapping file(path.c_str(), ipc::read_write);
    region_ = ipc::mapped_region(file, ipc::read_write, 0, bytes);
    static_cast<void>(::madvise(region_.get_address(), bytes, MADV_HUGEPAGE));
  }
  void close() { region_ = {}; }

  // What lies at this byte of the file.
  template <typename T = char>
  [[nodiscard]] T* at(std::size_t offset) const noexcept {
    return reinterpret_cast<T*>(static_cast<char*>(region_.get_address()) + offset);
  }

 private:
  ipc::mapped_region region_;
};

// The benchmark's keys are random numbers already.
std::uint64_t hash_of(std::string_view key) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, key.data(), sizeof(word));
  return word;
}

// Twice as many places as entries, at least.
std::uint64_t places_for(const Shape& shape) { return std::bit_ceil(shape.entries * 2 + 2); }

// Chains of records, all of one length: | next | key | value |. The table has their numbers, from 1
// on. Of record 0 there is `next` only, the chain of those that were erased; these have `kErased`
// for the first word of their keys.
class Records final : public Adapter {
 public:
  std::string describe() const override {
    return "no store: a table of 4-byte numbers and records, presized, in a mapped file";
  }

  void open(const std::filesystem::path& dir, const Shape& shape) override {
    shape_ = shape;
    mask_ = places_for(shape) - 1;
    stride_ = (sizeof(Number) + shape.key_bytes + shape.value_bytes + 7) / 8 * 8;
    file_.open(dir / "bare", table_bytes() + (shape.entries + 1) * stride_);
    used_ = file_.at<Number>(table_bytes() + sizeof(Number));
  }
  void close() override { file_.close(); }

  bool get(std::string_view key, std::string& value) override {
    const Number number = *link_to(key);
    if (number == 0) return false;
    value.assign(value_of(number), shape_.value_bytes);
    return true;
  }

  void put(std::string_view key, std::string_view value) override {
    if (key.size() != shape_.key_bytes || value.size() != shape_.value_bytes)
      throw std::logic_error("the bare table takes entries of one length only");
    Number* const link = link_to(key);
    if (*link == 0) {
      const Number fresh = take_free();
      std::memcpy(key_of(fresh), key.data(), key.size());
      *next_of(fresh) = 0;
      *link = fresh;
    }
    std::memcpy(value_of(*link), value.data(), value.size());
  }

  bool erase(std::string_view key) override {
    Number* const link = link_to(key);
    const Number number = *link;
    if (number == 0) return false;
    *link = *next_of(number);
    *next_of(number) = *next_of(0);
    *next_of(0) = number;
    std::memcpy(key_of(number), &kErased, sizeof(kErased));
    return true;
  }

  void iterate(EntrySink& sink) override {
    for (Number number = 1; number <= *used_; ++number) {
      const std::string_view key(key_of(number), shape_.key_bytes);
      if (hash_of(key) == kErased) continue;
      sink.take(key, {value_of(number), shape_.value_bytes});
    }
  }

 private:
  using Number = std::uint32_t;
  static constexpr std::uint64_t kErased = ~std::uint64_t{0};

  [[nodiscard]] std::size_t table_bytes() const noexcept { return (mask_ + 1) * sizeof(Number); }
  [[nodiscard]] Number* next_of(Number number) const noexcept {
    return file_.at<Number>(table_bytes() + number * stride_);
  }
  [[nodiscard]] char* key_of(Number number) const noexcept {
    return reinterpret_cast<char*>(next_of(number) + 1);
  }
  [[nodiscard]] char* value_of(Number number) const noexcept {
    return key_of(number) + shape_.key_bytes;
  }

  // The word that has the number of the key's record, or 0 where it would be.
  Number* link_to(std::string_view key) const noexcept {
    auto* link = file_.at<Number>((hash_of(key) & mask_) * sizeof(Number));
    while (*link != 0 && std::memcmp(key_of(*link), key.data(), shape_.key_bytes) != 0)
      link = next_of(*link);
    return link;
  }

  Number take_free() {
    Number& free = *next_of(0);
    if (free == 0 && *used_ == shape_.entries) throw std::runtime_error("the bare table is full");
    if (free == 0) return ++*used_;
    const Number number = free;
    free = *next_of(number);
    return number;
  }

  Shape shape_;
  MappedFile file_;
  std::uint64_t mask_ = 0;
  std::size_t stride_ = 0;
  Number* used_ = nullptr;  // records, erased ones too
};

// Integers lie in the table: in the key's own place, or the next one that is free.
class Integers final : public Adapter {
 public:
  std::string describe() const override {
    return "no store: a table of keys and values side by side, presized, in a mapped file";
  }

  void open(const std::filesystem::path& dir, const Shape& shape) override {
    mask_ = places_for(shape) - 1;
    file_.open(dir / "bare", (mask_ + 1) * sizeof(Place));
  }
  void close() override { file_.close(); }

  bool get(std::string_view key, std::string& value) override {
    const Place& place = find(key);
    if (place.key == kFree) return false;
    value.assign(reinterpret_cast<const char*>(&place.value), sizeof(place.value));
    return true;
  }
  void put(std::string_view key, std::string_view value) override {
    find(key) = {hash_of(key), hash_of(value)};
  }
  bool erase(std::string_view key) override {
    Place& place = find(key);
    if (place.key == kFree) return false;
    place.key = kErased;
    return true;
  }
  void iterate(EntrySink& sink) override {
    for (std::uint64_t i = 0; i <= mask_; ++i) {
      const Place& place = *file_.at<Place>(i * sizeof(Place));
      if (place.key == kFree || place.key == kErased) continue;
      sink.take({reinterpret_cast<const char*>(&place.key), sizeof(place.key)},
                {reinterpret_cast<const char*>(&place.value), sizeof(place.value)});
    }
  }

 private:
  struct Place {
    std::uint64_t key;
    std::uint64_t value;
  };
  // No keys, then; none of a benchmark is likely to be one.
  static constexpr std::uint64_t kFree = 0;
  static constexpr std::uint64_t kErased = ~kFree;

  // Where the key is, or else the free place where it would be.
  [[nodiscard]] Place& find(std::string_view text) const {
    const std::uint64_t key = hash_of(text);
    if (key == kFree || key == kErased)
      throw std::logic_error("the bare table does not take this key");
    for (std::uint64_t i = key & mask_;; i = (i + 1) & mask_) {
      auto* const place = file_.at<Place>(i * sizeof(Place));
      if (place->key == kFree || place->key == key) return *place;
    }
  }

  MappedFile file_;
  std::uint64_t mask_ = 0;
};

}  // namespace

std::vector<StoreKind> bare_table_kinds() {
  return {{.name = "bare-table",
           .role = Role::kFloor,
           .make = []() -> std::unique_ptr<Adapter> { return std::make_unique<Records>(); },
           .presized = true},
          {.name = "bare-table-u64",
           .role = Role::kFloor,
           .make = []() -> std::unique_ptr<Adapter> { return std::make_unique<Integers>(); },
           .presized = true,
           .u64_only = true}};
}

}  // namespace hmap::bench
