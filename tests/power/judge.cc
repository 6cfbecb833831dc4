#include "judge.h"

#include <utility>

namespace hmap::test {
namespace {

// Of a key and a value that no history has.
constexpr std::uint64_t kNew = 999;

std::string said(const char* what, const Status& status) {
  return std::string(what) + ": " + status.message();
}

}  // namespace

Judge::Judge(const Options& options)
    : options_(options),
      new_key_(key_of(options.type, kNew)),
      new_value_(value_of(options.type, kNew, 27)) {
  options_.mode = Mode::kOpen;
  options_.durability = Durability::kNone;
}

std::string Judge::verdict(const std::string& image, const Contents& expected,
                           std::uint64_t number) {
  file_.become(image);
  if (number % 32 == 0) {
    if (std::string wrong = read_only(expected); !wrong.empty()) return "read-only: " + wrong;
  }
  Result<Store> store = Store::open(file_.path(), options_);
  if (!store) return said("open", store.error());
  if (std::string wrong = compare(*store, expected); !wrong.empty()) return wrong;
  if (std::string wrong = use(*store, expected); !wrong.empty()) return wrong;
  if (const Status status = store->close(); !status.ok()) return said("close", status);
  return number % 24 == 0 ? after_another_cut(expected) : std::string();
}

std::string Judge::read_only(const Contents& expected) {
  const Result<Store> store = Store::open(file_.path(), with_mode(options_, Mode::kReadOnly));
  return store ? compare(*store, expected) : said("open", store.error());
}

std::string Judge::compare(const Store& store, const Contents& expected) {
  const Result<std::uint64_t> size = store.size();
  if (!size) return said("size", size.error());
  if (*size != expected.size()) {
    return "size " + std::to_string(*size) + " instead of " + std::to_string(expected.size());
  }
  Result<Cursor> cursor = store.cursor();
  if (!cursor) return said("cursor", cursor.error());
  std::size_t count = 0;
  for (;; ++count) {
    const Result<std::optional<Entry>> entry = cursor->next();
    if (!entry) return said("iteration", entry.error());
    if (!entry->has_value()) break;
    if (count > expected.size()) return "iteration without end";
    const auto found = expected.find(std::string((*entry)->key));
    if (found == expected.end()) return "has the key " + std::string((*entry)->key);
    if (found->second != (*entry)->value) return "another value of " + found->first;
  }
  if (count != expected.size()) return "iterates over " + std::to_string(count) + " entries";
  for (const auto& [key, value] : expected) {
    const Result<bool> found = store.get_into(key, value_);
    if (!found) return said("get", found.error());
    if (!*found) return "does not find " + key;
    if (value_ != value) return "finds another value of " + key;
  }
  return {};
}

std::string Judge::use(Store& store, const Contents& expected) {
  if (const Status status = store.put(new_key_, new_value_); !status.ok()) {
    return said("put", status);
  }
  if (!expected.empty()) {
    const Result<bool> erased = store.erase(expected.begin()->first);
    if (!erased) return said("erase", erased.error());
    if (!*erased) return "cannot erase " + expected.begin()->first;
  }
  if (const Status status = store.checkpoint(); !status.ok()) return said("checkpoint", status);
  const Result<bool> found = store.get_into(new_key_, value_);
  if (!found) return said("get", found.error());
  return *found && value_ == new_value_ ? std::string() : "does not find what was just put";
}

std::string Judge::after_another_cut(Contents expected) {
  Options options = options_;
  options.discard_live_state = true;
  const Result<Store> store = Store::open(file_.path(), options);
  if (!store) return said("open after its own checkpoint", store.error());
  if (!expected.empty()) expected.erase(expected.begin());
  expected[new_key_] = new_value_;
  const std::string wrong = compare(*store, expected);
  return wrong.empty() ? wrong : "after its own checkpoint: " + wrong;
}

}  // namespace hmap::test
