// hmap::train_dictionary(): what Options::dictionary is made of.
//
//   hmap::Result<std::string> dictionary = hmap::train_dictionary(old_store);
//   if (!dictionary) return fail(dictionary.error());
//   hmap::CompactOptions options;
//   options.store.compression = hmap::Compression::kLz4;
//   options.store.dictionary = *dictionary;
//   hmap::compact("users.hmap", options);
#ifndef HMAP_TRAIN_H_
#define HMAP_TRAIN_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "hmap/export.h"
#include "hmap/options.h"
#include "hmap/result.h"

namespace hmap {

class Store;

// Makes a dictionary of what values have in common.
//
//   samples  Values as they will be put: at least eight of 8 bytes or more, better thousands;
//            shorter ones are left out. Of more than 16 MiB an even selection is used; of each
//            value its first 16 KiB.
//   bytes    Longest dictionary wanted, 256 to kDictionaryBytesMax. The file of a store is longer
//            by this; short ones are as fast to use and save less.
// Returns the dictionary, which may be shorter. Errors: kInvalidArgument (`bytes` out of range; too
// few samples, or nothing in common). Threads: any; no store is touched.
// Cost: about 2 s for 16 MiB, in memory five times that. The work is done by the dictionary builder
// of Zstandard (Liao, Petri, Moffat, Wirth: "Effective Construction of Relative Lempel-Ziv
// Dictionaries", 2016).
HMAP_EXPORT Result<std::string> train_dictionary(std::span<const std::string_view> samples,
                                                 std::size_t bytes = kDictionaryBytesMax);

// The same of the values that a store has: of a store of more than 16 MiB of a random part. Errors
// besides: those of Store::cursor() and Cursor::next(). Cost besides: reads what it takes as
// samples.
HMAP_EXPORT Result<std::string> train_dictionary(const Store& store,
                                                 std::size_t bytes = kDictionaryBytesMax);

}  // namespace hmap

#endif  // HMAP_TRAIN_H_
