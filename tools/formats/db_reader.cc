// See db_reader.h.
#include "formats/db_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "io/input.h"
#include "report/failure.h"
#include "text/escape.h"
#include "text/hex.h"

namespace hmap::tool {
namespace {

constexpr std::size_t kHeaderLineBytesMax = 4096;
constexpr std::string_view kCrLf = "CR before LF";

// What dump programs write and what changes nothing about the records.
constexpr std::array<std::string_view, 26> kKnown = {
    "bt_minkey", "canary",     "chksum",     "database",   "db_lorder",  "db_pagesize",
    "dupfixed",  "duplicates", "dupsort",    "extentsize", "geometry",   "h_ffactor",
    "h_nelem",   "integerdup", "integerkey", "mapaddr",    "mapsize",    "maxreaders",
    "re_len",    "re_pad",     "recnum",     "renumber",   "reversedup", "reversekey",
    "sequence",  "subdatabase"};
static_assert(std::is_sorted(kKnown.begin(), kKnown.end()));

bool ends_in_cr(std::string_view line) { return !line.empty() && line.back() == '\r'; }

}  // namespace

bool DbReader::next(Record& record) {
  if (!header_read_) read_header();
  record.line = input_.line();
  if (!read_data(Field::key(input_, record.key))) {
    read_end();
    return false;
  }
  if (!read_data(Field::value(input_, record.value))) {
    bool cut = false;
    const std::uint64_t line = input_.line();
    input_.read_line(line_, kHeaderLineBytesMax, cut);
    input_.refuse_at(line, line_.empty() ? std::string(kInputEnds) : quote(line_),
                     fmt::format("the value of the key in line {}", record.line));
  }
  return true;
}

void DbReader::read_header() {
  bool cut = false;
  for (;;) {
    const std::uint64_t line = input_.line();
    if (!input_.read_line(line_, kHeaderLineBytesMax, cut) || cut) {
      input_.refuse_at(line, kInputEnds, "HEADER=END");
    }
    if (ends_in_cr(line_)) input_.refuse_at(line, kCrLf, "lines that end in LF only");
    const std::size_t equals = line_.find('=');
    if (equals == std::string::npos) {
      input_.refuse_at(line, quote(line_), "a header line NAME=VALUE or HEADER=END");
    }
    if (line_ == "HEADER=END") {
      if (!has_version_) input_.refuse_at(line, "HEADER=END", "VERSION=3 before it");
      break;
    }
    const std::string_view view = line_;
    read_keyword(view.substr(0, equals), view.substr(equals + 1));
  }
  finish_header();
}

// The line has been consumed: it is the one before the input's.
void DbReader::read_keyword(std::string_view name, std::string_view value) {
  const std::uint64_t line = input_.line() - 1;
  if (name == "VERSION") {
    if (value != "3") input_.refuse_at(line, quote(line_), "VERSION=3");
    has_version_ = true;
  } else if (name == "format") {
    if (value != "bytevalue" && value != "print") {
      input_.refuse_at(line, quote(line_), "format=bytevalue or format=print");
    }
    print_ = value == "print";
  } else if (name == "type") {
    if (value != "btree" && value != "hash") {
      input_.refuse_at(line, quote(line_), "type=btree or type=hash");
    }
  } else if (name == "keys") {
    if (value != "1") input_.refuse_at(line, quote(line_), "keys=1: a dump with its keys");
  } else if (!std::binary_search(kKnown.begin(), kKnown.end(), name)) {
    warn(input_.name(), line, fmt::format("unknown keyword {} is left out", quote(name)));
  } else if ((name == "duplicates" || name == "dupsort") && value == "1") {
    warn(input_.name(), line, "of a key with several values only the last one is kept");
  }
  of_lmdb_ = of_lmdb_ || name == "mapsize" || name == "maxreaders";
}

void DbReader::finish_header() {
  header_read_ = true;
  if (print_ && of_lmdb_) {
    warn(input_.name(), 0,
         "mdb_dump -p before LMDB 0.9.25 does not escape backslashes (ITS#9068): records with a "
         "backslash may come out wrong; dump without -p");
  }
}

bool DbReader::read_data(Field field) {
  const std::string_view first = input_.peek();
  if (first.empty()) {
    input_.refuse(kInputEnds,
                  field.name() == "key" ? "a record or DATA=END" : "the value of a key");
  }
  if (first[0] != ' ') return false;
  input_.consume(1);
  print_ ? read_print(field) : read_hex(field);
  return true;
}

void DbReader::read_hex(Field& field) {
  std::uint64_t digits = 0;
  int high = 0;
  for (std::string_view bytes = input_.peek(); !bytes.empty(); bytes = input_.peek()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    for (const char c : bytes.substr(0, end)) {
      const int digit = hex_digit(c);
      if (digit < 0) {
        if (c == '\r') input_.refuse(kCrLf, "lines that end in LF only");
        input_.refuse(quote({&c, 1}), fmt::format("a hex digit of the {}", field.name()));
      }
      if (digits++ % 2 == 0) {
        high = digit;
      } else {
        field.append(static_cast<char>(high * 16 + digit));
      }
    }
    if (end == bytes.size()) {
      input_.consume(end);
      continue;
    }
    if (digits % 2 != 0) {
      input_.refuse(fmt::format("an odd number of hex digits ({})", digits), "two for each byte");
    }
    input_.consume(end + 1);
    return;
  }
  input_.refuse(kInputEnds, fmt::format("the rest of the {}", field.name()));
}

void DbReader::read_print(Field& field) {
  enum class State { kPlain, kBackslash, kHex } state = State::kPlain;
  int high = 0;
  for (std::string_view bytes = input_.peek(); !bytes.empty(); bytes = input_.peek()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    for (const char c : bytes.substr(0, end)) {
      if (c == '\r') input_.refuse("CR", "LF at the end of a line, and CR written as \\0d");
      const int digit = hex_digit(c);
      if (state == State::kPlain && c != '\\') {
        field.append(c);
      } else if (state == State::kPlain) {
        state = State::kBackslash;
      } else if (state == State::kBackslash && c == '\\') {
        field.append(c);
        state = State::kPlain;
      } else if (digit < 0) {
        input_.refuse(fmt::format("{} after a backslash", quote({&c, 1})),
                      "a second backslash or two hex digits");
      } else if (state == State::kBackslash) {
        high = digit;
        state = State::kHex;
      } else {
        field.append(static_cast<char>(high * 16 + digit));
        state = State::kPlain;
      }
    }
    if (end == bytes.size()) {
      input_.consume(end);
      continue;
    }
    if (state != State::kPlain) {
      input_.refuse("a line that ends within an escape", "a second backslash or two hex digits");
    }
    input_.consume(end + 1);
    return;
  }
  input_.refuse(kInputEnds, fmt::format("the rest of the {}", field.name()));
}

void DbReader::read_end() {
  bool cut = false;
  std::uint64_t line = input_.line();
  input_.read_line(line_, kHeaderLineBytesMax, cut);
  if (ends_in_cr(line_)) input_.refuse_at(line, kCrLf, "lines that end in LF only");
  if (line_ != "DATA=END") {
    input_.refuse_at(line, quote(line_), "a line that begins with one space, or DATA=END");
  }
  line = input_.line();
  if (!input_.read_line(line_, kHeaderLineBytesMax, cut)) return;
  if (line_.starts_with("VERSION=")) {
    input_.refuse_at(line, "a second section", "the end of the input (load sections one by one)");
  }
  input_.refuse_at(line, quote(line_), "the end of the input after DATA=END");
}

}  // namespace hmap::tool
