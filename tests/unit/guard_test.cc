// The SIGBUS guard: what it catches, and how exactly it leaves everything else alone.
#include "system/guard.h"

#include <pthread.h>
#include <sys/mman.h>

#include <thread>

#include "os_support.h"
#include "signals.h"

namespace hmap {
namespace {

using test::is_blocked;
using test::TempDir;
using unit::File;
using unit::in_child;

constexpr std::size_t kPage = 4096;

// A mapping of one page of an empty file: touching it is SIGBUS.
class Trap {
 public:
  Trap() : file_(dir_.file("f")) {
    address_ = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file_.fd(), 0);
    if (address_ == MAP_FAILED) std::abort();
  }
  Trap(const Trap&) = delete;
  Trap& operator=(const Trap&) = delete;
  ~Trap() { ::munmap(address_, kPage); }
  void guard() const { guard::add_window(address_, kPage); }
  void forget() const { guard::remove_window(address_); }
  [[nodiscard]] volatile char* at(std::size_t offset) const {
    return static_cast<volatile char*>(address_) + offset;
  }

 private:
  const TempDir dir_;
  const File file_;
  void* address_;
};

template <typename F>
bool run(F body) {
  return guard::run([](void* context) { (*static_cast<F*>(context))(); }, &body);
}

// In a child whose SIGBUS is as a new process has it: sanitizers handle it themselves.
int with_default(const std::function<int()>& body) {
  return in_child([&] {
    std::signal(SIGBUS, SIG_DFL);
    return body();
  });
}

struct Seen {
  int calls = 0;
  void* address = nullptr;
  bool blocked_bus = false;
  bool blocked_usr1 = false;
};
Seen seen;

void remember(int, siginfo_t* info, void*) {
  ++seen.calls;
  seen.address = info->si_addr;
  sigset_t mask;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  seen.blocked_bus = sigismember(&mask, SIGBUS) == 1;
  seen.blocked_usr1 = sigismember(&mask, SIGUSR1) == 1;
  // A fault would happen again: give the page a file.
  if (info->si_code > 0) {
    ::mmap(info->si_addr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
           -1, 0);
  }
}

void set_handler(void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | flags;
  sigaddset(&action.sa_mask, SIGUSR1);
  ::sigaction(SIGBUS, &action, nullptr);
}

TEST(Guard, TurnsAFaultInAWindowIntoAnAnswerEachTime) {
  EXPECT_EQ(with_default([] {
              CHILD_REQUIRE(guard::install().ok());
              CHILD_REQUIRE(guard::install().ok());
              const Trap trap;
              trap.guard();
              int before = 0;
              int after = 0;
              for (int i = 0; i < 100; ++i) {
                CHILD_REQUIRE(!run([&] {
                  ++before;
                  *trap.at(kPage - 1) = 'x';
                  ++after;
                }));
              }
              CHILD_REQUIRE(before == 100 && after == 0);
              CHILD_REQUIRE(run([&] { ++after; }) && after == 1);
              CHILD_REQUIRE(!is_blocked(SIGBUS));
              return 0;
            }),
            0);
}

TEST(Guard, EndsOnlyTheInnermostCall) {
  EXPECT_EQ(with_default([] {
              CHILD_REQUIRE(guard::install().ok());
              const Trap trap;
              trap.guard();
              bool inner = true;
              bool went_on = false;
              const bool outer = run([&] {
                inner = run([&] { *trap.at(0) = 'x'; });
                went_on = true;
              });
              CHILD_REQUIRE(!inner && went_on && outer);
              CHILD_REQUIRE(!run([&] {
                static_cast<void>(run([] {}));
                *trap.at(0) = 'x';
              }));
              return 0;
            }),
            0);
}

TEST(Guard, WorksInEachThreadOnItsOwn) {
  EXPECT_EQ(with_default([] {
              CHILD_REQUIRE(guard::install().ok());
              const Trap trap;
              trap.guard();
              bool other = true;
              const bool mine = run(
                  [&] { std::thread([&] { other = run([&] { *trap.at(0) = 'x'; }); }).join(); });
              CHILD_REQUIRE(mine && !other);
              return 0;
            }),
            0);
  EXPECT_EQ(with_default([] {
              CHILD_REQUIRE(guard::install().ok());
              const Trap trap;
              trap.guard();
              static_cast<void>(run([&] { std::thread([&] { *trap.at(0) = 'x'; }).join(); }));
              return 0;
            }),
            -SIGBUS)
      << "that thread has called no run()";
}

TEST(Guard, LeavesFaultsElsewhereToTheDefault) {
  const auto fault = [](bool guarded, bool forget, bool inside_run) {
    return with_default([=] {
      if (!guard::install().ok()) return 1;
      const Trap trap;
      if (guarded) trap.guard();
      if (forget) trap.forget();
      if (!inside_run) *trap.at(0) = 'x';
      return run([&] { *trap.at(0) = 'x'; }) ? 2 : 3;
    });
  };

  EXPECT_EQ(fault(true, false, true), 3);
  EXPECT_EQ(fault(false, false, true), -SIGBUS) << "no window";
  EXPECT_EQ(fault(true, true, true), -SIGBUS) << "a forgotten window";
  EXPECT_EQ(fault(true, false, false), -SIGBUS) << "outside run()";
}

TEST(Guard, IsOverWhenTheCallIsOver) {
  for (const bool faulted : {false, true}) {
    EXPECT_EQ(with_default([=] {
                CHILD_REQUIRE(guard::install().ok());
                ::alarm(10);
                const Trap trap;
                trap.guard();
                CHILD_REQUIRE(run([&] {
                                if (faulted) *trap.at(0) = 'x';
                              }) != faulted);
                *trap.at(0) = 'x';
                return 0;
              }),
              -SIGBUS)
        << faulted;
  }
}

TEST(Guard, KnowsTheLimitsOfAWindow) {
  EXPECT_EQ(with_default([] {
              CHILD_REQUIRE(guard::install().ok());
              const TempDir dir;
              const File file(dir.file("f"));
              void* pages = ::mmap(nullptr, 3 * kPage, PROT_READ, MAP_SHARED, file.fd(), 0);
              auto* bytes = static_cast<volatile char*>(pages);
              guard::add_window(const_cast<char*>(bytes) + kPage, kPage);
              CHILD_REQUIRE(!run([&] { static_cast<void>(bytes[kPage]); }));
              CHILD_REQUIRE(!run([&] { static_cast<void>(bytes[2 * kPage - 1]); }));
              for (const std::size_t outside : {kPage - 1, 2 * kPage}) {
                CHILD_REQUIRE(in_child([&] {
                                static_cast<void>(run([&] { static_cast<void>(bytes[outside]); }));
                                return 0;
                              }) == -SIGBUS);
              }
              return 0;
            }),
            0);
}

TEST(Guard, CallsTheHandlerItFoundAsTheKernelWould) {
  EXPECT_EQ(with_default([] {
              set_handler(remember, 0);
              CHILD_REQUIRE(guard::install().ok());
              const Trap trap;
              CHILD_REQUIRE(run([&] { *trap.at(0) = 'x'; }));
              CHILD_REQUIRE(seen.calls == 1);
              CHILD_REQUIRE(seen.address == trap.at(0));
              CHILD_REQUIRE(seen.blocked_bus && seen.blocked_usr1);
              CHILD_REQUIRE(!is_blocked(SIGBUS) && !is_blocked(SIGUSR1));
              return 0;
            }),
            0);
  EXPECT_EQ(with_default([] {
              set_handler(remember, SA_NODEFER);
              CHILD_REQUIRE(guard::install().ok());
              ::raise(SIGBUS);
              CHILD_REQUIRE(seen.calls == 1 && !seen.blocked_bus);
              return 0;
            }),
            0);
}

TEST(Guard, CallsAHandlerForOneSignalOnce) {
  EXPECT_EQ(with_default([] {
              set_handler([](int, siginfo_t*, void*) { ++seen.calls; },
                          static_cast<int>(SA_RESETHAND));
              CHILD_REQUIRE(guard::install().ok());
              ::alarm(10);  // a fault that is "handled" again and again
              const Trap trap;
              *trap.at(0) = 'x';
              return 0;
            }),
            -SIGBUS);
}

TEST(Guard, DoesNotTakeASignalThatWasSentForAFault) {
  // The sender's number lies where a fault has its address: guard all that it could be.
  const auto send = [](void (*prepare)()) {
    return with_default([=] {
      prepare();
      if (!guard::install().ok()) return 1;
      guard::add_window(reinterpret_cast<void*>(1), ~std::size_t{0} / 2);
      return run([] { ::raise(SIGBUS); }) ? 2 : 3;
    });
  };

  EXPECT_EQ(send([] {}), -SIGBUS);
  EXPECT_EQ(send([] { std::signal(SIGBUS, SIG_IGN); }), 2);
  EXPECT_EQ(send([] { set_handler(remember, 0); }), 2);
}

TEST(Guard, DoesNotIgnoreAFault) {
  EXPECT_EQ(with_default([] {
              std::signal(SIGBUS, SIG_IGN);
              CHILD_REQUIRE(guard::install().ok());
              ::alarm(10);
              const Trap trap;
              *trap.at(0) = 'x';
              return 0;
            }),
            -SIGBUS);
}

TEST(Guard, Has64WindowsAndUsesThemAgain) {
  EXPECT_EQ(with_default([] {
              CHILD_REQUIRE(guard::install().ok());
              std::vector<std::unique_ptr<Trap>> traps;
              for (int i = 0; i < 65; ++i) {
                traps.push_back(std::make_unique<Trap>());
                traps.back()->guard();
              }
              CHILD_REQUIRE(!run([&] { *traps[63]->at(0) = 'x'; }));
              CHILD_REQUIRE(in_child([&] {
                              static_cast<void>(run([&] { *traps[64]->at(0) = 'x'; }));
                              return 0;
                            }) == -SIGBUS);
              traps[10]->forget();
              traps[64]->guard();
              CHILD_REQUIRE(!run([&] { *traps[64]->at(0) = 'x'; }));
              return 0;
            }),
            0);
}

}  // namespace
}  // namespace hmap
