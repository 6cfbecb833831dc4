// What every store is driven through: the same few virtual calls, the same strings.
#ifndef HMAP_BENCH_ADAPTER_H_
#define HMAP_BENCH_ADAPTER_H_

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "workload.h"

namespace hmap::bench {

// Puts between two commits, and gets between two renewals of the snapshot, where a store has such.
inline constexpr int kBatch = 1000;

// Receives the entries of an iteration, as the store hands them out; it copies what it keeps.
class EntrySink {
 public:
  virtual ~EntrySink() = default;
  virtual void take(std::string_view key, std::string_view value) = 0;
};

enum class Access { kRead, kWrite };

// One store in its normal good usage. Every failure is a std::runtime_error with the store's words.
class Adapter {
 public:
  virtual ~Adapter() = default;

  // Library version and settings, for the report.
  [[nodiscard]] virtual std::string describe() const = 0;

  // Makes an empty store in `dir`, which is empty. `shape` may be used for limits that a store
  // cannot do without (LMDB's map size), not for tuning, unless the adapter's name says so.
  virtual void open(const std::filesystem::path& dir, const Shape& shape) = 0;
  virtual void close() = 0;

  // Around each phase; end() commits what is pending and is part of the measured time.
  virtual void begin(Access /*access*/) {}
  virtual void end() {}

  // Copies the value out into `value`; false if the key is absent.
  virtual bool get(std::string_view key, std::string& value) = 0;
  virtual void put(std::string_view key, std::string_view value) = 0;
  // False if the key was absent.
  virtual bool erase(std::string_view key) = 0;
  virtual void iterate(EntrySink& sink) = 0;
};

std::unique_ptr<Adapter> make_hmap();
std::unique_ptr<Adapter> make_lmdb();
std::unique_ptr<Adapter> make_tkrzw(bool presized);

// A store by name. Those not measured by default have to be named in --stores.
struct StoreKind {
  std::string name;
  bool measured_by_default;
  std::unique_ptr<Adapter> (*make)();
};

// The stores of this build, in the order of the report. Those not installed are not in it.
[[nodiscard]] const std::vector<StoreKind>& store_kinds();

// The known stores that were not installed when this program was built.
[[nodiscard]] std::vector<std::string> stores_left_out();

}  // namespace hmap::bench

#endif  // HMAP_BENCH_ADAPTER_H_
