// The text that `load` reads: a buffer over a file or standard input that knows its line.
#ifndef HMAP_TOOLS_IO_INPUT_H_
#define HMAP_TOOLS_IO_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hmap::tool {

// What is found where the input ends too early.
inline constexpr std::string_view kInputEnds = "the end of the input (is it cut?)";

// Throws Failure: kSystem and the like if reading fails, kBadInput from refuse().
class Input {
 public:
  // Large enough for the first line of any format to show what it is: a key of 65,535 bytes in
  // the longest escapes has 262,140 characters.
  static constexpr std::size_t kBufferBytes = 1U << 19U;

  // `path` "-" or empty: standard input. A smaller buffer is for tests.
  explicit Input(const std::string& path, std::size_t buffer_bytes = kBufferBytes);
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  // The line of the next byte, counted from 1.
  [[nodiscard]] std::uint64_t line() const noexcept { return line_; }
  [[nodiscard]] std::uint64_t consumed_bytes() const noexcept { return consumed_; }
  // Known for regular files only.
  [[nodiscard]] std::optional<std::uint64_t> total_bytes() const noexcept { return total_; }

  // The bytes in the buffer, at least one of them unless the input has ended.
  [[nodiscard]] std::string_view peek();
  // The same after filling the buffer up to the end of a line, if one fits in.
  [[nodiscard]] std::string_view peek_line();
  // Steps over the first `count` bytes of what peek() returned.
  void consume(std::size_t count);

  // Reads a line into `text`, without its LF; false at the end of the input. A last line without
  // LF sets `cut`. More than `bytes_max` bytes are refused.
  bool read_line(std::string& text, std::size_t bytes_max, bool& cut);

  // Throws: `found` was found in the current line (or in `line`) where `expected` was expected.
  [[noreturn]] void refuse(std::string_view found, std::string_view expected) const;
  [[noreturn]] void refuse_at(std::uint64_t line, std::string_view found,
                              std::string_view expected) const;

 private:
  bool fill();

  std::string name_;
  int fd_ = -1;
  std::optional<std::uint64_t> total_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // Unread bytes of buffer_: [begin_, end_).
  std::size_t end_ = 0;
  bool ended_ = false;
  std::uint64_t line_ = 1;
  std::uint64_t consumed_ = 0;
};

// Everything up to the end of standard input, at most `bytes_max` bytes (more: kTooLarge).
[[nodiscard]] std::string read_standard_input(std::uint64_t bytes_max);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_IO_INPUT_H_
