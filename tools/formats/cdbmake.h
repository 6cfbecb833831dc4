// The input of cdbmake: "+KEYLENGTH,VALUELENGTH:KEY->VALUE" LF for each record, then an empty line.
//
// Lengths are decimal and the bytes stand for themselves. The empty line is the mark that nothing
// is missing.
#ifndef HMAP_TOOLS_FORMATS_CDBMAKE_H_
#define HMAP_TOOLS_FORMATS_CDBMAKE_H_

#include <cstdint>
#include <string_view>

#include "formats/field.h"
#include "formats/format.h"

namespace hmap::tool {

class CdbmakeReader : public RecordReader {
 public:
  explicit CdbmakeReader(Input& input) : input_(input) {}
  bool next(Record& record) override;

 private:
  std::uint64_t read_length(char end, std::string_view name);
  void read_bytes(std::uint64_t count, Field& field);
  void expect(std::string_view text, std::string_view where);

  Input& input_;
  std::uint64_t record_line_ = 0;
};

class CdbmakeWriter : public RecordWriter {
 public:
  explicit CdbmakeWriter(Output& out) : out_(out) {}
  void write(std::string_view key, std::string_view value) override;
  void end() override;

 private:
  Output& out_;
};

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_FORMATS_CDBMAKE_H_
