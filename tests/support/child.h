// Child processes with deadlines: a child that hangs is a failure, never a stuck suite.
#ifndef HMAP_TESTS_SUPPORT_CHILD_H_
#define HMAP_TESTS_SUPPORT_CHILD_H_

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>

#if defined(__SANITIZE_THREAD__)
// A child may open a store, which starts a thread, also when its parent had threads at the fork.
extern "C" __attribute__((weak)) const char* __tsan_default_options() {  // NOLINT
  return "die_after_fork=0";
}
#endif

namespace hmap::test {

using Milliseconds = std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Generous, because sanitizers and busy machines are slow; a hang is for ever.
inline constexpr Milliseconds kDeadline{60'000};

// What became of a child.
struct Outcome {
  enum class How { kExited, kSignaled, kStopped, kTimedOut };
  How how = How::kTimedOut;
  int code = 0;  // exit code or signal

  [[nodiscard]] bool exited(int with) const { return how == How::kExited && code == with; }
  [[nodiscard]] bool killed() const { return how == How::kSignaled && code == SIGKILL; }
  [[nodiscard]] bool stopped() const { return how == How::kStopped; }
  friend bool operator==(const Outcome&, const Outcome&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
    static constexpr const char* kWords[] = {"exited", "killed by signal", "stopped", "timed out"};
    return out << kWords[static_cast<int>(outcome.how)] << " " << outcome.code;
  }
};

// Exit code of a child whose body threw.
inline constexpr int kThrew = 99;

// A forked process that runs a function and exits with what it returns. Nothing of the parent is
// destroyed in it, and it dies with its parent. Killed and reaped at the end of the object.
class Child {
 public:
  explicit Child(const std::function<int()>& body) {
    block_sigchld();
    std::fflush(nullptr);
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const int code = run(body);
    std::fflush(nullptr);
    _exit(code);
  }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&& other) noexcept {
    if (this != &other) {
      end();
      pid_ = std::exchange(other.pid_, -1);
    }
    return *this;
  }
  ~Child() { end(); }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] bool running() const noexcept { return pid_ > 0; }
  // Nothing if it has ended: a signal to -1 is one to every process there is.
  void signal(int number) const {
    if (running()) ::kill(pid_, number);
  }

  // Waits until the child ends or stops. After kTimedOut it still runs.
  Outcome wait(Milliseconds deadline = kDeadline) {
    const auto until = Clock::now() + deadline;
    while (true) {
      const Outcome outcome = poll();
      if (outcome.how != Outcome::How::kTimedOut || Clock::now() >= until) return outcome;
      wait_for_sigchld();
    }
  }

  // What happened since the last question; kTimedOut if nothing.
  Outcome poll() {
    if (pid_ <= 0) return {Outcome::How::kTimedOut, 0};
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG | WUNTRACED) != pid_) return {};
    if (WIFSTOPPED(status)) return {Outcome::How::kStopped, WSTOPSIG(status)};
    pid_ = -1;
    if (WIFEXITED(status)) return {Outcome::How::kExited, WEXITSTATUS(status)};
    return {Outcome::How::kSignaled, WTERMSIG(status)};
  }

  // SIGKILL, and waits for the end, which SIGKILL cannot miss. kTimedOut if it had ended before.
  Outcome kill() {
    if (!running()) return {};
    signal(SIGKILL);
    Outcome outcome;
    do {
      outcome = wait();
    } while (outcome.stopped());
    return outcome;
  }

 private:
  void end() {
    if (running()) kill();
  }
  // An exception must not unwind into the parent's frames.
  static int run(const std::function<int()>& body) {
    try {
      return body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "exception in a child: %s\n", error.what());
    }
    return kThrew;
  }
  static void block_sigchld() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
  }
  // Returns at the next SIGCHLD; the time-out covers one that another wait() has taken.
  static void wait_for_sigchld() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    const timespec limit{0, 20'000'000};
    sigtimedwait(&set, nullptr, &limit);
  }

  pid_t pid_ = -1;
};

// Exit code of a child whose body could not run here (no mount, no root).
inline constexpr int kSkipped = 77;

// Whether a task of this user's sleeps in that system call: its number is the first word there.
inline bool sleeps_in(long call, pid_t process, pid_t task) {
  std::ifstream now("/proc/" + std::to_string(process) + "/task/" + std::to_string(task) +
                    "/syscall");
  long number = -1;
  return now >> number && number == call;
}

// Runs a body with googletest assertions in a child; they print as usual and fail the exit code.
inline Outcome run_in_child(const std::function<void()>& body, Milliseconds deadline = kDeadline) {
  Child child([&] {
    body();
    if (::testing::Test::IsSkipped()) return kSkipped;
    return ::testing::Test::HasFailure() ? 1 : 0;
  });
  return child.wait(deadline);
}

inline ::testing::AssertionResult child_passes(const char*, const Outcome& outcome) {
  if (outcome.exited(0)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "the child " << outcome;
}

// Ends the whole test program with a message if it lives longer than the deadline: for calls in
// this process that might hang. One at a time; forked children have none.
class Watchdog {
 public:
  explicit Watchdog(Milliseconds deadline = kDeadline) {
    struct sigaction action {};
    action.sa_handler = [](int) {
      static constexpr char kText[] = "\nHANG: a call did not return before the watchdog fired\n";
      [[maybe_unused]] const ssize_t written = write(2, kText, sizeof kText - 1);
      std::abort();
    };
    sigaction(SIGALRM, &action, nullptr);
    set(deadline);
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog() { set(Milliseconds{0}); }
  // Starts again.
  void feed(Milliseconds deadline = kDeadline) { set(deadline); }

 private:
  static void set(Milliseconds deadline) {
    itimerval timer{};
    timer.it_value.tv_sec = deadline.count() / 1000;
    timer.it_value.tv_usec = (deadline.count() % 1000) * 1000;
    setitimer(ITIMER_REAL, &timer, nullptr);
  }
};

}  // namespace hmap::test

#define EXPECT_CHILD_PASSES(outcome) EXPECT_PRED_FORMAT1(::hmap::test::child_passes, outcome)
#define ASSERT_CHILD_PASSES(outcome) ASSERT_PRED_FORMAT1(::hmap::test::child_passes, outcome)

#endif  // HMAP_TESTS_SUPPORT_CHILD_H_
