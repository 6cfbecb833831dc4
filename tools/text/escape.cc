// See escape.h.
#include "text/escape.h"

#include <cstddef>

#include "io/output.h"
#include "text/hex.h"
#include "text/utf8.h"

namespace hmap::tool {
namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

bool is_plain_ascii(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7F && c != '\\';
}

void write_hex_escape(char c, Output& out) {
  std::string text = "\\x";
  append_hex({&c, 1}, text);
  out.write(text);
}

void write_ascii_escape(char c, Output& out) {
  switch (c) {
    case '\\':
      return out.write("\\\\");
    case '\t':
      return out.write("\\t");
    case '\n':
      return out.write("\\n");
    case '\r':
      return out.write("\\r");
    default:
      return write_hex_escape(c, out);
  }
}

}  // namespace

void write_escaped(std::string_view bytes, Output& out) {
  while (!bytes.empty()) {
    std::size_t plain = 0;
    while (plain < bytes.size() && is_plain_ascii(bytes[plain])) ++plain;
    out.write(bytes.substr(0, plain));
    bytes.remove_prefix(plain);
    if (bytes.empty()) return;
    const std::size_t length = utf8_sequence(bytes);
    if (length > 1) {
      out.write(bytes.substr(0, length));
    } else if (bytes[0] == '\\' || is_control(bytes[0])) {
      write_ascii_escape(bytes[0], out);
    } else {
      write_hex_escape(bytes[0], out);
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
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
