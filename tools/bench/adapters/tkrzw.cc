// tkrzw's HashDBM as it comes: default tuning and its default file class, MemoryMapParallelFile.
// `tkrzw-presized` differs in one number: twice as many buckets as entries, known beforehand.
// `tkrzw-sync` calls Synchronize(hard) after each put.
#include <fmt/format.h>
#include <tkrzw_dbm_hash.h>

#include <stdexcept>

#include "adapter.h"
#include "adapters/kinds.h"

namespace hmap::bench {
namespace {

void require(const tkrzw::Status& status) {
  if (!status.IsOK()) throw std::runtime_error("tkrzw: " + tkrzw::ToString(status));
}

// Hands the records of HashDBM::ProcessEach on. That call reads the file from front to back, which
// is the fastest way through a HashDBM; its iterator is several times slower.
class EachRecord final : public tkrzw::DBM::RecordProcessor {
 public:
  explicit EachRecord(EntrySink& sink) noexcept : sink_(sink) {}
  std::string_view ProcessFull(std::string_view key, std::string_view value) override {
    sink_.take(key, value);
    return NOOP;
  }

 private:
  EntrySink& sink_;
};

class Tkrzw final : public Adapter {
 public:
  enum class Variant { kDefault, kPresized, kSync };
  explicit Tkrzw(Variant variant) noexcept : variant_(variant) {}

  std::string describe() const override {
    return fmt::format(
        "tkrzw {} HashDBM, {}, MemoryMapParallelFile{}", tkrzw::PACKAGE_VERSION,
        variant_ == Variant::kPresized ? "num_buckets = 2 x entries" : "default tuning",
        variant_ == Variant::kSync ? ", Synchronize(hard) after each put" : "");
  }

  void open(const std::filesystem::path& dir, const Shape& shape) override {
    tkrzw::HashDBM::TuningParameters tuning;
    if (variant_ == Variant::kPresized)
      tuning.num_buckets = static_cast<std::int64_t>(shape.entries * 2);
    const std::string path = (dir / "store.tkh").string();
    require(dbm_.OpenAdvanced(path, true, tkrzw::File::OPEN_DEFAULT, tuning));
  }

  void close() override { require(dbm_.Close()); }

  bool get(std::string_view key, std::string& value) override {
    return found(dbm_.Get(key, &value));
  }

  void put(std::string_view key, std::string_view value) override {
    require(dbm_.Set(key, value));
    if (variant_ == Variant::kSync) require(dbm_.Synchronize(true));
  }

  bool erase(std::string_view key) override { return found(dbm_.Remove(key)); }

  void iterate(EntrySink& sink) override {
    EachRecord each(sink);
    require(dbm_.ProcessEach(&each, false));
  }

 private:
  static bool found(const tkrzw::Status& status) {
    if (status == tkrzw::Status::NOT_FOUND_ERROR) return false;
    require(status);
    return true;
  }

  Variant variant_;
  tkrzw::HashDBM dbm_;
};

template <Tkrzw::Variant kVariant>
std::unique_ptr<Adapter> make() {
  return std::make_unique<Tkrzw>(kVariant);
}

}  // namespace

std::vector<StoreKind> tkrzw_kinds() {
  return {
      {.name = "tkrzw", .make = make<Tkrzw::Variant::kDefault>},
      {.name = "tkrzw-presized", .make = make<Tkrzw::Variant::kPresized>, .presized = true},
      {.name = "tkrzw-sync", .make = make<Tkrzw::Variant::kSync>, .durable = true},
  };
}

}  // namespace hmap::bench
