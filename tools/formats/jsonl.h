// JSON Lines: {"key":"...","value":"..."} LF for each record; a field that is not valid UTF-8 is
// "key_b64" or "value_b64" instead.
#ifndef HMAP_TOOLS_FORMATS_JSONL_H_
#define HMAP_TOOLS_FORMATS_JSONL_H_

#include <string>
#include <string_view>

#include "formats/format.h"

namespace hmap::tool {

// An object with other members, with a member twice or with both forms of a field is refused. A
// last line may lack its LF: a cut one is not a whole object.
class JsonlReader : public RecordReader {
 public:
  explicit JsonlReader(Input& input) : input_(input) {}
  bool next(Record& record) override;

 private:
  Input& input_;
  std::string line_;
};

class JsonlWriter : public RecordWriter {
 public:
  explicit JsonlWriter(Output& out) : out_(out) {}
  void write(std::string_view key, std::string_view value) override;

 private:
  Output& out_;
};

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_FORMATS_JSONL_H_
