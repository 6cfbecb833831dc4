// See script.h.
#include "script.h"

#include <algorithm>
#include <cstring>

namespace hmap::test {
namespace {

Kind kind_of(std::uint8_t number) { return static_cast<Kind>(number % kKinds); }

void copy_within(std::string& file, u64 to, u64 from, u64 bytes) {
  if (to >= file.size() || from >= file.size()) return;
  const u64 there = std::min({bytes, file.size() - to, file.size() - from});
  std::memmove(file.data() + to, file.data() + from, there);
}

u64 changed(Op op, u64 old, const Edit& edit, const Base& base) {
  const Layout& layout = base.anatomy.layout();
  const u64 other = base.anatomy.part(kind_of(edit.other_kind), edit.other_index).offset;
  const u64 low = edit.value & 0xffff'ffff;
  const u64 high = edit.value >> 32;
  switch (op) {
    case Op::kAdd:
      return old + edit.value;
    case Op::kXor:
      return old ^ edit.value;
    case Op::kOffset:
      return other + high;
    case Op::kReference:
      return (other + high) / format::kRecordUnit;
    case Op::kBlock:
      return (other + high) / layout.block_bytes;
    case Op::kExtent:
      return (layout.extent_of(other) + 1) | (low & 0xff) << 32;
    case Op::kPlaceWord:
      return format::make_place_word(other + high, low & 0xff);
    default:
      return edit.value;
  }
}

}  // namespace

Script Script::parse(Bytes input) {
  ByteReader reader(input);
  Script script;
  script.base = reader.take<std::uint8_t>();
  script.flags = reader.take<std::uint8_t>();
  script.steps = reader.take<std::uint8_t>();
  script.salt = reader.take<std::uint8_t>();
  while (!reader.at_end() && script.edits.size() < kEditsMax)
    script.edits.push_back(reader.take<Edit>());
  return script;
}

std::string Script::bytes() const {
  std::string text{static_cast<char>(base), static_cast<char>(flags), static_cast<char>(steps),
                   static_cast<char>(salt)};
  for (const Edit& edit : edits) text.append(reinterpret_cast<const char*>(&edit), sizeof edit);
  return text;
}

void apply(const Edit& edit, const Base& base, std::string& file) {
  const Part& part = base.anatomy.part(kind_of(edit.kind), edit.index);
  const u64 width = u64{1} << (edit.width % 4);
  // In the file as a whole 16 bits are not enough to go anywhere.
  const bool anywhere = kind_of(edit.kind) == Kind::kFile;
  const u64 wanted = anywhere ? edit.at | u64{edit.index} << 16 : edit.at;
  const u64 at = part.offset + wanted % std::max<u64>(part.bytes, 1) / width * width;
  const auto op = static_cast<Op>(edit.op % static_cast<std::uint8_t>(Op::kCount));
  if (op == Op::kCut) {
    file.resize(std::min<u64>(file.size(), at));
  } else if (op == Op::kCopy) {
    const u64 from = base.anatomy.part(kind_of(edit.other_kind), edit.other_index).offset;
    copy_within(file, at, from, edit.value % 4097);
  } else if (at < file.size() && op == Op::kFill) {
    const u64 bytes = std::min<u64>(edit.value >> 32, file.size() - at);
    std::memset(file.data() + at, static_cast<int>(edit.value & 0xff), bytes);
  } else if (at + width <= file.size()) {
    u64 word = 0;
    std::memcpy(&word, file.data() + at, width);
    word = changed(op, word, edit, base);
    std::memcpy(file.data() + at, &word, width);
  }
}

void make_damaged_file(const Script& script, const Base& base, std::string& file) {
  file = base.file;
  for (const Edit& edit : script.edits) apply(edit, base, file);
  if ((script.flags & Script::kSparesSuperblock) != 0) {
    const std::size_t bytes = std::min(file.size(), sizeof(format::Superblock));
    file.replace(0, bytes, base.file, 0, bytes);
  }
  if ((script.flags & Script::kSealRecords) != 0) seal_records(file, base.anatomy);
  if ((script.flags & Script::kSealStructures) != 0) seal_structures(file, base.anatomy);
}

}  // namespace hmap::test
