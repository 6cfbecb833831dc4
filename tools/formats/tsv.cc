// See tsv.h.
#include "formats/tsv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "io/input.h"
#include "io/output.h"
#include "text/escape.h"
#include "text/hex.h"

namespace hmap::tool {
namespace {

constexpr std::string_view kEscapes =
    "one of \\\\ \\t \\n \\r \\xHH \\a \\b \\f \\v \\0 \\\" \\' \\?";

// The byte that `c` after a backslash stands for, or -1.
int simple_escape(char c) {
  switch (c) {
    case 't':
      return '\t';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'v':
      return '\v';
    case '\\':
    case '"':
    case '\'':
    case '?':
      return c;
    default:
      return -1;
  }
}

}  // namespace

bool TsvReader::next(Record& record) {
  if (input_.peek().empty()) return false;
  record.line = input_.line();
  read_field(Field::key(input_, record.key), '\t');
  read_field(Field::value(input_, record.value), '\n');
  return true;
}

bool TsvReader::next_key(Record& record) {
  if (input_.peek().empty()) return false;
  record.line = input_.line();
  read_field(Field::key(input_, record.key), '\n');
  return true;
}

void TsvReader::read_field(Field field, char end) {
  state_ = State::kPlain;
  after_cr_ = false;
  for (std::string_view bytes = input_.peek(); !bytes.empty(); bytes = input_.peek()) {
    std::size_t i = 0;
    for (; i < bytes.size() && bytes[i] != '\t' && bytes[i] != '\n'; ++i) {
      const char c = bytes[i];
      if (state_ != State::kPlain || c == '\\') {
        read_escaped(c, field);
      } else {
        const std::size_t stop = std::min(bytes.find_first_of("\\\t\n", i), bytes.size());
        field.append(bytes.substr(i, stop - i));
        after_cr_ = bytes[stop - 1] == '\r';
        i = stop - 1;
      }
    }
    if (i < bytes.size()) {
      check_end(field.name(), bytes[i], end);
      return input_.consume(i + 1);
    }
    input_.consume(i);
  }
  input_.refuse(kInputEnds, end == '\t' ? "a TAB" : fmt::format("LF after the {}", field.name()));
}

void TsvReader::read_escaped(char c, Field& field) {
  after_cr_ = c == '\r' && state_ == State::kZero;
  const int digit = hex_digit(c);
  switch (state_) {
    case State::kZero:
      // In C "\01" is one byte; elsewhere it is two. Nobody writes it who means well.
      if (c >= '0' && c <= '7')
        input_.refuse(fmt::format("\"\\0{}\"", c), "\\x00 before a digit from 0 to 7");
      state_ = State::kPlain;
      if (c != '\\') return field.append(c);
      [[fallthrough]];
    case State::kPlain:
      state_ = State::kBackslash;
      return;
    case State::kBackslash:
      if (c == 'x') {
        state_ = State::kHexHigh;
      } else if (c == '0') {
        field.append('\0');
        state_ = State::kZero;
      } else if (const int byte = simple_escape(c); byte >= 0) {
        field.append(static_cast<char>(byte));
        state_ = State::kPlain;
      } else {
        input_.refuse(fmt::format("the escape {}", quote(std::string("\\") + c)), kEscapes);
      }
      return;
    case State::kHexHigh:
    case State::kHexLow:
      if (digit < 0) input_.refuse(quote({&c, 1}), "two hex digits after \\x");
      if (state_ == State::kHexLow) field.append(static_cast<char>(high_ * 16 + digit));
      high_ = digit;
      state_ = state_ == State::kHexHigh ? State::kHexLow : State::kPlain;
      return;
  }
}

void TsvReader::check_end(std::string_view name, char found, char end) const {
  if (state_ != State::kPlain && state_ != State::kZero) {
    input_.refuse(fmt::format("a {} that ends within an escape", name), kEscapes);
  }
  if (found == '\n' && after_cr_) {
    input_.refuse("CR before LF", "lines that end in LF only, and CR written as \\r");
  }
  if (found == end) return;
  if (name == "key" && end == '\n') input_.refuse("a TAB", "one key, and TAB written as \\t");
  input_.refuse(found == '\t' ? "a second TAB" : "no TAB", "exactly one TAB in a line");
}

void TsvWriter::write(std::string_view key, std::string_view value) {
  write_escaped(key, out_);
  out_.put('\t');
  write_escaped(value, out_);
  out_.put('\n');
}

}  // namespace hmap::tool
