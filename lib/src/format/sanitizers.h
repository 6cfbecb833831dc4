// HMAP_TSAN: built with ThreadSanitizer. HMAP_SANITIZED: with that or another one that keeps shadow
// memory. By either compiler.
#ifndef HMAP_SRC_FORMAT_SANITIZERS_H_
#define HMAP_SRC_FORMAT_SANITIZERS_H_

#if defined(__SANITIZE_THREAD__)
#define HMAP_TSAN 1
#define HMAP_SANITIZED 1
#elif defined(__SANITIZE_ADDRESS__)
#define HMAP_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HMAP_TSAN 1
#define HMAP_SANITIZED 1
#elif __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define HMAP_SANITIZED 1
#endif
#endif

#endif  // HMAP_SRC_FORMAT_SANITIZERS_H_
