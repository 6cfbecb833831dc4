// What the tests of the lowest layer need from the operating system: files that clean up, children
// that die, disks that are full, and system calls that fail.
#ifndef HMAP_TESTS_UNIT_OS_SUPPORT_H_
#define HMAP_TESTS_UNIT_OS_SUPPORT_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "temp_file.h"

// In a child GoogleTest reports to nobody: say it on stderr and end with 1.
#define CHILD_REQUIRE(condition)                                                                  \
  do {                                                                                            \
    if (!(condition)) {                                                                           \
      std::fprintf(stderr, "%s:%d: not true in the child: %s\n", __FILE__, __LINE__, #condition); \
      return 1;                                                                                   \
    }                                                                                             \
  } while (false)

namespace hmap::unit {

using test::TempDir;

inline std::vector<std::string> names_in(const TempDir& dir) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    found.push_back(entry.path().filename().string());
  }
  return found;
}

// A small file system of its own. mounted() is false where we may not mount: skip the test.
class Disk {
 public:
  Disk(const char* type, const std::string& options)
      : mounted_(::mount("hmap_test", dir_.path().c_str(), type, 0, options.c_str()) == 0) {}
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk() {
    if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] bool make_read_only() const {
    return ::mount("hmap_test", dir_.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0;
  }
  [[nodiscard]] const TempDir& dir() const { return dir_; }

 private:
  TempDir dir_;
  bool mounted_;
};

// A file descriptor that the test closes.
class File {
 public:
  explicit File(const std::string& path, int flags = O_RDWR | O_CREAT)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] struct stat stat() const {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) std::abort();
    return info;
  }
  [[nodiscard]] off_t bytes() const { return stat().st_size; }
  [[nodiscard]] std::string read(off_t at, std::size_t count) const {
    std::string text(count, '?');
    const ssize_t got = ::pread(fd_, text.data(), count, at);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }
  [[nodiscard]] bool write(off_t at, const std::string& text) const {
    return ::pwrite(fd_, text.data(), text.size(), at) == static_cast<ssize_t>(text.size());
  }

 private:
  int fd_;
};

inline bool become_nobody() { return ::setegid(65534) == 0 && ::seteuid(65534) == 0; }

inline std::string content(const std::string& path) { return File(path, O_RDONLY).read(0, 1000); }

// A forked process that runs `body` and ends with its result. It can talk to the test, one byte at
// a time, and is killed if it still lives at the end.
class Peer {
 public:
  class Line {  // the child's end
   public:
    Line(int in, int out) : in_(in), out_(out) {}
    void say(char c) const {
      if (::write(out_, &c, 1) != 1) ::_exit(99);
    }
    void wait_for_word() const {
      char c = 0;
      while (::read(in_, &c, 1) < 0 && errno == EINTR) {
      }
    }

   private:
    int in_;
    int out_;
  };

  explicit Peer(const std::function<int(const Line&)>& body) {
    std::array<int, 2> up{};
    std::array<int, 2> down{};
    if (::pipe2(up.data(), O_CLOEXEC) != 0 || ::pipe2(down.data(), O_CLOEXEC) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::close(up[0]);
      ::close(down[1]);
      ::_exit(body(Line(down[0], up[1])));
    }
    ::close(up[1]);
    ::close(down[0]);
    from_ = up[0];
    to_ = down[1];
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() {
    if (pid_ > 0) {
      signal(SIGKILL);
      static_cast<void>(wait());
    }
    ::close(from_);
    ::close(to_);
  }

  // Whether the child says something within the time; -1: as long as it takes.
  [[nodiscard]] bool says(char expected, int timeout_ms = -1) const {
    pollfd ready{from_, POLLIN, 0};
    while (true) {
      const int result = ::poll(&ready, 1, timeout_ms);
      if (result < 0 && errno == EINTR) continue;
      if (result <= 0) return false;
      char c = 0;
      return ::read(from_, &c, 1) == 1 && c == expected;
    }
  }
  void tell() const {
    if (::write(to_, "!", 1) != 1) std::abort();
  }
  // Nothing if it has ended: a signal to -1 is one to every process there is.
  void signal(int number) const {
    if (pid_ > 0) ::kill(pid_, number);
  }
  void stop() const {
    signal(SIGSTOP);
    int status = 0;
    ::waitpid(pid_, &status, WUNTRACED);
  }
  // Exit code, or minus the signal that ended it.
  [[nodiscard]] int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  void kill_and_wait() {
    if (pid_ <= 0) return;
    signal(SIGKILL);
    static_cast<void>(wait());
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int from_ = -1;
  int to_ = -1;
};

// Runs `body` in a child; its exit code or minus its signal.
inline int in_child(const std::function<int()>& body) {
  Peer child([&](const Peer::Line&) { return body(); });
  return child.wait();
}

// From now on a system call does not happen in this process, but answers with `action`
// (SECCOMP_RET_...). With a `mask`: only if argument `argument` has one of its bits; with `equals`:
// only if it equals the mask. For children: there is no way back.
struct Filter {
  long number;
  std::uint32_t action;
  std::uint32_t argument = 0;
  std::uint32_t mask = 0;
  bool equals = false;
};
inline std::uint32_t error_of(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}
inline bool install_filter(const Filter& filter) {
  const auto number = static_cast<std::uint32_t>(filter.number);
  const auto low = static_cast<std::uint32_t>(16 + 8 * filter.argument);  // seccomp_data.args[]
  std::vector<sock_filter> code;
  code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0));
  code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 1, 0));
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  if (filter.mask != 0) {
    code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low));
    const auto test =
        static_cast<std::uint16_t>(BPF_JMP | BPF_K | (filter.equals ? BPF_JEQ : BPF_JSET));
    code.push_back(BPF_JUMP(test, filter.mask, 1, 0));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, filter.action));
  sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace hmap::unit

#endif  // HMAP_TESTS_UNIT_OS_SUPPORT_H_
