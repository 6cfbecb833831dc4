// Two columns of hex digits. See others.h.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "formats/others.h"
#include "io/input.h"
#include "io/output.h"
#include "text/escape.h"
#include "text/hex.h"

namespace hmap::tool {

bool HexTsvReader::next(Record& record) {
  record.line = input_.line();
  if (input_.peek().empty()) return false;
  read_field(Field::key(input_, record.key), '\t');
  read_field(Field::value(input_, record.value), '\n');
  return true;
}

void HexTsvReader::read_field(Field field, char end) {
  const std::string_view wanted = end == '\t' ? "a TAB" : "LF";
  int high = -1;
  for (;;) {
    const std::string_view bytes = input_.peek();
    if (bytes.empty()) input_.refuse(kInputEnds, fmt::format("a hex digit or {}", wanted));
    const char c = bytes[0];
    const int digit = hex_digit(c);
    if (digit < 0 && high >= 0) input_.refuse(quote({&c, 1}), "the second hex digit of a byte");
    if (digit < 0 && c != ' ' && c != end)
      input_.refuse(quote({&c, 1}),
                    fmt::format("a hex digit of the {} or {}", field.name(), wanted));
    input_.consume(1);
    if (c == end) return;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      field.append(static_cast<char>(high * 16 + digit));
      high = -1;
    }
  }
}

void HexTsvWriter::write(std::string_view key, std::string_view value) {
  write_hex(key);
  out_.put('\t');
  write_hex(value);
  out_.put('\n');
}

void HexTsvWriter::write_hex(std::string_view bytes) {
  constexpr std::size_t kPartBytes = 1U << 14U;
  std::string hex;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(kPartBytes, bytes.size()))) {
    hex.clear();
    append_hex(bytes.substr(0, kPartBytes), hex);
    out_.write(hex);
  }
}

}  // namespace hmap::tool
