// What the system knows of a process of this pid namespace.
#ifndef HMAP_TOOLS_IO_PROCESSES_H_
#define HMAP_TOOLS_IO_PROCESSES_H_

#include <cstdint>
#include <string>

namespace hmap::tool {

struct ProcessFacts {
  bool known = false;   // There is such a process, and it may be looked at.
  std::string command;  // Its name, at most 15 bytes.
  char state = '?';     // R, S, D, T (stopped), Z and so on, as in ps(1).
  std::uint64_t age_seconds = 0;
};

[[nodiscard]] ProcessFacts facts_of_process(std::uint32_t pid);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_IO_PROCESSES_H_
