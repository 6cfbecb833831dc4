// hmap diff: how two stores differ.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "io/output.h"
#include "io/progress.h"
#include "report/json.h"
#include "text/escape.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/side_by_side.h"
#include "verbs/typed.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct DiffVerb {
  CommonOptions common;
  std::string other;
  bool values = false;
  bool quiet = false;
};

constexpr const char* kDiffExample =
    "Examples:\n"
    "  hmap diff users.hmap backup.hmap\n"
    "  hmap diff --quiet users.hmap backup.hmap || echo changed\n"
    "\n"
    "A line for each difference, in random order: - and a key that only FILE has, + and one that\n"
    "only OTHER has, ! and one with different values; behind them, with --values, the values.\n"
    "Escapes are those of TSV. Exit code 0: no difference; 1: some. Beside writers the answer is\n"
    "that of many moments; hmap copy makes one moment of it.";

enum class DifferenceKind : std::uint8_t { kOnlyFile, kOnlyOther, kDifferent };

struct Difference {
  DifferenceKind kind;
  std::string_view key;
  std::string_view value;  // of FILE, or of the only one that has the key
  std::string_view other;  // kDifferent: of OTHER
};

class Differences {
 public:
  Differences(const DiffVerb& verb, const TextTypes& types, Output& out, Progress& progress)
      : verb_(verb), types_(types), out_(out), progress_(progress) {}

  // False: nobody wants to know more.
  bool tell(const Difference& difference) {
    any_ = true;
    if (verb_.quiet) return false;
    // Lines and a bar disturb each other: from the first line on there is none.
    if (on_terminal_) progress_.hide();
    if (verb_.common.json) {
      tell_json(difference);
    } else {
      tell_words(difference);
    }
    if (on_terminal_) out_.flush();
    return true;
  }
  [[nodiscard]] bool any() const { return any_; }

 private:
  void tell_words(const Difference& difference) {
    constexpr std::string_view kMarks = "-+!";
    out_.put(kMarks[static_cast<std::size_t>(difference.kind)]);
    out_.put('\t');
    write_text(difference.key, types_.key);
    if (verb_.values) {
      out_.put('\t');
      write_text(difference.value, types_.value);
    }
    if (verb_.values && difference.kind == DifferenceKind::kDifferent) {
      out_.put('\t');
      write_text(difference.other, types_.value);
    }
    out_.put('\n');
  }
  void write_text(std::string_view bytes, TextType type) {
    if (type.kind == TextType::Kind::kBytes) return write_escaped(bytes, out_);
    out_.write(text_from(bytes, type, "field"));
  }
  void tell_json(const Difference& difference) {
    constexpr const char* kWords[] = {"only_file", "only_other", "different"};
    nlohmann::ordered_json object;
    object["difference"] = kWords[static_cast<std::size_t>(difference.kind)];
    set_typed(object, "key", difference.key, types_.key);
    if (verb_.values) set_typed(object, "value", difference.value, types_.value);
    if (verb_.values && difference.kind == DifferenceKind::kDifferent)
      set_typed(object, "other", difference.other, types_.value);
    write_line(out_, object);
  }

  const DiffVerb& verb_;
  const TextTypes types_;
  Output& out_;
  Progress& progress_;
  const bool on_terminal_ = ::isatty(STDOUT_FILENO) != 0;
  bool any_ = false;
};

// Entries of `one` that `other` does not have like that; `second` when the first pass was done with
// the stores the other way round, and different values were told.
bool compare(const Store& one, const std::string& one_path, const Store& other,
             const std::string& other_path, bool second, Progress& progress, std::uint64_t& done,
             Differences& differences) {
  SideBySide pairs(one, one_path, other, other_path,
                   second ? SideBySide::What::kPresence : SideBySide::What::kValues);
  while (const std::optional<SideBySide::Pair> pair = pairs.next()) {
    progress.update(++done);
    if (pair->there && (second || pair->other == pair->value)) continue;
    const DifferenceKind only = second ? DifferenceKind::kOnlyOther : DifferenceKind::kOnlyFile;
    const DifferenceKind kind = pair->there ? DifferenceKind::kDifferent : only;
    if (!differences.tell({kind, pair->key, pair->value, pair->other})) return false;
  }
  return true;
}

// As get writes them; bytes, if the stores do not agree on what they are.
TextTypes common_types(const TypeInfo& file, const TypeInfo& other) {
  return same_type(file, other) ? TextTypes::of({}, file) : TextTypes();
}

Exit run(const DiffVerb& verb) {
  const std::string& path = verb.common.file;
  const Store file = open_to_read(path);
  const Store other = open_to_read(verb.other);
  Output out;
  std::uint64_t done = 0;
  Progress progress("diff", take(file.size(), path) + take(other.size(), verb.other),
                    Progress::Unit::kEntries);
  const TextTypes types = common_types(take(file.type(), path), take(other.type(), verb.other));
  Differences differences(verb, types, out, progress);
  if (compare(file, path, other, verb.other, false, progress, done, differences))
    (void)compare(other, verb.other, file, path, true, progress, done, differences);
  progress.hide();
  out.finish();
  return differences.any() ? Exit::kNo : Exit::kYes;
}

}  // namespace

Verb add_diff(CLI::App& root) {
  auto verb = std::make_shared<DiffVerb>();
  CLI::App& app = add_verb(root, verb->common, "diff", "show how two stores differ", kDiffExample);
  add_bytes(app, "OTHER", verb->other, "the store to compare with")->required();
  app.add_flag("--values", verb->values, "also write the values");
  app.add_flag("--quiet", verb->quiet, "write nothing: the exit code is the answer");
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
