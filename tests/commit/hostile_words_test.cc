// The words of the log in the runtime area, as a stranger may leave them: who waits gets an answer.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kill/virtual_time.h"
#include "child.h"
#include "commit_options.h"
#include "raw_view.h"

namespace hmap::test {
namespace {

class HostileLogWords : public ::testing::Test {
 protected:
  HostileLogWords() {
    watchdog_.feed(Milliseconds(20'000));
    const RawView raw(dir_.file("store"));
    const std::uint64_t at = raw.superblock().runtime_offset.value;
    const int fd = open(dir_.file("store").c_str(), O_RDWR | O_CLOEXEC);
    void* memory = mmap(nullptr, sizeof *runtime_, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                        static_cast<off_t>(at));
    close(fd);
    if (memory == MAP_FAILED) throw std::runtime_error("cannot map the runtime area");
    runtime_ = static_cast<format::RuntimeHeader*>(memory);
  }
  ~HostileLogWords() override { munmap(runtime_, sizeof *runtime_); }

  format::LogState& words() { return runtime_->log; }
  // How long a commit waits for others.
  std::uint64_t microseconds_of_a_put() {
    const VirtualTime time;
    EXPECT_OK(store_.put("key", "value"));
    return VirtualTime::slept_us();
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  Store store_ = Store::open(dir_.file("store"), commit_options()).value();
  format::RuntimeHeader* runtime_ = nullptr;
};

TEST_F(HostileLogWords, AMarkerThatNoCheckpointReachesIsDamage) {
  ASSERT_OK(store_.put("key", "value"));
  ASSERT_OK(store_.checkpoint());
  words().marker = ~std::uint64_t{0};
  words().head = words().flushed = 0;
  EXPECT_CODE(Code::kCorrupt, store_.wait_durable());
}

TEST_F(HostileLogWords, AMarkerAloneCostsCheckpoints) {
  words().marker = ~std::uint64_t{0};
  for (int i = 0; i < 3; ++i) ASSERT_OK(store_.put("key", std::to_string(i)));
  EXPECT_OK(store_.wait_durable());
  EXPECT_VALUE(store_, "key", "2");
}

TEST_F(HostileLogWords, AnEndThatGoesBackIsDamage) {
  ASSERT_OK(store_.put("key", "value"));
  words().tail = words().head = words().flushed = 0;
  EXPECT_CODE(Code::kCorrupt, store_.wait_durable());
}

// The hints for whom a flush is kept back (life/gather.h): asked, and not believed for ever.
TEST_F(HostileLogWords, ACrowdThatNeverComesIsWaitedForOnceAndTwoMilliseconds) {
  EXPECT_LT(microseconds_of_a_put(), 100U);
  words().expected = 1'000;
  words().gather_until = ~std::uint64_t{0};
  const std::uint64_t waited = microseconds_of_a_put();
  EXPECT_GE(waited, 1'000U);
  EXPECT_LE(waited, 2'100U);
  EXPECT_EQ(0U, words().gather_until);
  EXPECT_LT(microseconds_of_a_put(), 100U);
}

}  // namespace
}  // namespace hmap::test
