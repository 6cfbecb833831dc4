// tdbdump's format. See others.h.
#include <fmt/format.h>

#include <cstddef>

#include "formats/others.h"
#include "io/input.h"
#include "io/output.h"
#include "text/escape.h"
#include "text/hex.h"

namespace hmap::tool {
bool TdbReader::next(Record& record) {
  record.line = input_.line();
  if (input_.peek().empty()) return false;
  expect("{\n", "at the beginning of a record");
  read_datum("key", Field::key(input_, record.key));
  read_datum("data", Field::value(input_, record.value));
  expect("}\n", "at the end of a record");
  return true;
}

void TdbReader::expect(std::string_view text, std::string_view where) {
  for (const char wanted : text) {
    const std::string_view bytes = input_.peek();
    if (bytes.empty() || bytes[0] != wanted) {
      input_.refuse(bytes.empty() ? std::string(kInputEnds) : quote(bytes.substr(0, 1)),
                    fmt::format("{} {}", quote(text), where));
    }
    input_.consume(1);
  }
}

std::uint64_t TdbReader::read_length() {
  constexpr int kDigitsMax = 10;
  std::uint64_t length = 0;
  for (int digits = 0;; ++digits) {
    const std::string_view bytes = input_.peek();
    const char c = bytes.empty() ? '\0' : bytes[0];
    if (c == ')' && digits > 0) return length;
    if (c < '0' || c > '9' || digits == kDigitsMax)
      input_.refuse(bytes.empty() ? std::string(kInputEnds) : quote({&c, 1}),
                    "a length in parentheses");
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
    input_.consume(1);
  }
}

char TdbReader::read_char(std::string_view name) {
  const std::string_view bytes = input_.peek();
  if (bytes.empty()) input_.refuse(kInputEnds, fmt::format("the rest of the {}", name));
  const char c = bytes[0];
  input_.consume(1);
  return c;
}

void TdbReader::read_datum(std::string_view name, Field field) {
  expect(name, "in a record");
  expect("(", "behind it");
  const std::uint64_t length = read_length();
  field.announce(length);
  expect(") = \"", "behind the length");
  for (;;) {
    const char c = read_char(name);
    if (c == '"') break;
    if (c == '\n') input_.refuse("LF within quotes", "a quote at the end, or \\0A");
    if (c != '\\') {
      field.append(c);
      continue;
    }
    const int high = hex_digit(read_char(name));
    const int low = hex_digit(read_char(name));
    if (high < 0 || low < 0) input_.refuse("a backslash", "two hex digits behind it");
    field.append(static_cast<char>(high * 16 + low));
  }
  if (field.size() != length) {
    input_.refuse(fmt::format("{} bytes of the {}", field.size(), name),
                  fmt::format("{} as the length says", length));
  }
  expect("\n", "behind the quotes");
}

void TdbWriter::write(std::string_view key, std::string_view value) {
  out_.write("{\n");
  write_datum("key", key);
  write_datum("data", value);
  out_.write("}\n");
}

void TdbWriter::write_datum(std::string_view name, std::string_view bytes) {
  out_.write(fmt::format("{}({}) = \"", name, bytes.size()));
  for (const char c : bytes) {
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
      out_.put(c);
    } else {
      out_.write(fmt::format("\\{:02X}", static_cast<unsigned char>(c)));
    }
  }
  out_.write("\"\n");
}

}  // namespace hmap::tool
