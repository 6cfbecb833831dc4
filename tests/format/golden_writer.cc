// Writes the golden files that are missing: golden_writer DIRECTORY makes NAME.hmap and NAME.json
// for each case, and NAME.hmap-wal if it has a commit log. Those that are there stay: they are what
// old versions of the library left behind, and go by hand only, when the format changes. The
// contents are always the same (but in half_tidied); uuid and seeds are random, so that where the
// entries lie is not.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "fixed_type.h"
#include "model_lines.h"

namespace hmap::test {
namespace {

struct Golden {
  const char* name;
  const char* about;
  std::function<void(Pair&)> fill;
  // Whether the state wanted was reached: with other seeds the same entries lie elsewhere.
  std::function<bool(const Stats::Shard&)> is_wanted;
  bool compressed = false;
  std::string dictionary = {};
  TypeInfo type = {};
  int shard_bits = 0;
  // What a process does between its last checkpoint and its death. Not set: it closes the store.
  std::function<void(Pair&)> dies_after = {};
  bool logs = false;  // in commit mode: the log has what was done since the last checkpoint
};

Options small() {
  Options options;
  options.mode = Mode::kCreate;
  options.durability = Durability::kNone;  // no checkpoint but the one at close
  options.shard_bits = 0;
  options.geometry = {.block_bytes = 512, .extent_bytes = 4096, .slots = 4, .intent_words = 224};
  return options;
}

std::string numbered(const char* prefix, int i) { return prefix + std::to_string(i); }

void fill_numbers(Pair& pair, int from, int to) {
  for (int i = from; i < to; ++i) pair.put(numbered("key ", i), numbered("value ", i * i));
}

bool anything(const Stats::Shard&) { return true; }

void fill_binary(Pair& pair) {
  pair.put("", "the empty key");
  pair.put("the empty value", "");
  pair.put(std::string(1, '\0'), std::string(3, '\0'));
  pair.put("\r\n\t\"\\", "\xff\xfe\x80");
  pair.put("\xc3\xa9", "UTF-8");
  pair.put("\xe9", "Latin-1");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  pair.put(all, all);
}

// Looks like others of its kind, as a record of a service would.
std::string text_of(int i) {
  const std::uint32_t n = static_cast<std::uint32_t>(i);  // wraps around, by whatever compiler
  return "{\"name\": \"" + numbered("user ", i) + "\", \"mail\": \"" +
         numbered("user.", static_cast<int>(n * 7)) +
         "@example.org\", \"roles\": [\"reader\", \"writer\"], \"visits\": " +
         std::to_string(n * n) + "}";
}

std::string noise(std::size_t bytes, std::uint32_t seed) {
  std::string text;
  for (std::uint32_t x = seed; text.size() < bytes; x = x * 1'664'525 + 1'013'904'223)
    text += static_cast<char>(x >> 24);
  return text;
}

// Up to 240 bytes behind the checksum, 8 of them lengths, have another one than more.
void fill_short_and_long(Pair& pair) {
  for (int i = 0; i < 20; ++i) pair.put(numbered("key ", i), noise(static_cast<std::size_t>(i), 1));
  for (std::size_t bytes = 234; bytes <= 250; ++bytes) {
    const std::string key = "of " + std::to_string(bytes);
    pair.put(key, noise(bytes - 8 - key.size(), 2));
  }
}

void fill_texts(Pair& pair) {
  for (int i = 0; i < 40; ++i) pair.put(numbered("key ", i), text_of(i));
  std::string all;
  for (int i = 0; i < 400; ++i) all += text_of(i * 1'000'003);
  pair.put("all", all);
  pair.put("short", "short");
  pair.put("not worth it", noise(300, 1));
}

TypeInfo five_to_three() {
  TypeInfo type = fixed_type(5, 3);
  type.fingerprint = 0x5e1f;
  type.name = "char[5] -> char[3]";
  return type;
}

void fill_inline(Pair& pair) {
  const auto digits = [](int i, std::size_t count) {
    const std::string text = std::to_string(1'000'000 + i);
    return text.substr(text.size() - count);
  };
  for (int i = 0; i < 205; ++i) pair.put("k" + digits(i, 4), digits(i * i, 3));
  for (int i = 3; i < 205; i += 7) pair.erase("k" + digits(i, 4));
  for (int i = 5; i < 205; i += 11) pair.put("k" + digits(i, 4), "new");
  // The 209th begins a growth from 32 to 64 buckets.
  for (int i = 300; pair.model().size() < 212; ++i) pair.put("k" + digits(i, 4), "end");
}

void fill_and_halve(Pair& pair) {
  fill_numbers(pair, 0, 200);
  for (int i = 0; i < 200; ++i) {
    if (i % 8 > 2) pair.erase(numbered("key ", i));
  }
  pair.compact(1);
  for (int i = 0; i < 4; ++i) pair.put("key 0", numbered("replaced ", i));
}

// Replaces entries of few buckets until there are so many overflow buckets that a growth of the
// same size starts.
void fill_and_tidy(Pair& pair) {
  fill_numbers(pair, 0, 50);
  const auto is_growing = [&] { return pair.store().stats().value().shards.at(0).growing; };
  for (int i = 0; i < 5'000 && !is_growing(); ++i) {
    pair.erase(numbered("key ", i));
    pair.put(numbered("key ", i + 50), numbered("later ", i));
  }
}

void replace_some(Pair& pair) {
  for (int i = 0; i < 60; i += 9) pair.put(numbered("key ", i), "not in the last checkpoint");
}

// The second checkpoint finds the blocks of the first where they were, and those changed since
// elsewhere.
void fill_twice(Pair& pair) {
  fill_numbers(pair, 0, 60);
  require(pair.store().checkpoint());
  for (int i = 0; i < 60; i += 7) pair.put(numbered("key ", i), "replaced");
  for (int i = 3; i < 60; i += 7) pair.erase(numbered("key ", i));
}

// So much of the log's area that what comes next goes over its end.
void fill_a_lap(Pair& pair) {
  fill_numbers(pair, 0, 20);
  for (std::uint32_t i = 0; i < 9; ++i) pair.put("noise", noise(1'550, 100 + i));
}

void log_some(Pair& pair) {
  pair.put("key 1", "replaced");
  pair.erase("key 2");
  pair.put("large", noise(1'600, 1));
  pair.put("text", text_of(1) + text_of(2) + text_of(3));
  pair.put("", "the empty key");
  pair.apply({{"key 3", std::nullopt}, {"batch", "of four"}, {"", std::nullopt}, {"key 4", ""}});
  pair.erase("key 5");
}

void log_a_clear(Pair& pair) {
  log_some(pair);
  pair.clear();
  fill_numbers(pair, 100, 105);
  pair.erase("key 101");
}

std::vector<Golden> goldens() {
  return {
      {"empty", "A new store.", [](Pair&) {}, anything},
      {"one_entry", "One entry.", [](Pair& pair) { pair.put("ada", "Lovelace"); }, anything},
      {"overflow_chain", "52 entries in 8 buckets: some chains have an overflow bucket.",
       [](Pair& pair) { fill_numbers(pair, 0, 52); },
       [](const Stats::Shard& s) {
         return !s.growing && s.buckets_log2 == 3 && s.overflow_buckets >= 2;
       }},
      {"half_evacuated", "Closed in the middle of the growth from 32 to 64 buckets.",
       [](Pair& pair) { fill_numbers(pair, 0, 213); },
       [](const Stats::Shard& s) {
         return s.growing && s.old_buckets == 32 && s.evacuated > 0 && s.evacuated < 32;
       }},
      {"half_shrunk", "Closed in the middle of the growth from 32 to 16 buckets.", fill_and_halve,
       [](const Stats::Shard& s) {
         return s.half_size_growth && s.old_buckets == 32 && s.evacuated > 0 && s.evacuated < 32 &&
                s.overflow_buckets > 0;
       }},
      {"erased_slots", "100 entries, 60 of them erased, 10 replaced.",
       [](Pair& pair) {
         fill_numbers(pair, 0, 100);
         for (int i = 0; i < 100; ++i) {
           if (i % 5 < 3) pair.erase(numbered("key ", i));
         }
         for (int i = 3; i < 50; i += 5) pair.put(numbered("key ", i), numbered("replaced ", i));
       },
       anything},
      {"binary_keys", "Keys and values that are no text, the empty ones among them.", fill_binary,
       anything},
      {"large_record", "Records of extents of their own (10,000 and 5,000 bytes) and a small one.",
       [](Pair& pair) {
         std::string value;
         for (int i = 0; value.size() < 10'000; ++i) value += static_cast<char>(i * 7 + i / 256);
         pair.put("large", value);
         pair.put(std::string(5'000, 'k'), "large by its key");
         pair.put("small", "small");
       },
       anything},
      {"compressed",
       "Values compressed without a dictionary, others not worth it; a large one.",
       fill_texts,
       anything,
       true,
       {}},
      {"dictionary", "The same with a dictionary, which shrinks the short values too.", fill_texts,
       anything, true, text_of(-1)},
      {"inline",
       "Keys of 5 bytes and values of 3 in the buckets, in the middle of a growth.",
       fill_inline,
       [](const Stats::Shard& s) { return s.growing && s.evacuated > 0 && s.overflow_buckets > 0; },
       false,
       {},
       five_to_three()},
  };
}

std::vector<Golden> more_goldens() {
  return {
      {.name = "half_tidied",
       .about = "Closed in the middle of a growth of the same size.",
       .fill = fill_and_tidy,
       .is_wanted =
           [](const Stats::Shard& s) {
             return s.same_size_growth && s.evacuated > 0 && s.evacuated < s.old_buckets;
           }},
      {.name = "record_sums",
       .about = "Records with 240 bytes behind the checksum, some more and some less.",
       .fill = fill_short_and_long,
       .is_wanted = anything},
      {.name = "shards",
       .about = "Four shards (S = 2).",
       .fill = [](Pair& pair) { fill_numbers(pair, 0, 50); },
       .is_wanted = [](const Stats::Shard& s) { return s.entries > 8; },
       .shard_bits = 2},
      {.name = "displaced",
       .about = "Killed after the second checkpoint: blocks in frames and spare copies.",
       .fill = fill_twice,
       .is_wanted = anything,
       .dies_after = replace_some},
      {.name = "commit_log",
       .about = "Killed in commit mode: entries with what the log has, the shard without.",
       .fill = fill_a_lap,
       .is_wanted = anything,
       .compressed = true,
       .dies_after = log_some,
       .logs = true},
      {.name = "cleared_log",
       .about = "The same; the log begins with more of an older state, which a clear ends.",
       .fill = fill_a_lap,
       .is_wanted = anything,
       .compressed = true,
       .dies_after = log_a_clear,
       .logs = true},
  };
}

void write_shard(std::ostream& out, const Stats::Shard& shard) {
  out << "{\"count\": " << shard.entries << ", \"b\": " << shard.buckets_log2
      << ", \"noverflow\": " << shard.overflow_buckets
      << ", \"growing\": " << (shard.growing ? "true" : "false")
      << (shard.same_size_growth ? ", \"same_size\": true" : "") << ", \"nevacuate\": "
      << (shard.growing ? std::to_string(shard.evacuated / (shard.half_size_growth ? 2 : 1))
                        : "null")
      << "}";
}

void write_shards(std::ostream& out, const std::vector<Stats::Shard>& shards) {
  if (shards.size() == 1) {
    out << " \"shard\": ";
    write_shard(out, shards[0]);
    return;
  }
  out << " \"shards\": [";
  for (const Stats::Shard& shard : shards) {
    out << (&shard == shards.data() ? "\n  " : ",\n  ");
    write_shard(out, shard);
  }
  out << "\n ]";
}

void write_json(const std::filesystem::path& path, const Golden& golden, const Model& model,
                const Stats& stats) {
  std::ofstream out(path, std::ios::binary);
  out << "{\n \"about\": \"" << golden.about << "\",\n";
  write_shards(out, stats.shards);
  out << ",\n \"entries\": [";
  const char* separator = "\n";
  for (const auto& [key, value] : model) {
    out << separator << "  [\"" << hex(key) << "\", \"" << hex(value) << "\"]";
    separator = ",\n";
  }
  out << (model.empty() ? "" : "\n ") << "]\n}\n";
  if (!out.flush()) throw Error(Status(Code::kSystem, "cannot write the JSON file"));
}

Options options_of(const Golden& golden) {
  Options options = small();
  options.shard_bits = golden.shard_bits;
  if (golden.compressed) options.compression = Compression::kLz4;
  options.dictionary = golden.dictionary;
  options.type = golden.type;
  if (golden.logs) {
    options.durability = Durability::kCommit;
    options.log_bytes = 16'384;
    options.checkpoint_interval = std::chrono::hours(1);
  }
  return options;
}

// Files as a death leaves them: copied while nobody stores to them.
void leave(const std::filesystem::path& from, const std::filesystem::path& to, bool has_log) {
  std::filesystem::copy_file(from, to);
  if (has_log) std::filesystem::copy_file(from.string() + "-wal", to.string() + "-wal");
}

// False if the state wanted did not come about.
bool make(const std::filesystem::path& path, const Golden& golden) {
  const std::filesystem::path in_use = path.string() + ".in_use";
  Pair pair(Store::open(in_use, options_of(golden)).value());
  golden.fill(pair);
  if (golden.dies_after) require(pair.store().checkpoint());
  const Stats stats = pair.store().stats().value();
  Model model = pair.model();
  if (golden.dies_after) {
    golden.dies_after(pair);
    if (golden.logs) model = pair.model();
    leave(in_use, path, golden.logs);
  }
  pair.close();
  if (!golden.dies_after) leave(in_use, path, false);
  std::filesystem::remove(in_use);
  std::filesystem::remove(in_use.string() + "-wal");
  const bool wanted = std::all_of(stats.shards.begin(), stats.shards.end(), golden.is_wanted);
  std::filesystem::path json = path;
  if (wanted) write_json(json.replace_extension(".json"), golden, model, stats);
  return wanted;
}

void write(const std::filesystem::path& directory, const Golden& golden) {
  const std::filesystem::path path = directory / (std::string(golden.name) + ".hmap");
  if (std::filesystem::exists(path)) return;
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (make(path, golden)) {
      std::cout << golden.name << ": " << std::filesystem::file_size(path) << " bytes\n";
      return;
    }
    std::filesystem::remove(path);
    std::filesystem::remove(path.string() + "-wal");
  }
  throw Error(Status(Code::kInvalidArgument, "the state wanted does not come about"));
}

}  // namespace
}  // namespace hmap::test

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: golden_writer DIRECTORY\n";
    return 2;
  }
  try {
    for (const auto& golden : hmap::test::goldens()) hmap::test::write(argv[1], golden);
    for (const auto& golden : hmap::test::more_goldens()) hmap::test::write(argv[1], golden);
  } catch (const std::exception& error) {
    std::cerr << "golden_writer: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
