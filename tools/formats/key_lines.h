// Keys, one on a line, as `list` writes them.
#ifndef HMAP_TOOLS_FORMATS_KEY_LINES_H_
#define HMAP_TOOLS_FORMATS_KEY_LINES_H_

#include "formats/format.h"
#include "formats/tsv.h"
#include "hmap/type.h"
#include "text/typed.h"

namespace hmap::tool {

// Byte strings have the escapes of `tsv`; numbers and hex digits stand for themselves. An empty
// line is the empty key. What `list` would not write for such a store is refused.
class KeyLines {
 public:
  // `key`: what the keys of the store are.
  KeyLines(Input& input, TextType type, const TypeInfo::Part& key)
      : input_(input), tsv_(input), type_(type), key_(key) {}

  // Reads the next line into record.key and record.line; false at the proper end of the input.
  // Throws Failure kBadInput.
  bool next(Record& record);

 private:
  bool next_typed(Record& record);

  Input& input_;
  TsvReader tsv_;
  TextType type_;
  TypeInfo::Part key_;
};

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_FORMATS_KEY_LINES_H_
