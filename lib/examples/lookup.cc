// A table that is built once and then only read: postcodes, features of a model, routes.
//
//   lookup FILE
//
// The new table is built beside the old one and published in its place: whoever opens FILE finds
// either of them whole, and those who have the old one open go on with the new one by themselves.
#include <hmap/publish.h>
#include <hmap/store.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int kEntries = 100'000;

hmap::Status build(const std::string& path) {
  const std::string fresh = path + ".new";
  std::remove(fresh.c_str());
  hmap::Options options;
  options.durability = hmap::Durability::kNone;  // nobody wants half a table
  options.expected_entries = kEntries;
  auto store = hmap::Store::open(fresh, options);
  if (!store) return store.error();
  for (int i = 0; i < kEntries; ++i) {
    const std::string number = std::to_string(i);
    if (hmap::Status status = store->put("word " + number, number); !status.ok()) return status;
  }
  if (hmap::Status status = store->close(); !status.ok()) return status;
  return hmap::publish(fresh, path).error();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: lookup FILE\n", 2;
  if (hmap::Status status = build(argv[1]); !status.ok()) return std::cerr << status << '\n', 1;

  hmap::Options options;
  options.mode = hmap::Mode::kReadOnly;
  const auto table = hmap::Store::open(argv[1], options);  // reads nothing but a few headers
  if (!table) return std::cerr << table.error() << '\n', 1;

  // Many look-ups at once: the memory is asked for all of them side by side.
  const std::vector<std::string_view> words = {"word 7", "word 99999", "word 100000"};
  std::vector<std::optional<std::string>> numbers(words.size());
  const auto found = table->multi_get(words, numbers);
  if (!found) return std::cerr << found.error() << '\n', 1;
  for (std::size_t i = 0; i < words.size(); ++i)
    std::cout << words[i] << " -> " << numbers[i].value_or("not there") << '\n';
  std::cout << *found << " of " << words.size() << " found\n";
  return EXIT_SUCCESS;
}
