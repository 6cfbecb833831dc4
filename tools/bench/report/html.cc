#include "report/html.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/svg.h"
#include "report/text.h"

namespace hmap::bench {
namespace {

constexpr std::string_view kStyle = R"(
:root { --ink: #1d2530; --soft: #5b6675; --edge: #dde2e9; --back: #fff; --panel: #f6f8fa;
  --ours: #0b6fc2; --persistent: #9fb4c9; --memory: #d9a441; --floor: #8a8f98;
  --good: #1a7f4b; --bad: #c0362c; --open: #8a6d1d; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --soft: #9aa5b4; --edge: #313a46; --back: #14181e; --panel: #1b2129;
    --ours: #4aa8f0; --persistent: #5f758c; --memory: #c08f35; --floor: #777;
    --good: #46b87c; --bad: #f0746a; --open: #d0ac4b; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back);
  max-width: 1320px; margin: 0 auto; padding: 24px 28px 80px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 20px; margin: 44px 0 6px; }
p, li { color: var(--soft); margin: 2px 0; } ul { padding-left: 20px; }
table { border-collapse: collapse; font-size: 13.5px; margin: 10px 0; }
th, td { text-align: right; padding: 4px 12px; border-bottom: 1px solid var(--edge);
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; } th:first-child, td:first-child { text-align: left; }
td.wide { text-align: left; white-space: normal; color: var(--soft); }
tr.ours td { font-weight: 650; }
.badge { border-radius: 10px; padding: 1px 10px; font-size: 12.5px; font-weight: 600;
  border: 1px solid currentColor; }
.met { color: var(--good); } .missed { color: var(--bad); } .other { color: var(--open); }
.none { color: var(--soft); }
.plots { display: flex; flex-wrap: wrap; gap: 14px; margin: 12px 0; }
.plots > svg { background: var(--panel); border-radius: 8px; padding: 10px 12px; }
details { margin: 8px 0; } summary { cursor: pointer; color: var(--ours); }
.scroll { overflow-x: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); }
svg text.title { font-weight: 650; font-size: 13px; fill: var(--ink); }
svg text.value { fill: var(--ink); }
svg .ours { fill: var(--ours); } svg .persistent { fill: var(--persistent); }
svg .memory { fill: var(--memory); } svg .floor { fill: var(--floor); }
svg .grid { stroke: var(--edge); stroke-width: 1; }
svg .line { fill: none; stroke-width: 2; } svg .dashed { stroke-dasharray: 2 4; }
.line-1 { stroke: var(--ours); } .line-2 { stroke: #d1495b; } .line-3 { stroke: #2a9d6f; }
.line-4 { stroke: #e09f3e; } .line-5 { stroke: #7b5ea7; } .line-6 { stroke: #4f8a8b; }
.line-7 { stroke: #b56576; } .line-8 { stroke: #6d7f35; } .line-9 { stroke: #888; }
.legend span { margin-right: 18px; } .legend i { display: inline-block; width: 12px; height: 12px;
  border-radius: 2px; margin-right: 6px; vertical-align: -1px; }
)";

std::string_view css_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kMet:
      return "met";
    case Verdict::kMissed:
      return "missed";
    case Verdict::kOtherSize:
      return "other";
    case Verdict::kNotMeasured:
      return "none";
  }
  return "none";
}

std::string css_of(const Document& document, const std::string& store) {
  const StoreNote* const note = document.store(store);
  if (note == nullptr) return "persistent";
  switch (note->role) {
    case Role::kOurs:
      return "ours";
    case Role::kPersistent:
      return "persistent";
    case Role::kMemory:
      return "memory";
    case Role::kFloor:
      return "floor";
  }
  return "persistent";
}

std::string header(const Document& document) {
  const Machine& machine = document.machine;
  std::string out = "<h1>hmap beside its rivals</h1>\n";
  out += fmt::format("<p>{}, {} cores, {:.0f} GiB, {}, {}; load {:.2f} when it began</p>\n",
                     escaped(machine.cpu), machine.cores, machine.memory_gib,
                     escaped(machine.kernel), escaped(machine.file_system), machine.load);
  out += fmt::format("<p>{}; {}</p>\n", escaped(machine.compiler), escaped(machine.flags));
  out +=
      "<p class=\"legend\"><span><i style=\"background:var(--ours)\"></i>hmap</span>"
      "<span><i style=\"background:var(--persistent)\"></i>other stores in files</span>"
      "<span><i style=\"background:var(--memory)\"></i>maps in memory, as the limit</span>"
      "<span><i style=\"background:var(--floor)\"></i>no store: disk and memory</span></p>\n";
  return out;
}

std::string scorecard(const std::vector<Score>& scores) {
  const auto count = [&](Verdict verdict) {
    return std::count_if(scores.begin(), scores.end(),
                         [&](const Score& score) { return score.verdict == verdict; });
  };
  std::string out = fmt::format(
      "<h2>Scorecard</h2>\n<p>{} demands: {} met, {} missed, {} measured at another size, {} not "
      "measured</p>\n<table><tr><th>demand</th><th>at least / at most</th><th>reached</th>"
      "<th>verdict</th><th class=\"wide\">against</th></tr>\n",
      scores.size(), count(Verdict::kMet), count(Verdict::kMissed), count(Verdict::kOtherSize),
      count(Verdict::kNotMeasured));
  for (const Score& score : scores) {
    out += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td><span class=\"badge {}\">{}</span></td>"
        "<td class=\"wide\">{}</td></tr>\n",
        escaped(score.what), escaped(score.demanded), escaped(score.reached), css_of(score.verdict),
        words(score.verdict), escaped(score.against));
  }
  return out + "</table>\n";
}

std::string bars(const Document& document, const Experiment& experiment, const FigureKind& kind) {
  std::vector<Bar> bars;
  for (const std::string& store : experiment.stores) {
    const auto value = median_of(experiment, store, kind.name);
    if (!value) continue;
    bars.push_back({store, with_unit(*value, kind.unit), *value, css_of(document, store)});
  }
  if (bars.empty()) return {};
  const char* const hint = !kind.more_is_better   ? ""
                           : *kind.more_is_better ? ""
                                                  : ", less is better";
  return bars_svg(kind.name + hint, bars, kind.unit == Unit::kSeconds);
}

std::string percentiles(const Experiment& experiment) {
  std::vector<Line> lines;
  std::size_t number = 0;
  for (const std::string& store : experiment.stores) {
    const auto run = std::find_if(experiment.runs.begin(), experiment.runs.end(),
                                  [&](const Run& each) { return each.store == store; });
    if (run == experiment.runs.end() || run->curves.empty()) continue;
    number = std::min<std::size_t>(number + 1, 9);
    for (const Curve& curve : run->curves) {
      const bool is_control = curve.name == "control";
      if (is_control && number != 1) continue;  // One is enough to see what the machine does.
      lines.push_back({is_control ? "the machine alone" : store, curve.points,
                       is_control ? "line-9 dashed" : fmt::format("line-{}", number)});
    }
  }
  if (lines.empty()) return {};
  return "<div class=\"plots\">" +
         percentiles_svg("How long a put takes, by percentile (first round)", lines) + "</div>\n";
}

std::string table(const Experiment& experiment) {
  std::string out =
      "<details><summary>Figures, medians</summary><div class=\"scroll\"><table><tr>"
      "<th>store</th>";
  for (const FigureKind& kind : experiment.kinds) {
    out += fmt::format("<th>{}</th>", escaped(kind.name));
  }
  out += "</tr>\n";
  for (const std::string& store : experiment.stores) {
    out +=
        fmt::format("<tr{}><td>{}</td>", store == "hmap" ? " class=\"ours\"" : "", escaped(store));
    for (const FigureKind& kind : experiment.kinds) {
      const auto value = median_of(experiment, store, kind.name);
      out += fmt::format("<td>{}</td>", value ? with_unit(*value, kind.unit) : std::string("-"));
    }
    out += "</tr>\n";
  }
  return out + "</table></div></details>\n";
}

std::string remarks(const Experiment& experiment) {
  std::string out;
  const auto add = [&](const std::string& text) {
    out += fmt::format("<li>{}</li>\n", escaped(text));
  };
  for (const std::string& note : experiment.notes) add(note);
  for (const Run& run : experiment.runs) {
    for (const std::string& note : run.notes) add(run.store + ": " + note);
  }
  for (const Remark& each : experiment.skipped) add("skipped: " + each.store + ": " + each.reason);
  for (const Remark& each : experiment.failed) add("FAILED: " + each.store + ": " + each.reason);
  return out.empty() ? out : "<ul>\n" + out + "</ul>\n";
}

std::string section(const Document& document, const Experiment& experiment) {
  const Shape& shape = experiment.shape;
  std::string out =
      fmt::format("<h2>{}</h2>\n<p>{} entries of {}+{} bytes, seed {}, median of {} rounds</p>\n",
                  escaped(experiment.title), shape.entries, shape.key_bytes, shape.value_bytes,
                  shape.seed, experiment.repeat);
  out += percentiles(experiment);
  out += "<div class=\"plots\">";
  for (const FigureKind& kind : experiment.kinds) out += bars(document, experiment, kind);
  return out + "</div>\n" + table(experiment) + remarks(experiment);
}

std::string stores(const Document& document) {
  std::string out = "<h2>The stores</h2>\n<table>\n";
  for (const StoreNote& note : document.stores) {
    out += fmt::format("<tr><td>{}</td><td class=\"wide\">{}{}</td></tr>\n", escaped(note.name),
                       escaped(note.description),
                       note.not_counted.empty() ? "" : "; not counted as beaten");
  }
  for (const LeftOut& absent : document.left_out) {
    out += fmt::format("<tr><td>{}</td><td class=\"wide\">left out: not installed ({})</td></tr>\n",
                       escaped(absent.name), escaped(absent.package));
  }
  return out + "</table>\n";
}

}  // namespace

std::string html_of(const Document& document, const std::vector<Score>& scores) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\"><head>"
      "<meta charset=\"utf-8\"/>"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>"
      "<title>hmap beside its rivals</title><style>";
  out += kStyle;
  out += "</style></head><body>\n";
  out += header(document) + scorecard(scores);
  for (const Experiment& experiment : document.experiments) out += section(document, experiment);
  return out + stores(document) + "</body></html>\n";
}

}  // namespace hmap::bench
