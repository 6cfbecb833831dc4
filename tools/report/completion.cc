// Completions for bash, zsh and fish. See docs.h.
#include <fmt/format.h>

#include <string_view>

#include "report/docs.h"

namespace hmap::tool {
namespace {

// Inside '...' of bash and zsh.
std::string shell_quoted(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\'') {
      escaped += "'\\''";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// fish knows \' inside of '...' and no '\''.
std::string fish_quoted(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\'' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

// In the descriptions of _arguments brackets and colons have a meaning.
std::string zsh_description(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return shell_quoted(escaped);
}

bool wants_directory(const DocOption& option) {
  return option.type == "DIR" || option.names[0] == "DIR";
}

bool wants_file(const DocOption& option) { return option.type == "FILE" || option.type == "PATH"; }

// What the arguments of a verb have to be; empty: files.
std::string argument_words(const DocVerb& verb) {
  for (const DocOption& option : verb.options) {
    if (option.positional && !option.choices.empty())
      return fmt::format("{}", fmt::join(option.choices, " "));
  }
  return {};
}

std::string bash_case(const DocVerb& verb) {
  std::string names;
  std::string values;
  for (const DocOption& option : verb.options) {
    if (option.positional) continue;
    for (const std::string& name : option.names) names += name + " ";
    if (option.flag) continue;
    std::string action = "return 0";
    if (!option.choices.empty()) {
      action = fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$cur\")); return 0",
                           fmt::join(option.choices, " "));
    } else if (wants_directory(option)) {
      action = "mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); return 0";
    } else if (wants_file(option)) {
      action = "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return 0";
    }
    values += fmt::format("        {}) {} ;;\n", fmt::join(option.names, "|"), action);
  }
  return fmt::format(
      "    {})\n      case \"$prev\" in\n{}      esac\n      options='{}'\n      words='{}'\n      "
      ";;\n",
      verb.name, values, names, argument_words(verb));
}

}  // namespace

std::string bash_completion(const CLI::App& root) {
  const std::vector<DocVerb> verbs = doc_verbs(root);
  std::string names;
  std::string cases;
  for (const DocVerb& verb : verbs) {
    names += verb.name + " ";
    cases += bash_case(verb);
  }
  return fmt::format(
      "# bash completion for hmap; made by `hmap docs bash`\n"
      "_hmap() {{\n"
      "  local cur=\"${{COMP_WORDS[COMP_CWORD]}}\" prev=\"${{COMP_WORDS[COMP_CWORD-1]}}\"\n"
      "  local options= words=\n"
      "  COMPREPLY=()\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W '{}--help --version' -- \"$cur\"))\n"
      "    return 0\n"
      "  fi\n"
      "  case \"${{COMP_WORDS[1]}}\" in\n"
      "{}"
      "  esac\n"
      "  case \"$cur\" in\n"
      "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")) ;;\n"
      "    *) if [ -n \"$words\" ]; then COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"));\n"
      "       else mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); fi ;;\n"
      "  esac\n"
      "}}\n"
      "complete -o filenames -F _hmap hmap\n",
      names, cases);
}

std::string zsh_completion(const CLI::App& root) {
  std::string verbs;
  std::string cases;
  for (const DocVerb& verb : doc_verbs(root)) {
    verbs += fmt::format("    '{}:{}'\n", verb.name, zsh_description(verb.description));
    std::string arguments;
    for (const DocOption& option : verb.options) {
      if (option.positional) continue;
      std::string value;
      if (!option.choices.empty()) {
        value = fmt::format(":{}:({})", option.type, fmt::join(option.choices, " "));
      } else if (wants_directory(option)) {
        value = ":DIR:_files -/";
      } else if (!option.flag) {
        value = fmt::format(":{}:{}", option.type.empty() ? "VALUE" : zsh_description(option.type),
                            wants_file(option) ? "_files" : " ");
      }
      for (const std::string& name : option.names) {
        arguments += fmt::format(" \\\n        '{}[{}]{}'", name,
                                 zsh_description(option.description), value);
      }
    }
    const std::string words = argument_words(verb);
    cases +=
        fmt::format("      {})\n        _arguments{} \\\n        '*:{}'\n        ;;\n", verb.name,
                    arguments, words.empty() ? "FILE:_files" : fmt::format("KIND:({})", words));
  }
  return fmt::format(
      "#compdef hmap\n"
      "# zsh completion for hmap; made by `hmap docs zsh`\n"
      "_hmap() {{\n"
      "  local -a verbs\n"
      "  verbs=(\n{}  )\n"
      "  if (( CURRENT == 2 )); then\n"
      "    _describe verb verbs\n"
      "    return\n"
      "  fi\n"
      "  local verb=$words[2]\n"
      "  shift words\n"
      "  (( CURRENT-- ))\n"
      "  case $verb in\n{}"
      "  esac\n"
      "}}\n"
      "_hmap \"$@\"\n",
      verbs, cases);
}

std::string fish_completion(const CLI::App& root) {
  std::string text =
      "# fish completion for hmap; made by `hmap docs fish`\n"
      "complete -c hmap -n __fish_use_subcommand -l version -d 'print the versions'\n";
  for (const DocVerb& verb : doc_verbs(root)) {
    text += fmt::format("complete -c hmap -n __fish_use_subcommand -f -a {} -d '{}'\n", verb.name,
                        fish_quoted(verb.description));
    if (const std::string words = argument_words(verb); !words.empty())
      text += fmt::format("complete -c hmap -n '__fish_seen_subcommand_from {}' -f -a '{}'\n",
                          verb.name, words);
    for (const DocOption& option : verb.options) {
      if (option.positional) continue;
      std::string names;
      for (const std::string& name : option.names)
        names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      std::string value;
      if (!option.choices.empty()) {
        value = fmt::format(" -x -a '{}'", fmt::join(option.choices, " "));
      } else if (wants_directory(option)) {
        value = " -x -a '(__fish_complete_directories)'";
      } else if (!option.flag) {
        value = wants_file(option) ? " -r" : " -x";
      }
      text += fmt::format("complete -c hmap -n '__fish_seen_subcommand_from {}'{}{} -d '{}'\n",
                          verb.name, names, value, fish_quoted(option.description));
    }
  }
  return text;
}

}  // namespace hmap::tool
