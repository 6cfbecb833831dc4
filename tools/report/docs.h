// The manual page and the completions of shells, made of what the verbs declare to CLI11.
#ifndef HMAP_TOOLS_REPORT_DOCS_H_
#define HMAP_TOOLS_REPORT_DOCS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace hmap::tool {

// One option or argument of a verb.
struct DocOption {
  std::vector<std::string> names;  // "--key"; of a positional: "FILE"
  bool positional = false;
  bool flag = false;  // takes no value
  bool required = false;
  bool repeated = false;
  std::string type;                  // "SECONDS"; empty: none
  std::vector<std::string> choices;  // if only these are allowed
  std::string description;
};
struct DocVerb {
  std::string name;
  std::string description;
  std::string footer;
  std::vector<DocOption> options;  // positionals first, in their order
};

// Every verb, in the order of --help.
[[nodiscard]] std::vector<DocVerb> doc_verbs(const CLI::App& root);

// A page of section 1 for man(1).
[[nodiscard]] std::string manual_page(const CLI::App& root, const std::string& version);
[[nodiscard]] std::string bash_completion(const CLI::App& root);
[[nodiscard]] std::string zsh_completion(const CLI::App& root);
[[nodiscard]] std::string fish_completion(const CLI::App& root);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_DOCS_H_
