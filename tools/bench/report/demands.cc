#include "report/demands.h"

#include <fmt/format.h>

namespace hmap::bench {
namespace {

std::string size_name(std::uint64_t entries) { return fmt::format("{} M", entries / kMillion); }

// A ratio of a phase at 16+100 bytes.
Demand phase(std::uint64_t entries, const char* figure, Against against, double bound,
             const char* rival = "") {
  const std::string whom = against == Against::kBestPersistent   ? "the best persistent peer"
                           : against == Against::kBestUnpresized ? "the best unpresized peer"
                           : against == Against::kBestPresized   ? "the best presized peer"
                                                                 : rival;
  return {.what = fmt::format("{}, 16+100 B, {}, against {}", figure, size_name(entries), whom),
          .measure = "phases",
          .entries = entries,
          .key_bytes = 16,
          .value_bytes = 100,
          .figure = figure,
          .against = against,
          .rival = rival,
          .bound = bound};
}

void add_phases(std::vector<Demand>& all) {
  for (const std::uint64_t entries : {kMillion, 10 * kMillion}) {
    const bool small = entries == kMillion;
    all.push_back(phase(entries, "get-hit", Against::kBestPersistent, small ? 3.0 : 2.5));
    all.push_back(phase(entries, "get-hit", Against::kStore, 2.0, "go-map"));
    all.push_back(phase(entries, "get-hit", Against::kStore, 1.5, "absl"));
    all.push_back(phase(entries, "get-miss", Against::kBestPersistent, 3.0));
    all.push_back(phase(entries, "fill", Against::kBestUnpresized, small ? 1.5 : 3.0));
    if (!small) all.push_back(phase(entries, "fill", Against::kBestPresized, 1.2));
    all.push_back(phase(entries, "update", Against::kBestPersistent, 1.5));
    all.push_back(phase(entries, "ycsb-a", Against::kBestPersistent, 1.5));
    all.push_back(phase(entries, "ycsb-b", Against::kBestPersistent, 2.0));
    all.push_back(phase(entries, "erase", Against::kBestPersistent, 1.2));
    all.push_back(phase(entries, "iterate", Against::kStore, 0.6, "lmdb"));
  }
  Demand many = phase(10 * kMillion, "multi-get", Against::kStore, 2.0, "hmap");
  many.what = "multi-get of 16, 10 M, against single get-hit";
  many.rival_figure = "get-hit";
  all.push_back(many);
  many.what = "multi-get of 16, 10 M, against LMDB's get-hit (instead of the line above)";
  many.rival = "lmdb";
  many.bound = 8;
  all.push_back(many);
}

void add_u64(std::vector<Demand>& all) {
  const std::vector<std::pair<const char*, double>> rivals = {
      {"lmdb-integerkey", 6}, {"boost-u64", 2}, {"go-map", 1}};
  for (const auto& [rival, bound] : rivals) {
    all.push_back({.what = fmt::format("get-hit, u64 to u64, 10 M, against {}", rival),
                   .measure = "u64",
                   .entries = 10 * kMillion,
                   .key_bytes = 8,
                   .value_bytes = 8,
                   .store = "hmap-u64",
                   .figure = "get-hit",
                   .against = Against::kStore,
                   .rival = rival,
                   .bound = bound});
  }
}

void add_values(std::vector<Demand>& all) {
  for (const std::size_t value_bytes : {std::size_t{1} << 10, std::size_t{16} << 10}) {
    for (const char* const figure : {"fill", "get-hit"}) {
      all.push_back({.what = fmt::format("{}, values of {} KiB, against the best persistent peer",
                                         figure, value_bytes >> 10),
                     .measure = "values",
                     .key_bytes = 16,
                     .value_bytes = value_bytes,
                     .figure = figure,
                     .against = Against::kBestPersistent,
                     .bound = 1.2});
    }
  }
}

Demand limit(const char* what, const char* measure, std::uint64_t entries, const char* figure,
             double bound, Unit unit, bool at_least = false) {
  return {.what = what,
          .measure = measure,
          .entries = entries,
          .figure = figure,
          .against = Against::kLimit,
          .bound = bound,
          .at_least = at_least,
          .unit = unit};
}

Demand elsewhere(const char* what, const char* where) {
  return {.what = what, .against = Against::kNobody, .rival = where};
}

void add_growing(std::vector<Demand>& all) {
  constexpr std::uint64_t kEntries = 10 * kMillion;
  all.push_back({.what = "put latency while growing from 0 to 10 M, p99.99, against tkrzw",
                 .measure = "latency",
                 .entries = kEntries,
                 .figure = "p99.99",
                 .against = Against::kStore,
                 .rival = "tkrzw",
                 .bound = 1.0});
  all.push_back(limit("the same, p99.999 beyond a control loop's own gaps", "latency", kEntries,
                      "p99.999 beyond", 1e-3, Unit::kSeconds));
  all.push_back(
      limit("system calls of one put while growing", "work", 0, "calls, max", 2, Unit::kNumber));
  all.push_back(elsewhere("chains evacuated by one put, at most 2", "tests/model counts them"));
  all.push_back(elsewhere("blocks copied by one put, at most 8", "tests/model counts them"));
  all.push_back(elsewhere("a cut holds the shard locks, below 5 ms",
                          "measured in format-spec/rationale.md, 5"));
}

void add_processes(std::vector<Demand>& all) {
  all.push_back(limit("2 reader processes on one store, against 2 on two stores", "processes", 0,
                      "one store over two", 0.95, Unit::kNumber, true));
  all.push_back(limit("a reader beside 1 full-speed writer, against the reader alone", "processes",
                      0, "kept beside a writer", 0.8, Unit::kNumber, true));
}

void add_files(std::vector<Demand>& all) {
  constexpr std::uint64_t kEntries = 10 * kMillion;
  all.push_back(limit("opening a store of 10 M entries, warm", "open", kEntries, "open", 1e-3,
                      Unit::kSeconds));
  all.push_back(limit("the same after kill -9", "open", kEntries, "open after kill -9", 1e-3,
                      Unit::kSeconds));
  all.push_back(limit("the same after a power cut", "open", kEntries, "open after power cut", 50e-3,
                      Unit::kSeconds));
  all.push_back(limit("bytes of file per entry at 16+100 B, 10 M", "open", kEntries, "bytes/entry",
                      150, Unit::kBytes));
  for (const auto& [figure, bound] :
       std::vector<std::pair<const char*, double>>{{"1 process", 0.9}, {"8 processes", 4.0}}) {
    all.push_back({.what = fmt::format("durable commits, {}, against a bare loop", figure),
                   .measure = "commits",
                   .store = "hmap-commit",
                   .figure = figure,
                   .against = Against::kStore,
                   .rival = "bare-loop",
                   .rival_figure = "1 process",
                   .bound = bound});
  }
  all.push_back(limit("a store twice as large as its memory: page faults per get", "memory", 0,
                      "faults/get", 1.2, Unit::kNumber));
}

}  // namespace

const std::vector<Demand>& demands() {
  static const std::vector<Demand> all = [] {
    std::vector<Demand> list;
    add_phases(list);
    add_u64(list);
    add_values(list);
    add_growing(list);
    add_processes(list);
    add_files(list);
    return list;
  }();
  return all;
}

}  // namespace hmap::bench
