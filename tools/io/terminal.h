// What a terminal can do, and what its user wants of it.
#ifndef HMAP_TOOLS_IO_TERMINAL_H_
#define HMAP_TOOLS_IO_TERMINAL_H_

namespace hmap::tool {

// Whether `fd` is a terminal that can move its cursor (TERM is not "dumb").
[[nodiscard]] bool can_animate(int fd);

// Whether colours are welcome on `fd`: a terminal that knows them, and no NO_COLOR (no-color.org).
[[nodiscard]] bool wants_colour(int fd);

// Columns and lines; 80 and 24 if nobody knows.
struct TerminalSize {
  int columns = 80;
  int lines = 24;
};
[[nodiscard]] TerminalSize terminal_size(int fd);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_IO_TERMINAL_H_
