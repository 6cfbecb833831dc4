// See db_writer.h.
#include "formats/db_writer.h"

#include <fmt/format.h>

#include <cstddef>

#include "io/output.h"
#include "text/hex.h"

namespace hmap::tool {

// Why exactly these four lines: an unknown keyword is fatal to Berkeley DB (so nothing of ours, and
// no mapsize=), "type=hash" is fatal to LMDB, and "format=print" is damaged by mdb_load 0.9.24.
void DbWriter::begin() {
  out_.write("VERSION=3\nformat=bytevalue\ntype=btree\n");
  if (lmdb_bytes_) {
    // Pages that are half empty after splits, values of a little more than a page in two, and the
    // pages of a transaction that holds everything twice. The file grows as it is written: too much
    // costs address space only.
    constexpr std::uint64_t kUnit = std::uint64_t{1} << 20;
    const std::uint64_t bytes = (*lmdb_bytes_ * 6 / kUnit + 64) * kUnit;
    out_.write(fmt::format("mapsize={}\n", bytes));
  }
  out_.write("HEADER=END\n");
}

void DbWriter::write(std::string_view key, std::string_view value) {
  write_line(key);
  write_line(value);
}

void DbWriter::end() { out_.write("DATA=END\n"); }

// Lower-case digits: db5.3_load reads " 4A" as 0x4F and says nothing.
void DbWriter::write_line(std::string_view bytes) {
  constexpr std::size_t kPartBytes = 1U << 14U;
  out_.put(' ');
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kPartBytes);
    hex_.clear();
    append_hex(part, hex_);
    out_.write(hex_);
    bytes.remove_prefix(part.size());
  }
  out_.put('\n');
}

}  // namespace hmap::tool
