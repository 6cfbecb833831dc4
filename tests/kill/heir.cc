#include "heir.h"

#include "virtual_time.h"

namespace hmap::test {

Heir::Heir(const Recording& recording, int slot)
    : stage_(recording.new_store),
      store_(open_in_slot(stage_.path(), recording.plot.options, slot)) {}

std::string Heir::examine(const Image& image, const Question& question) {
  tape_.start(stage_.files(), false);
  std::string wrong = inherit(store_, question, &verified_);
  tape_.stop();
  stage_.show(image, tape_);
  return wrong;
}

std::string Heir::rehearse(const Image& image, const Question& question) {
  std::string wrong;
  tape_.start(stage_.files(), true);
  {
    const VirtualTime time;
    wrong = begin_to_inherit(store_, question);
  }
  tape_.stop();
  stage_.show(image, tape_);
  return wrong;
}

}  // namespace hmap::test
