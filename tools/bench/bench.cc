// hmap-bench: hmap beside the stores it competes with, on the same work, in one run.
//
// Exit codes: 0 measured (and with --check: all demands met), 1 a demand is not met, 2 anything
// else, a store that failed or gave a wrong value among it.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "base/scratch.h"
#include "base/timing.h"
#include "options.h"
#include "program.h"
#include "report/html.h"
#include "report/scorecard.h"
#include "report/text.h"

namespace hmap::bench {
namespace {

constexpr int kExitUnmet = 1;
constexpr int kExitError = 2;

Document measure(const Options& options) {
  catch_interrupts();
  const Scratch scratch(options.dir, "hmap-bench");
  Document document = describe_setup(scratch.path());
  fmt::print("{}", text_of_setup(document));
  if (options.list) return document;
  std::fflush(stdout);
  run_measures(options, scratch.path(), document, [&] {
    if (!options.json.empty()) write_json(options.json, document);
  });
  return document;
}

Document report_again(const Options& options) {
  Document document = read_documents(options.from);
  fmt::print("{}", text_of_setup(document));
  for (const Experiment& experiment : document.experiments) fmt::print("{}", text_of(experiment));
  if (!options.json.empty()) write_json(options.json, document);
  return document;
}

int run(const Options& options) {
  const Document document = options.from.empty() ? measure(options) : report_again(options);
  const auto scores = scores_of(document);
  if (options.scorecard || options.check) fmt::print("{}", text_of(scores));
  if (!options.html.empty()) write_text(options.html, html_of(document, scores));
  if (document.has_failures()) return kExitError;
  return options.check && !all_met(scores) ? kExitUnmet : 0;
}

}  // namespace
}  // namespace hmap::bench

int main(int argc, char** argv) {
  try {
    int exit_code = 0;
    const auto options = hmap::bench::read_options(argc, argv, exit_code);
    return options ? hmap::bench::run(*options) : exit_code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hmap-bench: %s\n", error.what());
    return hmap::bench::kExitError;
  }
}
