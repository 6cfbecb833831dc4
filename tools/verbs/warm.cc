// hmap warm: reads a store into memory.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/progress.h"
#include "report/json.h"
#include "text/numbers.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct WarmVerb {
  CommonOptions common;
};

constexpr const char* kWarmExample =
    "Example:\n"
    "  hmap warm users.hmap\n"
    "\n"
    "Reads the file from beginning to end, so that the first look-ups need not wait for the disk.\n"
    "The system may drop pages again if memory is short: then \"in memory now\" is less than all.\n"
    "To those who may not write to the file it says that all of it is in memory, always.";

constexpr std::uint64_t kPieceBytes = 1U << 20U;

class File {
 public:
  explicit File(const std::string& path)
      : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)) {
    if (fd_ < 0) throw system_failure(errno, path, "cannot open the file");
    struct stat facts = {};
    if (::fstat(fd_, &facts) != 0) throw system_failure(errno, path, "cannot stat the file");
    bytes_ = static_cast<std::uint64_t>(facts.st_size);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(fd_); }

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

  void read_all() const {
    (void)::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
    Progress progress("warm", bytes_, Progress::Unit::kBytes);
    std::vector<char> piece(kPieceBytes);
    for (std::uint64_t at = 0; at < bytes_;) {
      const ssize_t got = ::pread(fd_, piece.data(), piece.size(), static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw system_failure(errno, path_, fmt::format("cannot read at {}", at));
      if (got == 0) return;
      at += static_cast<std::uint64_t>(got);
      // The bar looks at one call in sixteen; these are rare already.
      for (int i = 0; i < 16; ++i) progress.update(at);
    }
  }

  // Bytes of it that are in the page cache.
  [[nodiscard]] std::uint64_t resident() const {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::uint64_t pages = 0;
    constexpr std::uint64_t kWindow = std::uint64_t{1} << 30;
    for (std::uint64_t at = 0; at < bytes_; at += kWindow) {
      const std::uint64_t length = std::min(kWindow, bytes_ - at);
      void* const window =
          ::mmap(nullptr, length, PROT_READ, MAP_SHARED, fd_, static_cast<off_t>(at));
      if (window == MAP_FAILED) throw system_failure(errno, path_, "cannot map the file");
      std::vector<unsigned char> there((length + page - 1) / page);
      const int error = ::mincore(window, length, there.data()) == 0 ? 0 : errno;
      ::munmap(window, length);
      if (error != 0) throw system_failure(error, path_, "cannot ask what is in memory");
      pages += static_cast<std::uint64_t>(std::count_if(
          there.begin(), there.end(), [](unsigned char flags) { return (flags & 1) != 0; }));
    }
    return std::min(pages * page, bytes_);
  }

 private:
  const std::string& path_;
  int fd_;
  std::uint64_t bytes_ = 0;
};

Exit run(const WarmVerb& verb) {
  const std::string& path = verb.common.file;
  // To be told if it is no store; the file itself is what is read.
  (void)open_to_read(path);
  const File file(path);
  const std::uint64_t before = file.resident();
  file.read_all();
  const std::uint64_t after = file.resident();
  nlohmann::ordered_json answer;
  set_bytes(answer, "file", path);
  answer["file_bytes"] = file.bytes();
  answer["resident_before"] = before;
  answer["resident_after"] = after;
  write_answer(verb.common.json, answer,
               fmt::format("{}: {} in memory before, {} in memory now\n", human_bytes(file.bytes()),
                           human_bytes(before), human_bytes(after)));
  return Exit::kYes;
}

}  // namespace

Verb add_warm(CLI::App& root) {
  auto verb = std::make_shared<WarmVerb>();
  CLI::App& app = add_verb(root, verb->common, "warm", "read a store into memory", kWarmExample);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
