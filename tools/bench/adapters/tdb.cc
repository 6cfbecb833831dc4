// Samba's tdb. TDB_NOSYNC; the whole file is locked for batches of 1000 operations (tdb_lockall, as
// its header recommends for many of them), else each would cost two system calls.
//
// A tdb never grows its hash: with the default of 131 chains 100,000 entries are chains of 760.
// `tdb` is therefore measured at small sizes only; `tdb-presized` is told a chain per two entries.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>  // tdb.h uses sig_atomic_t.
#include <stdexcept>

extern "C" {
#include <tdb.h>
}

#include "adapter.h"
#include "adapters/kinds.h"

namespace hmap::bench {
namespace {

constexpr std::uint64_t kDefaultEntriesMax = 20'000;

TDB_DATA view(std::string_view bytes) noexcept {
  // tdb only reads it.
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data())), bytes.size()};
}

std::string_view bytes_of(TDB_DATA data) noexcept {
  return {reinterpret_cast<const char*>(data.dptr), data.dsize};
}

class Tdb final : public Adapter {
 public:
  explicit Tdb(bool presized) noexcept : presized_(presized) {}
  ~Tdb() override {
    if (tdb_ != nullptr) tdb_close(tdb_);
  }

  std::string describe() const override {
    return fmt::format("tdb, {}, TDB_NOSYNC, tdb_lockall() for batches of {}",
                       presized_ ? "hash_size = entries / 2" : "default hash_size (131)", kBatch);
  }

  void open(const std::filesystem::path& dir, const Shape& shape) override {
    const std::uint64_t chains = std::clamp<std::uint64_t>(shape.entries / 2, 131, 1 << 27);
    tdb_ = tdb_open((dir / "store.tdb").c_str(), presized_ ? static_cast<int>(chains) : 0,
                    TDB_NOSYNC | TDB_INCOMPATIBLE_HASH, O_RDWR | O_CREAT, 0644);
    if (tdb_ == nullptr) throw std::runtime_error(fmt::format("tdb: open: errno {}", errno));
  }

  void close() override {
    require(tdb_close(tdb_) == 0);
    tdb_ = nullptr;
  }

  void begin(Access access) override {
    access_ = access;
    in_batch_ = 0;
    lock();
  }

  void end() override { unlock(); }

  bool get(std::string_view key, std::string& value) override {
    turn_batch();
    const int result = tdb_parse_record(tdb_, view(key), copy_out, &value);
    if (result == 0) return true;
    require(tdb_error(tdb_) == TDB_ERR_NOEXIST);
    return false;
  }

  void put(std::string_view key, std::string_view value) override {
    turn_batch();
    require(tdb_store(tdb_, view(key), view(value), TDB_REPLACE) == 0);
  }

  bool erase(std::string_view key) override {
    turn_batch();
    if (tdb_delete(tdb_, view(key)) == 0) return true;
    require(tdb_error(tdb_) == TDB_ERR_NOEXIST);
    return false;
  }

  void iterate(EntrySink& sink) override { require(tdb_traverse_read(tdb_, hand_on, &sink) >= 0); }

 private:
  static int copy_out(TDB_DATA /*key*/, TDB_DATA data, void* value) {
    static_cast<std::string*>(value)->assign(bytes_of(data));
    return 0;
  }
  static int hand_on(tdb_context* /*tdb*/, TDB_DATA key, TDB_DATA data, void* sink) {
    static_cast<EntrySink*>(sink)->take(bytes_of(key), bytes_of(data));
    return 0;
  }

  void turn_batch() {
    if (in_batch_++ < kBatch) return;
    in_batch_ = 1;
    unlock();
    lock();
  }

  void lock() {
    require((access_ == Access::kRead ? tdb_lockall_read(tdb_) : tdb_lockall(tdb_)) == 0);
  }
  void unlock() {
    require((access_ == Access::kRead ? tdb_unlockall_read(tdb_) : tdb_unlockall(tdb_)) == 0);
  }

  void require(bool good) {
    if (!good) throw std::runtime_error(fmt::format("tdb: {}", tdb_errorstr(tdb_)));
  }

  bool presized_;
  tdb_context* tdb_ = nullptr;
  Access access_ = Access::kRead;
  int in_batch_ = 0;
};

template <bool kPresized>
std::unique_ptr<Adapter> make() {
  return std::make_unique<Tdb>(kPresized);
}

}  // namespace

std::vector<StoreKind> tdb_kinds() {
  return {{.name = "tdb",
           .make = make<false>,
           .entries_max = kDefaultEntriesMax,
           .entries_reason = "its 131 chains do not grow"},
          {.name = "tdb-presized",
           .make = make<true>,
           .presized = true,
           .entries_max = 15'000'000,
           .entries_reason = "its files end at 4 GiB"}};
}

}  // namespace hmap::bench
