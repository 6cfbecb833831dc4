#include "report/document.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace hmap::bench {
namespace {

constexpr int kFormat = 1;

constexpr std::array<std::pair<Role, std::string_view>, 4> kRoles = {{
    {Role::kOurs, "ours"},
    {Role::kPersistent, "persistent"},
    {Role::kMemory, "memory"},
    {Role::kFloor, "floor"},
}};

Role role_named(std::string_view name) {
  for (const auto& [role, word] : kRoles) {
    if (word == name) return role;
  }
  throw std::runtime_error("no such role: " + std::string(name));
}

std::string_view name(Role role) {
  return std::find_if(kRoles.begin(), kRoles.end(),
                      [&](const auto& each) { return each.first == role; })
      ->second;
}

Json to_json(const Machine& machine) {
  return {{"cpu", machine.cpu},
          {"cores", machine.cores},
          {"memory_gib", machine.memory_gib},
          {"kernel", machine.kernel},
          {"file_system", machine.file_system},
          {"load", machine.load},
          {"compiler", machine.compiler},
          {"flags", machine.flags}};
}

Machine machine_from_json(const Json& json) {
  return {.cpu = json.at("cpu"),
          .cores = json.at("cores"),
          .memory_gib = json.at("memory_gib"),
          .kernel = json.at("kernel"),
          .file_system = json.at("file_system"),
          .load = json.at("load"),
          .compiler = json.at("compiler"),
          .flags = json.at("flags")};
}

Json to_json(const Document& document) {
  Json stores = Json::array();
  for (const StoreNote& note : document.stores) {
    stores.push_back({{"name", note.name},
                      {"role", name(note.role)},
                      {"presized", note.presized},
                      {"not_counted", note.not_counted},
                      {"description", note.description}});
  }
  Json left_out = Json::array();
  for (const LeftOut& each : document.left_out) {
    left_out.push_back({{"name", each.name}, {"package", each.package}});
  }
  Json experiments = Json::array();
  for (const Experiment& each : document.experiments) experiments.push_back(to_json(each));
  return {{"format", kFormat},
          {"machine", to_json(document.machine)},
          {"stores", stores},
          {"left_out", left_out},
          {"experiments", experiments}};
}

Document document_from_json(const Json& json) {
  if (json.at("format") != kFormat) throw std::runtime_error("written by another hmap-bench");
  Document document{.machine = machine_from_json(json.at("machine")),
                    .stores = {},
                    .left_out = {},
                    .experiments = {}};
  for (const Json& each : json.at("stores")) {
    document.stores.push_back({.name = each.at("name"),
                               .role = role_named(each.at("role").get<std::string>()),
                               .presized = each.at("presized"),
                               .not_counted = each.at("not_counted"),
                               .description = each.at("description")});
  }
  for (const Json& each : json.at("left_out")) {
    document.left_out.push_back({each.at("name"), each.at("package")});
  }
  for (const Json& each : json.at("experiments")) {
    document.experiments.push_back(experiment_from_json(each));
  }
  return document;
}

}  // namespace

const StoreNote* Document::store(std::string_view name) const noexcept {
  const auto found = std::find_if(stores.begin(), stores.end(),
                                  [&](const StoreNote& note) { return note.name == name; });
  return found == stores.end() ? nullptr : &*found;
}

bool Document::has_failures() const noexcept {
  return std::any_of(experiments.begin(), experiments.end(),
                     [](const Experiment& each) { return !each.failed.empty(); });
}

void merge(Document& document, Document more) {
  if (document.stores.empty() && document.experiments.empty()) {
    document = std::move(more);
    return;
  }
  for (StoreNote& note : more.stores) {
    if (document.store(note.name) == nullptr) document.stores.push_back(std::move(note));
  }
  for (Experiment& each : more.experiments) document.experiments.push_back(std::move(each));
}

void write_json(const std::string& path, const Document& document) {
  write_text(path, to_json(document).dump(1) + "\n");
}

Document read_documents(const std::vector<std::string>& paths) {
  Document document;
  for (const std::string& path : paths) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    try {
      merge(document, document_from_json(Json::parse(file)));
    } catch (const std::exception& error) {
      throw std::runtime_error(path + ": no result of hmap-bench: " + error.what());
    }
  }
  return document;
}

void write_text(const std::string& path, std::string_view text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace hmap::bench
