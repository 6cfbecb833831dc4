// An heir that had the store open before the victim died, on a stage of its own.
#ifndef HMAP_TESTS_KILL_HEIR_H_
#define HMAP_TESTS_KILL_HEIR_H_

#include <string>

#include "history.h"
#include "judgement.h"
#include "stage.h"
#include "tape.h"

namespace hmap::test {

class Heir {
 public:
  Heir(const Recording& recording, int slot);

  // The stage becomes equal to the image; from then on it is told of every change of the image.
  void show(const Image& image) { stage_.show(image, true); }
  void show(const Image& image, const Write& write) { stage_.show(image, write); }

  // Goes on with what lies there, and puts it back.
  std::string examine(const Image& image, const Question& question);
  // The same up to the heir's own write, recorded, for it to die in: touched() has it.
  std::string rehearse(const Image& image, const Question& question);
  [[nodiscard]] const Tape& touched() const { return tape_; }
  [[nodiscard]] std::uint64_t states() const { return verified_.count(); }

 private:
  Stage stage_;
  Store store_;
  Tape tape_;
  Verified verified_{stage_, tape_};
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_KILL_HEIR_H_
