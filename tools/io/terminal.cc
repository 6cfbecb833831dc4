// See terminal.h.
#include "io/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace hmap::tool {

bool can_animate(int fd) {
  if (::isatty(fd) == 0) return false;
  const char* const term = std::getenv("TERM");
  return term != nullptr && std::string_view(term) != "dumb";
}

bool wants_colour(int fd) {
  const char* const refusal = std::getenv("NO_COLOR");
  return can_animate(fd) && (refusal == nullptr || *refusal == '\0');
}

TerminalSize terminal_size(int fd) {
  winsize size = {};
  TerminalSize known;
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return known;
  if (size.ws_col != 0) known.columns = size.ws_col;
  if (size.ws_row != 0) known.lines = size.ws_row;
  return known;
}

}  // namespace hmap::tool
