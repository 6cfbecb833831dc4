// From a file to the states of it that can be read.
#include "salvage/salvage_source.h"

#include "life/open.h"
#include "salvage/salvage_roots.h"
#include "salvage/salvage_super.h"
#include "system/log_file.h"

namespace hmap {
namespace {

// Whether the runtime area is of this boot and this file, so that it has the newest state.
Result<bool> is_of_this_boot(const Engine& engine, int fd) {
  Session session;
  const Result<FileIdentity> file = identity(fd);
  if (!file) return file.error();
  const Result<std::array<u8, 16>> boot = boot_id();
  if (!boot) return boot.error();
  session.identity = *file;
  session.boot_id = *boot;
  return runtime_is_valid(session, *engine.runtime) && seam::load(engine.runtime->poison) == 0;
}

// Maps the file: privately, so that half-applied changes can be finished; if there is no memory to
// promise for that, read-only, and the live state is left alone.
Result<bool> map_file(SalvageSource& source, int fd) {
  Result<std::unique_ptr<Mapping>> map = Mapping::map(fd, Access::kPrivate, 0);
  const bool is_private = map.has_value();
  if (!is_private) map = Mapping::map(fd, Access::kReadOnly, 0);
  if (!map) return map.error();
  source.engine.map = *std::move(map);
  return is_private;
}

// Without its dictionary the store's values that need it are lost, the others are not.
void find_codec(SalvageSource& source, DamageLog& log) {
  Engine& engine = source.engine;
  if (!source.layout_known) {
    engine.codec = std::make_unique<Codec>(
        false, find_dictionary(*engine.map, engine.store_seed).value_or(std::string()));
    return;
  }
  auto codec = make_codec(*engine.map, engine.layout, engine.store_seed);
  if (!codec) log.add(codec.error().what(), codec.error().value());
  engine.codec = codec ? *std::move(codec) : std::make_unique<Codec>(false, std::string());
}

Status find_states(SalvageSource& source, int fd, bool is_private, DamageLog& log,
                   RecoverReport& report) {
  Engine& engine = source.engine;
  if (!source.layout_known) return {};
  const Layout& layout = engine.layout;
  if (engine.map->bytes(0, layout.heap_offset) == nullptr) {
    log.add("the file ends inside its fixed part", engine.map->file_bytes());
    return {};
  }
  engine.runtime = &engine.part(Offset<format::RuntimeHeader>{layout.runtime_offset});
  const Result<bool> live = is_of_this_boot(engine, fd);
  if (!live) return live.error();
  if (std::optional<SalvageState> durable = find_durable_state(engine, log, report)) {
    source.durable.emplace(std::move(*durable));
    report.state = RecoverReport::State::kDurable;
  } else {
    report.generation = 0;
  }
  source.this_boot = *live;
  if (*live && is_private) {
    source.live.emplace(find_live_state(engine, log));
    report.state = RecoverReport::State::kLive;
    report.certain = true;
  }
  return {};
}

}  // namespace

Status open_source(SalvageSource& source, int fd, const RecoverOptions& options, DamageLog& log,
                   RecoverReport& report) {
  const Result<bool> is_private = map_file(source, fd);
  if (!is_private) return is_private.error();
  report.file_bytes = source.engine.map->file_bytes();
  const Result<FoundSuperblock> found = find_superblock(*source.engine.map, options);
  if (!found) return found.error();
  if (found->damaged) log.add("superblock with a wrong checksum", 0);
  report.superblock = found->how;
  report.store_seed = source.engine.store_seed = found->store_seed;
  source.type = found->type;
  source.uuid = found->uuid;
  source.uuid_verified = found->how == RecoverReport::Superblock::kIntact ||
                         found->how == RecoverReport::Superblock::kSpare ||
                         found->how == RecoverReport::Superblock::kRepaired;
  if (Result<std::string> path = LogFile::path_of(fd)) source.log_path = *std::move(path);
  source.layout_known = found->layout.has_value();
  if (source.layout_known) source.engine.layout = *found->layout;
  find_codec(source, log);
  return find_states(source, fd, *is_private, log, report);
}

}  // namespace hmap
