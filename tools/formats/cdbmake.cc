// See cdbmake.h.
#include "formats/cdbmake.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "io/input.h"
#include "io/output.h"
#include "text/escape.h"

namespace hmap::tool {

bool CdbmakeReader::next(Record& record) {
  record_line_ = record.line = input_.line();
  const std::string_view first = input_.peek();
  if (first.empty()) input_.refuse(kInputEnds, "a record, or an empty line as the end");
  if (first[0] == '\n') {
    input_.consume(1);
    const std::string_view rest = input_.peek();
    if (rest.empty()) return false;
    input_.refuse(quote(rest.substr(0, rest.find('\n'))), "the end of the input");
  }
  expect("+", "at the beginning of a record");
  Field key = Field::key(input_, record.key);
  const std::uint64_t key_bytes = read_length(',', "key");
  key.announce(key_bytes);
  Field value = Field::value(input_, record.value);
  const std::uint64_t value_bytes = read_length(':', "value");
  value.announce(value_bytes);
  read_bytes(key_bytes, key);
  expect("->", fmt::format("after a key of {} bytes", key_bytes));
  read_bytes(value_bytes, value);
  expect("\n", fmt::format("after a value of {} bytes", value_bytes));
  return true;
}

std::uint64_t CdbmakeReader::read_length(char end, std::string_view name) {
  // Bound: no limit of the format has more digits, and 11 digits do not overflow.
  constexpr int kDigitsMax = 11;
  std::uint64_t length = 0;
  for (int digits = 0; digits <= kDigitsMax; ++digits) {
    const std::string_view bytes = input_.peek();
    if (bytes.empty()) input_.refuse(kInputEnds, fmt::format("the length of the {}", name));
    const char c = bytes[0];
    if (c == end && digits > 0) {
      input_.consume(1);
      return length;
    }
    if (c < '0' || c > '9') {
      input_.refuse(quote({&c, 1}), fmt::format("a digit of the {}'s length{}", name,
                                                digits > 0 ? fmt::format(" or '{}'", end) : ""));
    }
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
    input_.consume(1);
  }
  input_.refuse(fmt::format("a length of more than {} digits", kDigitsMax),
                fmt::format("the length of the {}", name));
}

void CdbmakeReader::read_bytes(std::uint64_t count, Field& field) {
  while (count > 0) {
    const std::string_view bytes = input_.peek();
    if (bytes.empty()) {
      input_.refuse_at(
          record_line_, kInputEnds,
          fmt::format("{} more bytes of the {} that begins in this line", count, field.name()));
    }
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(count, bytes.size()));
    field.append(bytes.substr(0, part));
    input_.consume(part);
    count -= part;
  }
}

// Byte by byte: the text may lie across two buffers.
void CdbmakeReader::expect(std::string_view text, std::string_view where) {
  for (const char wanted : text) {
    const std::string_view bytes = input_.peek();
    if (!bytes.empty() && bytes[0] == wanted) {
      input_.consume(1);
      continue;
    }
    input_.refuse(bytes.empty() ? std::string(kInputEnds) : quote(bytes.substr(0, 1)),
                  fmt::format("{} {}", wanted == '\n' ? "LF" : quote(text), where));
  }
}

void CdbmakeWriter::write(std::string_view key, std::string_view value) {
  out_.write(fmt::format("+{},{}:", key.size(), value.size()));
  out_.write(key);
  out_.write("->");
  out_.write(value);
  out_.put('\n');
}

void CdbmakeWriter::end() { out_.put('\n'); }

}  // namespace hmap::tool
