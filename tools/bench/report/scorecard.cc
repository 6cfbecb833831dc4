#include "report/scorecard.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/demands.h"
#include "report/text.h"

namespace hmap::bench {
namespace {

// How far the number of entries is from the one demanded, as a factor.
double distance(const Experiment& experiment, const Demand& demand) {
  if (demand.entries == 0) return 1;
  const auto have = static_cast<double>(experiment.shape.entries);
  const auto wanted = static_cast<double>(demand.entries);
  return std::max(have / wanted, wanted / have);
}

// The experiment that comes nearest; of two equally near the later one. Null: there is none.
const Experiment* find_experiment(const Document& document, const Demand& demand) {
  const Experiment* best = nullptr;
  for (const Experiment& each : document.experiments) {
    if (each.measure != demand.measure) continue;
    if (demand.key_bytes != 0 && each.shape.key_bytes != demand.key_bytes) continue;
    if (demand.value_bytes != 0 && each.shape.value_bytes != demand.value_bytes) continue;
    if (!median_of(each, demand.store, demand.figure)) continue;
    if (best == nullptr || distance(each, demand) <= distance(*best, demand)) best = &each;
  }
  return best;
}

bool is_peer(const StoreNote& note, Against against) {
  if (note.role != Role::kPersistent) return false;
  return against == Against::kBestPersistent ||
         note.presized == (against == Against::kBestPresized);
}

// The peers of the experiment and their medians, the best first.
std::vector<std::pair<const StoreNote*, double>> peers(const Document& document,
                                                       const Experiment& experiment,
                                                       const Demand& demand) {
  std::vector<std::pair<const StoreNote*, double>> found;
  for (const std::string& store : experiment.stores) {
    const StoreNote* const note = document.store(store);
    const auto value = median_of(experiment, store, demand.figure);
    if (note != nullptr && value && is_peer(*note, demand.against))
      found.emplace_back(note, *value);
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.second > b.second; });
  return found;
}

// The ratio of two figures of one experiment, each round by itself if they are of the same name.
std::optional<double> ratio(const Experiment& experiment, const Demand& demand,
                            const std::string& rival) {
  const std::string& other = demand.rival_figure;
  if (other.empty() || other == demand.figure) {
    return ratio_of(experiment, demand.store, rival, demand.figure);
  }
  const auto ours = median_of(experiment, demand.store, demand.figure);
  const auto theirs = median_of(experiment, rival, other);
  if (!ours || !theirs || *theirs <= 0) return std::nullopt;
  return *ours / *theirs;
}

void judge(const Demand& demand, const Experiment& experiment, std::optional<double> value,
           Score& score) {
  if (!value) return;
  const bool is_ratio = demand.against != Against::kLimit;
  score.reached = is_ratio ? fmt::format("{:.2f}", *value) : with_unit(*value, demand.unit);
  const bool met = demand.at_least ? *value >= demand.bound : *value <= demand.bound;
  score.verdict = met ? Verdict::kMet : Verdict::kMissed;
  if (distance(experiment, demand) != 1) {
    score.verdict = Verdict::kOtherSize;
    score.against +=
        fmt::format("{}at {} entries", score.against.empty() ? "" : ", ", experiment.shape.entries);
  }
}

void judge_against_best(const Document& document, const Experiment& experiment,
                        const Demand& demand, Score& score) {
  const auto all = peers(document, experiment, demand);
  const auto best = std::find_if(all.begin(), all.end(),
                                 [](const auto& peer) { return peer.first->not_counted.empty(); });
  if (best == all.end()) return;
  score.against = best->first->name;
  if (best != all.begin()) {
    const StoreNote& better = *all.front().first;
    const auto over = ratio(experiment, demand, better.name);
    score.against +=
        fmt::format("; over {}, which is not counted, {:.2f}", better.name, over.value_or(0));
  }
  judge(demand, experiment, ratio(experiment, demand, best->first->name), score);
}

Score score_of(const Document& document, const Demand& demand) {
  Score score{.what = demand.what, .demanded = {}, .reached = {}, .against = {}};
  const char* const sign = demand.at_least ? ">=" : "<=";
  if (demand.against == Against::kNobody) {
    score.against = demand.rival;
    return score;
  }
  score.demanded = demand.against == Against::kLimit
                       ? fmt::format("{} {}", sign, with_unit(demand.bound, demand.unit))
                       : fmt::format("{} {:.2f}", sign, demand.bound);
  const Experiment* const experiment = find_experiment(document, demand);
  if (experiment == nullptr) return score;
  switch (demand.against) {
    case Against::kBestPersistent:
    case Against::kBestUnpresized:
    case Against::kBestPresized:
      judge_against_best(document, *experiment, demand, score);
      break;
    case Against::kStore:
      score.against = demand.rival;
      judge(demand, *experiment, ratio(*experiment, demand, demand.rival), score);
      break;
    case Against::kLimit:
      judge(demand, *experiment, median_of(*experiment, demand.store, demand.figure), score);
      break;
    case Against::kNobody:
      break;
  }
  return score;
}

}  // namespace

std::vector<Score> scores_of(const Document& document) {
  std::vector<Score> scores;
  for (const Demand& demand : demands()) scores.push_back(score_of(document, demand));
  return scores;
}

std::string_view words(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::kMet:
      return "met";
    case Verdict::kMissed:
      return "MISSED";
    case Verdict::kOtherSize:
      return "other size";
    case Verdict::kNotMeasured:
      return "not measured";
  }
  return "?";
}

std::string text_of(const std::vector<Score>& scores) {
  std::size_t width = 0;
  for (const Score& score : scores) width = std::max(width, score.what.size());
  std::string out = fmt::format("\n{:<{}}  {:>10}  {:>10}  {:<12}  {}\n", "scorecard", width,
                                "demanded", "reached", "verdict", "against");
  for (const Score& score : scores) {
    out += fmt::format("{:<{}}  {:>10}  {:>10}  {:<12}  {}\n", score.what, width, score.demanded,
                       score.reached.empty() ? "-" : score.reached, words(score.verdict),
                       score.against);
  }
  return out;
}

bool all_met(const std::vector<Score>& scores) noexcept {
  return std::all_of(scores.begin(), scores.end(),
                     [](const Score& score) { return score.verdict == Verdict::kMet; });
}

}  // namespace hmap::bench
