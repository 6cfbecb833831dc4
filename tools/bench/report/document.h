// All that one run of the program found, or several runs together: what reports are made from.
#ifndef HMAP_BENCH_REPORT_DOCUMENT_H_
#define HMAP_BENCH_REPORT_DOCUMENT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter.h"
#include "base/machine.h"
#include "measures/experiment.h"

namespace hmap::bench {

// A store as a report has to know it.
struct StoreNote {
  std::string name;
  Role role = Role::kPersistent;
  bool presized = false;
  std::string not_counted;
  std::string description;
};

struct Document {
  Machine machine;
  std::vector<StoreNote> stores;
  std::vector<LeftOut> left_out;
  std::vector<Experiment> experiments;

  [[nodiscard]] const StoreNote* store(std::string_view name) const noexcept;
  [[nodiscard]] bool has_failures() const noexcept;
};

// Adds what `more` has to `document`. Experiments stay apart: ratios are never taken across runs.
void merge(Document& document, Document more);

// Writes the document as JSON. Throws std::runtime_error if the file cannot be written.
void write_json(const std::string& path, const Document& document);

// The documents in these files, as written by write_json(), merged. Throws std::runtime_error
// naming the file that is bad.
[[nodiscard]] Document read_documents(const std::vector<std::string>& paths);

// Throws std::runtime_error if the file cannot be written.
void write_text(const std::string& path, std::string_view text);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_REPORT_DOCUMENT_H_
