// Berkeley DB's hash, without an environment: one process, no log. Its own cache is made large
// enough for the whole store, as its documentation says one should; the default of 256 KiB would
// make it read pages from the system all the time.
//
//   bdb           not told how many entries there will be
//   bdb-presized  told (DB->set_h_nelem)
#include <db.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "adapter.h"
#include "adapters/kinds.h"

namespace hmap::bench {
namespace {

void require(int code) {
  if (code != 0) throw std::runtime_error(fmt::format("bdb: {}", db_strerror(code)));
}

DBT view(std::string_view bytes) noexcept {
  DBT thing{};
  thing.data = const_cast<char*>(bytes.data());  // Berkeley DB only reads it.
  thing.size = static_cast<u_int32_t>(bytes.size());
  return thing;
}

std::string_view bytes_of(const DBT& thing) noexcept {
  return {static_cast<const char*>(thing.data), thing.size};
}

class Berkeley final : public Adapter {
 public:
  explicit Berkeley(bool presized) noexcept : presized_(presized) {}
  ~Berkeley() override {
    if (db_ != nullptr) db_->close(db_, 0);
  }

  std::string describe() const override {
    return fmt::format("Berkeley DB {}.{}.{} hash, cache for the whole store, no log{}",
                       DB_VERSION_MAJOR, DB_VERSION_MINOR, DB_VERSION_PATCH,
                       presized_ ? ", set_h_nelem(entries)" : "");
  }

  void open(const std::filesystem::path& dir, const Shape& shape) override {
    constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
    const std::uint64_t entry_bytes = shape.key_bytes + shape.value_bytes + 32;
    const std::uint64_t cache = std::clamp(shape.entries * entry_bytes * 2, kGiB / 16, 8 * kGiB);
    require(db_create(&db_, nullptr, 0));
    require(db_->set_cachesize(db_, static_cast<u_int32_t>(cache / kGiB),
                               static_cast<u_int32_t>(cache % kGiB), 1));
    if (presized_) {
      require(db_->set_h_nelem(db_, static_cast<u_int32_t>(shape.entries)));
    }
    require(db_->open(db_, nullptr, (dir / "store.db").c_str(), nullptr, DB_HASH, DB_CREATE, 0644));
  }

  void close() override {
    DB* const db = db_;
    db_ = nullptr;
    require(db->close(db, 0));
  }

  bool get(std::string_view key, std::string& value) override {
    DBT wanted = view(key);
    DBT found{};  // Without a flag: bytes that are the handle's until its next call.
    const int code = db_->get(db_, nullptr, &wanted, &found, 0);
    if (code == DB_NOTFOUND) return false;
    require(code);
    value.assign(bytes_of(found));
    return true;
  }

  void put(std::string_view key, std::string_view value) override {
    DBT key_thing = view(key);
    DBT value_thing = view(value);
    require(db_->put(db_, nullptr, &key_thing, &value_thing, 0));
  }

  bool erase(std::string_view key) override {
    DBT wanted = view(key);
    const int code = db_->del(db_, nullptr, &wanted, 0);
    if (code == DB_NOTFOUND) return false;
    require(code);
    return true;
  }

  void iterate(EntrySink& sink) override {
    DBC* cursor = nullptr;
    require(db_->cursor(db_, nullptr, &cursor, 0));
    DBT key{};
    DBT value{};
    int code = 0;
    while ((code = cursor->get(cursor, &key, &value, DB_NEXT)) == 0) {
      sink.take(bytes_of(key), bytes_of(value));
    }
    require(cursor->close(cursor));
    if (code != DB_NOTFOUND) require(code);
  }

 private:
  bool presized_;
  DB* db_ = nullptr;
};

template <bool kPresized>
std::unique_ptr<Adapter> make() {
  return std::make_unique<Berkeley>(kPresized);
}

}  // namespace

std::vector<StoreKind> berkeley_kinds() {
  return {{.name = "bdb", .make = make<false>},
          {.name = "bdb-presized", .make = make<true>, .presized = true}};
}

}  // namespace hmap::bench
