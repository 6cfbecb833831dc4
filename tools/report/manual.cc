// The manual page, in the man macros of roff. See docs.h.
#include <fmt/format.h>

#include <sstream>
#include <string_view>

#include "report/docs.h"

namespace hmap::tool {
namespace {

// Text for roff: no character of it is a request, and "-" stays one.
std::string roff(std::string_view text) {
  std::string escaped;
  bool at_line_start = true;
  for (const char c : text) {
    if (at_line_start && (c == '.' || c == '\'')) escaped += "\\&";
    at_line_start = c == '\n';
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else if (c == '`' || c == '^' || c == '~') {
      escaped += fmt::format("\\({}", c == '`' ? "ga" : c == '^' ? "ha" : "ti");
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string option_synopsis(const DocOption& option) {
  if (option.positional)
    return fmt::format("\\fI{}\\fR{}", roff(option.names[0]), option.repeated ? "..." : "");
  std::string text;
  for (const std::string& name : option.names)
    text += fmt::format("{}\\fB{}\\fR", text.empty() ? "" : ", ", roff(name));
  return option.flag ? text : fmt::format("{} \\fI{}\\fR", text, roff(option.type));
}

std::string verb_section(const DocVerb& verb) {
  std::string usage = fmt::format(".SS hmap {}", roff(verb.name));
  for (const DocOption& option : verb.options) {
    if (!option.positional) continue;
    const std::string name = option.names[0] + (option.repeated ? "..." : "");
    usage += roff(option.required ? " " + name : " [" + name + "]");
  }
  std::string text = fmt::format("{}\n{}.\n", usage, roff(verb.description));
  for (const DocOption& option : verb.options) {
    text += fmt::format(".TP\n{}\n{}", option_synopsis(option), roff(option.description));
    if (!option.choices.empty())
      text += fmt::format(" ({})", roff(fmt::format("{}", fmt::join(option.choices, ", "))));
    text += "\n";
  }
  text += fmt::format(".PP\n.nf\n{}\n.fi\n", roff(verb.footer));
  return text;
}

constexpr std::string_view kManualEnd =
    ".SH EXIT STATUS\n"
    ".TP\n.B 0\nYes, done.\n"
    ".TP\n.B 1\nNo: the key is absent, the stores differ, something was lost.\n"
    ".TP\n.B 2\nThe command line is wrong.\n"
    ".TP\n.B 3\nNot a store, or of a version that this program cannot read.\n"
    ".TP\n.B 4\nThe store is corrupt, its commit log is missing or damaged, or the input of\n.B "
    "load\nis malformed.\n"
    ".TP\n.B 5\nThe system refused: no such file, permission, space, I/O.\n"
    ".TP\n.B 6\nOthers have it; trying again later may help.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B HMAP_WINDOW_BYTES\nBytes of address space to reserve for a store; no file "
    "grows beyond it. Default: 1 TiB, halved while the system refuses.\n"
    ".TP\n.B NO_COLOR\nIf it is set, nothing is coloured.\n"
    ".TP\n.B TMPDIR\nWhere\n.B copy\nand\n.B bench\nmake files without a name.\n"
    ".SH FILES\n"
    ".TP\n.I STORE\\-wal\nThe commit log of a store whose writers want every write to survive a "
    "power\n"
    "cut. It belongs to the store: who moves the one moves the other.\n";

}  // namespace

std::string manual_page(const CLI::App& root, const std::string& version) {
  std::string text = fmt::format(
      ".TH HMAP 1 \"\" \"hmap {}\" \"User Commands\"\n"
      ".SH NAME\nhmap \\- make, read, write, check and repair hmap stores\n"
      ".SH SYNOPSIS\n.B hmap\n.I VERB\n.RI [ OPTION \" ...] \" FILE\n.RI [ ARGUMENT \" ...]\"\n"
      ".SH DESCRIPTION\n{}\n"
      "Data goes to standard output, everything else to standard error. An argument that begins\n"
      "with \\- goes after \\-\\-.\n.SH VERBS\n",
      roff(version), roff(root.get_description()));
  for (const DocVerb& verb : doc_verbs(root)) text += verb_section(verb);
  return text + std::string(kManualEnd);
}

}  // namespace hmap::tool
