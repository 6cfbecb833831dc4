// The verbs of the tool. Each declares its arguments to CLI11 and says what to do.
#ifndef HMAP_TOOLS_VERBS_VERBS_H_
#define HMAP_TOOLS_VERBS_VERBS_H_

#include <CLI/CLI.hpp>
#include <functional>

#include "report/failure.h"

namespace hmap::tool {

struct Verb {
  CLI::App* app;              // Belongs to the root.
  std::function<Exit()> run;  // Called after parsing; throws Failure.
};

Verb add_create(CLI::App& root);
Verb add_put(CLI::App& root);
Verb add_get(CLI::App& root);
Verb add_del(CLI::App& root);
Verb add_list(CLI::App& root);
Verb add_load(CLI::App& root);
Verb add_dump(CLI::App& root);
Verb add_stat(CLI::App& root);
Verb add_verify(CLI::App& root);
Verb add_recover(CLI::App& root);
Verb add_ps(CLI::App& root);
Verb add_copy(CLI::App& root);
Verb add_compact(CLI::App& root);
Verb add_publish(CLI::App& root);
Verb add_train(CLI::App& root);
Verb add_inspect(CLI::App& root);
Verb add_merge(CLI::App& root);
Verb add_diff(CLI::App& root);
Verb add_sample(CLI::App& root);
Verb add_warm(CLI::App& root);
Verb add_watch(CLI::App& root);
Verb add_map(CLI::App& root);
Verb add_bench(CLI::App& root);
Verb add_docs(CLI::App& root, const std::string& version);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_VERBS_VERBS_H_
