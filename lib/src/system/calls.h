// Which threads are inside a call, so that what calls use can be destroyed once none uses it, and
// calls store to nothing that threads share.
//
// Each thread has a word of its own, odd while it is inside. Who takes something out of use makes
// every thread pass a barrier (membarrier(2)), then looks at the words: a thread that is inside may
// have found the thing before it was taken away, all others cannot find it any more. Source: the
// user-space read-copy-update of Desnoyers and others (IEEE TPDS 23/2, 2012), its sys_membarrier
// kind.
#ifndef HMAP_SRC_SYSTEM_CALLS_H_
#define HMAP_SRC_SYSTEM_CALLS_H_

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

namespace hmap {

using CallWord = std::atomic<std::uint64_t>;

// Null until the thread's first call.
extern constinit thread_local CallWord* calls_of_thread;

// Gives the thread its word. Throws std::bad_alloc.
CallWord* enlist_thread();

// The thread is inside a call as long as the object lives. May be nested.
class InCall {
 public:
  [[gnu::always_inline]] InCall() : word_(calls_of_thread) {
    if (word_ == nullptr) [[unlikely]]
      word_ = enlist_thread();
    const std::uint64_t before = word_->load(std::memory_order_relaxed);
    if (before % 2 != 0) [[unlikely]] {
      word_ = nullptr;  // the outer one's
      return;
    }
    word_->store(before + 1, std::memory_order_relaxed);
    // Grace brings the processor's barrier; this is the compiler's.
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  InCall(const InCall&) = delete;
  InCall& operator=(const InCall&) = delete;
  [[gnu::always_inline]] ~InCall() {
    if (word_ != nullptr)
      word_->store(word_->load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

 private:
  CallWord* word_;
};

// Begins after something was taken out of use; is over once every call has ended that was under way
// then. Never, where the kernel has no such barrier or memory is refused, and in a child forked
// while another thread of its parent was inside a call.
class Grace {
 public:
  Grace() noexcept;
  // Cheap; may be asked by one thread at a time.
  [[nodiscard]] bool over();

 private:
  void look();
  bool passed_;  // all threads have passed the barrier, and been looked at
  std::vector<std::pair<const CallWord*, std::uint64_t>> inside_;
};

}  // namespace hmap

#endif  // HMAP_SRC_SYSTEM_CALLS_H_
