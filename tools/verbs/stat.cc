// hmap stat: shows the state of a store.
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "io/output.h"
#include "report/json.h"
#include "report/stat_json.h"
#include "report/stat_text.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct StatVerb {
  CommonOptions common;
  bool chains = false;
};

constexpr const char* kStatExample =
    "Examples:\n"
    "  hmap stat users.hmap\n"
    "  hmap stat --json users.hmap | jq .entries\n"
    "\n"
    "Reads the headers only; --chains walks every bucket, which takes a while for large stores.\n"
    "Small stores are walked without being asked.";

// So many buckets are walked in a few milliseconds.
constexpr std::uint64_t kSmallStoreBuckets = 1U << 16U;

Exit run(const StatVerb& verb) {
  const std::string& path = verb.common.file;
  const Store store = open_to_read(verb.common);
  Stats stats = take(store.stats(StatsDepth::kHeaders), path);
  const bool with_chains = verb.chains || stats.buckets <= kSmallStoreBuckets;
  if (with_chains) stats = take(store.stats(StatsDepth::kChains), path);
  Output out;
  if (verb.common.json) {
    write_pretty(out, stat_json(stats, path, with_chains));
  } else {
    out.write(stat_text(stats, path, with_chains));
  }
  out.finish();
  return Exit::kYes;
}

}  // namespace

Verb add_stat(CLI::App& root) {
  auto verb = std::make_shared<StatVerb>();
  CLI::App& app = add_verb(root, verb->common, "stat", "show the state of a store", kStatExample);
  app.add_flag("--chains", verb->chains, "count chain lengths, however large the store is");
  add_ignore_log_option(app, verb->common);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
