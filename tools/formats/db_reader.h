// Reads Berkeley DB / LMDB / MDBX dump text, bytevalue and print.
//
//   VERSION=3              any order, LF only; VERSION= has to be there
//   format=bytevalue       or print; bytevalue if it is missing
//   type=btree             or hash
//   HEADER=END
//    6b6579                one space, then the key: hex digits, or text with \\ and \hh
//    76616c7565            the same for the value
//   DATA=END               and nothing behind it
#ifndef HMAP_TOOLS_FORMATS_DB_READER_H_
#define HMAP_TOOLS_FORMATS_DB_READER_H_

#include <string>
#include <string_view>

#include "formats/field.h"
#include "formats/format.h"

namespace hmap::tool {

class DbReader : public RecordReader {
 public:
  explicit DbReader(Input& input) : input_(input) {}
  bool next(Record& record) override;

 private:
  void read_header();
  void read_keyword(std::string_view name, std::string_view value);
  void finish_header();
  // False if a line stands there that begins with no space.
  bool read_data(Field field);
  void read_hex(Field& field);
  void read_print(Field& field);
  void read_end();

  Input& input_;
  std::string line_;
  bool header_read_ = false;
  bool has_version_ = false;
  bool print_ = false;
  bool of_lmdb_ = false;
};

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_FORMATS_DB_READER_H_
