// What `hmap load` reads, made by a stranger: refused, or read; and what was
// read comes back the same through the writer of the same format.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iterator>

#include "formats/format.h"
#include "io/input.h"
#include "io/output.h"
#include "oracle.h"
#include "report/failure.h"
#include "seeds.h"
#include "target.h"
#include "victim_file.h"

namespace hmap::test {
namespace {

using tool::Failure;
using tool::Format;

// In the place of a format: the one that it looks like.
constexpr std::size_t kRecognised = 4;
// Longer than any line here. Half a MiB of zeros would cost more than all else that an input does.
constexpr std::size_t kBufferBytes = std::size_t{1} << 16;

struct Loaded {
  std::string key;
  std::string value;
  friend bool operator==(const Loaded&, const Loaded&) = default;
};

// False if the input was refused in the middle, or at its end.
bool read_all(const std::string& path, std::optional<Format> format, std::vector<Loaded>& entries,
              Format& found) {
  try {
    tool::Input input(path, kBufferBytes);
    found = format ? *format : tool::recognise(input);
    const auto reader = tool::make_reader(found, input);
    tool::Record record;
    while (reader->next(record)) entries.push_back({record.key, record.value});
    if (!input.peek().empty()) fail("the end of the input was not read");
    return true;
  } catch (const Failure& failure) {
    if (failure.code != Code::kBadInput && failure.code != Code::kTooLarge)
      fail("a reader fails otherwise: " + failure.message);
    if (failure.line == 0) fail("a refusal without its line: " + failure.message);
    return false;
  }
}

// What writers write goes to standard output; here into a file of its own.
class Caught {
 public:
  explicit Caught(const std::string& path) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    saved_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
    if (fd < 0 || saved_ < 0 || ::dup2(fd, STDOUT_FILENO) < 0) fail("no standard output");
    ::close(fd);
  }
  Caught(const Caught&) = delete;
  Caught& operator=(const Caught&) = delete;
  ~Caught() {
    ::dup2(saved_, STDOUT_FILENO);
    ::close(saved_);
  }

 private:
  int saved_ = -1;
};

void expect_round_trip(Format format, const std::vector<Loaded>& entries) {
  const std::string path = victim_file().path_of("written");
  {
    const Caught caught(path);
    tool::Output out;
    std::uint64_t bytes = 0;
    for (const Loaded& entry : entries) bytes += entry.key.size() + entry.value.size();
    const auto writer = tool::make_writer(format, out, bytes);
    writer->begin();
    for (const Loaded& entry : entries) writer->write(entry.key, entry.value);
    writer->end();
    out.finish();
  }
  std::vector<Loaded> again;
  Format found{};
  if (!read_all(path, format, again, found)) fail("what was written is refused");
  if (again != entries) fail("what was written reads otherwise");
}

void run_formats(Bytes input) {
  ByteReader reader(input);
  const auto choice = reader.take<std::uint8_t>();
  const std::size_t number = choice % (tool::kFormatNames.size() + 1);
  std::optional<Format> format;
  if (number != kRecognised) format = static_cast<Format>(number - (number > kRecognised ? 1 : 0));
  const Bytes text = reader.rest();
  victim_file().image().assign(reinterpret_cast<const char*>(text.data()), text.size());
  victim_file().become_image();
  std::vector<Loaded> entries;
  Format found{};
  if (read_all(victim_file().path(), format, entries, found)) expect_round_trip(found, entries);
}

std::vector<std::string> formats_seeds() {
  static constexpr const char* kTexts[] = {
      "VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n 6b6579\n "
      "76616c\nDATA=END\n",
      "VERSION=3\nformat=print\ntype=hash\nmapsize=65536\nHEADER=END\n "
      "k\\\\\\0a\n v\nDATA=END\n",
      "key\tvalue\nk\\x41\\t\\\\\tv\\n\\0\n",
      "{\"key\":\"a\\u00e9\\ud83d\\ude00\",\"value\":\"b\"}\n",
      "{\"key_b64\":\"AP8=\",\"value\":\"\"}\n{\"value_b64\":\"/"
      "w==\",\"key\":\"k\"}\n",
      "+3,5:key->value\n+0,0:->\n\n",
      "# GDBM dump file created by\n#:version=1.1\n# End of header\n#:len=3\na2V5\n#:len=5\n"
      "dmFsdWU=\n#:count=1\n# End of data\n",
      "{\nkey(3) = \"key\"\ndata(3) = \"v\\00\\22\"\n}\n",
      "6b6579\t76616c\n6b 00\t\n",
  };
  std::vector<std::string> all;
  for (std::size_t i = 0; i < std::size(kTexts); ++i) {
    for (char choice = 0; choice <= static_cast<char>(tool::kFormatNames.size()); ++choice)
      all.push_back(choice + std::string(kTexts[i]));
  }
  return all;
}

}  // namespace

Target formats_target() { return {"formats", run_formats, mutate_plain, formats_seeds, 4096}; }

}  // namespace hmap::test
