// Kyoto Cabinet's HashDB.
//
//   kyoto           default tuning: a million buckets, 64 MiB of the file mapped
//   kyoto-presized  as its documentation recommends for speed: buckets for the known number of
//                   entries (twice as many), linear chains (TLINEAR), all of the file mapped
#include <fmt/format.h>
#include <kchashdb.h>

#include <stdexcept>

#include "adapter.h"
#include "adapters/kinds.h"

namespace hmap::bench {
namespace {

using kyotocabinet::HashDB;

class Kyoto final : public Adapter {
 public:
  explicit Kyoto(bool presized) noexcept : presized_(presized) {}

  std::string describe() const override {
    return fmt::format(
        "Kyoto Cabinet {} HashDB, {}", kyotocabinet::VERSION,
        presized_ ? "buckets = 2 x entries, TLINEAR, whole file mapped" : "default tuning");
  }

  void open(const std::filesystem::path& dir, const Shape& shape) override {
    if (presized_) {
      const auto entries = static_cast<std::int64_t>(shape.entries);
      const auto entry_bytes = static_cast<std::int64_t>(shape.key_bytes + shape.value_bytes + 64);
      require(db_.tune_options(HashDB::TLINEAR));
      require(db_.tune_buckets(entries * 2));
      require(db_.tune_map(entries * entry_bytes + (std::int64_t{64} << 20)));
    }
    require(db_.open((dir / "store.kch").string(), HashDB::OWRITER | HashDB::OCREATE));
  }

  void close() override { require(db_.close()); }

  bool get(std::string_view key, std::string& value) override {
    CopyOut copy(value);
    require(db_.accept(key.data(), key.size(), &copy, false));
    return copy.found;
  }

  void put(std::string_view key, std::string_view value) override {
    require(db_.set(key.data(), key.size(), value.data(), value.size()));
  }

  bool erase(std::string_view key) override {
    if (db_.remove(key.data(), key.size())) return true;
    require(db_.error().code() == kyotocabinet::BasicDB::Error::NOREC);
    return false;
  }

  void iterate(EntrySink& sink) override {
    EachRecord each(sink);
    require(db_.iterate(&each, false));
  }

 private:
  // Its get() allocates a fresh array each time; a visitor copies into ours.
  struct CopyOut final : public kyotocabinet::DB::Visitor {
    explicit CopyOut(std::string& to) : value(to) {}
    const char* visit_full(const char* /*key*/, std::size_t /*key_bytes*/, const char* bytes,
                           std::size_t size, std::size_t* /*new_size*/) override {
      value.assign(bytes, size);
      found = true;
      return NOP;
    }
    std::string& value;
    bool found = false;
  };

  struct EachRecord final : public kyotocabinet::DB::Visitor {
    explicit EachRecord(EntrySink& to) : sink(to) {}
    const char* visit_full(const char* key, std::size_t key_bytes, const char* bytes,
                           std::size_t size, std::size_t* /*new_size*/) override {
      sink.take({key, key_bytes}, {bytes, size});
      return NOP;
    }
    EntrySink& sink;
  };

  void require(bool good) {
    if (good) return;
    const auto error = db_.error();
    throw std::runtime_error(fmt::format("kyoto: {}: {}", error.name(), error.message()));
  }

  bool presized_;
  HashDB db_;
};

template <bool kPresized>
std::unique_ptr<Adapter> make() {
  return std::make_unique<Kyoto>(kPresized);
}

}  // namespace

std::vector<StoreKind> kyoto_kinds() {
  return {{.name = "kyoto", .make = make<false>},
          {.name = "kyoto-presized", .make = make<true>, .presized = true}};
}

}  // namespace hmap::bench
