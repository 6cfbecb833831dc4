// Read-modify-write for values of a known form, on top of Store::compare_exchange().
#include <array>
#include <bit>
#include <cstring>

#include "hmap/store.h"

namespace hmap {
namespace {

using Integer = std::array<char, sizeof(std::int64_t)>;
static_assert(std::endian::native == std::endian::little);  // the value is, on every machine

}  // namespace

Result<std::int64_t> Store::fetch_add(std::string_view key, std::int64_t delta) {
  std::uint64_t before = 0;
  std::string value;
  Integer after;
  for (;;) {
    const Result<bool> found = get_into(key, value);
    if (!found) return found.error();
    if (*found && value.size() != after.size())
      return Status(Code::kInvalidArgument, "the value is no integer of 8 bytes");
    before = 0;
    if (*found) std::memcpy(&before, value.data(), sizeof before);
    const std::uint64_t sum = before + static_cast<std::uint64_t>(delta);
    std::memcpy(after.data(), &sum, sizeof sum);
    const auto expected = *found ? std::optional<std::string_view>(value) : std::nullopt;
    const Result<bool> done =
        compare_exchange(key, expected, std::string_view(after.data(), after.size()));
    if (!done) return done.error();
    if (*done) return static_cast<std::int64_t>(before);
  }
}

Result<std::uint64_t> Store::append(std::string_view key, std::string_view bytes) {
  std::string value;
  const Result<bool> inserted = upsert(key, [&](std::optional<std::string_view> before) {
    value = before.value_or(std::string_view());
    value += bytes;
    return std::string_view(value);
  });
  if (!inserted) return inserted.error();
  return std::uint64_t{value.size()};
}

}  // namespace hmap
