// GNU dbm as it comes: no flush on writes (GDBM_SYNC is not given), memory mapped, cache sized by
// itself.
#include <fmt/format.h>
#include <gdbm.h>

#include <cstdlib>
#include <stdexcept>

#include "adapter.h"
#include "adapters/kinds.h"

namespace hmap::bench {
namespace {

datum view(std::string_view bytes) noexcept {
  return {const_cast<char*>(bytes.data()), static_cast<int>(bytes.size())};  // Only read.
}

// Bytes that gdbm allocated.
class Owned {
 public:
  explicit Owned(datum data) noexcept : data_(data) {}
  ~Owned() { std::free(data_.dptr); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;

  [[nodiscard]] bool is_null() const noexcept { return data_.dptr == nullptr; }
  [[nodiscard]] const datum& data() const noexcept { return data_; }
  [[nodiscard]] std::string_view bytes() const noexcept {
    return {data_.dptr, static_cast<std::size_t>(data_.dsize)};
  }
  void swap(Owned& other) noexcept { std::swap(data_, other.data_); }

 private:
  datum data_;
};

class Gdbm final : public Adapter {
 public:
  ~Gdbm() override {
    if (file_ != nullptr) gdbm_close(file_);
  }

  std::string describe() const override {
    return fmt::format("gdbm {}.{}.{}, default settings", gdbm_version_number[0],
                       gdbm_version_number[1], gdbm_version_number[2]);
  }

  void open(const std::filesystem::path& dir, const Shape& /*shape*/) override {
    file_ = gdbm_open((dir / "store.gdbm").c_str(), 0, GDBM_WRCREAT, 0644, nullptr);
    if (file_ == nullptr) throw std::runtime_error(fmt::format("gdbm: {}", words(gdbm_errno)));
  }

  void close() override {
    GDBM_FILE const file = file_;
    file_ = nullptr;
    if (gdbm_close(file) != 0) throw std::runtime_error("gdbm: close failed");
  }

  bool get(std::string_view key, std::string& value) override {
    const Owned found(gdbm_fetch(file_, view(key)));
    if (found.is_null()) {
      require(gdbm_last_errno(file_) == GDBM_ITEM_NOT_FOUND);
      return false;
    }
    value.assign(found.bytes());
    return true;
  }

  void put(std::string_view key, std::string_view value) override {
    require(gdbm_store(file_, view(key), view(value), GDBM_REPLACE) == 0);
  }

  bool erase(std::string_view key) override {
    if (gdbm_delete(file_, view(key)) == 0) return true;
    require(gdbm_last_errno(file_) == GDBM_ITEM_NOT_FOUND);
    return false;
  }

  void iterate(EntrySink& sink) override {
    Owned key(gdbm_firstkey(file_));
    while (!key.is_null()) {
      const Owned value(gdbm_fetch(file_, key.data()));
      require(!value.is_null());
      sink.take(key.bytes(), value.bytes());
      Owned next(gdbm_nextkey(file_, key.data()));
      key.swap(next);
    }
    require(gdbm_last_errno(file_) == GDBM_ITEM_NOT_FOUND);
  }

 private:
  static const char* words(gdbm_error error) { return gdbm_strerror(error); }
  void require(bool good) {
    if (!good) throw std::runtime_error(fmt::format("gdbm: {}", words(gdbm_last_errno(file_))));
  }

  GDBM_FILE file_ = nullptr;
};

}  // namespace

std::vector<StoreKind> gdbm_kinds() {
  return {{.name = "gdbm",
           .make = []() -> std::unique_ptr<Adapter> { return std::make_unique<Gdbm>(); },
           .entries_max = 2'000'000,
           .entries_reason = "takes an hour"}};
}

}  // namespace hmap::bench
