// hmap merge: the entries of other stores into one.
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "io/descriptors.h"
#include "io/output.h"
#include "io/progress.h"
#include "report/json.h"
#include "text/escape.h"
#include "text/numbers.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/side_by_side.h"
#include "verbs/target.h"
#include "verbs/typed.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct MergeVerb {
  CommonOptions common;
  WriteOptions write;
  CreateOptions create;
  std::vector<std::string> others;
  std::string conflict = "fail";
  bool create_if_absent = false;
};

struct MergeCounts {
  std::uint64_t added = 0;
  std::uint64_t same = 0;
  std::uint64_t replaced = 0;
  std::uint64_t kept = 0;
};

constexpr const char* kMergeExample =
    "Examples:\n"
    "  hmap merge all.hmap monday.hmap tuesday.hmap\n"
    "  hmap merge --on-conflict theirs all.hmap newer.hmap\n"
    "\n"
    "A conflict is a key that both have, with different values. With fail (the default) the first\n"
    "one is told and nothing is changed (exit code 1): all stores are compared before anything is\n"
    "written. ours keeps the value of FILE; theirs takes that of the store named last.";

// One store, its entries one by one.
class OtherStore {
 public:
  explicit OtherStore(const std::string& path)
      : path_(path), store_(open_to_read(path)), cursor_(take(store_.cursor(), path)) {
    progress_.emplace("merge", take(store_.size(), path), Progress::Unit::kEntries);
  }
  std::optional<Entry> next() {
    if (const int signal = pending_interrupt(); signal != 0)
      throw interrupted_failure(signal, path_);
    progress_->update(++done_);
    return take(cursor_.next(), path_);
  }

 private:
  const std::string& path_;
  Store store_;
  Cursor cursor_;
  std::optional<Progress> progress_;
  std::uint64_t done_ = 0;
};

// A key of `other` that FILE, or a store named before, has with another value.
std::optional<std::string> conflict_with(const std::string& path, const std::string& other) {
  const Store store = open_to_read(path);
  const Store source = open_to_read(other);
  Progress progress("compare", take(source.size(), other), Progress::Unit::kEntries);
  std::uint64_t done = 0;
  SideBySide pairs(source, other, store, path, SideBySide::What::kValues);
  while (const std::optional<SideBySide::Pair> pair = pairs.next()) {
    if (const int signal = pending_interrupt(); signal != 0)
      throw interrupted_failure(signal, other);
    progress.update(++done);
    if (pair->there && pair->other != pair->value) return std::string(pair->key);
  }
  return std::nullopt;
}

struct Conflict {
  std::string one;
  std::string other;
  std::string key;
};

// Of all pairs: what is merged first must not stand in the way of what comes next.
std::optional<Conflict> find_conflict(const MergeVerb& verb, bool file_is_there) {
  std::vector<std::string> before;
  if (file_is_there) before.push_back(verb.common.file);
  for (const std::string& other : verb.others) {
    for (const std::string& path : before) {
      if (std::optional<std::string> key = conflict_with(path, other))
        return Conflict{path, other, *std::move(key)};
    }
    before.push_back(other);
  }
  return std::nullopt;
}

void merge_one(Store& store, const MergeVerb& verb, const std::string& other, MergeCounts& counts) {
  const std::string& path = verb.common.file;
  OtherStore source(other);
  std::string value;
  while (const std::optional<Entry> entry = source.next()) {
    bool added = false;
    bool there = false;
    // Again only if others erase the key in between.
    while (!added && !there) {
      added = take(store.insert(entry->key, entry->value), path);
      if (!added) there = take(store.get_into(entry->key, value), path);
    }
    if (added) {
      ++counts.added;
    } else if (value == entry->value) {
      ++counts.same;
    } else if (verb.conflict != "theirs") {
      // With "fail": somebody has written it since the comparison.
      ++counts.kept;
    } else {
      require(store.put(entry->key, entry->value), path);
      ++counts.replaced;
    }
  }
}

void write_counts(const MergeVerb& verb, const MergeCounts& counts) {
  nlohmann::ordered_json answer;
  set_bytes(answer, "file", verb.common.file);
  answer["added"] = counts.added;
  answer["same"] = counts.same;
  answer["replaced"] = counts.replaced;
  answer["kept"] = counts.kept;
  write_answer(verb.common.json, answer,
               fmt::format("{} added, {} the same, {} replaced, {} kept\n", grouped(counts.added),
                           grouped(counts.same), grouped(counts.replaced), grouped(counts.kept)));
}

Exit tell_conflict(const MergeVerb& verb, const Conflict& conflict) {
  const TypeInfo store = take(open_to_read(conflict.one).type(), conflict.one);
  const TextType type = TextTypes::of({}, store).key;
  if (verb.common.json) {
    Output out;
    nlohmann::ordered_json answer;
    nlohmann::ordered_json where;
    set_typed(where, "key", conflict.key, type);
    set_bytes(where, "one", conflict.one);
    set_bytes(where, "other", conflict.other);
    answer["conflict"] = std::move(where);
    write_line(out, answer);
    out.finish();
  } else {
    tell(fmt::format(
        "hmap: {} and {} have different values of the key {}; nothing was changed\n"
        "  hint: --on-conflict ours or theirs says which to take; hmap diff shows all\n",
        readable(conflict.one), readable(conflict.other),
        quote(text_from(conflict.key, type, "key"))));
  }
  return Exit::kNo;
}

Exit run(const MergeVerb& verb) {
  const Interruptible interruptible;
  const std::string& path = verb.common.file;
  // Said before the stores are compared, not after it; Target looks once more.
  if (!verb.create_if_absent)
    refuse(verb.create, path, "is for --create", "leave it out, or make a store with --create");
  if (is_there(path)) refuse_for_old_store(verb.create, path);
  for (const std::string& other : verb.others) (void)open_to_read(other);
  if (verb.conflict == "fail") {
    const bool there = is_there(path);
    if (!there && !verb.create_if_absent) (void)open_to_read(path);
    if (const std::optional<Conflict> conflict = find_conflict(verb, there))
      return tell_conflict(verb, *conflict);
  }
  MergeCounts counts;
  Target target(path, options_to_write(verb.common, verb.write), verb.create,
                verb.create_if_absent);
  try {
    for (const std::string& other : verb.others) merge_one(target.store(), verb, other, counts);
    finish_writing(target.store(), verb.write, path);
  } catch (Failure& failure) {
    target.give_up(failure, "merge", counts.added + counts.replaced);
    throw;
  }
  target.keep();
  write_counts(verb, counts);
  if (verb.conflict != "fail" || counts.kept == 0) return Exit::kYes;
  tell(fmt::format(
      "hmap: {}: others wrote to it meanwhile; where values differ, its own were kept\n",
      readable(path)));
  return Exit::kNo;
}

}  // namespace

Verb add_merge(CLI::App& root) {
  auto verb = std::make_shared<MergeVerb>();
  CLI::App& app = add_verb(root, verb->common, "merge", "put the entries of other stores into one",
                           kMergeExample);
  add_bytes_list(app, "OTHER", verb->others, "a store whose entries to take");
  app.add_option("--on-conflict", verb->conflict, "fail, ours or theirs")
      ->check(CLI::IsMember({"fail", "ours", "theirs"}))
      ->type_name("RULE")
      ->capture_default_str();
  app.add_flag("--create", verb->create_if_absent, "make FILE if there is none");
  add_create_options(app, verb->create);
  add_write_options(app, verb->write);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
