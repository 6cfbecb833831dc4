// Putting the checks together.
#include "verify/verify.h"

#include <algorithm>
#include <memory>

#include "format/hash.h"
#include "system/file.h"
#include "verify/verify_durable.h"
#include "verify/verify_live.h"

namespace hmap {
namespace {

using checking::Ground;
using checking::Progress;

// A checkpoint that ends in the middle of a check makes it begin anew. So often, then the
// checkpoints wait (a writing handle) or the report says that it is not complete.
constexpr int kFreeAttempts = 8;

Status check_durable_state(const Ground& ground, Engine* writer, const VerifyOptions& options,
                           VerifyReport& report) {
  Progress progress(options, ground.map.refresh());
  bool done = false;
  const int free_attempts = options.hold_checkpoints && writer != nullptr ? 0 : kFreeAttempts;
  for (int i = 0; i < free_attempts && !done; ++i) {
    done = check_durable(ground, options, progress, report);
  }
  if (!done && writer != nullptr) {
    const Result<PlainLock> no_checkpoints =
        PlainLock::take(*writer, writer->runtime->checkpoint_lock, writer->lock_timeout);
    if (!no_checkpoints) return no_checkpoints.error();
    done = check_durable(ground, options, progress, report);
  }
  if (!done) {
    report.complete = false;
    report.incomplete_why =
        "checkpoints follow each other faster than the durable state can be checked";
  }
  if (progress.stopped()) {
    report.complete = false;
    report.incomplete_why = "the caller stopped it";
  }
  return {};
}

void check_superblock(int fd, VerifyReport& report, const VerifyOptions& options) {
  const Result<format::Superblock> superblock = read_superblock(fd, false);
  if (superblock) return;
  checking::Findings found(options.findings_max, false);
  found.damage(FindingKind::kSuperblock, {}, superblock.error().what());
  found.move_to(report);
}

// The page of the superblock behind it, which nobody ever stores to and no checksum covers.
void check_superblock_page(const Mapping& map, VerifyReport& report, const VerifyOptions& options) {
  constexpr u64 kPage = 4096;
  constexpr u64 kRest = kPage - sizeof(format::Superblock);
  const std::byte* rest = map.bytes(sizeof(format::Superblock), kRest);
  if (rest == nullptr || all_zero(rest, kRest)) return;
  checking::Findings found(options.findings_max, false);
  found.note(FindingKind::kSuperblock, {sizeof(format::Superblock)},
             "the page of the superblock is not zero behind it: nobody reads that, but something "
             "has written to the file that should not");
  found.move_to(report);
}

// Nothing but recover() reads them, so damage of them would go unnoticed until they are needed.
void check_spares(const Mapping& map, const Layout& layout, VerifyReport& report,
                  const VerifyOptions& options) {
  checking::Findings found(options.findings_max, false);
  format::Superblock superblock{};
  seam::copy_out(&superblock, map.base(), sizeof superblock);
  for (const u64 at : {layout.spare_offset(0), layout.spare_offset(1)}) {
    const std::byte* bytes = map.bytes(at, sizeof superblock);
    if (bytes == nullptr) continue;
    format::Superblock spare{};
    seam::copy_out(&spare, bytes, sizeof spare);
    if (is_spare_of(superblock, spare)) continue;
    if (all_zero(bytes, sizeof spare)) {
      found.note(FindingKind::kSuperblock, {at},
                 "no spare of the superblock: the store is older than they are, or it was written "
                 "over with zeros. Compacting makes one");
    } else {
      found.damage(FindingKind::kSuperblock, {at},
                   "a spare of the superblock is damaged, or the superblock is. The entries are "
                   "what they are; should the superblock be lost, recover would miss the spare. "
                   "Compacting makes a new one");
    }
  }
  found.move_to(report);
}

void check_around_superblock(const Mapping& map, const Layout& layout, VerifyReport& report,
                             const VerifyOptions& options) {
  check_superblock_page(map, report, options);
  check_spares(map, layout, report, options);
}

// The codec that values are tried with; null if the dictionary is damaged, which is a finding.
std::unique_ptr<const Codec> check_dictionary(const Mapping& map, const Layout& layout,
                                              u64 store_seed, VerifyReport& report,
                                              const VerifyOptions& options) {
  Result<std::unique_ptr<const Codec>> codec = make_codec(map, layout, store_seed);
  if (codec) return *std::move(codec);
  checking::Findings found(options.findings_max, false);
  found.damage(FindingKind::kDictionary, checking::Spot{codec.error().value()},
               codec.error().what());
  found.move_to(report);
  return nullptr;
}

}  // namespace

Result<VerifyReport> verify_session(const Session& session, Engine* writer,
                                    const VerifyOptions& options) {
  VerifyReport report;
  check_superblock(session.fd.get(), report, options);
  const Engine& engine = session.engine;
  check_around_superblock(*engine.map, engine.layout, report, options);
  // What was read when the store was opened is as good as ever; the file is looked at again.
  static_cast<void>(
      check_dictionary(*engine.map, engine.layout, engine.store_seed, report, options));
  const bool want_durable = options.state != VerifyState::kLive || !session.live;
  if (options.state != VerifyState::kDurable && session.live) {
    if (Status s = checking::check_live(engine, writer, options, report); !s.ok()) return s;
    if (!report.complete && report.live.checked && options.state == VerifyState::kLive)
      return report;
  }
  if (!want_durable) return report;
  // A private view was changed by its rebuild: the file itself is what counts.
  const Mapping& map = session.watch != nullptr ? *session.watch : *engine.map;
  const Ground ground{map, engine.layout, engine.store_seed, engine.codec.get(),
                      session.live ? engine.runtime : nullptr};
  if (Status s = check_durable_state(ground, writer, options, report); !s.ok()) return s;
  return report;
}

Result<VerifyReport> verify_path(const std::string& path, const VerifyOptions& options) {
  const Result<Fd> fd = open_file(path, false);
  if (!fd) return fd.error();
  const Result<format::Superblock> superblock = read_superblock(fd->get(), false);
  if (!superblock) return superblock.error();
  const Result<Layout> layout = Layout::from(*superblock);
  if (!layout) return layout.error();
  const Result<std::unique_ptr<Mapping>> map = Mapping::map(fd->get(), Access::kReadOnly, 0);
  if (!map) return map.error();
  if ((*map)->bytes(0, layout->heap_offset) == nullptr) {
    return Status(Code::kTruncated, "the file ends inside its fixed part", (*map)->file_bytes());
  }
  VerifyReport report;
  check_around_superblock(**map, *layout, report, options);
  const auto codec = check_dictionary(**map, *layout, superblock->store_seed, report, options);
  const Ground ground{**map, *layout, superblock->store_seed, codec.get(), nullptr};
  if (Status s = check_durable_state(ground, nullptr, options, report); !s.ok()) return s;
  return report;
}

}  // namespace hmap
