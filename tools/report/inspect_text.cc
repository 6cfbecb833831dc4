// See inspect_text.h.
#include "report/inspect_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "text/escape.h"

namespace hmap::tool {
namespace {

constexpr std::size_t kNameColumns = 30;
constexpr std::size_t kValueColumns = 22;
constexpr std::size_t kLineBytes = 16;

void add_line(const InspectNode& node, std::size_t level, bool colour, std::string& text) {
  const std::string at = node.bytes == 0 ? "" : fmt::format("{:#010x}", node.offset);
  const std::string name = fmt::format("{:{}}{}", "", 2 * level, node.name);
  std::string line = fmt::format("{} {:<11} {:<{}} {:<{}} {}", node.wrong ? '!' : ' ', at, name,
                                 kNameColumns, node.value, kValueColumns, node.meaning);
  line.erase(line.find_last_not_of(' ') + 1);
  line = readable(line);
  text += colour && node.wrong ? fmt::format("\x1b[31m{}\x1b[0m\n", line) : line + "\n";
}

void add_node(const InspectNode& node, std::size_t level, std::uint64_t depth, bool colour,
              std::string& text) {
  add_line(node, level, colour, text);
  if (depth == 0) return;
  for (const InspectNode& child : node.children)
    add_node(child, level + 1, depth - 1, colour, text);
}

}  // namespace

std::string inspect_text(const InspectNode& node, std::uint64_t depth, bool colour) {
  std::string text;
  add_node(node, 0, depth, colour, text);
  return text;
}

std::string hex_dump(std::string_view bytes, std::uint64_t offset) {
  std::string text;
  bool starred = false;
  for (std::size_t at = 0; at < bytes.size(); at += kLineBytes) {
    const std::string_view line = bytes.substr(at, kLineBytes);
    const bool same = at != 0 && bytes.substr(at - kLineBytes, kLineBytes) == line &&
                      at + kLineBytes < bytes.size();
    if (same) {
      if (!starred) text += "  *\n";
      starred = true;
      continue;
    }
    starred = false;
    text += fmt::format("  {:#010x} ", offset + at);
    for (std::size_t i = 0; i < kLineBytes; ++i) {
      if (i % 8 == 0) text += ' ';
      text += i < line.size() ? fmt::format("{:02x} ", static_cast<unsigned char>(line[i])) : "   ";
    }
    text += " |";
    for (const char c : line) text += c >= ' ' && c <= '~' ? c : '.';
    text += "|\n";
  }
  return text;
}

}  // namespace hmap::tool
