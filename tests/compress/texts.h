// Values that shrink, and stores that shrink them.
#ifndef HMAP_TESTS_COMPRESS_TEXTS_H_
#define HMAP_TESTS_COMPRESS_TEXTS_H_

#include <string>
#include <vector>

#include "seeds.h"
#include "stores.h"
#include "values.h"

namespace hmap::test {

// Like the record of a service: much of it is the same for all.
inline std::string text_of(std::uint64_t number) {
  return R"({"id": )" + std::to_string(number) + R"(, "name": "user )" +
         std::to_string(mix(number) % 100'000) + R"(", "mail": "user.)" +
         std::to_string(number * 7) +
         R"(@example.org", "roles": ["reader", "writer"], "active": true})";
}

// `bytes` bytes of such texts, beginning with the number's own.
inline std::string long_text(std::uint64_t number, std::size_t bytes) {
  std::string text;
  for (std::uint64_t i = 0; text.size() < bytes; ++i) text += text_of(number + i * 1'000'003);
  text.resize(bytes);
  return text;
}

// Of any kind: short, long, with extents of its own, worth compressing or not.
inline std::string any_value(Random& random) {
  const std::uint64_t stamp = random.next();
  switch (random.below(8)) {
    case 0:
      return {};
    case 1:
      return value_of(stamp, random.below(300));  // noise
    case 2:
      return long_text(stamp, random.below(20'000));
    case 3:
      return std::string(random.below(40'000), static_cast<char>(stamp));
    default:
      return text_of(stamp);
  }
}

inline std::vector<std::string_view> views_of(const std::vector<std::string>& strings) {
  return {strings.begin(), strings.end()};
}

// What resembles text_of().
inline std::string texts_dictionary() { return long_text(1, 600); }

inline Options compressing(Options options, std::string dictionary = {}) {
  options.compression = Compression::kLz4;
  options.dictionary = std::move(dictionary);
  return options;
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_COMPRESS_TEXTS_H_
