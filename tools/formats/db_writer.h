// Writes Berkeley DB / LMDB dump text that db5.3_load, mdb_load and mdbx_load all take.
#ifndef HMAP_TOOLS_FORMATS_DB_WRITER_H_
#define HMAP_TOOLS_FORMATS_DB_WRITER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "formats/format.h"

namespace hmap::tool {

class DbWriter : public RecordWriter {
 public:
  explicit DbWriter(Output& out) : out_(out) {}
  // For LMDB only: with the mapsize without which mdb_load takes no more than 1 MiB. `bytes`: those
  // of all records.
  DbWriter(Output& out, std::uint64_t bytes) : out_(out), lmdb_bytes_(bytes) {}
  void begin() override;
  void write(std::string_view key, std::string_view value) override;
  void end() override;

 private:
  void write_line(std::string_view bytes);

  Output& out_;
  std::optional<std::uint64_t> lmdb_bytes_;
  std::string hex_;
};

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_FORMATS_DB_WRITER_H_
