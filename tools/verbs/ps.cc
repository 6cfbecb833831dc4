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
    "whoever needs it; --clear-dead does it now, and brings in what the commit log of a store has\n"
    "that is not in it yet after a power cut.";

Activity look(const CommonOptions& common) {
  return take(activity(open_to_read(common)), common.file);
}

ClearedDead dead_in(const Activity& activity) {
  ClearedDead dead;
  for (const AttachedProcess& process : activity.processes) dead.processes += process.alive ? 0 : 1;
  for (const HeldLock& lock : activity.locks) dead.locks += lock.owner_alive ? 0 : 1;
  for (const Stats::HeldSnapshot& snapshot : activity.snapshots)
    dead.snapshots += snapshot.alive ? 0 : 1;
  return dead;
}

// Nobody, if only a writer can bring the store up to date.
ClearedDead dead_in(const CommonOptions& common) {
  const Result<Store> store = Store::open(common.file, options_to_read(common.ignore_log));
  if (store.error().code() == Code::kNeedsRecovery) return {};
  if (!store) throw store_failure(store.error(), common.file);
  return dead_in(take(activity(*store), common.file));
}

// What was there before: to open the store already takes over some of it, a slot above all.
ClearedDead clear(const PsVerb& verb) {
  const std::string& path = verb.common.file;
  const ClearedDead dead = dead_in(verb.common);
  Store store = open_to_write(verb.common, verb.write);
  take(clear_dead(store), path);
  require(store.close(), path);
  return dead;
}

Exit run(const PsVerb& verb) {
  const std::string& path = verb.common.file;
  std::optional<ClearedDead> cleared;
  if (verb.clear_dead) cleared = clear(verb);
  const Activity activity = look(verb.common);
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
  add_ignore_log_option(app, verb->common);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
