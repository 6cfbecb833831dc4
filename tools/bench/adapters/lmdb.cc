// LMDB as its users run it for speed: MDB_NOSYNC, 1000 writes a transaction, reads in a read
// transaction that is renewed every 1000 gets.
//
//   lmdb             plain, that is without MDB_WRITEMAP: a stray pointer cannot damage the file
//   lmdb-writemap    MDB_WRITEMAP: pages are changed in the mapping, without a copy of each first
//   lmdb-integerkey  MDB_INTEGERKEY: keys are compared as integers
//   lmdb-sync        LMDB's default: each transaction, here of one put, is flushed
//
// MDB_NORDAHEAD is left off, as it is by default: it is meant for a store that does not fit into
// memory.
#include <fmt/format.h>
#include <lmdb.h>

#include <algorithm>
#include <stdexcept>

#include "adapter.h"
#include "adapters/kinds.h"

namespace hmap::bench {
namespace {

void require(int code) {
  if (code != MDB_SUCCESS) throw std::runtime_error(fmt::format("lmdb: {}", mdb_strerror(code)));
}

MDB_val view(std::string_view bytes) noexcept {
  return {bytes.size(), const_cast<char*>(bytes.data())};  // LMDB only reads it.
}

std::string_view bytes_of(const MDB_val& val) noexcept {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

struct Settings {
  const char* words;
  unsigned env_flags;
  unsigned dbi_flags;
  int batch;
};

class Lmdb final : public Adapter {
 public:
  explicit Lmdb(const Settings& settings) : settings_(settings) {}
  ~Lmdb() override { abandon(); }

  std::string describe() const override {
    return fmt::format("LMDB {}.{}.{}, {}, {} write(s) a transaction", MDB_VERSION_MAJOR,
                       MDB_VERSION_MINOR, MDB_VERSION_PATCH, settings_.words, settings_.batch);
  }

  void open(const std::filesystem::path& dir, const Shape& shape) override {
    // Address space only, plenty: the file is as large as what is in it.
    const std::size_t entry_bytes = shape.key_bytes + shape.value_bytes + 64;
    const std::size_t map_bytes =
        std::max<std::size_t>(shape.entries * entry_bytes * 6, std::size_t{1} << 30);
    require(mdb_env_create(&env_));
    require(mdb_env_set_mapsize(env_, map_bytes & ~std::size_t{0xfff}));
    require(mdb_env_open(env_, dir.c_str(), settings_.env_flags, 0644));
    require(mdb_txn_begin(env_, nullptr, 0, &txn_));
    require(mdb_dbi_open(txn_, nullptr, settings_.dbi_flags | MDB_CREATE, &dbi_));
    commit();
  }

  void close() override { abandon(); }

  void begin(Access access) override {
    access_ = access;
    in_batch_ = 0;
    if (access == Access::kWrite && settings_.batch == 1) return;  // put() has its own.
    require(mdb_txn_begin(env_, nullptr, access == Access::kRead ? MDB_RDONLY : 0, &txn_));
  }

  void end() override {
    if (access_ == Access::kRead) {
      mdb_txn_abort(txn_);
      txn_ = nullptr;
    } else if (txn_ != nullptr) {
      commit();
    }
  }

  bool get(std::string_view key, std::string& value) override {
    turn_batch();
    MDB_val key_val = view(key);
    MDB_val found{};
    const int code = mdb_get(txn_, dbi_, &key_val, &found);
    if (code == MDB_NOTFOUND) return false;
    require(code);
    value.assign(bytes_of(found));
    return true;
  }

  void put(std::string_view key, std::string_view value) override {
    if (settings_.batch == 1) {
      require(mdb_txn_begin(env_, nullptr, 0, &txn_));
    } else {
      turn_batch();
    }
    MDB_val key_val = view(key);
    MDB_val value_val = view(value);
    require(mdb_put(txn_, dbi_, &key_val, &value_val, 0));
    if (settings_.batch == 1) commit();
  }

  bool erase(std::string_view key) override {
    turn_batch();
    MDB_val key_val = view(key);
    const int code = mdb_del(txn_, dbi_, &key_val, nullptr);
    if (code == MDB_NOTFOUND) return false;
    require(code);
    return true;
  }

  void iterate(EntrySink& sink) override {
    MDB_cursor* cursor = nullptr;
    require(mdb_cursor_open(txn_, dbi_, &cursor));
    MDB_val key{};
    MDB_val value{};
    int code = MDB_SUCCESS;
    while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS) {
      sink.take(bytes_of(key), bytes_of(value));
    }
    mdb_cursor_close(cursor);
    if (code != MDB_NOTFOUND) require(code);
  }

 private:
  // Begins a new transaction, or a newer snapshot, after a batch of operations.
  void turn_batch() {
    if (in_batch_++ < settings_.batch) return;
    in_batch_ = 1;
    if (access_ == Access::kRead) {
      mdb_txn_reset(txn_);
      require(mdb_txn_renew(txn_));
    } else {
      commit();
      require(mdb_txn_begin(env_, nullptr, 0, &txn_));
    }
  }

  void commit() {
    MDB_txn* const txn = txn_;
    txn_ = nullptr;  // LMDB frees it, whatever the outcome.
    require(mdb_txn_commit(txn));
  }

  void abandon() noexcept {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
    if (env_ != nullptr) mdb_env_close(env_);
    txn_ = nullptr;
    env_ = nullptr;
  }

  Settings settings_;
  MDB_env* env_ = nullptr;
  MDB_txn* txn_ = nullptr;
  MDB_dbi dbi_ = 0;
  Access access_ = Access::kRead;
  int in_batch_ = 0;
};

std::unique_ptr<Adapter> make_plain() {
  return std::make_unique<Lmdb>(Settings{"MDB_NOSYNC", MDB_NOSYNC, 0, kBatch});
}

std::unique_ptr<Adapter> make_writemap() {
  return std::make_unique<Lmdb>(
      Settings{"MDB_NOSYNC | MDB_WRITEMAP", MDB_NOSYNC | MDB_WRITEMAP, 0, kBatch});
}

std::unique_ptr<Adapter> make_integerkey() {
  return std::make_unique<Lmdb>(
      Settings{"MDB_NOSYNC, MDB_INTEGERKEY", MDB_NOSYNC, MDB_INTEGERKEY, kBatch});
}

std::unique_ptr<Adapter> make_sync() {
  return std::make_unique<Lmdb>(Settings{"default flags (each commit flushed)", 0, 0, 1});
}

}  // namespace

std::vector<StoreKind> lmdb_kinds() {
  return {{.name = "lmdb", .make = make_plain, .shared = true},
          {.name = "lmdb-writemap", .make = make_writemap, .shared = true},
          {.name = "lmdb-integerkey", .make = make_integerkey, .u64_only = true, .shared = true},
          {.name = "lmdb-sync", .make = make_sync, .durable = true, .shared = true}};
}

}  // namespace hmap::bench
