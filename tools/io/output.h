// Standard output, with every write checked: a full disk must never look like success.
#ifndef HMAP_TOOLS_IO_OUTPUT_H_
#define HMAP_TOOLS_IO_OUTPUT_H_

#include <string>
#include <string_view>

namespace hmap::tool {

// A buffer before standard output. Throws Failure when a write fails. Only what finish() has
// confirmed is written; an Output destroyed without it drops what it holds, because then another
// failure is on its way and half a result should not follow it.
class Output {
 public:
  Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(std::string_view bytes) {
    if (bytes.size() > kBufferBytes - buffer_.size()) return write_through(bytes);
    buffer_ += bytes;
  }
  void put(char byte) {
    if (buffer_.size() == kBufferBytes) flush();
    buffer_.push_back(byte);
  }
  void flush();

  // Flushes and closes standard output: some file systems tell of a full disk only then.
  void finish();

 private:
  static constexpr std::size_t kBufferBytes = 1U << 16U;
  void write_through(std::string_view bytes);

  std::string buffer_;
};

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_IO_OUTPUT_H_
