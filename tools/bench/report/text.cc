#include "report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace hmap::bench {
namespace {

// Longer names of figures than this make columns too wide: then each figure is a row.
constexpr std::size_t kShortName = 9;

struct Table {
  std::vector<std::string> columns;
  std::vector<std::pair<std::string, std::vector<std::string>>> rows;

  // Turns rows into columns.
  [[nodiscard]] Table turned() const {
    Table other;
    for (const auto& [name, cells] : rows) other.columns.push_back(name);
    for (std::size_t column = 0; column < columns.size(); ++column) {
      std::vector<std::string> cells;
      cells.reserve(rows.size());
      for (const auto& row : rows) cells.push_back(row.second[column]);
      other.rows.emplace_back(columns[column], std::move(cells));
    }
    return other;
  }

  [[nodiscard]] std::string text() const {
    std::size_t label = 0;
    for (const auto& [name, cells] : rows) label = std::max(label, name.size());
    std::vector<std::size_t> widths;
    for (std::size_t column = 0; column < columns.size(); ++column) {
      std::size_t width = columns[column].size();
      for (const auto& [name, cells] : rows) width = std::max(width, cells[column].size());
      widths.push_back(width + 2);
    }
    std::string out(label, ' ');
    for (std::size_t i = 0; i < columns.size(); ++i) {
      out += fmt::format("{:>{}}", columns[i], widths[i]);
    }
    out += '\n';
    for (const auto& [name, cells] : rows) {
      out += fmt::format("{:<{}}", name, label);
      for (std::size_t i = 0; i < columns.size(); ++i) {
        out += fmt::format("{:>{}}", cells[i], widths[i]);
      }
      out += '\n';
    }
    return out;
  }
};

bool has_long_names(const Experiment& experiment) {
  return std::any_of(experiment.kinds.begin(), experiment.kinds.end(),
                     [](const FigureKind& kind) { return kind.name.size() > kShortName; });
}

// Stores down, figures across; what `cell` makes of each.
template <typename Cell>
std::string table_of(const Experiment& experiment, const std::vector<FigureKind>& kinds,
                     const std::vector<std::string>& stores, Cell&& cell) {
  Table table;
  for (const FigureKind& kind : kinds) table.columns.push_back(kind.name);
  for (const std::string& store : stores) {
    std::vector<std::string> cells;
    cells.reserve(kinds.size());
    for (const FigureKind& kind : kinds) cells.push_back(cell(store, kind));
    table.rows.emplace_back(store, std::move(cells));
  }
  return has_long_names(experiment) ? table.turned().text() : table.text();
}

std::string text_of_ratios(const Experiment& experiment) {
  if (experiment.stores.size() < 2) return {};
  std::vector<FigureKind> kinds;
  std::copy_if(experiment.kinds.begin(), experiment.kinds.end(), std::back_inserter(kinds),
               [](const FigureKind& kind) { return kind.more_is_better.has_value(); });
  if (kinds.empty()) return {};
  const std::string& ours = experiment.stores.front();
  const std::vector<std::string> others(experiment.stores.begin() + 1, experiment.stores.end());
  return fmt::format("\nHow many times better {} is than\n", ours) +
         table_of(experiment, kinds, others, [&](const std::string& store, const FigureKind& kind) {
           const auto ratio = ratio_of(experiment, ours, store, kind.name);
           return ratio ? fmt::format("{:.2f}", *ratio) : std::string("-");
         });
}

std::string text_of_remarks(const Experiment& experiment) {
  std::string out;
  for (const std::string& note : experiment.notes) out += fmt::format("note: {}\n", note);
  for (const Run& run : experiment.runs) {
    for (const std::string& note : run.notes) out += fmt::format("note: {}: {}\n", run.store, note);
  }
  for (const Remark& each : experiment.skipped) {
    out += fmt::format("skipped: {}: {}\n", each.store, each.reason);
  }
  for (const Remark& each : experiment.failed) {
    out += fmt::format("FAILED: {}: {}\n", each.store, each.reason);
  }
  return out;
}

}  // namespace

std::string with_unit(double value, Unit unit) {
  struct Step {
    double from;
    double divisor;
    const char* unit;
  };
  constexpr std::array<Step, 3> kRates = {{{1e6, 1e6, " M/s"}, {1e3, 1e3, " k/s"}, {0, 1, " /s"}}};
  constexpr std::array<Step, 4> kTimes = {
      {{1, 1, " s"}, {1e-3, 1e-3, " ms"}, {1e-6, 1e-6, " us"}, {0, 1e-9, " ns"}}};
  constexpr std::array<Step, 4> kSizes = {
      {{0x1p30, 0x1p30, " GiB"}, {0x1p20, 0x1p20, " MiB"}, {1e5, 0x1p10, " KiB"}, {0, 1, " B"}}};
  const auto scaled = [&](const auto& steps) {
    const auto step = std::find_if(steps.begin(), steps.end(),
                                   [&](const Step& each) { return value >= each.from; });
    const double number = value / step->divisor;
    return fmt::format("{:.{}f}{}", number, number < 10 ? 2 : number < 100 ? 1 : 0, step->unit);
  };
  switch (unit) {
    case Unit::kRate:
      return scaled(kRates);
    case Unit::kSeconds:
      return scaled(kTimes);
    case Unit::kBytes:
      return scaled(kSizes);
    case Unit::kNumber:
      return fmt::format("{:.3g}", value);
  }
  return {};
}

std::string text_of_setup(const Document& document) {
  const Machine& machine = document.machine;
  std::string out = fmt::format("machine           {}, {} cores, {:.0f} GiB, {}, {}, load {:.2f}\n",
                                machine.cpu, machine.cores, machine.memory_gib, machine.kernel,
                                machine.file_system, machine.load);
  out += fmt::format("compiler          {}; {}\n", machine.compiler, machine.flags);
  for (const StoreNote& note : document.stores) {
    out += fmt::format("{:<17} {}{}\n", note.name, note.description,
                       note.not_counted.empty() ? "" : "; not counted as beaten");
  }
  for (const LeftOut& absent : document.left_out) {
    out += fmt::format("{:<17} left out: not installed when this program was built ({})\n",
                       absent.name, absent.package);
  }
  return out;
}

std::string text_of(const Experiment& experiment) {
  const Shape& shape = experiment.shape;
  std::string out = fmt::format(
      "\n== {}: {} entries of {}+{} bytes, seed {}, median of {} rounds\n", experiment.title,
      shape.entries, shape.key_bytes, shape.value_bytes, shape.seed, experiment.repeat);
  if (!experiment.stores.empty()) {
    out += table_of(experiment, experiment.kinds, experiment.stores,
                    [&](const std::string& store, const FigureKind& kind) {
                      const auto value = median_of(experiment, store, kind.name);
                      return value ? with_unit(*value, kind.unit) : std::string("-");
                    });
    out += text_of_ratios(experiment);
  }
  return out + text_of_remarks(experiment);
}

}  // namespace hmap::bench
