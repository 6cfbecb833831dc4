// What every store is driven through: the same few virtual calls, the same strings.
#ifndef HMAP_BENCH_ADAPTER_H_
#define HMAP_BENCH_ADAPTER_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/workload.h"

namespace hmap::bench {

// Puts between two commits, and gets between two renewals of the snapshot, where a store has such.
inline constexpr int kBatch = 1000;

// Receives the entries of an iteration, as the store hands them out; it copies what it keeps.
class EntrySink {
 public:
  virtual ~EntrySink() = default;
  virtual void take(std::string_view key, std::string_view value) = 0;
};

enum class Access {
  kRead,
  kWrite,  // Writes only: a store may hold them back until the batch is full, or until end().
  kMixed,  // Both; a get sees the puts before it.
};

// One store in its normal good usage. Every failure is a std::runtime_error with the store's words.
class Adapter {
 public:
  virtual ~Adapter() = default;

  // Library version and settings, for the report.
  [[nodiscard]] virtual std::string describe() const = 0;

  // Opens the store in `dir`, or makes it if the directory is empty. `shape` may be used for limits
  // that a store cannot do without (LMDB's map size), not for tuning, unless StoreKind says so.
  virtual void open(const std::filesystem::path& dir, const Shape& shape) = 0;
  virtual void close() = 0;

  // Around each phase; end() commits what is pending and is part of the measured time.
  virtual void begin(Access /*access*/) {}
  virtual void end() {}

  // Copies the value out into `value`; false if the key is absent.
  virtual bool get(std::string_view key, std::string& value) = 0;
  virtual void put(std::string_view key, std::string_view value) = 0;
  // False if the store tells that the key was absent.
  virtual bool erase(std::string_view key) = 0;
  virtual void iterate(EntrySink& sink) = 0;

  // Whether the store has a call for many keys at once; else the phase multi-get is left out.
  [[nodiscard]] virtual bool has_get_many() const { return false; }
  // Copies the values of all keys out; returns how many were there. values.size() == keys.size().
  virtual std::size_t get_many(std::span<const std::string> keys, std::span<std::string> values);
};

enum class Role {
  kOurs,        // hmap.
  kPersistent,  // A rival that keeps its data in files.
  kMemory,      // A map in memory: how fast it could be without a file.
  kFloor,       // No store at all: what the disk or the memory can do.
};

// What a store needs to be measured fairly, and where it takes part.
struct StoreKind {
  std::string name;
  Role role = Role::kPersistent;
  // Makes the adapter. Null: measured by a program of its own (Go), which takes part in the phases
  // only.
  std::unique_ptr<Adapter> (*make)() = nullptr;

  bool presized = false;  // Is told the number of entries beforehand, for tuning.
  bool u64_only = false;  // Takes keys and values of 8 bytes only.
  // In memory: the bytes that it takes, at most. Null: what any such map may take.
  std::uint64_t (*memory)(const Shape& shape) = nullptr;
  bool durable = false;  // Each put is on disk when it returns: for the measure `commits` only.
  bool shared = false;   // Several processes may have it open and write.
  bool only_if_named = false;  // Takes part if it is in --stores.
  // hmap can be beaten by it, but does not count it as beaten, for this reason.
  std::string not_counted = {};
  // Not measured above this number of entries unless named, for this reason.
  std::uint64_t entries_max = kEntriesMax;
  std::string entries_reason = {};
  // Makes an adapter whose open() finds the store as after a power cut; null: not possible.
  std::unique_ptr<Adapter> (*make_after_power_cut)() = nullptr;
};

// The stores of this build, in the order of the report. Those not installed are not in it.
[[nodiscard]] const std::vector<StoreKind>& store_kinds();

// The store of this name. Throws std::runtime_error if this build has none.
[[nodiscard]] const StoreKind& store_kind(std::string_view name);

// Version and settings of the store.
[[nodiscard]] std::string describe(const StoreKind& kind);

// A store that was not installed when this program was built, and what would bring it.
struct LeftOut {
  std::string name;
  std::string package;
};
[[nodiscard]] const std::vector<LeftOut>& stores_left_out();

}  // namespace hmap::bench

#endif  // HMAP_BENCH_ADAPTER_H_
