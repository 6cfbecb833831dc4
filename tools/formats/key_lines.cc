// See key_lines.h.
#include "formats/key_lines.h"

#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "formats/field.h"
#include "hmap/options.h"
#include "io/input.h"
#include "text/escape.h"

namespace hmap::tool {

bool KeyLines::next(Record& record) {
  const bool bytes = type_.kind == TextType::Kind::kBytes;
  if (!(bytes ? tsv_.next_key(record) : next_typed(record))) return false;
  check_length(input_, record.line, record.key, key_, "key");
  return true;
}

bool KeyLines::next_typed(Record& record) {
  constexpr std::size_t kTextBytesMax = 2 * kKeyBytesMax;  // In hex digits.
  record.line = input_.line();
  bool cut = false;
  std::string text;
  if (!input_.read_line(text, kTextBytesMax, cut)) return false;
  if (cut) input_.refuse_at(record.line, kInputEnds, "LF after the key");
  std::optional<std::string> key = key_from_text(text, type_);
  if (!key) {
    input_.refuse_at(record.line, fmt::format("the key {}", quote(text)), text_type_words(type_));
  }
  record.key = *std::move(key);
  return true;
}

}  // namespace hmap::tool
