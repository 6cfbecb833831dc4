// hmap VERB FILE ...: data on standard output, everything else on standard error, and an exit code
// (report/failure.h). README.md shows each verb with its real output.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "io/descriptors.h"
#include "io/output.h"
#include "report/failure.h"
#include "text/escape.h"
#include "verbs/arguments.h"
#include "verbs/verbs.h"

#ifndef HMAP_TOOL_VERSION
#define HMAP_TOOL_VERSION "unknown"
#endif

namespace hmap::tool {
namespace {

// The library does not tell; a test compares it with format_version of a new store.
constexpr int kFormatVersion = 1;

constexpr const char* kFooter =
    "`hmap VERB --help` explains a verb and shows an example.\n"
    "\n"
    "Exit codes: 0 yes, done; 1 no, absent; 2 usage; 3 not a store, or of another version;\n"
    "4 corrupt, commit log missing or damaged, or malformed input; 5 system error; 6 busy.";

Exit show(const std::string& text) {
  Output out;
  out.write(text);
  if (!text.ends_with('\n')) out.put('\n');
  out.finish();
  return Exit::kYes;
}

// CLI11 would say "A subcommand is required" to a word it does not know.
void check_verb(const CLI::App& root, const std::vector<std::string>& arguments) {
  std::string verbs;
  for (const CLI::App* const verb : root.get_subcommands([](const CLI::App*) { return true; })) {
    if (!arguments.empty() && verb->get_name() == arguments[0]) return;
    verbs += (verbs.empty() ? "" : ", ") + verb->get_name();
  }
  if (arguments.empty()) throw usage_failure("no verb given", "the verbs are " + verbs);
  if (arguments[0].starts_with('-')) return;
  throw usage_failure(fmt::format("no verb {}", quote(arguments[0])), "the verbs are " + verbs);
}

// An option that is given more often than it may be; null: there is none.
const CLI::Option* given_too_often(const CLI::App& verb) {
  const auto too_often = [](const CLI::Option* option) {
    return option->get_expected_max() > 0 &&
           option->count() > static_cast<std::size_t>(option->get_expected_max());
  };
  const std::vector<const CLI::Option*> found = verb.get_options(too_often);
  return found.empty() ? nullptr : found.front();
}

// What CLI11 found wrong, in better words where it is told badly: it says of an option twice "At
// Most 1 required", and of a value that looks like an option that a value is missing. Its exit
// codes (105, 106, ...) are not ours.
Failure failure_of(const CLI::ParseError& error, const CLI::App& root,
                   const std::vector<std::string>& arguments) {
  const std::string help =
      fmt::format("hmap {} --help", arguments[0].starts_with('-') ? "VERB" : arguments[0]);
  for (const CLI::App* const verb : root.get_subcommands()) {
    if (const CLI::Option* const option = given_too_often(*verb); option != nullptr) {
      return usage_failure(
          fmt::format("{} is given {} times, and may be once", option->get_name(), option->count()),
          help);
    }
    for (const std::string& rest : verb->remaining()) {
      const std::string argument = unprotect(rest);
      if (argument.size() < 2 || argument[0] != '-') continue;
      return usage_failure(fmt::format("no option {}", quote(argument)),
                           help + "; a KEY or VALUE that begins with - goes after --: FILE -- " +
                               readable(argument));
    }
  }
  return usage_failure(error.what(), help);
}

Exit run(const std::vector<std::string>& arguments) {
  CLI::App root("A persistent hash map in one file, shared by processes.", "hmap");
  root.set_version_flag(
      "--version",
      fmt::format("hmap {} (file format version {})", HMAP_TOOL_VERSION, kFormatVersion),
      "print the versions of the library and of the format");
  root.footer(kFooter);
  root.get_formatter()->column_width(26);
  const std::vector<Verb> verbs = {
      add_create(root),  add_put(root),     add_get(root),    add_del(root),
      add_list(root),    add_load(root),    add_dump(root),   add_stat(root),
      add_verify(root),  add_recover(root), add_ps(root),     add_copy(root),
      add_compact(root), add_publish(root), add_train(root),  add_inspect(root),
      add_merge(root),   add_diff(root),    add_sample(root), add_warm(root),
      add_watch(root),   add_map(root),     add_bench(root),  add_docs(root, HMAP_TOOL_VERSION)};
  root.require_subcommand(1);
  check_verb(root, arguments);
  try {
    std::vector<std::string> reversed = protect(arguments);
    std::reverse(reversed.begin(), reversed.end());
    root.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return show(root.help());
  } catch (const CLI::CallForVersion& version) {
    return show(version.what());
  } catch (const CLI::ParseError& error) {
    throw failure_of(error, root, arguments);
  }
  const auto chosen =
      std::find_if(verbs.begin(), verbs.end(), [](const Verb& verb) { return verb.app->parsed(); });
  return chosen->run();
}

// Before parsing has succeeded nobody else knows whether errors are wanted as JSON.
bool wants_json(const std::vector<std::string>& arguments) {
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  return std::find(arguments.begin(), end, "--json") != end;
}

int run_reported(const std::vector<std::string>& arguments) {
  const bool json = wants_json(arguments);
  try {
    return static_cast<int>(run(arguments));
  } catch (const Failure& failure) {
    report(failure, json);
    if (failure.signal != 0) die_of(failure.signal);
    return static_cast<int>(exit_for(failure.code));
  } catch (const std::bad_alloc&) {
    report(Failure(Code::kSystem, {}, "out of memory"), json);
  } catch (const std::exception& error) {
    report(Failure(Code::kSystem, {}, fmt::format("internal error: {}", error.what())), json);
  }
  return static_cast<int>(Exit::kSystem);
}

}  // namespace
}  // namespace hmap::tool

int main(int argc, char** argv) {
  hmap::tool::reserve_standard_descriptors();
  hmap::tool::die_of_closed_pipes();
  return hmap::tool::run_reported(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
}
