// Text of stores of one machine's past: gdbm_dump, tdbdump, and kchashmgr -px of Kyoto Cabinet.
#ifndef HMAP_TOOLS_FORMATS_OTHERS_H_
#define HMAP_TOOLS_FORMATS_OTHERS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "formats/field.h"
#include "formats/format.h"

namespace hmap::tool {

// The ASCII format of gdbm_dump: header lines "#:name=value", then for each key and each value
// "#:len=N" and base64, then "#:count=N" and "# End of data". gdbm_load 1.23 reads no empty values,
// not even those that its own gdbm_dump writes; 1.24 does.
class GdbmReader : public RecordReader {
 public:
  explicit GdbmReader(Input& input) : input_(input) {}
  bool next(Record& record) override;

 private:
  void read_header();
  // False at "#:count=".
  bool read_datum(Field field);
  void read_base64(Field& field, std::uint64_t length);
  void read_end(std::string_view count);
  bool read_line();

  Input& input_;
  std::string line_;
  bool header_read_ = false;
  std::uint64_t count_ = 0;
};

class GdbmWriter : public RecordWriter {
 public:
  explicit GdbmWriter(Output& out) : out_(out) {}
  void begin() override;
  void write(std::string_view key, std::string_view value) override;
  void end() override;

 private:
  void write_datum(std::string_view bytes);

  Output& out_;
  std::uint64_t count_ = 0;
};

// The format of tdbdump: {, key(N) = "...", data(N) = "...", }, with \XX for what is not printable
// and for quotes and backslashes. It has no end, so that a file cut between two records is not
// noticed.
class TdbReader : public RecordReader {
 public:
  explicit TdbReader(Input& input) : input_(input) {}
  bool next(Record& record) override;

 private:
  void expect(std::string_view text, std::string_view where);
  void read_datum(std::string_view name, Field field);
  std::uint64_t read_length();
  char read_char(std::string_view name);

  Input& input_;
};

class TdbWriter : public RecordWriter {
 public:
  explicit TdbWriter(Output& out) : out_(out) {}
  void write(std::string_view key, std::string_view value) override;

 private:
  void write_datum(std::string_view name, std::string_view bytes);

  Output& out_;
};

// KEY, TAB, VALUE, LF, both in hex digits, with or without spaces between the bytes: what
// `kchashmgr list -pv -px` writes and `kchashmgr import -sx` reads.
class HexTsvReader : public RecordReader {
 public:
  explicit HexTsvReader(Input& input) : input_(input) {}
  bool next(Record& record) override;

 private:
  void read_field(Field field, char end);

  Input& input_;
};

class HexTsvWriter : public RecordWriter {
 public:
  explicit HexTsvWriter(Output& out) : out_(out) {}
  void write(std::string_view key, std::string_view value) override;

 private:
  void write_hex(std::string_view bytes);

  Output& out_;
};

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_FORMATS_OTHERS_H_
