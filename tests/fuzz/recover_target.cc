// A store file made by a stranger: what recover() makes of it.
#include <filesystem>

#include "exercise.h"
#include "hmap/recover.h"
#include "target.h"
#include "victim_file.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kRecoverWindow = std::uint64_t{16} << 20;

void expect_readable(const std::string& path, const RecoverReport& report, const Script& script,
                     const Base& base) {
  Options options;
  options.mode = Mode::kReadOnly;
  options.window_bytes = kRecoverWindow;
  options.any_type = true;
  const Result<Store> store = Store::open(path, options);
  if (!store) fail("a recovered store cannot be opened: " + store.error().message());
  if (const auto verified = store->verify(); !verified || !verified->clean())
    fail("a recovered store is not clean");
  const bool live = (script.flags & Script::kOfThisBoot) != 0;
  const bool sealed = (script.flags & Script::kSealStructures) != 0;
  const bool other_type = !same_type(store->type().value(), base.type);
  // Of buckets only those are believed that the durable state covers with a checksum.
  const bool values_count = base.is_inline()
                                ? script.edits.empty() || (!live && !sealed)
                                : values_count_in(script, base) && !(other_type && sealed);
  std::uint64_t entries = 0;
  for (const auto& [key, value] : *store) {
    ++entries;
    if (values_count) base.history.expect_put(key, value);
  }
  if (entries != report.entries) fail("recover() counts other entries than there are");
}

void run_recover(Bytes input) {
  const Script script = Script::parse(input);
  const Base& base = lay_out(script);
  const VictimFile& file = victim_file();
  const std::string fresh = file.path_of("fresh");
  std::filesystem::remove(fresh);
  RecoverOptions options;
  options.store.window_bytes = kRecoverWindow;
  options.store.size_limit = kRecoverWindow / 2;
  options.list_max = 20;
  if ((script.steps & 1) != 0)
    options.store_seed = base.file.size() >= 64 ? std::optional<std::uint64_t>(1) : std::nullopt;
  if ((script.steps & 2) != 0) options.conflict = [](const RecoverConflict&) { return Status(); };
  const Result<RecoverReport> report = recover(file.path(), fresh, options);
  const bool exists = std::filesystem::exists(fresh);
  if (exists != report.has_value()) fail("recover() fails and leaves a store, or the other way");
  expect_documented(
      "recover", report.error(),
      {Code::kNotAStore, Code::kWrongVersion, Code::kNoSpace, Code::kCorrupt, Code::kTruncated});
  if (!report) return;
  expect_readable(fresh, *report, script, base);
  std::filesystem::remove(fresh);
  if (script.edits.empty() && !report->complete()) {
    const std::string first = report->damage.empty() ? "none" : report->damage.front().what;
    fail("an undamaged store is not complete: " + base.name + ", " +
         std::to_string(report->lost_total) + " lost, damage: " + first);
  }
}

}  // namespace

Target recover_target() { return {"recover", run_recover, mutate_recover, script_seeds, 1024}; }

}  // namespace hmap::test
