// Structures and numbers as nodes.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "format/hash.h"
#include "inspect/inspect_fields.h"
#include "state/space.h"

namespace hmap::inspecting {
namespace {

u64 number_at(const std::byte* from, u64 bytes) {
  u64 number = 0;
  std::memcpy(&number, from, std::min<u64>(bytes, sizeof number));
  return number;
}

std::string time_text(u64 unix_ns) {
  const auto seconds = static_cast<std::time_t>(unix_ns / 1'000'000'000);
  std::tm utc{};
  std::array<char, 40> text{};
  if (::gmtime_r(&seconds, &utc) == nullptr ||
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &utc) == 0) {
    return std::to_string(unix_ns);
  }
  return text.data();
}

std::string value_text(Show show, const std::byte* from, u64 bytes) {
  const u64 number = number_at(from, bytes);
  switch (show) {
    case Show::kHex:
      return hex(number);
    case Show::kOffset:
      return number == 0 ? "none" : hex(number);
    case Show::kTime:
      return time_text(number);
    case Show::kRow:
      return number == 0 ? "none" : extents(note_first(number), note_count(number));
    default:
      return number == format::kForever ? "2^64 - 1" : std::to_string(number);
  }
}

InspectNode element_node(const Field& field, const std::byte* from, u64 offset, std::string name) {
  if (field.structure != nullptr)
    return node_of(*field.structure, from, offset, std::move(name), field.meaning);
  InspectNode node;
  node.name = std::move(name);
  node.offset = offset;
  node.bytes = field.element;
  node.value = value_text(field.show, from, field.element);
  node.meaning = field.meaning;
  return node;
}

void add_field(const Field& field, const std::byte* from, u64 offset, InspectNode& to) {
  from += field.offset;
  offset += field.offset;
  if (field.show == Show::kZero) {
    if (all_zero(from, field.bytes)) return;
    InspectNode node{field.name, offset, field.bytes, "not zero", "reserved: should be", true, {}};
    return to.children.push_back(std::move(node));
  }
  if (field.show == Show::kBytes) {
    InspectNode node{field.name,    offset, field.bytes, hex_bytes(from, field.bytes),
                     field.meaning, false,  {}};
    return to.children.push_back(std::move(node));
  }
  if (field.show == Show::kText) {
    const auto* text = reinterpret_cast<const char*>(from);
    InspectNode node{
        field.name,    offset, field.bytes, quoted({text, ::strnlen(text, field.bytes)}),
        field.meaning, false,  {}};
    return to.children.push_back(std::move(node));
  }
  if (field.element == field.bytes)
    return to.children.push_back(element_node(field, from, offset, field.name));
  for (u64 i = 0; i < field.bytes / field.element; ++i) {
    const std::byte* at = from + i * field.element;
    if (all_zero(at, field.element)) continue;
    const std::string name = std::string(field.name) + "[" + std::to_string(i) + "]";
    to.children.push_back(element_node(field, at, offset + i * field.element, name));
  }
}

}  // namespace

InspectNode node_of(const Structure& structure, const std::byte* from, u64 offset, std::string name,
                    std::string meaning) {
  InspectNode node;
  node.name = name.empty() ? structure.name : std::move(name);
  node.offset = offset;
  node.bytes = structure.bytes;
  node.meaning = std::move(meaning);
  for (const Field& field : structure.fields) add_field(field, from, offset, node);
  return node;
}

std::string hex(u64 number) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "0x%llx", static_cast<unsigned long long>(number));
  return text.data();
}

std::string hex_bytes(const std::byte* from, u64 count) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (u64 i = 0; i < count; ++i) {
    const auto byte = std::to_integer<unsigned>(from[i]);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string extents(u64 first, u64 count) {
  if (count <= 1) return "extent " + std::to_string(first);
  return "extents " + std::to_string(first) + " to " + std::to_string(first + count - 1);
}

std::string quoted(std::string_view bytes) {
  constexpr std::size_t kShown = 60;
  std::string text = "\"";
  for (const char c : bytes.substr(0, kShown)) {
    if (c == '"' || c == '\\') {
      text += {'\\', c};
    } else if (c >= ' ' && c <= '~') {
      text += c;
    } else {
      const auto byte = static_cast<std::byte>(c);
      text += "\\x" + hex_bytes(&byte, 1);
    }
  }
  text += '"';
  if (bytes.size() > kShown) text += "... (" + std::to_string(bytes.size()) + " bytes)";
  return text;
}

}  // namespace hmap::inspecting
