#include "stepped.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

namespace hmap::test {
namespace {

constexpr int kRefused = 70;

// The body must not unwind into the parent's frames.
[[noreturn]] void live(const std::function<void()>& body) {
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(kRefused);
  try {
    Stepped::pause_here();
    body();
    Stepped::pause_here();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "exception in a child: %s\n", error.what());
  }
  _exit(1);
}

}  // namespace

Stepped::Stepped(const std::function<void()>& body) {
  std::fflush(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) live(body);
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) throw std::runtime_error("waitpid failed");
  if (!WIFSTOPPED(status)) {
    pid_ = -1;
    return;
  }
  if (ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_EXITKILL) != 0) {
    throw std::runtime_error("PTRACE_SETOPTIONS failed");
  }
}

void Stepped::pause_here() { raise(SIGSTOP); }

void Stepped::run() {
  go_on(PTRACE_CONT);
  const int signal = wait();
  if (signal != SIGSTOP) throw std::runtime_error("the child got signal " + std::to_string(signal));
}

bool Stepped::step() {
  go_on(PTRACE_SINGLESTEP);
  const int signal = wait();
  if (signal == SIGTRAP) return true;
  if (signal == SIGSTOP) return false;
  throw std::runtime_error("the child got signal " + std::to_string(signal));
}

void Stepped::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) == pid_ && !WIFEXITED(status) && !WIFSIGNALED(status)) continue;
  pid_ = -1;
}

void Stepped::go_on(int request) {
  if (ptrace(static_cast<__ptrace_request>(request), pid_, nullptr, nullptr) != 0) {
    throw std::runtime_error("cannot go on with the child");
  }
}

int Stepped::wait() const {
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_ || !WIFSTOPPED(status)) {
    throw std::runtime_error("the child has ended");
  }
  return WSTOPSIG(status);
}

}  // namespace hmap::test
