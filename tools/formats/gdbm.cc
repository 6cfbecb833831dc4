// gdbm_dump's ASCII format. See others.h.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>

#include "formats/others.h"
#include "io/input.h"
#include "io/output.h"
#include "text/base64.h"
#include "text/escape.h"

namespace hmap::tool {
namespace {

constexpr std::size_t kGdbmLineBytesMax = 1U << 16U;
constexpr std::size_t kBase64Columns = 76;
constexpr std::string_view kGdbmEnd = "# End of data";

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::uint64_t base64_characters(std::uint64_t bytes) { return (bytes + 2) / 3 * 4; }

}  // namespace

// False at the end of the input.
bool GdbmReader::read_line() {
  bool cut = false;
  const std::uint64_t line = input_.line();
  if (!input_.read_line(line_, kGdbmLineBytesMax, cut)) return false;
  if (cut) input_.refuse_at(line, kInputEnds, "LF at the end of the line");
  if (!line_.empty() && line_.back() == '\r')
    input_.refuse_at(line, "CR before LF", "lines that end in LF only");
  return true;
}

void GdbmReader::read_header() {
  header_read_ = true;
  for (;;) {
    const std::uint64_t line = input_.line();
    if (!read_line()) input_.refuse_at(line, kInputEnds, "# End of header");
    if (line_ == "# End of header") return;
    if (line_.starts_with("#:version=") && !line_.starts_with("#:version=1."))
      input_.refuse_at(line, quote(line_), "#:version=1.1");
    if (!line_.starts_with("#"))
      input_.refuse_at(line, quote(line_), "a header line, or # End of header");
  }
}

bool GdbmReader::next(Record& record) {
  if (!header_read_) read_header();
  record.line = input_.line();
  if (!read_datum(Field::key(input_, record.key))) return false;
  if (!read_datum(Field::value(input_, record.value)))
    input_.refuse_at(record.line, "a key without a value", "both");
  ++count_;
  return true;
}

bool GdbmReader::read_datum(Field field) {
  const std::uint64_t line = input_.line();
  if (!read_line()) input_.refuse_at(line, kInputEnds, "#:len= or #:count=");
  const std::string_view view = line_;
  if (view.starts_with("#:count=") && field.name() == "key") {
    read_end(view.substr(8));
    return false;
  }
  if (view.starts_with("#:count=")) return false;
  const std::optional<std::uint64_t> length =
      view.starts_with("#:len=") ? number_in(view.substr(6)) : std::nullopt;
  if (!length) input_.refuse_at(line, quote(line_), "#:len= with a number, or #:count=");
  field.announce(*length);
  read_base64(field, *length);
  return true;
}

void GdbmReader::read_base64(Field& field, std::uint64_t length) {
  std::uint64_t left = base64_characters(length);
  // Of nothing there may be an empty line, or none.
  if (length == 0 && input_.peek().starts_with("\n")) input_.consume(1);
  while (left > 0) {
    const std::uint64_t line = input_.line();
    if (!read_line())
      input_.refuse_at(line, kInputEnds, fmt::format("the rest of the {}", field.name()));
    const std::optional<std::string> bytes = from_base64(line_);
    if (!bytes || line_.empty() || line_.size() > left ||
        (line_.size() < left && line_.back() == '=')) {
      input_.refuse_at(line, quote(line_),
                       fmt::format("base64 of the {} of {} bytes", field.name(), length));
    }
    left -= line_.size();
    field.append(*bytes);
  }
  if (field.size() != length) {
    input_.refuse(fmt::format("a {} of {} bytes", field.name(), field.size()),
                  fmt::format("{} as #:len= says", length));
  }
}

void GdbmReader::read_end(std::string_view count) {
  const std::uint64_t line = input_.line() - 1;
  if (number_in(count) != count_) {
    input_.refuse_at(line, quote(line_), fmt::format("#:count={}, as many as were read", count_));
  }
  if (!read_line() || line_ != kGdbmEnd) input_.refuse(quote(line_), kGdbmEnd);
  if (!input_.peek().empty()) input_.refuse("more", "the end of the input");
}

void GdbmWriter::begin() {
  out_.write(
      "# GDBM dump file created by hmap\n#:version=1.1\n#:file=hmap.gdbm\n#:format=standard\n"
      "# End of header\n");
}

void GdbmWriter::write(std::string_view key, std::string_view value) {
  write_datum(key);
  write_datum(value);
  ++count_;
}

void GdbmWriter::write_datum(std::string_view bytes) {
  constexpr std::size_t kBytesALine = kBase64Columns / 4 * 3;
  out_.write(fmt::format("#:len={}\n", bytes.size()));
  for (; !bytes.empty(); bytes.remove_prefix(std::min(kBytesALine, bytes.size()))) {
    out_.write(to_base64(bytes.substr(0, kBytesALine)));
    out_.put('\n');
  }
}

void GdbmWriter::end() { out_.write(fmt::format("#:count={}\n{}\n", count_, kGdbmEnd)); }

}  // namespace hmap::tool
