// What the verbs declare. See docs.h.
#include "report/docs.h"

#include <algorithm>
#include <sstream>

#include "formats/format.h"
#include "text/typed.h"

namespace hmap::tool {
namespace {

// "MODE:{checkpoint,none}" is how CLI11 tells of a type and its choices, "BYTES:SIZE [b, ...]" of
// one with units.
void split_type(const std::string& text, DocOption& option) {
  const std::size_t brace = text.find(":{");
  option.type = text.substr(0, std::min(brace, text.find(":SIZE [")));
  if (brace == std::string::npos) return;
  std::istringstream choices(text.substr(brace + 2, text.find('}') - brace - 2));
  for (std::string choice; std::getline(choices, choice, ',');) option.choices.push_back(choice);
}

DocOption doc_option(const CLI::Option& from) {
  DocOption option;
  option.positional = from.get_positional();
  option.required = from.get_required();
  option.repeated = from.get_items_expected_max() > 1;
  option.description = from.get_description();
  if (option.positional) {
    option.names.push_back(from.get_name(true));
    split_type(from.get_type_name(), option);
    return option;
  }
  for (const std::string& name : from.get_snames()) option.names.push_back("-" + name);
  for (const std::string& name : from.get_lnames()) option.names.push_back("--" + name);
  option.flag = from.get_items_expected_max() == 0;
  if (!option.flag) split_type(from.get_type_name(), option);
  if (option.type == "T") option.choices = text_type_list();
  if (option.type == "F") option.choices.assign(kFormatNames.begin(), kFormatNames.end());
  return option;
}

}  // namespace

std::vector<DocVerb> doc_verbs(const CLI::App& root) {
  std::vector<DocVerb> verbs;
  for (const CLI::App* const app : root.get_subcommands([](const CLI::App*) { return true; })) {
    DocVerb verb{app->get_name(), app->get_description(), app->get_footer(), {}};
    for (const CLI::Option* const option :
         app->get_options([](const CLI::Option*) { return true; })) {
      verb.options.push_back(doc_option(*option));
    }
    std::stable_sort(
        verb.options.begin(), verb.options.end(),
        [](const DocOption& a, const DocOption& b) { return a.positional && !b.positional; });
    verbs.push_back(std::move(verb));
  }
  return verbs;
}

}  // namespace hmap::tool
