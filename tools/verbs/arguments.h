// Arguments that are bytes: kept from CLI11's conveniences on the way through its parser.
//
// CLI11 takes "[a,b]" for a list, "{}" for an empty one, "%%" for a separator and "++" for the end
// of a subcommand. Keys and values may be any of these, so protect() puts a byte before arguments
// that begin like them, and unprotect() takes it away again.
#ifndef HMAP_TOOLS_VERBS_ARGUMENTS_H_
#define HMAP_TOOLS_VERBS_ARGUMENTS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace hmap::tool {

[[nodiscard]] std::vector<std::string> protect(const std::vector<std::string>& arguments);
[[nodiscard]] std::string unprotect(const std::string& argument);

// Declares a positional (NAME) or an option (--name) that fills `target` with the bytes given.
CLI::Option* add_bytes(CLI::App& app, const std::string& name, std::string& target,
                       const std::string& description);
// The same of a file or directory that may be left out, and is when `target` is empty: an empty
// name, which is what scripts give whose variable is not set, is wrong usage.
CLI::Option* add_path(CLI::App& app, const std::string& name, std::string& target,
                      const std::string& description);
// As add_bytes(), for a positional that may be repeated, at least once.
CLI::Option* add_bytes_list(CLI::App& app, const std::string& name,
                            std::vector<std::string>& target, const std::string& description);
// What a number may be; others are refused with the name of the option and this range.
struct Range {
  std::uint64_t low = 0;
  std::uint64_t high = UINT64_MAX;
};
// An option with a whole number.
CLI::Option* add_number(CLI::App& app, const std::string& name, std::uint64_t& target,
                        const std::string& description, Range range = {});
CLI::Option* add_number(CLI::App& app, const std::string& name, std::uint32_t& target,
                        const std::string& description, Range range = {});
// An option with a number of bytes: 65536, 64KiB, 64k.
CLI::Option* add_size(CLI::App& app, const std::string& name, std::uint64_t& target,
                      const std::string& description, Range range = {});
CLI::Option* add_size(CLI::App& app, const std::string& name, std::uint32_t& target,
                      const std::string& description, Range range = {});

// `argument` as it is, or read as hex digits; `what` names it when they are wrong.
[[nodiscard]] std::string bytes_of(const std::string& argument, bool hex, const std::string& what);

// --seed: the 16 hex digits of a store's seed as they stand in the file's dump (xxd -e).
[[nodiscard]] std::uint64_t seed_of(const std::string& text);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_VERBS_ARGUMENTS_H_
