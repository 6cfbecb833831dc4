// See escape.h.
#include "text/escape.h"

#include <cstddef>

#include "io/output.h"
#include "text/hex.h"
#include "text/utf8.h"

namespace hmap::tool {
namespace {

bool is_plain_ascii(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7F && c != '\\';
}

// As utf8_sequence(), but 0 for control characters as well: U+0080 to U+009F, too, which terminals
// obey (U+009B is ESC with a bracket).
std::size_t printable_sequence(std::string_view bytes) {
  const std::size_t length = utf8_sequence(bytes);
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (length == 1 && (first < 0x20 || first == 0x7F)) return 0;
  if (length == 2 && first == 0xC2 && static_cast<unsigned char>(bytes[1]) < 0xA0) return 0;
  return length;
}

void append_escape(char c, std::string& text) {
  switch (c) {
    case '\\':
      text += "\\\\";
      return;
    case '\t':
      text += "\\t";
      return;
    case '\n':
      text += "\\n";
      return;
    case '\r':
      text += "\\r";
      return;
    default:
      text += "\\x";
      append_hex({&c, 1}, text);
  }
}

}  // namespace

void write_escaped(std::string_view bytes, Output& out) {
  std::string escape;
  while (!bytes.empty()) {
    std::size_t plain = 0;
    while (plain < bytes.size() && is_plain_ascii(bytes[plain])) ++plain;
    out.write(bytes.substr(0, plain));
    bytes.remove_prefix(plain);
    if (bytes.empty()) return;
    // Longer ones as they are, U+0080 to U+009F too: what is UTF-8 stays so in a dump.
    const std::size_t length = utf8_sequence(bytes);
    if (length > 1) {
      out.write(bytes.substr(0, length));
    } else {
      escape.clear();
      append_escape(bytes[0], escape);
      out.write(escape);
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
}

std::string readable(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const std::size_t length = printable_sequence(bytes);
    if (length == 0) append_escape(bytes[0], text);
    text += bytes.substr(0, length);
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

std::string quote(std::string_view bytes) {
  constexpr std::size_t kShownMax = 40;
  std::string text = "\"";
  for (const char c : bytes.substr(0, kShownMax)) {
    if (c == '\\' || c == '"') text.push_back('\\');
    if (is_plain_ascii(c) || c == '\\') {
      text.push_back(c);
    } else if (c == '\t' || c == '\n' || c == '\r') {
      text += c == '\t' ? "\\t" : c == '\n' ? "\\n" : "\\r";
    } else {
      text += "\\x";
      append_hex({&c, 1}, text);
    }
  }
  text += bytes.size() > kShownMax ? "...\"" : "\"";
  return text;
}

}  // namespace hmap::tool
