// Tab-separated values: KEY, one TAB, VALUE, LF; the escapes of text/escape.h.
#ifndef HMAP_TOOLS_FORMATS_TSV_H_
#define HMAP_TOOLS_FORMATS_TSV_H_

#include <cstdint>
#include <string_view>

#include "formats/field.h"
#include "formats/format.h"

namespace hmap::tool {

// Reads more escapes than the writer writes: \\ \t \n \r \xHH, and of C also \a \b \f \v \0 \" \'
// \?, as tkrzw and others write them. Bytes that are not UTF-8 may stand for themselves. A last
// line without LF is refused, for nothing else in this format shows that a file was cut.
class TsvReader : public RecordReader {
 public:
  explicit TsvReader(Input& input) : input_(input) {}
  bool next(Record& record) override;
  // A line that is a key and nothing else; record.value stays as it is.
  bool next_key(Record& record);

 private:
  enum class State : std::uint8_t { kPlain, kBackslash, kZero, kHexHigh, kHexLow };

  // Reads up to `end` (TAB or LF), which is consumed.
  void read_field(Field field, char end);
  void read_escaped(char c, Field& field);
  void check_end(std::string_view name, char found, char end) const;

  Input& input_;
  State state_ = State::kPlain;
  int high_ = 0;
  bool after_cr_ = false;
};

class TsvWriter : public RecordWriter {
 public:
  explicit TsvWriter(Output& out) : out_(out) {}
  void write(std::string_view key, std::string_view value) override;

 private:
  Output& out_;
};

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_FORMATS_TSV_H_
