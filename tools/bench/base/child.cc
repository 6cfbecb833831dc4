#include "base/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "base/timing.h"

namespace hmap::bench {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitNoProgram = 127;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// A pipe: [0] to read from, [1] to write to.
class Pipe {
 public:
  Pipe() {
    if (pipe2(ends_, O_CLOEXEC) != 0) fail("pipe");
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  [[nodiscard]] int end(int which) const noexcept { return ends_[which]; }
  void close_end(int which) noexcept {
    if (ends_[which] >= 0) close(ends_[which]);
    ends_[which] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("write to a pipe");
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Everything up to the end; stops early if the user interrupts.
std::string read_all(int fd) {
  std::string all;
  char chunk[65536];
  while (!interrupted()) {
    const ssize_t got = read(fd, chunk, sizeof(chunk));
    if (got == 0) break;
    if (got > 0) {
      all.append(chunk, static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      fail("read from a pipe");
    }
  }
  return all;
}

pid_t fork_quietly() {
  std::fflush(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(kExitFailed);  // It died before the line above.
  }
  return pid;
}

// Waits for the end of the process, after killing it if the user interrupted.
int status_of(pid_t pid) {
  if (interrupted()) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) != pid) {
    if (errno != EINTR) fail("waitpid");
    if (interrupted()) kill(pid, SIGKILL);
  }
  if (interrupted()) throw Interrupted();
  return status;
}

std::string way_of_dying(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("its process was ended by signal {} ({})", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
  }
  return fmt::format("its process ended with exit code {}", WEXITSTATUS(status));
}

}  // namespace

Json run_in_child(const std::function<Json()>& work) {
  Pipe pipe;
  const pid_t pid = fork_quietly();
  if (pid == 0) {
    Json answer;
    try {
      answer["result"] = work();
    } catch (const std::exception& error) {
      answer = {{"error", error.what()}};
    }
    std::fflush(nullptr);
    try {
      write_all(pipe.end(1), answer.dump());
    } catch (const std::exception&) {
      _exit(kExitFailed);
    }
    _exit(0);  // No destructors: what the parent owns is not ours to remove.
  }
  pipe.close_end(1);
  const std::string text = read_all(pipe.end(0));
  const int status = status_of(pid);
  if (status != 0) throw std::runtime_error(way_of_dying(status));
  Json answer = Json::parse(text);
  if (answer.contains("error")) throw std::runtime_error(answer["error"].get<std::string>());
  return answer["result"];
}

pid_t spawn(const std::function<void()>& work) {
  const pid_t pid = fork_quietly();
  if (pid != 0) return pid;
  int code = 0;
  try {
    work();
  } catch (const std::exception& error) {
    fmt::print(stderr, "hmap-bench: a process failed: {}\n", error.what());
    code = kExitFailed;
  }
  std::fflush(nullptr);
  _exit(code);
}

std::vector<Json> run_program(const std::vector<std::string>& command) {
  Pipe pipe;
  const pid_t pid = fork_quietly();
  if (pid == 0) {
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    dup2(pipe.end(1), STDOUT_FILENO);
    execv(arguments[0], arguments.data());
    _exit(kExitNoProgram);
  }
  pipe.close_end(1);
  const std::string text = read_all(pipe.end(0));
  const int status = status_of(pid);
  if (status != 0) throw std::runtime_error(command[0] + ": " + way_of_dying(status));
  std::vector<Json> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) lines.push_back(Json::parse(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return lines;
}

}  // namespace hmap::bench
