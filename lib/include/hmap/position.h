// Where an iteration stands.
#ifndef HMAP_POSITION_H_
#define HMAP_POSITION_H_

#include <cstdint>

namespace hmap {

// A place in an iteration, to be kept and used later, by this process or another: plain numbers.
// Valid for the store it came from; resuming a foreign or an invented position gives some
// iteration, never a fault.
struct Position {
  std::uint64_t shard = 0;  // Shards done.
  std::uint64_t start = 0;  // Where in the order of reversed hashes the walk of this shard began.
  std::uint64_t progress = 0;  // How far it has come, of 2^64.
  std::uint64_t order = 0;     // The order of hashes, which a shard that has become empty changes.
};

}  // namespace hmap

#endif  // HMAP_POSITION_H_
