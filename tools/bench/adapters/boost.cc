// Boost.Interprocess: a boost::unordered_map in a managed_mapped_file, of its strings and of
// integers. The file cannot grow while it is open, so it is made large enough, sparse; the map is
// not told how many entries there will be. No lock is taken: one process uses it here. Nothing
// survives a power cut for sure, and a killed writer may leave it broken.
#include <boost/container_hash/hash.hpp>
#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/containers/string.hpp>
#include <boost/interprocess/managed_mapped_file.hpp>
#include <boost/unordered_map.hpp>
#include <boost/version.hpp>
#include <cstring>
#include <functional>
#include <optional>

#include "adapter.h"
#include "adapters/kinds.h"

namespace hmap::bench {
namespace {

namespace ipc = boost::interprocess;

using Segment = ipc::managed_mapped_file::segment_manager;
template <typename T>
using Allocator = ipc::allocator<T, Segment>;
using Text = ipc::basic_string<char, std::char_traits<char>, Allocator<char>>;

// How bytes become the keys and values of the map, without a copy for a lookup.
struct AsText {
  using Stored = Text;
  using Lookup = std::string_view;
  static Lookup in(std::string_view bytes) noexcept { return bytes; }
  static std::string_view out(const Text& text) noexcept { return {text.data(), text.size()}; }
  static Text make(std::string_view bytes, Segment* segment) {
    return {bytes.data(), bytes.size(), Allocator<char>(segment)};
  }
  static void assign(Text& to, std::string_view from) { to.assign(from.data(), from.size()); }

  struct Hash {
    std::size_t operator()(std::string_view bytes) const noexcept {
      return std::hash<std::string_view>()(bytes);
    }
    std::size_t operator()(const Text& text) const noexcept { return (*this)(out(text)); }
  };
  struct Equal {
    static std::string_view view(std::string_view bytes) noexcept { return bytes; }
    static std::string_view view(const Text& text) noexcept { return out(text); }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const noexcept {
      return view(a) == view(b);
    }
  };
};

struct AsNumber {
  using Stored = std::uint64_t;
  using Lookup = std::uint64_t;
  static Lookup in(std::string_view bytes) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof(word));
    return word;
  }
  static std::string_view out(const std::uint64_t& number) noexcept {
    return {reinterpret_cast<const char*>(&number), sizeof(number)};
  }
  static Stored make(std::string_view bytes, Segment* /*segment*/) noexcept { return in(bytes); }
  static void assign(std::uint64_t& to, std::string_view from) noexcept { to = in(from); }

  using Hash = boost::hash<std::uint64_t>;
  using Equal = std::equal_to<std::uint64_t>;
};

template <typename As>
class Boost final : public Adapter {
 public:
  explicit Boost(const char* words) : words_(words) {}

  std::string describe() const override {
    return "Boost.Interprocess " BOOST_LIB_VERSION ", boost::unordered_map of " +
           std::string(words_) + " in a managed_mapped_file";
  }

  void open(const std::filesystem::path& dir, const Shape& shape) override {
    const std::size_t entry_bytes = shape.key_bytes + shape.value_bytes + 256;
    const std::size_t bytes = shape.entries * entry_bytes * 2 + (std::size_t{64} << 20);
    file_.emplace(ipc::open_or_create, (dir / "store.boost").c_str(), bytes);
    Segment* const segment = file_->get_segment_manager();
    map_ = file_->template find_or_construct<Map>("map")(
        std::size_t{0}, typename As::Hash(), typename As::Equal(), Allocator<Pair>(segment));
  }

  void close() override {
    map_ = nullptr;
    file_.reset();
  }

  bool get(std::string_view key, std::string& value) override {
    const auto found = find(key);
    if (found == map_->end()) return false;
    value.assign(As::out(found->second));
    return true;
  }

  void put(std::string_view key, std::string_view value) override {
    const auto found = find(key);
    if (found != map_->end()) {
      As::assign(found->second, value);
      return;
    }
    Segment* const segment = file_->get_segment_manager();
    map_->emplace(As::make(key, segment), As::make(value, segment));
  }

  bool erase(std::string_view key) override {
    const auto found = find(key);
    if (found == map_->end()) return false;
    map_->erase(found);
    return true;
  }

  void iterate(EntrySink& sink) override {
    for (const auto& [key, value] : *map_) sink.take(As::out(key), As::out(value));
  }

 private:
  using Pair = std::pair<const typename As::Stored, typename As::Stored>;
  using Map = boost::unordered_map<typename As::Stored, typename As::Stored, typename As::Hash,
                                   typename As::Equal, Allocator<Pair>>;

  auto find(std::string_view key) {
    return map_->find(As::in(key), typename As::Hash(), typename As::Equal());
  }

  const char* words_;
  std::optional<ipc::managed_mapped_file> file_;
  Map* map_ = nullptr;
};

std::unique_ptr<Adapter> make_strings() { return std::make_unique<Boost<AsText>>("strings"); }
std::unique_ptr<Adapter> make_u64() { return std::make_unique<Boost<AsNumber>>("integers"); }

}  // namespace

std::vector<StoreKind> boost_kinds() {
  return {{.name = "boost", .make = make_strings},
          {.name = "boost-u64", .make = make_u64, .u64_only = true}};
}

}  // namespace hmap::bench
