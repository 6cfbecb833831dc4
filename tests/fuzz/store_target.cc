// A store file made by a stranger: opened, read, verified, written, closed,
// opened again.
#include "exercise.h"
#include "same_again.h"
#include "target.h"
#include "victim_file.h"

namespace hmap::test {
namespace {

void run_store(Bytes input) {
  const Script script = Script::parse(input);
  const Base& base = bases()[script.base % bases().size()];
  VictimFile& file = victim_file();
  const bool of_this_boot = (script.flags & Script::kOfThisBoot) != 0;
  file.become(damaged_file(script, base), base.anatomy.layout(), of_this_boot);
  same_again(script.salt);
  Exercise exercise;
  exercise.base = &base;
  exercise.path = file.path();
  exercise.first_key = script.salt;
  exercise.steps = script.steps;
  exercise.values_count = (script.flags & Script::kSealRecords) == 0;
  exercise.refusal_changes_nothing =
      (script.flags & (Script::kSealStructures | Script::kOfThisBoot)) == 0;
  exercise.run();
  if (script.edits.empty() && exercise.errors != 0) fail("an undamaged store gives errors");
}

}  // namespace

Target store_target() { return {"store", run_store, mutate_store, script_seeds, 1024}; }

}  // namespace hmap::test
