// hmap sample: some entries, each as likely as every other.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstddef>
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
#include "verbs/typed.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct SampleVerb {
  CommonOptions common;
  std::string format = "auto";
  TypeOptions types;
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

// The records stay where they are while their lots are sorted.
struct Lot {
  std::uint64_t lot;
  std::size_t place;  // In Drawn::records.
  bool operator<(const Lot& other) const { return lot < other.lot; }
};
struct Drawn {
  std::vector<Record> records;
  std::vector<Lot> lots;
};

Drawn draw(const SampleVerb& verb) {
  const std::string& path = verb.common.file;
  const Store store = open_to_read(verb.common);
  Cursor cursor = take(store.cursor(), path);
  const std::uint64_t seed = verb.seed_option->count() != 0 ? verb.seed : std::random_device{}();
  Progress progress("sample", take(store.size(), path), Progress::Unit::kEntries);
  Drawn drawn;
  // A heap: the largest lot, which has to go next, in front.
  std::vector<Lot>& lots = drawn.lots;
  std::uint64_t seen = 0;
  while (const std::optional<Entry> entry = take(cursor.next(), path)) {
    progress.update(++seen);
    const std::uint64_t lot = lot_of(entry->key, seed);
    const bool full = lots.size() >= verb.count;
    if (full && (lots.empty() || lot >= lots.front().lot)) continue;
    std::size_t place = lots.size();
    if (full) {
      std::pop_heap(lots.begin(), lots.end());
      place = lots.back().place;
      lots.pop_back();
    } else {
      drawn.records.emplace_back();
    }
    drawn.records[place].key = entry->key;
    drawn.records[place].value = entry->value;
    lots.push_back({lot, place});
    std::push_heap(lots.begin(), lots.end());
  }
  std::sort_heap(lots.begin(), lots.end());
  return drawn;
}

Exit run(const SampleVerb& verb) {
  if (verb.common.json && verb.format != "auto" && verb.format != "jsonl")
    throw usage_failure("--json is --format jsonl; another --format contradicts it");
  Format format = verb.common.json ? Format::kJsonl : Format::kTsv;
  if (verb.format != "auto") format = format_named(verb.format);
  const Drawn drawn = draw(verb);
  Output out;
  std::uint64_t bytes = 0;
  for (const Record& record : drawn.records) bytes += record.key.size() + record.value.size();
  const std::unique_ptr<RecordWriter> writer = make_writer(format, out, bytes);
  const TextType key = given_type(verb.types.key);
  const TextType value = given_type(verb.types.value);
  writer->begin();
  for (const Lot& lot : drawn.lots) {
    const Record& record = drawn.records[lot.place];
    writer->write(text_from(record.key, key, "key"), text_from(record.value, value, "value"));
  }
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
  add_type_options(app, verb->types, "default: bytes as they are");
  add_ignore_log_option(app, verb->common);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
