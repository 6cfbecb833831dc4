// Several writes that happen at one moment.
//
//   hmap::Batch batch;
//   batch.put("account/ada", "90");
//   batch.put("account/bob", "110");
//   batch.erase("transfer/17");
//   hmap::Status status = store->apply(batch);
//
// What Store::apply() promises:
//   * All or nothing: after kill -9 at any instruction all operations have happened or none has.
//     After a power cut likewise, in every durability: no checkpoint and no commit log has half a
//     batch. After an error nothing has happened.
//   * At one moment, for everybody: a get() that begins after any get() of any process has seen one
//     operation of the batch sees all of them, also if the writer died in the middle of its work. A
//     Snapshot has all of a batch or nothing of it, and so has iteration over it.
//   * What it does not promise: two get() calls are two moments, and a batch may come between them;
//     so may it come between two steps of an iteration over the live store. Who wants several keys
//     as they were at one moment takes a Snapshot.
//   * Not a transaction: nothing is read, and nobody is kept from changing a key between a get()
//     and the apply() that builds on it.
//
// Limits, beyond which apply() answers kTooLarge and does nothing:
//   * 4,096 operations; less in stores created with blocks below 4 KiB: Stats::batch_ops;
//   * 1 MiB of keys and values in all (kBatchBytesMax);
//   * keys as in put(); key and value together 65,524 bytes, so that they need no extents of their
//     own (in stores created with extents below 32 KiB: twice the extent, less 12). Erasing or
//     replacing larger values has no limit;
//   * with Durability::kCommit, a batch of more than an eighth of the commit log (2 MiB, if
//     Options::log_bytes was not set) is not refused: its apply() waits for a checkpoint instead.
#ifndef HMAP_BATCH_H_
#define HMAP_BATCH_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "hmap/export.h"

namespace hmap {

// Operations put together for Store::apply(). Keys and values are copied. One thread at a time may
// change it; apply() only reads it, so it may be applied again, by several threads and to several
// stores.
class HMAP_EXPORT Batch {
 public:
  // The operations happen as if in the order of these calls: of several with one key, the last one
  // counts. Nothing is checked before apply(); what throws std::bad_alloc is not in the batch.
  // Cost: a copy of the bytes.
  void put(std::string_view key, std::string_view value);
  void erase(std::string_view key);  // absent is not an error

  // Removes all operations and keeps the memory for the next ones.
  void clear() noexcept;

  // Operations, those included that later ones make needless.
  [[nodiscard]] std::size_t size() const noexcept { return ops_.size(); }
  [[nodiscard]] bool empty() const noexcept { return ops_.empty(); }
  // Bytes of their keys and values.
  [[nodiscard]] std::size_t bytes() const noexcept { return text_.size(); }

 private:
  friend class Store;
  struct Op {
    std::size_t at;  // in text_: the key, then the value
    std::size_t key_bytes;
    std::size_t value_bytes;
    bool erases;
  };
  void add(std::string_view key, std::string_view value, bool erases);
  std::string text_;
  std::vector<Op> ops_;
};

}  // namespace hmap

#endif  // HMAP_BATCH_H_
