#include "adapters/go.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "adapters/kinds.h"
#include "base/child.h"

namespace hmap::bench {
namespace {

// Beside this program, where CMake builds it.
std::string program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "hmap-bench-go";
}

}  // namespace

std::string describe_go() {
  try {
    const std::vector<Json> lines = run_program({program(), "-describe"});
    if (lines.size() == 1) return lines[0].value("description", "");
  } catch (const std::exception& error) {
    return error.what();
  }
  return "hmap-bench-go says nothing about itself";
}

std::vector<GoPhase> run_go(const Shape& shape, std::uint64_t ops,
                            const std::vector<std::string>& phases) {
  std::string names;
  for (const std::string& phase : phases) names += (names.empty() ? "" : ",") + phase;
  const auto lines = run_program(
      {program(), "-entries", std::to_string(shape.entries), "-key-bytes",
       std::to_string(shape.key_bytes), "-value-bytes", std::to_string(shape.value_bytes), "-seed",
       std::to_string(shape.seed), "-ops", std::to_string(ops), "-phases", names});
  std::vector<GoPhase> results;
  for (const Json& line : lines) {
    results.push_back(
        {line.at("phase"), line.at("ops"), line.at("seconds"), line.at("cpu_seconds")});
  }
  return results;
}

std::vector<StoreKind> go_kinds() { return {{.name = "go-map", .role = Role::kMemory}}; }

}  // namespace hmap::bench
