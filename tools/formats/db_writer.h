// Writes Berkeley DB / LMDB dump text that db5.3_load, mdb_load and mdbx_load all take.
#ifndef HMAP_TOOLS_FORMATS_DB_WRITER_H_
#define HMAP_TOOLS_FORMATS_DB_WRITER_H_

#include <string>
#include <string_view>

#include "formats/format.h"

namespace hmap::tool {

class DbWriter : public RecordWriter {
 public:
  explicit DbWriter(Output& out) : out_(out) {}
  void begin() override;
  void write(std::string_view key, std::string_view value) override;
  void end() override;

 private:
  void write_line(std::string_view bytes);

  Output& out_;
  std::string hex_;
};

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_FORMATS_DB_WRITER_H_
