// A store file whose words change under the hands of those who use it: what was
// checked once must not be read a second time and believed.
#include <sys/mman.h>
#include <sys/prctl.h>

#include <atomic>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <semaphore>
#include <thread>

#include "../power/kept_windows.h"
#include "exercise.h"
#include "seeds.h"
#include "target.h"
#include "victim_file.h"

namespace hmap::test {
namespace {

// Another process, in effect: writes words to a mapping of its own, and puts them back. Its thread
// is the worker's, because starting and ending one for each input took a tenth of the time.
class Flipper {
 public:
  Flipper(const Base& base, const VictimFile& file, std::uint64_t bytes, std::uint64_t seed)
      : base_(base), bytes_(bytes), random_(seed) {
    void* memory = ::mmap(nullptr, kMapped, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
    if (memory == MAP_FAILED) fail("no memory to flip bytes in");
    memory_ = static_cast<std::uint8_t*>(memory);
    worker().begin(*this);
  }
  Flipper(const Flipper&) = delete;
  Flipper& operator=(const Flipper&) = delete;
  ~Flipper() {
    stop_ = true;
    worker().wait_until_idle();
    ::munmap(memory_, kMapped);
  }

 private:
  class Worker {
   public:
    Worker() : thread_([this] { run(); }) {}
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker() {
      is_over_ = true;
      changes_.release();
      thread_.join();
    }
    void begin(Flipper& flipper) {
      flipper_ = &flipper;
      changes_.release();
    }
    void wait_until_idle() { idle_.acquire(); }

   private:
    void run() {
      ::prctl(PR_SET_TIMERSLACK, 1);
      for (changes_.acquire(); !is_over_; changes_.acquire()) {
        while (!flipper_->stop_.load(std::memory_order_relaxed)) flipper_->flip();
        idle_.release();
      }
    }
    Flipper* flipper_ = nullptr;
    std::atomic<bool> is_over_{false};
    std::binary_semaphore changes_{0};
    std::binary_semaphore idle_{0};
    std::thread thread_;
  };
  static Worker& worker() {
    static Worker one;
    return one;
  }

  void flip() {
    // What is looked at while a store is open. The superblock is read once.
    const auto kind = static_cast<Kind>(2 + random_.below(kKinds - 2));
    const Part& part = base_.anatomy.part(kind, random_.next());
    const std::uint64_t at = (part.offset + random_.below(part.bytes)) / 8 * 8;
    if (at + 8 > bytes_) return;
    auto& word = *reinterpret_cast<std::uint64_t*>(memory_ + at);
    const std::uint64_t before = std::atomic_ref(word).load(std::memory_order_relaxed);
    std::atomic_ref(word).store(changed(before), std::memory_order_relaxed);
    wait();
    // One in a few stays.
    if (!random_.one_in(64)) std::atomic_ref(word).store(before, std::memory_order_relaxed);
  }
  // A few instructions of those who use it, or many. Sleeping, because on a processor that the two
  // share nobody sees the word before this thread is off it, and for as long as it stays on it
  // nobody does anything.
  void wait() {
    constexpr std::uint64_t kNanosecondsMax = 100'000;
    if (random_.one_in(2)) {
      for (std::uint64_t i = random_.below(300); i > 0; --i)
        std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      const timespec time{0, static_cast<long>(random_.below(kNanosecondsMax))};
      ::nanosleep(&time, nullptr);
    }
  }
  std::uint64_t changed(std::uint64_t word) {
    switch (random_.below(5)) {
      case 0:
        return random_.next() >> random_.below(64);
      case 1:
        return word ^ std::uint64_t{1} << random_.below(64);
      case 2:
        return std::uint64_t{1} << random_.below(64);
      case 3:
        return ~std::uint64_t{0} - random_.below(16);
      default:
        return word + random_.below(32) - 16;
    }
  }

  // More than any of the files; so large that it stays mapped (kept_windows.cc).
  static constexpr std::size_t kMapped = std::size_t{1} << 20;

  const Base& base_;
  std::uint64_t bytes_;
  Random random_;
  std::uint8_t* memory_ = nullptr;
  std::atomic<bool> stop_{false};
};

void run_flips(Bytes input) {
  map_privately_for_real();
  const Script script = Script::parse(input);
  const Base& base = lay_out(script);
  const VictimFile& file = victim_file();
  const std::uint64_t bytes = std::filesystem::file_size(file.path());
  if (bytes == 0) return;
  Exercise exercise = exercise_of(script, base);
  // What is copied out after its checksum was compared may change in between.
  exercise.values_count = false;
  exercise.any_error = true;
  const Flipper flipper(base, file, bytes, mix(script.salt) ^ script.edits.size());
  exercise.run();
}

}  // namespace

Target flips_target() { return {"flips", run_flips, mutate_store, script_seeds, 512}; }

}  // namespace hmap::test
