// A key or a value while it is being read: grows in steps, never beyond the store's limit.
#ifndef HMAP_TOOLS_FORMATS_FIELD_H_
#define HMAP_TOOLS_FORMATS_FIELD_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "hmap/options.h"
#include "hmap/type.h"

namespace hmap::tool {

class Input;

// Refuses `bytes` of a record that began in `line`, if every `what` of the store has another
// length.
void check_length(const Input& input, std::uint64_t line, std::string_view bytes,
                  const TypeInfo::Part& type, std::string_view what);

class Field {
 public:
  // Both begin with an empty string and refuse, through `input`, what does not fit the store.
  static Field key(Input& input, std::string& bytes) { return {input, bytes, "key", kKeyBytesMax}; }
  static Field value(Input& input, std::string& bytes) {
    return {input, bytes, "value", kValueBytesMax};
  }

  void append(std::string_view part) {
    if (part.size() > bytes_max_ - bytes_.size()) refuse_length();
    bytes_ += part;
  }
  void append(char byte) { append(std::string_view(&byte, 1)); }
  // Refuses `length` before any of it is read.
  void announce(std::uint64_t length) const {
    if (length > bytes_max_) refuse_length();
  }
  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return bytes_.size(); }

 private:
  Field(Input& input, std::string& bytes, std::string_view name, std::uint64_t bytes_max)
      : input_(input), bytes_(bytes), name_(name), bytes_max_(bytes_max) {
    bytes_.clear();
  }
  [[noreturn]] void refuse_length() const;

  Input& input_;
  std::string& bytes_;
  std::string_view name_;
  std::uint64_t bytes_max_;
};

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_FORMATS_FIELD_H_
