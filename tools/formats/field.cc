// See field.h.
#include "formats/field.h"

#include <fmt/format.h>

#include <cstddef>

#include "io/input.h"

namespace hmap::tool {
namespace {

std::string of_bytes(std::size_t bytes) {
  return fmt::format("{} byte{}", bytes, bytes == 1 ? "" : "s");
}

}  // namespace

void check_length(const Input& input, std::uint64_t line, std::string_view bytes,
                  const TypeInfo::Part& type, std::string_view what) {
  if (type.kind == TypeInfo::Kind::kBytes || bytes.size() == type.bytes) return;
  input.refuse_at(line, fmt::format("a {} of {}", what, of_bytes(bytes.size())),
                  fmt::format("{}, as every {} of this store has", of_bytes(type.bytes), what));
}

void Field::refuse_length() const {
  input_.refuse(fmt::format("a {} of more than {} bytes", name_, bytes_max_),
                fmt::format("at most {} bytes", bytes_max_));
}

}  // namespace hmap::tool
