// See processes.h.
#include "io/processes.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <memory>
#include <sstream>

namespace hmap::tool {
namespace {

// proc(5): "pid (comm) state ...", the 22nd field is the start in clock ticks after boot.
constexpr int kStartField = 22;

std::string read_stat(std::uint32_t pid) {
  struct Close {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(
      std::fopen(fmt::format("/proc/{}/stat", pid).c_str(), "re"));
  if (file == nullptr) return {};
  std::array<char, 1024> text{};
  const std::size_t bytes = std::fread(text.data(), 1, text.size(), file.get());
  return {text.data(), bytes};
}

std::uint64_t uptime_seconds() {
  timespec now{};
  return ::clock_gettime(CLOCK_BOOTTIME, &now) == 0 ? static_cast<std::uint64_t>(now.tv_sec) : 0;
}

}  // namespace

ProcessFacts facts_of_process(std::uint32_t pid) {
  ProcessFacts facts;
  const std::string stat = read_stat(pid);
  // A name may hold anything, parentheses too: the last one ends it.
  const std::size_t open = stat.find('(');
  const std::size_t close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return facts;
  facts.command = stat.substr(open + 1, close - open - 1);
  std::istringstream rest(stat.substr(close + 1));
  std::string word;
  std::uint64_t start = 0;
  if (!(rest >> facts.state)) return facts;
  for (int field = 4; field < kStartField; ++field) rest >> word;
  const long ticks = ::sysconf(_SC_CLK_TCK);
  if (!(rest >> start) || ticks <= 0) return facts;
  facts.known = true;
  const std::uint64_t started = start / static_cast<std::uint64_t>(ticks);
  const std::uint64_t now = uptime_seconds();
  facts.age_seconds = now > started ? now - started : 0;
  return facts;
}

}  // namespace hmap::tool
