// The bytes of a tophash word, looked at eight at a time: as if one by one.
#include "map/bmap.h"

#include <gtest/gtest.h>

#include <random>

namespace hmap::test {
namespace {

// Every value of every byte, beside others that are all alike and beside random ones.
template <typename Check>
void for_each_word(Check&& check) {
  std::mt19937_64 random(1);
  for (const u64 rest : {u64{0}, ~u64{0}, u64{0x0505050505050505}, u64{0x7f80047f80047f80}}) {
    for (u64 slot = 0; slot < format::kSlots; ++slot) {
      for (unsigned value = 0; value < 256; ++value) {
        check(with_tophash(rest, slot, static_cast<u8>(value)));
        check(with_tophash(random(), slot, static_cast<u8>(value)));
      }
    }
  }
}

TEST(TopHashes, Filled) {
  for_each_word([](u64 word) {
    const u32 filled = filled_slots(word);
    ASSERT_LT(filled, 256u);
    for (u64 slot = 0; slot < format::kSlots; ++slot)
      ASSERT_EQ((filled >> slot & 1) != 0, is_filled(tophash_at(word, slot))) << word;
  });
}

TEST(TopHashes, Match) {
  for_each_word([](u64 word) {
    for (const u8 value : {u8{0}, u8{1}, u8{4}, u8{5}, u8{0x7f}, u8{0x80}, u8{0xff}}) {
      const u32 equal = match_bytes(word, value);
      ASSERT_LT(equal, 256u);
      for (u64 slot = 0; slot < format::kSlots; ++slot)
        ASSERT_EQ((equal >> slot & 1) != 0, tophash_at(word, slot) == value) << word;
    }
  });
}

}  // namespace
}  // namespace hmap::test
