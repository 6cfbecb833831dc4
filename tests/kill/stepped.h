// A child that is made to go on instruction by instruction.
#ifndef HMAP_TESTS_KILL_STEPPED_H_
#define HMAP_TESTS_KILL_STEPPED_H_

#include <sys/types.h>

#include <functional>

namespace hmap::test {

// The child runs `body`, which calls pause_here() where its parent is to decide how it goes on; it
// is killed, if it still lives, at the end of the object, and with its parent.
class Stepped {
 public:
  explicit Stepped(const std::function<void()>& body);
  Stepped(const Stepped&) = delete;
  Stepped& operator=(const Stepped&) = delete;
  ~Stepped() { kill(); }

  // In the child: stands still until the parent goes on with it.
  static void pause_here();

  // Whether this machine lets us. If not, nothing else may be called.
  [[nodiscard]] bool works() const { return pid_ > 0; }
  // To the next pause. Throws if the child does anything else, for instance ends.
  void run();
  // One instruction. False: it was the last one before the next pause.
  bool step();
  void kill();

 private:
  // The signal that has stopped it.
  int wait() const;
  void go_on(int request);

  pid_t pid_ = -1;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_KILL_STEPPED_H_
