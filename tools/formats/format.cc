// The table of formats, and how each is recognised.
#include "formats/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "formats/cdbmake.h"
#include "formats/db_reader.h"
#include "formats/db_writer.h"
#include "formats/jsonl.h"
#include "formats/others.h"
#include "formats/tsv.h"
#include "io/input.h"
#include "report/failure.h"
#include "text/escape.h"

namespace hmap::tool {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "VERSION=3", or any other name=value line that a header may begin with. Names of keywords are
// letters, digits and underscores; a TAB means that it is rather a TSV line with a "=" in its key.
bool looks_like_db(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  const std::string_view word = line.substr(0, equals);
  const bool is_word = std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
  });
  return is_word && line.find('\t') == std::string_view::npos;
}

// A number of at most ten digits that ends with `end`, which is skipped.
std::optional<std::size_t> length_before(char end, std::string_view line, std::size_t& at) {
  std::size_t number = 0;
  const std::size_t first = at;
  while (at < line.size() && is_digit(line[at]) && at - first < 10) {
    number = number * 10 + static_cast<std::size_t>(line[at++] - '0');
  }
  if (at == first || at == line.size() || line[at] != end) return std::nullopt;
  ++at;
  return number;
}

// "+3,5:", or the empty line that is all of an empty cdbmake file. A TSV line may have a key that
// is a whole cdbmake record; then a TAB and a value follow.
bool looks_like_cdbmake(std::string_view line, bool complete) {
  if (line.empty()) return complete;
  if (line[0] != '+') return false;
  std::size_t at = 1;
  const std::optional<std::size_t> key = length_before(',', line, at);
  if (!key) return false;
  const std::optional<std::size_t> value = length_before(':', line, at);
  if (!value) return false;
  const std::size_t bytes = *key + 2 + *value;
  return line.size() - at <= bytes || line[at + bytes] != '\t';
}

// An object whose first member has a name, as all JSON objects have.
bool looks_like_jsonl(std::string_view line) {
  if (line.empty() || line[0] != '{') return false;
  const std::size_t next = line.find_first_not_of(" \t", 1);
  return next != std::string_view::npos && (line[next] == '"' || line[next] == '}');
}

}  // namespace

std::string format_names() {
  std::string text;
  for (std::size_t i = 0; i < kFormatNames.size(); ++i) {
    text += i == 0 ? "" : i + 1 == kFormatNames.size() ? " or " : ", ";
    text += kFormatNames[i];
  }
  return text;
}

std::string_view format_name(Format format) noexcept {
  return kFormatNames[static_cast<std::size_t>(format)];
}

Format format_named(std::string_view name) {
  const auto* const found = std::find(kFormatNames.begin(), kFormatNames.end(), name);
  if (found == kFormatNames.end()) {
    throw usage_failure(fmt::format("no format {}", quote(name)),
                        "the formats are " + format_names());
  }
  return static_cast<Format>(found - kFormatNames.begin());
}

Format recognise(Input& input) {
  const std::string_view bytes = input.peek_line();
  const std::size_t end = bytes.find('\n');
  const bool complete = end != std::string_view::npos;
  const std::string_view line = bytes.substr(0, end);
  if (bytes.empty()) {
    input.refuse(
        "an empty input",
        "records (with --format tsv, jsonl, tdb or hextsv an empty input is an empty set)");
  }
  if (looks_like_db(line)) return Format::kDb;
  if (line.starts_with("# GDBM dump file")) return Format::kGdbm;
  if (line == "{" && complete) return Format::kTdb;
  if (looks_like_cdbmake(line, complete)) return Format::kCdbmake;
  if (looks_like_jsonl(line)) return Format::kJsonl;
  if (line.find('\t') != std::string_view::npos) return Format::kTsv;
  input.refuse(fmt::format("{}, the beginning of no known format", quote(line)),
               format_names() + " (name it with --format)");
}

std::unique_ptr<RecordReader> make_reader(Format format, Input& input) {
  switch (format) {
    case Format::kDb:
    case Format::kLmdb:
      return std::make_unique<DbReader>(input);
    case Format::kTsv:
      return std::make_unique<TsvReader>(input);
    case Format::kJsonl:
      return std::make_unique<JsonlReader>(input);
    case Format::kCdbmake:
      return std::make_unique<CdbmakeReader>(input);
    case Format::kGdbm:
      return std::make_unique<GdbmReader>(input);
    case Format::kTdb:
      return std::make_unique<TdbReader>(input);
    case Format::kHexTsv:
      return std::make_unique<HexTsvReader>(input);
  }
  return nullptr;
}

std::unique_ptr<RecordWriter> make_writer(Format format, Output& out, std::uint64_t bytes) {
  switch (format) {
    case Format::kDb:
      return std::make_unique<DbWriter>(out);
    case Format::kTsv:
      return std::make_unique<TsvWriter>(out);
    case Format::kJsonl:
      return std::make_unique<JsonlWriter>(out);
    case Format::kCdbmake:
      return std::make_unique<CdbmakeWriter>(out);
    case Format::kGdbm:
      return std::make_unique<GdbmWriter>(out);
    case Format::kTdb:
      return std::make_unique<TdbWriter>(out);
    case Format::kHexTsv:
      return std::make_unique<HexTsvWriter>(out);
    case Format::kLmdb:
      return std::make_unique<DbWriter>(out, bytes);
  }
  return nullptr;
}

}  // namespace hmap::tool
