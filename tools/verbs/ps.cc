// hmap ps: who is at work in a store.
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "hmap/activity.h"
#include "io/output.h"
#include "report/activity.h"
#include "report/json.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct PsVerb {
  CommonOptions common;
  WriteOptions write;
  bool clear_dead = false;
};

constexpr const char* kPsExample =
    "Examples:\n"
    "  hmap ps users.hmap\n"
    "  hmap ps --clear-dead users.hmap\n"
    "\n"
    "Shows processes that have the store open for writing; those that only read take no slot and\n"
    "cannot be seen. Locks are held for microseconds: one that is shown again and again belongs "
    "to\n"
    "a process that is stopped, or in a checkpoint. What dead processes hold is taken over by\n"
    "whoever needs it; --clear-dead does it now.";

Activity look(const std::string& path) {
  const Store store = open_to_read(path);
  return take(activity(store), path);
}

ClearedDead dead_in(const Activity& activity) {
  ClearedDead dead;
  for (const AttachedProcess& process : activity.processes) dead.processes += process.alive ? 0 : 1;
  for (const HeldLock& lock : activity.locks) dead.locks += lock.owner_alive ? 0 : 1;
  for (const Stats::HeldSnapshot& snapshot : activity.snapshots)
    dead.snapshots += snapshot.alive ? 0 : 1;
  return dead;
}

// What was there before: to open the store already takes over some of it, a slot above all.
ClearedDead clear(const PsVerb& verb) {
  const std::string& path = verb.common.file;
  const ClearedDead dead = dead_in(look(path));
  Store store = take(Store::open(path, options_to_write(verb.write)), path);
  take(clear_dead(store), path);
  require(store.close(), path);
  return dead;
}

Exit run(const PsVerb& verb) {
  const std::string& path = verb.common.file;
  std::optional<ClearedDead> cleared;
  if (verb.clear_dead) cleared = clear(verb);
  const Activity activity = look(path);
  Output out;
  if (verb.common.json) {
    nlohmann::ordered_json answer;
    set_bytes(answer, "file", path);
    if (cleared) {
      answer["cleared"] = {{"processes", cleared->processes},
                           {"locks", cleared->locks},
                           {"snapshots", cleared->snapshots}};
    }
    add_activity(answer, activity);
    write_pretty(out, answer);
  } else {
    if (cleared) {
      out.write(fmt::format("cleared: dead processes {}, locks {}, snapshots {}\n",
                            cleared->processes, cleared->locks, cleared->snapshots));
    }
    out.write(activity_text(activity, path));
  }
  out.finish();
  return Exit::kYes;
}

}  // namespace

Verb add_ps(CLI::App& root) {
  auto verb = std::make_shared<PsVerb>();
  CLI::App& app = add_verb(root, verb->common, "ps", "show who is at work in a store", kPsExample);
  app.add_flag("--clear-dead", verb->clear_dead,
               "first give back what dead processes hold (needs permission to write)");
  add_wait_option(app, verb->write);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
