// hmap::copy(): see hmap/copy.h.
#include "hmap/copy.h"

#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "copies/fresh_store.h"
#include "hmap/snapshot.h"
#include "store/store_access.h"

namespace hmap {
namespace {

// Of a read-only handle, beside writers.
constexpr int kQuietAttempts = 3;
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

struct Changes {
  u64 store_seed = 0;    // another one: another store has taken its place
  u64 sum = 0;           // all that anybody has made to the store
  bool settled = false;  // no batch has happened without being counted in its shards yet
};
Result<Changes> changes(const Store& source) {
  return StoreAccess::read(source, [](const Session& session) -> Result<Changes> {
    const Engine& engine = session.engine;
    // A change has happened when it is published, a batch when it is committed.
    const u64 batch = seam::load(engine.batch().state);
    u64 sum = (batch + 1) / 2;
    for (u64 s = 0; s < engine.layout.shards; ++s)
      sum += (seam::load(engine.intent(s).state) + 1) / 2;
    return Changes{engine.store_seed, sum, batch % 2 == 0};
  });
}

// One way to make `fresh` from `source`, complete but without a name.
class Copier {
 public:
  Copier(const Store& source, const std::string& place, const CopyOptions& options)
      : source_(source), place_(place), options_(options) {}

  Result<FreshStore> run() {
    const Result<Stats> stats = source_.stats();
    if (!stats) return stats.error();
    report_.source_bytes = stats->file_bytes;
    Result<FreshStore> fresh = source_.writable() ? of_snapshot() : of_quiet_store();
    if (!fresh) return fresh;
    if (Status s = fresh->finish(); !s.ok()) return s;
    report_.file_bytes = fresh->contents().file_bytes;
    return fresh;
  }
  [[nodiscard]] const CopyReport& report() const { return report_; }

 private:
  Result<FreshStore> of_snapshot() {
    const Result<Snapshot> snapshot = source_.snapshot();
    if (!snapshot) return snapshot.error();
    report_.epoch = snapshot->epoch();
    const Result<u64> entries = snapshot->size();
    Result<FreshStore> fresh = make(entries, snapshot->cursor(Position{}));
    if (Status s = complete(); fresh && !s.ok()) return s;
    return fresh;
  }

  Result<FreshStore> of_quiet_store() {
    for (int i = 0; i < kQuietAttempts; ++i) {
      const Result<Changes> before = changes(source_);
      if (!before) return before.error();
      Result<FreshStore> fresh = make(source_.size(), source_.cursor(Position{}));
      if (!fresh) return fresh;
      const Result<Changes> after = changes(source_);
      if (!after) return after.error();
      if (before->store_seed != after->store_seed || before->sum != after->sum || !after->settled)
        continue;
      if (Status s = complete(); !s.ok()) return s;
      return fresh;
    }
    return Status(Code::kBusy,
                  "others write to the store all the time; a consistent copy beside them needs "
                  "permission to write, for a snapshot");
  }

  // What nobody reaches any more is damage, and a reason to say so: a backup without it would pass
  // for whole.
  [[nodiscard]] Status complete() const {
    if (report_.entries == counted_) return {};
    return Engine::corrupt("the store has not as many entries as it says", 0);
  }

  Result<FreshStore> make(const Result<u64>& entries, Result<Cursor> cursor) {
    if (!entries) return entries.error();
    if (!cursor) return cursor.error();
    Result<Options> options = options_like(source_, options_.store);
    if (!options) return options.error();
    if (options->expected_entries == 0) options->expected_entries = *entries;
    Result<FreshStore> fresh = FreshStore::create(place_, *options);
    if (!fresh) return fresh;
    report_.entries = 0;
    counted_ = *entries;
    Status s = fresh->fill(*std::move(cursor), [&]() -> Status {
      ++report_.entries;
      if (!options_.progress || options_.progress(report_.entries, *entries)) return {};
      return {Code::kSystem, "ended by the progress callback", 0, ECANCELED};
    });
    if (!s.ok()) return s;
    return fresh;
  }

  const Store& source_;
  const std::string& place_;
  const CopyOptions& options_;
  CopyReport report_;
  u64 counted_ = 0;  // entries, as the store says
};

Status stream(int fd, u64 bytes, const std::function<Status(std::string_view)>& sink) {
  std::string piece;
  for (u64 at = 0; at < bytes; at += piece.size()) {
    piece.resize(std::min<u64>(kPieceBytes, bytes - at));
    const ssize_t got = ::pread(fd, piece.data(), piece.size(), static_cast<off_t>(at));
    if (got <= 0) return {Code::kIoError, "cannot read the new file", 0, got < 0 ? errno : EIO};
    piece.resize(static_cast<std::size_t>(got));
    if (Status s = sink(piece); !s.ok()) return s;
  }
  return {};
}

}  // namespace

Result<CopyReport> copy(const Store& source, const std::string& fresh, const CopyOptions& options) {
  if (Status s = refuse_existing(fresh); !s.ok()) return s;
  Copier copier(source, fresh, options);
  Result<FreshStore> made = copier.run();
  if (!made) return made.error();
  if (Status s = made->take_name(fresh); !s.ok()) return s;
  return copier.report();
}

Result<CopyReport> copy(const Store& source, const std::function<Status(std::string_view)>& sink,
                        const std::string& directory, const CopyOptions& options) {
  const std::string place = directory + "/hmap-copy";
  Copier copier(source, place, options);
  const Result<FreshStore> made = copier.run();
  if (!made) return made.error();
  if (Status s = stream(made->fd(), copier.report().file_bytes, sink); !s.ok()) return s;
  return copier.report();
}

}  // namespace hmap
