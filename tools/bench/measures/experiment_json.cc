#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/child.h"
#include "measures/experiment.h"

namespace hmap::bench {
namespace {

constexpr std::array<std::pair<Unit, std::string_view>, 4> kUnits = {{
    {Unit::kRate, "1/s"},
    {Unit::kSeconds, "s"},
    {Unit::kBytes, "bytes"},
    {Unit::kNumber, "number"},
}};

std::string_view name(Unit unit) {
  return std::find_if(kUnits.begin(), kUnits.end(),
                      [&](const auto& each) { return each.first == unit; })
      ->second;
}

Unit unit_named(std::string_view name) {
  for (const auto& [unit, word] : kUnits) {
    if (word == name) return unit;
  }
  throw std::runtime_error("no such unit: " + std::string(name));
}

Json to_json(const FigureKind& kind) {
  const char* const better = !kind.more_is_better   ? "neither"
                             : *kind.more_is_better ? "more"
                                                    : "less";
  return {{"name", kind.name}, {"unit", name(kind.unit)}, {"better", better}};
}

FigureKind kind_from_json(const Json& json) {
  FigureKind kind{json.at("name"), unit_named(json.at("unit").get<std::string>()), std::nullopt};
  const std::string better = json.at("better");
  if (better != "neither") kind.more_is_better = better == "more";
  return kind;
}

Json to_json(const std::vector<Remark>& remarks) {
  Json json = Json::array();
  for (const Remark& remark : remarks) {
    json.push_back({{"store", remark.store}, {"reason", remark.reason}});
  }
  return json;
}

std::vector<Remark> remarks_from_json(const Json& json) {
  std::vector<Remark> remarks;
  for (const Json& each : json) remarks.push_back({each.at("store"), each.at("reason")});
  return remarks;
}

Json to_json(const Run& run) {
  Json figures = Json::object();
  for (const auto& [figure, value] : run.figures) figures[figure] = value;
  Json curves = Json::object();
  for (const Curve& curve : run.curves) {
    Json points = Json::array();
    for (const auto& [x, y] : curve.points) points.push_back({x, y});
    curves[curve.name] = points;
  }
  Json json = {{"store", run.store}, {"round", run.round + 1}, {"figures", figures}};
  if (!run.curves.empty()) json["curves"] = curves;
  if (!run.notes.empty()) json["notes"] = run.notes;
  return json;
}

Run run_from_json(const Json& json) {
  Run run{.store = json.at("store"),
          .round = json.at("round").get<int>() - 1,
          .figures = {},
          .curves = {},
          .notes = {}};
  for (const auto& [figure, value] : json.at("figures").items()) run.add(figure, value);
  if (json.contains("curves")) {
    for (const auto& [curve, points] : json["curves"].items()) {
      run.curves.push_back({curve, points.get<std::vector<std::pair<double, double>>>()});
    }
  }
  if (json.contains("notes")) run.notes = json["notes"].get<std::vector<std::string>>();
  return run;
}

}  // namespace

Run run_apart(const std::function<Run()>& work) {
  return run_from_json(run_in_child([&] { return to_json(work()); }));
}

Json to_json(const Experiment& experiment) {
  Json kinds = Json::array();
  for (const FigureKind& kind : experiment.kinds) kinds.push_back(to_json(kind));
  Json medians = Json::object();
  Json ratios = Json::object();
  for (const FigureKind& kind : experiment.kinds) {
    for (const std::string& store : experiment.stores) {
      if (const auto value = median_of(experiment, store, kind.name)) {
        medians[kind.name][store] = *value;
      }
      const auto ratio = ratio_of(experiment, experiment.stores.front(), store, kind.name);
      if (ratio && store != experiment.stores.front()) ratios[kind.name][store] = *ratio;
    }
  }
  Json rounds = Json::array();
  for (const Run& run : experiment.runs) rounds.push_back(to_json(run));
  const Shape& shape = experiment.shape;
  return {{"measure", experiment.measure},
          {"title", experiment.title},
          {"entries", shape.entries},
          {"key_bytes", shape.key_bytes},
          {"value_bytes", shape.value_bytes},
          {"seed", shape.seed},
          {"ops", experiment.ops},
          {"repeat", experiment.repeat},
          {"stores", experiment.stores},
          {"figures", kinds},
          {"medians", medians},
          {"times_better", ratios},
          {"rounds", rounds},
          {"skipped", to_json(experiment.skipped)},
          {"failed", to_json(experiment.failed)},
          {"notes", experiment.notes}};
}

Experiment experiment_from_json(const Json& json) {
  Experiment experiment{.measure = json.at("measure"),
                        .title = json.at("title"),
                        .shape = {.entries = json.at("entries"),
                                  .key_bytes = json.at("key_bytes"),
                                  .value_bytes = json.at("value_bytes"),
                                  .seed = json.at("seed")},
                        .ops = json.at("ops"),
                        .repeat = json.at("repeat"),
                        .stores = json.at("stores"),
                        .kinds = {},
                        .runs = {},
                        .skipped = remarks_from_json(json.at("skipped")),
                        .failed = remarks_from_json(json.at("failed")),
                        .notes = json.at("notes")};
  for (const Json& kind : json.at("figures")) experiment.kinds.push_back(kind_from_json(kind));
  for (const Json& run : json.at("rounds")) experiment.runs.push_back(run_from_json(run));
  return experiment;
}

}  // namespace hmap::bench
