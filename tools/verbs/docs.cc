// hmap docs: the manual page and the completions of shells.
#include <memory>
#include <string>

#include "io/output.h"
#include "report/docs.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

constexpr const char* kDocsExample =
    "Examples:\n"
    "  hmap docs man | man -l -\n"
    "  hmap docs bash > ~/.local/share/bash-completion/completions/hmap\n"
    "\n"
    "An installed hmap has installed all of these already.";

Exit run(const CLI::App& root, const std::string& kind, const std::string& version) {
  Output out;
  if (kind == "man") out.write(manual_page(root, version));
  if (kind == "bash") out.write(bash_completion(root));
  if (kind == "zsh") out.write(zsh_completion(root));
  if (kind == "fish") out.write(fish_completion(root));
  out.finish();
  return Exit::kYes;
}

}  // namespace

Verb add_docs(CLI::App& root, const std::string& version) {
  auto kind = std::make_shared<std::string>();
  CLI::App& app = *root.add_subcommand("docs", "write the manual page, or a shell's completion");
  app.footer(kDocsExample);
  app.add_option("KIND", *kind, "what to write")
      ->check(CLI::IsMember({"man", "bash", "zsh", "fish"}))
      ->required();
  return {&app, [&root, kind, version] { return run(root, *kind, version); }};
}

}  // namespace hmap::tool
