// The type of a store: checks, and words for people.
#include "format/type.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "format/layout.h"
#include "hmap/options.h"

namespace hmap {
namespace {

using format::Superblock;
using Kind = TypeInfo::Kind;

std::string in_words(std::initializer_list<std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) text += word;
  return text;
}

// What is wrong with the key or value that `what` names, and what it may be; empty: nothing.
std::string wrong_part(std::string_view what, u32 kind, u32 bytes, u32 align, u32 least, u32 most) {
  const auto number = [](u64 n) { return std::to_string(n); };
  if (kind > format::kKindFixed)
    return in_words({what, " of kind ", number(kind), "; there are 0 (bytes) and 1 (fixed)"});
  if (kind == format::kKindBytes) {
    if (bytes == 0 && align == 0) return {};
    return in_words({what, " of any bytes has a size of ", number(bytes), " and an alignment of ",
                     number(align), "; both have to be 0"});
  }
  if (bytes < least || bytes > most)
    return in_words(
        {what, " of ", number(bytes), " bytes; it may have ", number(least), " to ", number(most)});
  if (std::has_single_bit(align) && align <= kTypeAlignMax && bytes % align == 0) return {};
  return in_words({what, " of ", number(bytes), " bytes has an alignment of ", number(align),
                   "; it has to be a power of two up to ", number(kTypeAlignMax),
                   " that divides the bytes"});
}

std::string wrong_type(const Superblock& s) {
  std::string wrong =
      wrong_part("a key", s.key_kind, s.key_bytes, s.key_align, 1, u32{kKeyBytesMax});
  if (!wrong.empty()) return wrong;
  wrong = wrong_part("a value", s.elem_kind, s.elem_bytes, s.elem_align, 0, u32{kValueBytesMax});
  if (!wrong.empty()) return wrong;
  const bool bytes = s.key_kind == format::kKindBytes && s.elem_kind == format::kKindBytes;
  if (bytes && s.type_fingerprint != 0)
    return "a fingerprint of bytes -> bytes; it has to be 0, which only this type has";
  if (bytes && s.type_name[0] != 0) return "a name of bytes -> bytes; it has to be empty";
  if (!bytes && s.type_fingerprint == 0)
    return "a fingerprint of 0, which is that of bytes -> bytes; any other one will do";
  return {};
}

// Length of the UTF-8 sequence at `from`, 1 to 4; 0: there is none.
std::size_t sequence(std::string_view text, std::size_t from) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[from + i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || from + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Longer than needed, half of a pair of UTF-16, or beyond the last character.
  const unsigned second = byte(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0)) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90)) return 0;
  return length;
}

bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
}

bool is_printable(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence(text, at);
    if (length == 0 || is_control(text.substr(at, length))) return false;
    at += length;
  }
  return true;
}

std::string printable(std::string_view text) {
  std::string result(text);
  if (is_printable(text)) return result;
  for (char& c : result) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return result;
}

// "u64", or what is known without a name.
std::string short_name(const TypeInfo::Part& part) {
  if (part.kind == Kind::kBytes) return "bytes";
  return "(" + std::to_string(part.bytes) + " bytes)";
}

std::string sizes(const char* what, const TypeInfo::Part& part) {
  if (part.kind == Kind::kBytes) return std::string(what) + " any bytes; ";
  return std::string(what) + " " + std::to_string(part.bytes) + " bytes, align " +
         std::to_string(part.align) + "; ";
}

// A Status keeps its words by pointer, so what is put together at run time must stay for ever. Each
// text is kept once, and only so many that nobody can fill the memory with them. No lock, so that a
// child forked in the middle can go on.
class Texts {
 public:
  static const char* keep(std::string text, const char* otherwise) {
    int kept = 0;
    Node* first = first_.load(std::memory_order_acquire);
    for (const Node* node = first; node != nullptr; node = node->next, ++kept) {
      if (node->text == text) return node->text.c_str();
    }
    if (kept >= kMost) return otherwise;
    auto* node = new Node{std::move(text), first};
    while (!first_.compare_exchange_weak(node->next, node, std::memory_order_acq_rel)) continue;
    return node->text.c_str();
  }

 private:
  static constexpr int kMost = 1'000;
  struct Node {
    std::string text;
    Node* next;
  };
  static inline std::atomic<Node*> first_{nullptr};
};

const char* wrong_length(const char* what, const TypeInfo::Part& part) {
  return Texts::keep(std::string("every ") + what + " of this store has exactly " +
                         std::to_string(part.bytes) + " bytes",
                     "of a length that the type of the store does not have");
}

}  // namespace

bool same_type(const TypeInfo& a, const TypeInfo& b) noexcept {
  return a.key == b.key && a.value == b.value && a.fingerprint == b.fingerprint;
}

std::string to_string(const TypeInfo& type) {
  if (same_type(type, TypeInfo())) return "bytes -> bytes";
  std::string text = type.name.empty() ? short_name(type.key) + " -> " + short_name(type.value)
                                       : printable(type.name);
  std::array<char, 40> fingerprint{};
  std::snprintf(fingerprint.data(), fingerprint.size(), "fingerprint %016llx)",
                static_cast<unsigned long long>(type.fingerprint));
  return text + " (" + sizes("key", type.key) + sizes("value", type.value) + fingerprint.data();
}

Status check_type(const TypeInfo& type) {
  if (type.name.size() > kTypeNameBytesMax)
    return {Code::kInvalidArgument, "type: the name is longer than 128 bytes"};
  if (!is_printable(type.name))
    return {Code::kInvalidArgument, "type: the name is not UTF-8 without control characters"};
  Superblock fields{};
  set_type(fields, type);
  const std::string wrong = wrong_type(fields);
  if (wrong.empty()) return {};
  return {Code::kInvalidArgument,
          Texts::keep("type: " + wrong, "type: a size, an alignment or the fingerprint is none")};
}

void set_type(Superblock& superblock, const TypeInfo& type) {
  superblock.key_kind = static_cast<u32>(type.key.kind);
  superblock.key_bytes = type.key.bytes;
  superblock.key_align = type.key.align;
  superblock.elem_kind = static_cast<u32>(type.value.kind);
  superblock.elem_bytes = type.value.bytes;
  superblock.elem_align = type.value.align;
  superblock.type_fingerprint = type.fingerprint;
  std::memset(superblock.type_name, 0, sizeof superblock.type_name);
  std::memcpy(superblock.type_name, type.name.data(),
              std::min(type.name.size(), sizeof superblock.type_name));
}

bool features_are_known(const Superblock& s) {
  return (s.features_refuse & ~format::kFeaturesKnown) == 0 && s.key_kind <= format::kKindFixed &&
         s.elem_kind <= format::kKindFixed;
}

bool type_is_possible(const Superblock& s) { return wrong_type(s).empty(); }

Status type_mismatch(const TypeInfo& of_store, const TypeInfo& asked_for) {
  return {Code::kTypeMismatch, Texts::keep("the store holds " + to_string(of_store) +
                                               ", opened as " + to_string(asked_for),
                                           "the store holds another type than it was opened as")};
}

Lengths::Lengths(const TypeInfo& type) {
  if (type.key.kind == Kind::kFixed) {
    key_ = type.key.bytes;
    wrong_key_ = wrong_length("key", type.key);
  }
  if (type.value.kind == Kind::kFixed) {
    value_ = type.value.bytes;
    wrong_value_ = wrong_length("value", type.value);
  }
}

TypeInfo type_of(const Superblock& s) {
  TypeInfo type;
  type.key = {static_cast<Kind>(s.key_kind), s.key_bytes, s.key_align};
  type.value = {static_cast<Kind>(s.elem_kind), s.elem_bytes, s.elem_align};
  type.fingerprint = s.type_fingerprint;
  const auto* name = reinterpret_cast<const char*>(s.type_name);
  // As a new store may have it: whoever makes one out of this one takes its type.
  type.name = printable({name, ::strnlen(name, sizeof s.type_name)});
  return type;
}

}  // namespace hmap
