// The escapes of `tsv` and `list`: one line per record, safe as UTF-8 text, nothing lost.
#ifndef HMAP_TOOLS_TEXT_ESCAPE_H_
#define HMAP_TOOLS_TEXT_ESCAPE_H_

#include <string>
#include <string_view>

namespace hmap::tool {

class Output;

// Writes `bytes` with \\ \t \n \r for these four, and \xHH for other control characters and for
// every byte that is not part of valid UTF-8.
void write_escaped(std::string_view bytes, Output& out);

// `bytes` in a message, which is one line and need not be reversible: \t \n \r and \xHH for
// control characters, \xHH for what is not UTF-8. Names of files and of processes may be anything.
[[nodiscard]] std::string readable(std::string_view bytes);

// `bytes` in quotes for a message: printable ASCII, everything else as \xHH, cut when long.
[[nodiscard]] std::string quote(std::string_view bytes);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_TEXT_ESCAPE_H_
