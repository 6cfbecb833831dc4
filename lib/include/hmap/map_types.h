// What the keys and values of an hmap::Map may be, and how a type looks in the file.
//
// A type is either hmap::bytes or a *plain* one: trivially copyable, of one size, without
// references to elsewhere: numbers, bool, characters, enumerations, structs and unions of these,
// std::array. In the file is what is in memory: sizeof(T) bytes, little-endian. So a struct must
// look the same in all programs that share a store; pointers inside of a struct are found by
// nobody and mean nothing in another process.
#ifndef HMAP_MAP_TYPES_H_
#define HMAP_MAP_TYPES_H_

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "hmap/options.h"
#include "hmap/type.h"

#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
#define HMAP_CLEARS_PADDING 1
#endif
#endif
#ifndef HMAP_CLEARS_PADDING
#define HMAP_CLEARS_PADDING 0
#endif

namespace hmap {

// Stands for byte strings of any length, as a Store has them: passed and handed out as
// std::string_view, returned as std::string.
struct bytes {  // NOLINT(readability-identifier-naming): stands beside std::uint64_t and the like
  bytes() = delete;
};

// Gives a type of yours a name in the files: it becomes part of the store's type, so that another
// struct of the same size is refused. Change it when the meaning of the bytes changes.
//
//   template <>
//   struct hmap::TypeName<Session> {
//     static constexpr std::string_view value = "Session/2";  // 1 to 48 printable ASCII characters
//   };
//
// A struct, union or enumeration without a name is told from others by its size and alignment only.
template <typename T>
struct TypeName {};

inline constexpr std::size_t kMapValueBytesMax = std::size_t{1} << 20;  // longer ones: bytes

namespace detail {

template <typename T>
inline constexpr bool kIsBytes = std::is_same_v<T, bytes>;
template <typename T>
inline constexpr bool kIsFloat = std::is_same_v<T, float> || std::is_same_v<T, double>;
// Takes no room at all: std::monostate as a value makes a set.
template <typename T>
inline constexpr bool kIsEmpty = std::is_empty_v<T>;

// Trivially copyable, but the bytes are elsewhere.
template <typename T>
inline constexpr bool kRefers = false;
template <typename C, typename Traits>
inline constexpr bool kRefers<std::basic_string_view<C, Traits>> = true;
template <typename T, std::size_t N>
inline constexpr bool kRefers<std::span<T, N>> = true;
template <typename T>
inline constexpr bool kRefers<std::reference_wrapper<T>> = true;

template <typename T>
concept Plain = std::is_same_v<T, std::remove_cv_t<T>> && std::is_trivially_copyable_v<T> &&
                (std::is_class_v<T> || std::is_union_v<T> || std::is_enum_v<T> || kIsFloat<T> ||
                 (std::is_integral_v<T> && sizeof(T) <= 8)) &&
                !kIsBytes<T> && !kRefers<T> && alignof(T) <= kTypeAlignMax;

}  // namespace detail

// Keys: bytes; float and double; any plain type that is equal exactly where its bytes are, so
// without padding and without floating-point members, up to 65,535 bytes.
//
// float and double: -0.0 is stored as +0.0, every NaN as the quiet NaN without sign and payload, so
// that NaN finds NaN and zero finds zero.
template <typename K>
concept MapKey = detail::kIsBytes<K> ||
    (detail::Plain<K> && sizeof(K) <= kKeyBytesMax &&
     (detail::kIsFloat<K> || std::has_unique_object_representations_v<K>));

// Values: bytes; any plain type up to kMapValueBytesMax bytes.
//
// They are passed and given by value, and calls have up to seven of them on the stack at a time: of
// those beyond some 100 KiB, bytes are the better ones.
//
// Padding inside of a value is zero in the file where the compiler can make it so (g++); else it is
// what happened to be in memory (clang 14), so keep no secrets beside it.
template <typename V>
concept MapValue = detail::kIsBytes<V> ||(detail::Plain<V> && sizeof(V) <= kMapValueBytesMax);

// Values that compare_exchange() can compare, which it does byte by byte without the padding. Not,
// where the compiler cannot clear it, structs that may have some.
template <typename V>
concept MapComparable = MapValue<V> &&
    (detail::kIsBytes<V> || detail::kIsEmpty<V> || detail::kIsFloat<V> ||
     std::has_unique_object_representations_v<V> || HMAP_CLEARS_PADDING == 1);

template <typename V>
concept MapInteger = std::integral<V> && MapValue<V> && !std::is_same_v<V, bool>;

namespace detail {

// Text that is put together and hashed (FNV-1a with 64 bits) while compiling.
class TypeText {
 public:
  constexpr TypeText& add(std::string_view text) {
    for (const char c : text) {
      hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
      if (size_ < chars_.size()) chars_[size_++] = c;
    }
    return *this;
  }
  constexpr TypeText& add(std::size_t number) {
    std::array<char, 20> digits{};
    std::size_t at = digits.size();
    do {
      digits[--at] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    return add(std::string_view(digits.data() + at, digits.size() - at));
  }
  [[nodiscard]] constexpr std::uint64_t hash() const { return hash_; }
  [[nodiscard]] constexpr std::string_view text() const { return {chars_.data(), size_}; }

 private:
  std::array<char, kTypeNameBytesMax> chars_{};
  std::size_t size_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

constexpr bool is_printable_ascii(std::string_view text) {
  for (const char c : text) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}

template <typename T>
inline constexpr bool kIsArray = false;
template <typename T, std::size_t N>
inline constexpr bool kIsArray<std::array<T, N>> = true;

// "u64", "f32", "char[16]", "enum u8", "struct", or what TypeName says.
template <typename T>
constexpr void add_name(TypeText& to) {
  if constexpr (requires { TypeName<T>::value; }) {
    constexpr std::string_view kName = TypeName<T>::value;
    static_assert(!kName.empty() && kName.size() <= 48 && is_printable_ascii(kName),
                  "TypeName: 1 to 48 printable ASCII characters");
    to.add(kName);
  } else if constexpr (kIsBytes<T>) {
    to.add("bytes");
  } else if constexpr (std::is_same_v<T, bool>) {
    to.add("bool");
  } else if constexpr (std::is_same_v<T, char>) {
    to.add("char");
  } else if constexpr (kIsFloat<T>) {
    to.add("f").add(8 * sizeof(T));
  } else if constexpr (std::is_integral_v<T>) {
    to.add(std::is_signed_v<T> ? "i" : "u").add(8 * sizeof(T));
  } else if constexpr (std::is_enum_v<T>) {
    to.add("enum ");
    add_name<std::underlying_type_t<T>>(to);
  } else if constexpr (kIsArray<T>) {
    add_name<typename T::value_type>(to);
    to.add("[").add(std::tuple_size_v<T>).add("]");
  } else {
    to.add("struct");
  }
}

template <typename T>
constexpr TypeInfo::Part part_of() {
  if constexpr (kIsBytes<T>) {
    return {};
  } else if constexpr (kIsEmpty<T>) {
    return {TypeInfo::Kind::kFixed, 0, 1};
  } else {
    return {TypeInfo::Kind::kFixed, std::uint32_t{sizeof(T)}, std::uint32_t{alignof(T)}};
  }
}

template <typename T>
constexpr void add_sizes(TypeText& to) {
  constexpr TypeInfo::Part kPart = part_of<T>();
  to.add(" ").add(kPart.bytes).add(" ").add(kPart.align);
}

}  // namespace detail

// What Map<K, V> puts into a file as the fingerprint of its type: FNV-1a of the name of the key,
// its size and its alignment, " -> ", and the same of the value ("u64 8 8 -> Session/2 24 8").
template <MapKey K, MapValue V>
constexpr std::uint64_t type_fingerprint() {
  detail::TypeText text;
  detail::add_name<K>(text);
  detail::add_sizes<K>(text);
  text.add(" -> ");
  detail::add_name<V>(text);
  detail::add_sizes<V>(text);
  return text.hash() != 0 ? text.hash() : 1;
}

// The type of Map<K, V> as it is in a file.
template <MapKey K, MapValue V>
[[nodiscard]] TypeInfo type_info() {
  if constexpr (detail::kIsBytes<K> && detail::kIsBytes<V>) {
    return {};
  } else {
    detail::TypeText name;
    detail::add_name<K>(name);
    name.add(" -> ");
    detail::add_name<V>(name);
    return {detail::part_of<K>(), detail::part_of<V>(), type_fingerprint<K, V>(),
            std::string(name.text())};
  }
}

}  // namespace hmap

#endif  // HMAP_MAP_TYPES_H_
