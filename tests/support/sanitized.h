// Whether the test is compiled with a sanitizer. It is several times as slow then, and repeats
// less.
#ifndef HMAP_TESTS_SUPPORT_SANITIZED_H_
#define HMAP_TESTS_SUPPORT_SANITIZED_H_

namespace hmap::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_SANITIZED_H_
