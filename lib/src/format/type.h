// The type of a store in its superblock: format-spec/format.md, section 27.
#ifndef HMAP_SRC_FORMAT_TYPE_H_
#define HMAP_SRC_FORMAT_TYPE_H_

#include "format/superblock_format.h"
#include "hmap/status.h"
#include "hmap/type.h"

namespace hmap {

// kInvalidArgument if no store can have this type.
Status check_type(const TypeInfo& type);

// Puts a type that check_type() accepts into the fields of a superblock.
void set_type(format::Superblock& superblock, const TypeInfo& type);

// Whether this library can read a store of these features and kinds (F-02, F-06).
bool features_are_known(const format::Superblock& superblock);

// Whether the fields do not contradict each other (F-80). The name is not looked at: it is for
// people, and type_of() makes it printable.
bool type_is_possible(const format::Superblock& superblock);

// The type of a superblock for which type_is_possible().
TypeInfo type_of(const format::Superblock& superblock);

// kTypeMismatch, in words that name both types.
Status type_mismatch(const TypeInfo& of_store, const TypeInfo& asked_for);

// The lengths that the keys and values of a store may have beside the limits of all stores (F-81).
class Lengths {
 public:
  // Any.
  Lengths() = default;
  explicit Lengths(const TypeInfo& type);

  [[nodiscard]] bool key_fits(std::uint64_t bytes) const { return key_ == kAny || key_ == bytes; }
  [[nodiscard]] bool value_fits(std::uint64_t bytes) const {
    return value_ == kAny || value_ == bytes;
  }
  // kInvalidArgument, naming the length that is right.
  [[nodiscard]] Status check_key(std::uint64_t bytes) const {
    if (key_fits(bytes)) [[likely]]
      return {};
    return {Code::kInvalidArgument, wrong_key_};
  }
  [[nodiscard]] Status check_value(std::uint64_t bytes) const {
    if (value_fits(bytes)) [[likely]]
      return {};
    return {Code::kInvalidArgument, wrong_value_};
  }
  [[nodiscard]] Status check(std::uint64_t key_bytes, std::uint64_t value_bytes) const {
    const Status status = check_key(key_bytes);
    return status.ok() ? check_value(value_bytes) : status;
  }

 private:
  static constexpr std::uint64_t kAny = ~std::uint64_t{0};
  std::uint64_t key_ = kAny;
  std::uint64_t value_ = kAny;
  const char* wrong_key_ = "";
  const char* wrong_value_ = "";
};

}  // namespace hmap

#endif  // HMAP_SRC_FORMAT_TYPE_H_
