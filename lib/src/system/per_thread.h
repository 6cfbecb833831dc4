// Objects that each thread has one of. Calls also come from destructors of the application's
// thread-local objects, and of static ones after those of the main thread: what the language calls
// thread_local may be gone by then. The destructors of a key run after these, and never for the
// main thread at exit().
#ifndef HMAP_SRC_SYSTEM_PER_THREAD_H_
#define HMAP_SRC_SYSTEM_PER_THREAD_H_

#include <pthread.h>

namespace hmap {

// The thread's T, a type of one user only: made when it is first asked for, and destroyed when the
// thread ends. Where the system has no key for it, it stays behind.
template <typename T>
class PerThread {
 public:
  // Throws std::bad_alloc.
  static T& get() {
    if (object_ == nullptr) [[unlikely]]
      make();
    return *object_;
  }
  // Null while there is none.
  static T* find() noexcept { return object_; }

 private:
  struct Key {
    pthread_key_t number{};
    bool exists = ::pthread_key_create(&number, &end) == 0;
  };

  [[gnu::noinline]] static void make() {
    static const Key key;
    object_ = new T;
    if (key.exists) ::pthread_setspecific(key.number, object_);
  }
  // Who asks once more, in the destructor of another key, gets a new one, and the key its turn.
  static void end(void* object) noexcept {
    object_ = nullptr;
    delete static_cast<T*>(object);
  }

  static inline constinit thread_local T* object_ = nullptr;
};

}  // namespace hmap

#endif  // HMAP_SRC_SYSTEM_PER_THREAD_H_
