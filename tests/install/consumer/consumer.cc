// Writes and reads one entry; prints the value. The whole public interface is included, so that no
// header asks for more than the installation has.
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "hmap/activity.h"
#include "hmap/batch.h"
#include "hmap/compact.h"
#include "hmap/copy.h"
#include "hmap/inspect.h"
#include "hmap/map.h"
#include "hmap/options.h"
#include "hmap/position.h"
#include "hmap/publish.h"
#include "hmap/recover.h"
#include "hmap/result.h"
#include "hmap/snapshot.h"
#include "hmap/status.h"
#include "hmap/store.h"
#include "hmap/train.h"
#include "hmap/type.h"
#include "hmap/verify.h"
#include "hmap/view.h"

namespace {

// Options named one by one, of which each may be the only one: no compiler asks for the others.
void name_options() {
  using Kind = hmap::TypeInfo::Kind;
  [[maybe_unused]] const hmap::Options typed{
      .geometry = {.slots = 4},
      .type = {.key = {.kind = Kind::kFixed, .bytes = 8, .align = 8}, .fingerprint = 1}};
  [[maybe_unused]] const hmap::CompactOptions compact{.store = {.shard_bits = 0}};
  [[maybe_unused]] const hmap::OnlineOptions online{.bytes_per_second = 1};
  [[maybe_unused]] const hmap::CopyOptions copy{.store = {.dictionary = "text"}};
  [[maybe_unused]] const hmap::PublishOptions publish{.lock_timeout = {}};
  [[maybe_unused]] const hmap::VerifyOptions verify{.hold_checkpoints = true};
  [[maybe_unused]] const hmap::RecoverOptions recover{.damaged_shard_bits = 0};
  [[maybe_unused]] const hmap::InspectOptions inspect{.durable = true};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  name_options();
  hmap::Result<hmap::Store> store = hmap::Store::open(argv[1]);
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message().c_str());
    return 1;
  }
  if (hmap::Status status = store->put("ada", "Lovelace"); !status.ok()) return 1;
  // Across the boundary of a shared library: an exception of its type, caught by its type.
  try {
    hmap::Options options;
    options.mode = hmap::Mode::kCreate;
    static_cast<void>(hmap::Store::open(argv[1], options).value());
    return 1;
  } catch (const hmap::Error& error) {
    if (error.status().code() != hmap::Code::kExists) return 1;
  }
  const hmap::Result<std::optional<std::string>> name = store->get("ada");
  if (!name || !*name) return 1;
  std::puts((*name)->c_str());
  if (!store->close().ok()) return 1;

  const std::string path = std::string(argv[1]) + ".counters";
  auto counters = hmap::Map<std::uint32_t, std::uint16_t>::open(path, {.shard_bits = 0});
  if (!counters || !counters->fetch_add(7, 1)) return 1;
  if (!counters->update(7, [](std::uint16_t n) { return n + 1; })) return 1;
  std::uint64_t sum = 0;
  for (const auto& [key, count] : *counters) sum += count;
  return sum != 0 && counters->close().ok() ? 0 : 1;
}
