// Numbers for people.
#ifndef HMAP_TOOLS_TEXT_NUMBERS_H_
#define HMAP_TOOLS_TEXT_NUMBERS_H_

#include <cstdint>
#include <string>

namespace hmap::tool {

// 1234567 as "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);

// 1536 as "1.5 KiB".
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

// 3723.4 as "1:02:03", 63 as "1:03".
[[nodiscard]] std::string human_seconds(double seconds);

// 12 of 200 as "6.0 %"; "-" if `whole` is 0.
[[nodiscard]] std::string percent(std::uint64_t part, std::uint64_t whole);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_TEXT_NUMBERS_H_
