// What the programs on the device do, so that what is found later can be told to be the state after
// exactly so many of their operations.
//
// A history is one or more writers, processes, each with keys of its own and a sequence of
// operations that follows from the seed.
#ifndef HMAP_TESTS_DEVICE_HISTORY_H_
#define HMAP_TESTS_DEVICE_HISTORY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "block_device.h"
#include "hmap/store.h"

namespace hmap::test {

struct Operation {
  enum class Kind { kPut, kErase, kCheckpoint };
  Kind kind = Kind::kPut;
  std::string key;
  std::string value;
};

struct Plan {
  const char* name = "";
  std::uint64_t seed = 1;
  std::uint32_t writers = 1;
  std::uint64_t operations = 400;  // of each writer
  Options options;
  // One operation in so many is an explicit checkpoint; 0: none.
  std::uint64_t checkpoint_one_in = 0;
  // Nobody but the one writer takes checkpoints: the state found is one of exactly two.
  bool exact = false;
};

// Operation `number` (from 1) of a writer.
Operation operation(const Plan& plan, std::uint32_t writer, std::uint64_t number);

Status perform(Store& store, const Operation& step);

// A number for a set of entries, whatever their order: the sum of these.
std::uint64_t digest_of(std::string_view key, std::string_view value);

// The digest of a writer's entries after each of its first `operations`; the first: after none.
std::vector<std::uint64_t> digests(const Plan& plan, std::uint32_t writer,
                                   std::uint64_t operations);

// Which writer a key belongs to.
std::uint32_t writer_of(std::string_view key);

// Runs a writer to its end and marks what it knows on the device. Stops at the first call that
// fails and returns its Status; `done` is what has returned by then.
Status live(const Plan& plan, std::uint32_t writer, const std::string& path,
            const BlockDevice& device, std::uint64_t& done);

// What is found in a store: its entries by writer.
struct Found {
  std::vector<std::uint64_t> digests;  // of each writer
  std::uint64_t entries = 0;
};
Result<Found> look(const Store& store, std::uint32_t writers);

}  // namespace hmap::test

#endif  // HMAP_TESTS_DEVICE_HISTORY_H_
