// See arguments.h.
#include "verbs/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "report/failure.h"
#include "text/escape.h"
#include "text/hex.h"
#include "text/numbers.h"

namespace hmap::tool {
namespace {

constexpr char kMark = '\x01';
constexpr std::string_view kSpecial = "[{%+\x01";

std::string protect_one(std::string_view text) {
  const bool special = !text.empty() && kSpecial.find(text[0]) != std::string_view::npos;
  return special ? kMark + std::string(text) : std::string(text);
}

std::optional<std::uint64_t> whole_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> size_in_bytes(std::string text) {
  // CLI11 takes "-1" for the largest number.
  if (text.starts_with('-')) return std::nullopt;
  try {
    const bool good = CLI::AsSizeValue(false)(text).empty();
    return good ? whole_number(text) : std::nullopt;
  } catch (const CLI::ValidationError&) {  // of a unit that it does not know
    return std::nullopt;
  }
}

std::string words_of(const Range& range, const char* unit) {
  if (range.high != Range().high)
    return fmt::format("{} to {}{}", grouped(range.low), grouped(range.high), unit);
  return range.low == 0 ? fmt::format("a whole number{}", *unit != '\0' ? " of bytes" : "")
                        : fmt::format("{} and more{}", grouped(range.low), unit);
}

template <typename Number, typename Read>
CLI::Option* add_in_range(CLI::App& app, const std::string& name, Number& target,
                          const std::string& description, Range range, Read read,
                          const char* unit) {
  CLI::callback_t store = [&target, name, range, read, unit](const CLI::results_t& results) {
    const std::string text = unprotect(results.back());
    const std::optional<std::uint64_t> number = read(text);
    if (!number || *number < range.low || *number > range.high) {
      throw CLI::ValidationError(
          fmt::format("{} takes {}, not {}", name, words_of(range, unit), quote(text)));
    }
    target = static_cast<Number>(*number);
    return true;
  };
  return app.add_option(name, std::move(store), description);
}

}  // namespace

std::vector<std::string> protect(const std::vector<std::string>& arguments) {
  std::vector<std::string> safe;
  bool positional_only = false;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    const bool assigns = !positional_only && argument.starts_with("--") && equals != argument.npos;
    positional_only = positional_only || argument == "--";
    safe.push_back(assigns ? argument.substr(0, equals + 1) +
                                 protect_one(std::string_view(argument).substr(equals + 1))
                           : protect_one(argument));
  }
  return safe;
}

std::string unprotect(const std::string& argument) {
  return !argument.empty() && argument[0] == kMark ? argument.substr(1) : argument;
}

CLI::Option* add_bytes(CLI::App& app, const std::string& name, std::string& target,
                       const std::string& description) {
  // results() instead of a conversion, which would still change an empty string or a "{}".
  CLI::callback_t store = [&target](const CLI::results_t& results) {
    target = unprotect(results.back());
    return true;
  };
  return app.add_option(name, std::move(store), description)->type_name("");
}

CLI::Option* add_path(CLI::App& app, const std::string& name, std::string& target,
                      const std::string& description) {
  CLI::callback_t store = [&target, name](const CLI::results_t& results) {
    target = unprotect(results.back());
    if (target.empty()) throw CLI::ValidationError(name + " takes a path, not an empty one");
    return true;
  };
  return app.add_option(name, std::move(store), description)->type_name("");
}

CLI::Option* add_bytes_list(CLI::App& app, const std::string& name,
                            std::vector<std::string>& target, const std::string& description) {
  CLI::callback_t store = [&target](const CLI::results_t& results) {
    std::transform(results.begin(), results.end(), std::back_inserter(target), unprotect);
    return true;
  };
  return app.add_option(name, std::move(store), description)
      ->type_name("")
      ->allow_extra_args()
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->required();
}

CLI::Option* add_number(CLI::App& app, const std::string& name, std::uint64_t& target,
                        const std::string& description, Range range) {
  return add_in_range(app, name, target, description, range, whole_number, "")->type_name("N");
}

CLI::Option* add_number(CLI::App& app, const std::string& name, std::uint32_t& target,
                        const std::string& description, Range range) {
  range.high = std::min<std::uint64_t>(range.high, UINT32_MAX);
  return add_in_range(app, name, target, description, range, whole_number, "")->type_name("N");
}

CLI::Option* add_size(CLI::App& app, const std::string& name, std::uint64_t& target,
                      const std::string& description, Range range) {
  return add_in_range(app, name, target, description, range, size_in_bytes, " bytes")
      ->type_name("BYTES");
}

CLI::Option* add_size(CLI::App& app, const std::string& name, std::uint32_t& target,
                      const std::string& description, Range range) {
  range.high = std::min<std::uint64_t>(range.high, UINT32_MAX);
  return add_in_range(app, name, target, description, range, size_in_bytes, " bytes")
      ->type_name("BYTES");
}

std::string bytes_of(const std::string& argument, bool hex, const std::string& what) {
  if (!hex) return argument;
  std::optional<std::string> bytes = from_hex(argument);
  if (bytes) return *std::move(bytes);
  throw usage_failure(
      fmt::format("the {} {} is not an even number of hex digits", what, quote(argument)));
}

std::uint64_t seed_of(const std::string& text) {
  const std::optional<std::string> bytes = from_hex(text);
  if (!bytes || bytes->size() != sizeof(std::uint64_t)) {
    throw usage_failure(fmt::format("--seed {} is not 16 hex digits", quote(text)));
  }
  std::uint64_t seed = 0;
  for (const char byte : *bytes) seed = seed << 8 | static_cast<unsigned char>(byte);
  return seed;
}

}  // namespace hmap::tool
