// An input for the targets that work on files: which undamaged store, and what
// is changed in it.
//
// So an input is some dozens of bytes and not a file of 100 KiB: it says what
// is damaged, in words that stay right when the format moves things about, and
// a found case can be read.
//
//   | base | flags | steps | salt |  Edit (16 bytes)  |  Edit  | ...
#ifndef HMAP_TESTS_FUZZ_SCRIPT_H_
#define HMAP_TESTS_FUZZ_SCRIPT_H_

#include <string>
#include <vector>

#include "bases.h"
#include "bytes.h"

namespace hmap::test {

// What an edit does. The order is part of the inputs kept as regressions: only
// append.
enum class Op : std::uint8_t {
  kSet,        // the word becomes `value`
  kAdd,        // `value` is added to it
  kXor,        // these bits are flipped
  kOffset,     // it becomes the offset of another part, plus `value`'s upper half
  kReference,  // the same / 16: a bucket's reference
  kBlock,      // the same / block_bytes: a place in a table
  kExtent,     // the same as extent index + 1, and `value`'s lower byte as a number
               // of extents: a row
  kCopy,       // `value` bytes (at most 4096) are copied from another part
  kFill,       // `value`'s upper half of bytes become its lowest byte
  kCut,        // the file ends here
  kPlaceWord,  // offset of another part as a place word, with a birth epoch
  kCount,
};

struct Edit {
  std::uint8_t op;
  std::uint8_t kind;   // Kind, modulo
  std::uint8_t index;  // which part of the kind, modulo
  std::uint8_t width;  // 1 << (width % 4) bytes
  std::uint16_t at;    // in the part: modulo its size, rounded down to `width`
  std::uint8_t other_kind;
  std::uint8_t other_index;
  std::uint64_t value;
};
static_assert(sizeof(Edit) == 16);

struct Script {
  enum Flags : std::uint8_t {
    kSealStructures = 1,
    kSealRecords = 2,
    kOfThisBoot = 4,         // the runtime area counts
    kBrief = 8,              // few keys asked for, few writes
    kShrink = 16,            // compact_online() between two halves of the writes
    kSparesSuperblock = 32,  // it is as it was, whatever the edits say
    kBothSealed = kSealStructures | kSealRecords,
  };
  std::uint8_t base = 0;
  std::uint8_t flags = 0;
  std::uint8_t steps = 0;  // what the target does with the file
  std::uint8_t salt = 0;   // of the library's randomness
  std::vector<Edit> edits;

  static constexpr std::size_t kHeadBytes = 4;
  static constexpr std::size_t kEditsMax = 64;
  static Script parse(Bytes input);
  [[nodiscard]] std::string bytes() const;
};

// Changes `file`, which is that of `base`.
void apply(const Edit& edit, const Base& base, std::string& file);
// The damaged file of a script: changed, then sealed.
void make_damaged_file(const Script& script, const Base& base, std::string& file);

// Mutations of an input of `bytes` bytes in place; they return its new length, at most `bytes_max`.
// `mutate` changes bytes without knowing what they mean.
using MutateBytes = std::size_t (*)(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max);
// Of scripts about bases(), by structure.
std::size_t mutate_store(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max,
                         unsigned seed, MutateBytes mutate);
// The same, superblocks being damaged seldom.
std::size_t mutate_recover(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max,
                           unsigned seed, MutateBytes mutate);
// Of scripts about logged_bases().
std::size_t mutate_log(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max, unsigned seed,
                       MutateBytes mutate);
// Of anything else.
std::size_t mutate_plain(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max,
                         unsigned seed, MutateBytes mutate);

// Of a row of calls, most of them short.
std::size_t mutate_calls(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max,
                         unsigned seed, MutateBytes mutate);

// Inputs to begin with: every store undamaged and as it is after each of some
// simple damages.
std::vector<std::string> script_seeds();

}  // namespace hmap::test

#endif  // HMAP_TESTS_FUZZ_SCRIPT_H_
