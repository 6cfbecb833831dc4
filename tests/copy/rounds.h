// A writer whose store tells of every moment whether it was one.
#ifndef HMAP_TESTS_COPY_ROUNDS_H_
#define HMAP_TESTS_COPY_ROUNDS_H_

#include <gtest/gtest.h>

#include <string>

#include "stores.h"

namespace hmap::test {

inline constexpr int kRoundKeys = 40;

inline void begin_rounds(Store& store) {
  for (int i = 0; i < kRoundKeys; ++i) EXPECT_OK(store.put("round " + std::to_string(i), "0"));
}

// Writes rounds for ever: every key gets the number of the round, one after the other.
inline void write_rounds(const std::string& path) {
  Result<Store> store = Store::open(path, quiet_options());
  for (unsigned round = 1; store; ++round) {
    for (int i = 0; i < kRoundKeys; ++i) {
      if (!store->put("round " + std::to_string(i), std::to_string(round)).ok()) return;
    }
    // Growth, evacuation, reuse of what was erased.
    const std::string key = "noise " + std::to_string(round % 3'000);
    if (round % 2 == 0 ? !store->put(key, key).ok() : !store->erase(key)) return;
  }
}

// That all of it is of one moment, which is not before `last`. Returns its round.
inline std::uint64_t expect_one_moment(const Contents& found, std::uint64_t last) {
  const auto round = [&found](int i) {
    return std::stoull(found.at("round " + std::to_string(i)));
  };
  // A round in progress: those in front are one ahead of those behind.
  for (int i = 1; i < kRoundKeys; ++i) EXPECT_LE(round(i), round(i - 1)) << i;
  EXPECT_GE(round(kRoundKeys - 1) + 1, round(0));
  EXPECT_GE(round(0), last);
  return round(0);
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_COPY_ROUNDS_H_
