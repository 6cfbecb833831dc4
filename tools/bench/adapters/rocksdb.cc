// RocksDB as its documentation sets it up for single lookups: OptimizeForPointLookup with a large
// cache (hash index, Bloom filter), parallel compaction, writes in WriteBatches of 1000, MultiGet.
// No compression: the values are random. Its log is written, not flushed, as by default.
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/version.h>
#include <rocksdb/write_batch.h>

#include <stdexcept>
#include <thread>

#include "adapter.h"
#include "adapters/kinds.h"

namespace hmap::bench {
namespace {

constexpr std::uint64_t kCacheMiB = 1024;

void require(const rocksdb::Status& status) {
  if (!status.ok()) throw std::runtime_error("rocksdb: " + status.ToString());
}

class RocksDb final : public Adapter {
 public:
  explicit RocksDb(bool sync) : sync_(sync) {}

  std::string describe() const override {
    return fmt::format(
        "RocksDB {}.{}.{} (Debian builds it with assertions), "
        "OptimizeForPointLookup({}), {}, no compression",
        ROCKSDB_MAJOR, ROCKSDB_MINOR, ROCKSDB_PATCH, kCacheMiB,
        sync_ ? "sync" : fmt::format("batches of {}", kBatch));
  }

  void open(const std::filesystem::path& dir, const Shape& /*shape*/) override {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.OptimizeForPointLookup(kCacheMiB);
    options.IncreaseParallelism(static_cast<int>(std::thread::hardware_concurrency()));
    options.compression = rocksdb::kNoCompression;
    rocksdb::DB* db = nullptr;
    require(rocksdb::DB::Open(options, (dir / "rocksdb").string(), &db));
    db_.reset(db);
  }

  void close() override {
    require(db_->Close());
    db_.reset();
  }

  void begin(Access access) override { batching_ = access == Access::kWrite && !sync_; }
  void end() override { flush(); }

  bool get(std::string_view key, std::string& value) override {
    const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), key, &value);
    if (status.IsNotFound()) return false;
    require(status);
    return true;
  }

  bool has_get_many() const override { return true; }

  std::size_t get_many(std::span<const std::string> keys, std::span<std::string> values) override {
    const std::size_t count = keys.size();
    slices_.assign(keys.begin(), keys.end());
    pinned_.resize(count);
    statuses_.resize(count);
    db_->MultiGet(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), count, slices_.data(),
                  pinned_.data(), statuses_.data());
    std::size_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (statuses_[i].IsNotFound()) continue;
      require(statuses_[i]);
      values[i].assign(pinned_[i].data(), pinned_[i].size());
      pinned_[i].Reset();
      ++found;
    }
    return found;
  }

  void put(std::string_view key, std::string_view value) override {
    require(batch_.Put(key, value));
    turn_batch();
  }

  // Does not say whether the key was there: finding out would cost it a get.
  bool erase(std::string_view key) override {
    require(batch_.Delete(key));
    turn_batch();
    return true;
  }

  void iterate(EntrySink& sink) override {
    rocksdb::ReadOptions options;
    options.total_order_seek = true;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
    for (at->SeekToFirst(); at->Valid(); at->Next()) {
      sink.take(at->key().ToStringView(), at->value().ToStringView());
    }
    require(at->status());
  }

 private:
  void turn_batch() {
    if (++in_batch_ >= kBatch || !batching_) flush();
  }

  void flush() {
    if (in_batch_ == 0) return;
    rocksdb::WriteOptions options;
    options.sync = sync_;
    require(db_->Write(options, &batch_));
    batch_.Clear();
    in_batch_ = 0;
  }

  bool sync_;
  bool batching_ = false;
  int in_batch_ = 0;
  rocksdb::WriteBatch batch_;
  std::vector<rocksdb::Slice> slices_;
  std::vector<rocksdb::PinnableSlice> pinned_;
  std::vector<rocksdb::Status> statuses_;
  std::unique_ptr<rocksdb::DB> db_;
};

template <bool kSync>
std::unique_ptr<Adapter> make() {
  return std::make_unique<RocksDb>(kSync);
}

}  // namespace

std::vector<StoreKind> rocksdb_kinds() {
  const std::string not_counted = "Debian builds it with assertions";
  return {
      {.name = "rocksdb", .make = make<false>, .not_counted = not_counted},
      {.name = "rocksdb-sync", .make = make<true>, .durable = true, .not_counted = not_counted}};
}

}  // namespace hmap::bench
