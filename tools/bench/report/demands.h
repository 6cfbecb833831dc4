// The demands, as data.
#ifndef HMAP_BENCH_REPORT_DEMANDS_H_
#define HMAP_BENCH_REPORT_DEMANDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "measures/experiment.h"

namespace hmap::bench {

// Against what a figure is held.
enum class Against {
  kBestPersistent,  // The best persistent peer, presized ones too.
  kBestUnpresized,
  kBestPresized,
  kStore,   // The store `rival`, the same figure or `rival_figure`.
  kLimit,   // A number: the figure itself.
  kNobody,  // Nothing this program can measure; `rival` says where else it is looked after.
};

struct Demand {
  std::string what;
  std::string measure = {};
  std::uint64_t entries = 0;  // 0: any number.
  std::size_t key_bytes = 0;
  std::size_t value_bytes = 0;
  std::string store = "hmap";
  std::string figure = {};
  Against against = Against::kNobody;
  std::string rival = {};
  std::string rival_figure = {};  // Empty: the same.
  double bound = 0;               // A ratio, or for kLimit the limit.
  bool at_least = true;           // Else at most.
  Unit unit = Unit::kNumber;
};

[[nodiscard]] const std::vector<Demand>& demands();

}  // namespace hmap::bench

#endif  // HMAP_BENCH_REPORT_DEMANDS_H_
