// The lock of a domain, taken by many at once: processes that are killed, and threads.
#include <array>
#include <cstdio>
#include <thread>
#include <vector>

#include "lock_support.h"

namespace hmap {
namespace {

using unit::File;
using unit::Handle;
using unit::kForEver;
using unit::Peer;
using unit::SharedLock;

using Lock = unit::LockTest;

// Enters the section and leaves it, for ever. Nobody may be inside, unless he died there.
[[noreturn]] void hammer(const File& file, SharedLock& shared) {
  const Handle handle(file.fd(), shared);
  while (true) {
    const auto acquired = handle->lock(shared.lock, kForEver);
    if (!acquired) ::_exit(1);
    if (*acquired == Acquired::kOwnerDied) {
      seam::store(shared.recoveries, seam::load(shared.recoveries) + 1);
    } else if (seam::load(shared.inside) != 0) {
      seam::store(shared.violations, 1);
    }
    seam::store(shared.inside, handle.slot());
    for (int i = 0; i < 20; ++i) {
      if (seam::load(shared.inside) != handle.slot()) seam::store(shared.violations, 2);
    }
    seam::store(shared.sections, seam::load(shared.sections) + 1);
    seam::store(shared.inside, 0);
    handle->unlock(shared.lock);
  }
}

TEST_F(Lock, ExcludesThroughAStormOfKills) {
  const auto start = [this] {
    return std::make_unique<Peer>([this](const Peer::Line&) {
      hammer(file_, *shared_);
      return 0;
    });
  };
  std::array<std::unique_ptr<Peer>, 3> peers{start(), start(), start()};

  for (int kills = 0; kills < 150; ++kills) {
    const std::uint64_t before = seam::load(shared_->sections);
    while (seam::load(shared_->sections) < before + 50) std::this_thread::yield();
    auto& victim = peers[static_cast<std::size_t>(kills) % peers.size()];
    victim->kill_and_wait();
    victim = start();
  }
  for (auto& peer : peers) peer->kill_and_wait();

  EXPECT_EQ(shared_->violations, 0u);
  EXPECT_GT(shared_->recoveries, 0u) << "nobody was killed inside: the storm proves nothing";
  std::printf("%llu sections, %llu recoveries\n",
              static_cast<unsigned long long>(shared_->sections),
              static_cast<unsigned long long>(shared_->recoveries));
}

using LockThreads = unit::LockTest;

TEST_F(LockThreads, ExcludeEachOtherInOneHandleAndInTwo) {
  const std::array<Handle, 2> handles{Handle(file_.fd(), *shared_), Handle(file_.fd(), *shared_)};
  constexpr int kRounds = 20'000;
  std::uint64_t plain = 0;  // ThreadSanitizer watches this one
  std::vector<std::thread> threads;

  for (std::size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const Handle& handle = handles[i % 2];
      for (int round = 0; round < kRounds; ++round) {
        if (!handle->lock(lock(), kForEver)) std::abort();
        ++plain;
        handle->unlock(lock());
      }
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(plain, 4u * kRounds);
  EXPECT_EQ(word(), 0u);
}

}  // namespace
}  // namespace hmap
