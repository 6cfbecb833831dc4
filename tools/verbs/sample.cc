// hmap sample: some entries, each as likely as every other.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "formats/format.h"
#include "io/output.h"
#include "io/progress.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct SampleVerb {
  CommonOptions common;
  std::string format = "auto";
  std::uint64_t count = 10;
  std::uint64_t seed = 0;
  CLI::Option* seed_option = nullptr;
};

constexpr const char* kSampleExample =
    "Examples:\n"
    "  hmap sample --count 1000 users.hmap > some.tsv\n"
    "  hmap sample --format db users.hmap | hmap load small.hmap\n"
    "\n"
    "Reads every entry once and keeps so many of them, each being as likely as every other. With\n"
    "--seed the same entries are drawn from every store that has them, in the same order.";

// A number that looks random, of a key: entries with the smallest ones are drawn, so that neither
// the order in which they are met nor the shards they are in have a say. XXH3 is the same on every
// machine, which std::hash does not promise.
std::uint64_t lot_of(std::string_view key, std::uint64_t seed) {
  return XXH3_64bits_withSeed(key.data(), key.size(), seed);
}

struct Drawn {
  std::uint64_t lot;
  Record record;
  bool operator<(const Drawn& other) const { return lot < other.lot; }
};

std::vector<Drawn> draw(const SampleVerb& verb) {
  const std::string& path = verb.common.file;
  const Store store = open_to_read(path);
  Cursor cursor = take(store.cursor(), path);
  const std::uint64_t seed = verb.seed_option->count() != 0 ? verb.seed : std::random_device{}();
  Progress progress("sample", take(store.size(), path), Progress::Unit::kEntries);
  // A heap: the largest lot, which has to go next, in front.
  std::vector<Drawn> drawn;
  std::uint64_t seen = 0;
  while (const std::optional<Entry> entry = take(cursor.next(), path)) {
    progress.update(++seen);
    const std::uint64_t lot = lot_of(entry->key, seed);
    const bool full = drawn.size() >= verb.count;
    if (full && (drawn.empty() || lot >= drawn.front().lot)) continue;
    if (full) {
      std::pop_heap(drawn.begin(), drawn.end());
      drawn.pop_back();
    }
    drawn.push_back({lot, {std::string(entry->key), std::string(entry->value), 0}});
    std::push_heap(drawn.begin(), drawn.end());
  }
  std::sort_heap(drawn.begin(), drawn.end());
  return drawn;
}

Exit run(const SampleVerb& verb) {
  if (verb.common.json && verb.format != "auto" && verb.format != "jsonl")
    throw usage_failure("--json is --format jsonl; another --format contradicts it");
  Format format = verb.common.json ? Format::kJsonl : Format::kTsv;
  if (verb.format != "auto") format = format_named(verb.format);
  const std::vector<Drawn> drawn = draw(verb);
  Output out;
  std::uint64_t bytes = 0;
  for (const Drawn& one : drawn) bytes += one.record.key.size() + one.record.value.size();
  const std::unique_ptr<RecordWriter> writer = make_writer(format, out, bytes);
  writer->begin();
  for (const Drawn& one : drawn) writer->write(one.record.key, one.record.value);
  writer->end();
  out.finish();
  return Exit::kYes;
}

}  // namespace

Verb add_sample(CLI::App& root) {
  auto verb = std::make_shared<SampleVerb>();
  CLI::App& app =
      add_verb(root, verb->common, "sample", "write some random entries", kSampleExample);
  add_number(app, "--count", verb->count, "how many; default 10");
  verb->seed_option = add_number(app, "--seed", verb->seed, "of the random numbers");
  add_bytes(app, "--format", verb->format, format_names() + "; default tsv")->type_name("F");
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
