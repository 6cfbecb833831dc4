// LevelDB as its documentation sets it up for speed: a write buffer and a block cache that are
// large, a Bloom filter, writes in WriteBatches of 1000. No compression: the values are random.
// Its log is written, not flushed, as by default.
#include <fmt/format.h>
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include <stdexcept>

#include "adapter.h"
#include "adapters/kinds.h"

namespace hmap::bench {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kWriteBuffer = 64 * kMiB;
constexpr std::size_t kBlockCache = 1024 * kMiB;
constexpr int kFilterBits = 10;

void require(const leveldb::Status& status) {
  if (!status.ok()) throw std::runtime_error("leveldb: " + status.ToString());
}

leveldb::Slice slice(std::string_view bytes) noexcept { return {bytes.data(), bytes.size()}; }

class LevelDb final : public Adapter {
 public:
  explicit LevelDb(bool sync) : sync_(sync) {}

  std::string describe() const override {
    return fmt::format(
        "LevelDB {}.{} (Debian builds it with assertions), Bloom filter, {}, {} MiB "
        "write buffer, 1 GiB cache, no compression",
        leveldb::kMajorVersion, leveldb::kMinorVersion,
        sync_ ? "sync" : fmt::format("batches of {}", kBatch), kWriteBuffer / kMiB);
  }

  void open(const std::filesystem::path& dir, const Shape& /*shape*/) override {
    cache_.reset(leveldb::NewLRUCache(kBlockCache));
    filter_.reset(leveldb::NewBloomFilterPolicy(kFilterBits));
    leveldb::Options options;
    options.create_if_missing = true;
    options.write_buffer_size = kWriteBuffer;
    options.block_cache = cache_.get();
    options.filter_policy = filter_.get();
    options.compression = leveldb::kNoCompression;
    leveldb::DB* db = nullptr;
    require(leveldb::DB::Open(options, (dir / "leveldb").string(), &db));
    db_.reset(db);
  }

  void close() override { db_.reset(); }

  void begin(Access access) override { batching_ = access == Access::kWrite && !sync_; }
  void end() override { flush(); }

  bool get(std::string_view key, std::string& value) override {
    const leveldb::Status status = db_->Get(leveldb::ReadOptions(), slice(key), &value);
    if (status.IsNotFound()) return false;
    require(status);
    return true;
  }

  void put(std::string_view key, std::string_view value) override {
    batch_.Put(slice(key), slice(value));
    turn_batch();
  }

  // Does not say whether the key was there: finding out would cost it a get.
  bool erase(std::string_view key) override {
    batch_.Delete(slice(key));
    turn_batch();
    return true;
  }

  void iterate(EntrySink& sink) override {
    const std::unique_ptr<leveldb::Iterator> at(db_->NewIterator(leveldb::ReadOptions()));
    for (at->SeekToFirst(); at->Valid(); at->Next()) {
      sink.take({at->key().data(), at->key().size()}, {at->value().data(), at->value().size()});
    }
    require(at->status());
  }

 private:
  void turn_batch() {
    if (++in_batch_ >= kBatch || !batching_) flush();
  }

  void flush() {
    if (in_batch_ == 0) return;
    leveldb::WriteOptions options;
    options.sync = sync_;
    require(db_->Write(options, &batch_));
    batch_.Clear();
    in_batch_ = 0;
  }

  bool sync_;
  bool batching_ = false;
  int in_batch_ = 0;
  leveldb::WriteBatch batch_;
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::DB> db_;
};

template <bool kSync>
std::unique_ptr<Adapter> make() {
  return std::make_unique<LevelDb>(kSync);
}

}  // namespace

std::vector<StoreKind> leveldb_kinds() {
  const std::string not_counted = "Debian builds it with assertions";
  return {
      {.name = "leveldb", .make = make<false>, .not_counted = not_counted},
      {.name = "leveldb-sync", .make = make<true>, .durable = true, .not_counted = not_counted}};
}

}  // namespace hmap::bench
