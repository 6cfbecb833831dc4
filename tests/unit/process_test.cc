// Who is attached, and the proof that they live: with processes that are killed, stopped, forked.
#include "system/process.h"

#include <sys/mman.h>
#include <sys/time.h>

#include <fstream>
#include <string>
#include <thread>
#include <utility>

#include "os_support.h"

namespace hmap {
namespace {

using test::TempDir;
using unit::error_of;
using unit::File;
using unit::in_child;
using unit::install_filter;
using unit::Peer;

// Long enough to notice that somebody does not wait, short enough for a test that expects a wait.
constexpr int kWhileMs = 50;

std::unique_ptr<Attachment> attach(int fd) {
  auto attachment = Attachment::create(fd);
  if (!attachment) std::abort();
  return *std::move(attachment);
}

// A bound attachment with a slot.
std::unique_ptr<Attachment> attach_with_slot(int fd, std::uint32_t expected_slot = 1) {
  auto attachment = attach(fd);
  const auto slot = attachment->take_slot(4);
  if (!slot || *slot != expected_slot || !attachment->bind().ok()) std::abort();
  return attachment;
}

TEST(Forked, IsTrueInChildrenForEver) {
  const std::uint64_t mine = process_life();
  ASSERT_FALSE(forked());

  EXPECT_EQ(in_child([&] {
              CHILD_REQUIRE(forked());
              CHILD_REQUIRE(forked());
              return in_child([] { return forked() ? 0 : 1; });
            }),
            0);

  EXPECT_FALSE(forked());
  EXPECT_EQ(process_life(), mine);
}

TEST(ProcessLife, IsAnotherNumberInEachGeneration) {
  const std::uint64_t mine = process_life();

  EXPECT_EQ(in_child([&] {
              const std::uint64_t child = process_life();
              CHILD_REQUIRE(child != mine && child == process_life());
              return in_child([&] {
                CHILD_REQUIRE(process_life() != mine && process_life() != child);
                return 0;
              });
            }),
            0);
}

TEST(OpenGuard, LetsOneInUntilItEndsOrDies) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto body = [&](const Peer::Line& line) {
    const File own(dir.file("f"));
    const auto guard = OpenGuard::take(own.fd());
    line.say(guard ? 'i' : 'e');
    line.wait_for_word();
    return 0;
  };

  Peer first(body);
  ASSERT_TRUE(first.says('i'));
  Peer second(body);
  EXPECT_FALSE(second.says('i', kWhileMs));
  first.tell();
  EXPECT_TRUE(second.says('i')) << "the first has left";
  Peer third(body);
  EXPECT_FALSE(third.says('i', kWhileMs));
  second.kill_and_wait();
  EXPECT_TRUE(third.says('i')) << "the second is dead";
}

TEST(OpenGuard, IsReleasedByItsDestructorThoughTheFileStaysOpen) {
  const TempDir dir;
  const File file(dir.file("f"));
  const File observer(dir.file("f"));
  const auto is_locked = [&] {
    struct flock probe {};
    probe.l_type = F_WRLCK;
    return ::fcntl(observer.fd(), F_OFD_GETLK, &probe) == 0 && probe.l_type != F_UNLCK;
  };
  {
    auto guard = OpenGuard::take(file.fd());
    ASSERT_TRUE(guard);
    const OpenGuard moved(*std::move(guard));
    EXPECT_TRUE(is_locked());
  }
  EXPECT_FALSE(is_locked());
}

TEST(OpenGuard, GoesOnWaitingAfterSignals) {
  const TempDir dir;
  const File file(dir.file("f"));
  auto guard = std::make_unique<OpenGuard>(*OpenGuard::take(file.fd()));

  Peer waiter([&](const Peer::Line& line) {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // without SA_RESTART
    ::sigaction(SIGALRM, &action, nullptr);
    const itimerval storm{{0, 1000}, {0, 1000}};
    ::setitimer(ITIMER_REAL, &storm, nullptr);
    const File own(dir.file("f"));
    const auto taken = OpenGuard::take(own.fd());
    line.say(taken ? 'i' : 'e');
    return 0;
  });
  EXPECT_FALSE(waiter.says('?', kWhileMs)) << "answered while the byte was locked";
  guard.reset();
  EXPECT_TRUE(waiter.says('i'));
}

TEST(OpenGuard, ReportsWhatItCannotLock) {
  const TempDir dir;
  const File read_only(dir.file("f"), O_RDONLY | O_CREAT);

  EXPECT_EQ(OpenGuard::take(-1).error().code(), Code::kSystem);
  EXPECT_EQ(OpenGuard::take(read_only.fd()).error().os_error(), EBADF);
}

TEST(Attachment, KnowsWhetherItIsAlone) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto mine = attach(file.fd());
  ASSERT_TRUE(mine->join(false).ok());
  EXPECT_TRUE(*mine->alone()) << "we are not somebody else";

  auto other = attach(file.fd());
  EXPECT_FALSE(*other->alone());
  ASSERT_TRUE(other->join(false).ok());
  EXPECT_FALSE(*mine->alone());
  other->leave();
  EXPECT_TRUE(*mine->alone());
}

TEST(Attachment, StaysAUserAfterItIsBoundAndTheFileIsClosed) {
  const TempDir dir;
  const File observer(dir.file("f"));
  const auto second = attach(observer.fd());
  auto first = [&] {
    const File own(dir.file("f"));
    auto attachment = attach(own.fd());
    EXPECT_TRUE(attachment->join(false).ok());
    EXPECT_TRUE(attachment->bind().ok());
    return attachment;
  }();

  EXPECT_FALSE(*second->alone());
  first.reset();
  EXPECT_TRUE(*second->alone());
}

TEST(Attachment, ExclusiveMeansAlone) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto first = attach(file.fd());
  const auto second = attach(file.fd());

  ASSERT_TRUE(first->join(false).ok());
  EXPECT_EQ(second->join(true).code(), Code::kLockedExclusively);
  first->leave();
  ASSERT_TRUE(second->join(true).ok());
  const auto third = attach(file.fd());
  EXPECT_EQ(third->join(false).code(), Code::kLockedExclusively);
  EXPECT_EQ(third->join(true).code(), Code::kLockedExclusively);
}

TEST(Attachment, TakesTheFirstFreeSlot) {
  const TempDir dir;
  const File file(dir.file("f"));
  const auto first = attach(file.fd());
  auto second = attach(file.fd());
  const auto third = attach(file.fd());
  const auto fourth = attach(file.fd());

  EXPECT_EQ(*first->take_slot(3), 1u);
  EXPECT_EQ(*second->take_slot(3), 2u);
  EXPECT_EQ(*third->take_slot(3), 3u);
  EXPECT_EQ(fourth->take_slot(3).error().code(), Code::kTooManyProcesses);
  EXPECT_TRUE(slot_alive(file.fd(), 2));
  second->leave();
  EXPECT_FALSE(slot_alive(file.fd(), 2));
  EXPECT_EQ(*fourth->take_slot(3), 2u);
}

TEST(Attachment, ReportsWhatItCannotOpen) {
  const TempDir dir;
  const File file(dir.file("f"));
  EXPECT_EQ(Attachment::create(-1).error().code(), Code::kSystem);
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  EXPECT_EQ(in_child([&] {
              CHILD_REQUIRE(unit::become_nobody());
              CHILD_REQUIRE(Attachment::create(file.fd()).error().code() == Code::kPermission);
              return 0;
            }),
            0);
}

TEST(Attachment, LeavesNoDescriptorAndReportsFailuresOfTheSystem) {
  const TempDir dir;
  const File file(dir.file("f"));
  const int lowest = ::dup(0);
  ::close(lowest);

  const auto attachment = attach_with_slot(file.fd());
  const int now = ::dup(0);
  ::close(now);
  EXPECT_EQ(now, lowest);

  EXPECT_EQ(in_child([&] {
              const auto other = attach(file.fd());
              CHILD_REQUIRE(install_filter({SYS_fcntl, error_of(ENOLCK)}));
              CHILD_REQUIRE(other->alone().error().os_error() == ENOLCK);
              CHILD_REQUIRE(other->join(false).code() == Code::kSystem);
              CHILD_REQUIRE(other->take_slot(3).error().code() == Code::kSystem);
              CHILD_REQUIRE(install_filter({SYS_madvise, error_of(EINVAL)}));
              CHILD_REQUIRE(other->bind().code() == Code::kSystem);
              return 0;
            }),
            0);
}

// The life of a slot's owner.
class SlotLife : public testing::Test {
 protected:
  // Attaches, does `then`, says so, and waits.
  std::unique_ptr<Peer> owner(const std::function<void()>& then = [] {}) {
    auto peer = std::make_unique<Peer>([this, then](const Peer::Line& line) {
      const auto attachment = attach_with_slot(file_.fd());
      then();
      line.say('r');
      line.wait_for_word();
      return 0;
    });
    EXPECT_TRUE(peer->says('r'));
    return peer;
  }
  [[nodiscard]] bool alive() const { return slot_alive(file_.fd(), 1); }

  const TempDir dir_;
  const File file_{dir_.file("f")};
};

TEST_F(SlotLife, EndsWithKillAndNotWithStop) {
  const auto peer = owner();
  EXPECT_TRUE(alive());
  peer->stop();
  EXPECT_TRUE(alive());
  peer->signal(SIGCONT);
  EXPECT_TRUE(alive());
  peer->kill_and_wait();
  EXPECT_FALSE(alive());
}

TEST_F(SlotLife, SurvivesTheClosingOfEveryDescriptorOfTheFile) {
  const auto peer = owner([this] {
    ::close(::open(dir_.file("f").c_str(), O_RDWR));  // would end a POSIX lock
    for (int fd = file_.fd(); fd >= 0; fd = -1) ::close(fd);
  });
  EXPECT_TRUE(alive());
}

TEST_F(SlotLife, EndsThoughAForkedChildLivesOn) {
  std::array<int, 2> life{};  // readable when the grandchild is gone
  std::array<int, 2> hold{};  // the grandchild lives until the test closes this
  ASSERT_EQ(::pipe2(life.data(), O_CLOEXEC) + ::pipe2(hold.data(), O_CLOEXEC), 0);
  const auto peer = owner([&] {
    if (::fork() != 0) return;
    ::close(hold[1]);
    ::prctl(PR_SET_PDEATHSIG, 0);
    char c = 0;
    ::_exit(::read(hold[0], &c, 1) == 0 ? 0 : 1);
  });
  ::close(life[1]);
  EXPECT_TRUE(alive());

  peer->kill_and_wait();

  EXPECT_FALSE(alive());
  pollfd end{life[0], POLLIN, 0};
  EXPECT_EQ(::poll(&end, 1, 0), 0) << "the grandchild was to live";
  ::close(hold[1]);
  ::poll(&end, 1, -1);
  ::close(hold[0]);
  ::close(life[0]);
}

TEST_F(SlotLife, DoesNotEndWhenAForkedChildLeaves) {
  auto mine = attach_with_slot(file_.fd());

  EXPECT_EQ(in_child([&] {
              mine->leave();
              CHILD_REQUIRE(slot_alive(file_.fd(), 1));
              mine.reset();
              return 0;
            }),
            0);

  mine->leave();
  EXPECT_FALSE(alive());
}

// The shared mapping without any permission: the lock page.
void* lock_page() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(" ---s ") == std::string::npos) continue;
    return reinterpret_cast<void*>(std::stoull(line, nullptr, 16));
  }
  return nullptr;
}

TEST_F(SlotLife, LeavingInAChildUnmapsNothingOfTheChilds) {
  auto mine = attach_with_slot(file_.fd());
  void* page = lock_page();
  ASSERT_NE(page, nullptr);

  EXPECT_EQ(in_child([&] {
              CHILD_REQUIRE(lock_page() == nullptr);
              void* own = ::mmap(page, 4096, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
              CHILD_REQUIRE(own == page);
              mine->leave();
              *static_cast<volatile char*>(own) = 'x';
              return 0;
            }),
            0);
  EXPECT_TRUE(alive());
}

TEST_F(SlotLife, AChildMayAttachOnItsOwn) {
  const auto mine = attach_with_slot(file_.fd());

  EXPECT_EQ(in_child([&] {
              const auto own = attach_with_slot(file_.fd(), 2);
              CHILD_REQUIRE(slot_alive(file_.fd(), 2));
              own->leave();
              CHILD_REQUIRE(!slot_alive(file_.fd(), 2));
              return 0;
            }),
            0);
}

TEST_F(SlotLife, EndsWithExec) {
  Peer peer([this](const Peer::Line& line) {
    const auto attachment = attach_with_slot(file_.fd());
    line.say('r');
    line.wait_for_word();
    ::execlp("sleep", "sleep", "60", nullptr);
    return 1;
  });
  ASSERT_TRUE(peer.says('r'));
  EXPECT_TRUE(alive());

  peer.tell();

  // The pipe is closed by the exec, too, a moment before or after the address space goes.
  EXPECT_FALSE(peer.says('?'));
  for (int i = 0; i < 1000 && alive(); ++i) ::usleep(1000);
  EXPECT_FALSE(alive());
  EXPECT_EQ(::kill(peer.pid(), 0), 0) << "the process itself lives";
}

TEST_F(SlotLife, IsAssumedWhenInDoubtAndCanBeAskedByReaders) {
  const File read_only(dir_.file("f"), O_RDONLY);
  EXPECT_TRUE(slot_alive(-1, 1));
  EXPECT_FALSE(slot_alive(read_only.fd(), 1));
  const auto mine = attach_with_slot(file_.fd());
  EXPECT_TRUE(slot_alive(read_only.fd(), 1));
  EXPECT_FALSE(slot_alive(read_only.fd(), 2));
}

TEST_F(SlotLife, DoesNotEndWithTheThreadThatAttached) {
  std::unique_ptr<Attachment> mine;
  std::thread([&] { mine = attach_with_slot(file_.fd()); }).join();
  EXPECT_TRUE(alive());
}

}  // namespace
}  // namespace hmap
