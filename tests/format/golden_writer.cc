// Writes the golden files: golden_writer DIRECTORY makes NAME.hmap and NAME.json for each case. Run
// by hand when the format changes (never for anything else: committed files are what old versions
// of the library left behind). The contents are always the same; uuid and seeds are random, so that
// where the entries lie is not.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
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
  return "{\"name\": \"" + numbered("user ", i) + "\", \"mail\": \"" + numbered("user.", i * 7) +
         "@example.org\", \"roles\": [\"reader\", \"writer\"], \"visits\": " +
         std::to_string(i * i) + "}";
}

void fill_texts(Pair& pair) {
  for (int i = 0; i < 40; ++i) pair.put(numbered("key ", i), text_of(i));
  std::string all;
  for (int i = 0; i < 400; ++i) all += text_of(i * 1'000'003);
  pair.put("all", all);
  pair.put("short", "short");
  std::string bytes;
  for (std::uint32_t x = 1; bytes.size() < 300; x = x * 1'664'525 + 1'013'904'223)
    bytes += static_cast<char>(x >> 24);
  pair.put("not worth it", bytes);
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

void write_json(const std::filesystem::path& path, const Golden& golden, const Model& model,
                const Stats& stats) {
  std::ofstream out(path, std::ios::binary);
  const Stats::Shard& shard = stats.shards.at(0);
  out << "{\n \"about\": \"" << golden.about << "\",\n \"shard\": {\"count\": " << shard.entries
      << ", \"b\": " << shard.buckets_log2 << ", \"noverflow\": " << shard.overflow_buckets
      << ", \"growing\": " << (shard.growing ? "true" : "false") << ", \"nevacuate\": "
      << (shard.growing ? std::to_string(shard.evacuated / (shard.half_size_growth ? 2 : 1))
                        : "null")
      << "},\n \"entries\": [";
  const char* separator = "\n";
  for (const auto& [key, value] : model) {
    out << separator << "  [\"" << hex(key) << "\", \"" << hex(value) << "\"]";
    separator = ",\n";
  }
  out << (model.empty() ? "" : "\n ") << "]\n}\n";
  if (!out.flush()) throw Error(Status(Code::kSystem, "cannot write the JSON file"));
}

void write(const std::filesystem::path& directory, const Golden& golden) {
  const std::filesystem::path path = directory / (std::string(golden.name) + ".hmap");
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::filesystem::remove(path);
    Options options = small();
    if (golden.compressed) options.compression = Compression::kLz4;
    options.dictionary = golden.dictionary;
    options.type = golden.type;
    Pair pair(Store::open(path, options).value());
    golden.fill(pair);
    const Stats stats = pair.store().stats().value();
    const bool wanted = golden.is_wanted(stats.shards.at(0));
    const Model model = pair.model();
    pair.close();
    if (!wanted) continue;
    std::filesystem::path json = path;
    write_json(json.replace_extension(".json"), golden, model, stats);
    std::cout << golden.name << ": " << std::filesystem::file_size(path) << " bytes\n";
    return;
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
  } catch (const std::exception& error) {
    std::cerr << "golden_writer: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
