// A store file made by a stranger: opened, read, verified, written, closed,
// opened again.
#include "exercise.h"
#include "target.h"
#include "victim_file.h"

namespace hmap::test {
namespace {

void run_store(Bytes input) {
  const Script script = Script::parse(input);
  const Base& base = lay_out(script);
  Exercise exercise = exercise_of(script, base);
  exercise.values_count = values_count_in(script, base);
  exercise.puts_are_found =
      script.edits.empty() || (script.flags & (Script::kSealStructures | Script::kOfThisBoot)) == 0;
  exercise.refusal_changes_nothing =
      (script.flags & (Script::kSealStructures | Script::kOfThisBoot)) == 0;
  // Who makes the checksums right can say that the store owes its log something.
  exercise.with_log = (script.flags & Script::kSealStructures) != 0;
  exercise.run();
  if (script.edits.empty() && exercise.errors != 0) fail("an undamaged store gives errors");
}

}  // namespace

Target store_target() { return {"store", run_store, mutate_store, script_seeds, 1024}; }

}  // namespace hmap::test
