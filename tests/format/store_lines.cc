// The library's side of the comparison with reader.py.
//
//   store_lines list FILE                   the entries of a store, opened read-only
//   store_lines replay FILE                 the same, opened to write: with what the commit log has
//   store_lines get FILE KEYHEX...          one value a line, "-" for an absent key
//   store_lines fill FILE [NAME=NUMBER]...  a new store after random operations; the entries that
//                                           must be in it. Names: see Plan
//
// Entries are lines "KEYHEX<tab>VALUEHEX", sorted by key.
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <map>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "model_lines.h"

namespace hmap::test {
namespace {

// What to do to a store; every field can be set by its name on the command line.
struct Plan {
  std::map<std::string, std::uint64_t, std::less<>> number = {
      {"seed", 1},           {"operations", 1000}, {"keys", 500},           {"value_bytes", 40},
      {"erase_percent", 20}, {"large_every", 0},   {"checkpoint_every", 0}, {"reopen_every", 0},
      {"clear_every", 0},    {"shard_bits", 0},    {"block_bytes", 512},    {"extent_bytes", 4096},
      {"expected", 0}};

  explicit Plan(std::span<char*> words) {
    for (const std::string_view word : words) {
      const std::size_t equals = word.find('=');
      const auto found = number.find(word.substr(0, equals));
      if (equals == word.npos || found == number.end()) {
        throw std::invalid_argument("unknown word " + std::string(word));
      }
      found->second = std::stoull(std::string(word.substr(equals + 1)));
    }
  }
  std::uint64_t operator[](std::string_view name) const { return number.find(name)->second; }

  // Whether something that is done every so often is due.
  [[nodiscard]] bool is_due(std::string_view name, std::uint64_t i) const {
    const std::uint64_t every = (*this)[name];
    return every != 0 && i % every == every - 1;
  }
  [[nodiscard]] Options options() const {
    Options options;
    options.durability = Durability::kNone;
    options.shard_bits = static_cast<int>((*this)["shard_bits"]);
    options.expected_entries = (*this)["expected"];
    options.geometry.block_bytes = static_cast<std::uint32_t>((*this)["block_bytes"]);
    options.geometry.extent_bytes = static_cast<std::uint32_t>((*this)["extent_bytes"]);
    options.geometry.slots = 8;
    options.geometry.intent_words = 224;
    return options;
  }
};

std::string random_bytes(std::mt19937_64& random, std::size_t bytes) {
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

// Keys of 0 to 40 bytes that differ by their number.
std::string key_of(std::uint64_t i) {
  if (i == 0) return "";
  const std::string digits = std::to_string(i);
  return digits + std::string(i * 7 % 33, static_cast<char>(i));
}

void change(Pair& pair, const Plan& plan, std::mt19937_64& random, std::uint64_t i) {
  const std::string key = key_of(random() % plan["keys"]);
  if (random() % 100 < plan["erase_percent"]) {
    pair.erase(key);
    return;
  }
  const std::size_t bytes = plan.is_due("large_every", i)
                                ? 3 * plan["extent_bytes"] + random() % 70'000
                                : random() % (plan["value_bytes"] + 1);
  pair.put(key, random_bytes(random, bytes));
}

void fill(const std::string& path, const Plan& plan) {
  const Options options = plan.options();
  Options create = options;
  create.mode = Mode::kCreate;
  Pair pair(Store::open(path, create).value());
  std::mt19937_64 random(plan["seed"]);
  for (std::uint64_t i = 0; i < plan["operations"]; ++i) {
    change(pair, plan, random, i);
    if (plan.is_due("checkpoint_every", i)) require(pair.store().checkpoint());
    if (plan.is_due("clear_every", i)) pair.clear();
    if (plan.is_due("reopen_every", i)) {
      pair.close();
      pair.reopen(Store::open(path, options).value());
    }
  }
  pair.close();
  std::cout << lines(pair.model());
}

Store open_to_read(const std::string& path) {
  Options options;
  options.mode = Mode::kReadOnly;
  options.any_type = true;
  return Store::open(path, options).value();
}

void list(const Store& store) {
  Model model;
  for (const auto& [key, value] : store) {
    if (!model.emplace(key, value).second) throw std::runtime_error("a key came twice");
  }
  if (model.size() != store.size().value()) throw std::runtime_error("size() disagrees");
  for (const auto& [key, value] : model) {
    if (store.get(key).value() != value) throw std::runtime_error("get() disagrees");
  }
  std::cout << lines(model);
}

std::string unhex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

void get(const std::string& path, std::span<char*> keys) {
  const Store store = open_to_read(path);
  for (const char* key : keys) {
    const auto value = store.get(unhex(key)).value();
    std::cout << (value ? hex(*value) : "-") << "\n";
  }
}

int run(std::span<char*> words) {
  const std::string_view verb = words.size() >= 3 ? words[1] : "";
  if (verb == "fill") {
    fill(words[2], Plan(words.subspan(3)));
  } else if (verb == "list" && words.size() == 3) {
    list(open_to_read(words[2]));
  } else if (verb == "replay" && words.size() == 3) {
    Options options;
    options.mode = Mode::kOpen;
    options.any_type = true;
    Store store = Store::open(words[2], options).value();
    list(store);
    require(store.close());
  } else if (verb == "get") {
    get(words[2], words.subspan(3));
  } else {
    std::cerr << "usage: store_lines list FILE | replay FILE | get FILE KEYHEX... | "
                 "fill FILE [NAME=NUMBER]...\n";
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace hmap::test

int main(int argc, char** argv) {
  try {
    return hmap::test::run({argv, static_cast<std::size_t>(argc)});
  } catch (const std::exception& error) {
    std::cerr << "store_lines: " << error.what() << "\n";
    return 1;
  }
}
