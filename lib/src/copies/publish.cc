// hmap::publish(): see hmap/publish.h.
#include "hmap/publish.h"

#include <unistd.h>

#include <cstring>
#include <memory>

#include "copies/fresh_store.h"
#include "copies/replacement.h"
#include "format/type.h"
#include "life/replay.h"
#include "store/stats.h"
#include "system/log_file.h"
#include "system/naming.h"

namespace hmap {
namespace {

// Of several that publish at a time each one's turn comes.
constexpr int kTries = 100;

u64 entries_of(const Session& session) {
  u64 entries = 0;
  for (u64 shard = 0; shard < session.engine.layout.shards; ++shard)
    entries += live_count(session.engine, shard);
  return entries;
}

u32 other_writers(const Session& session) {
  u32 writers = 0;
  for (u32 slot = 1; slot <= session.engine.layout.slots; ++slot) {
    if (slot != session.slot && seam::load(session.engine.slot(slot).pid) != 0 &&
        slot_lives(session, slot))
      ++writers;
  }
  return writers;
}

Result<std::unique_ptr<Session>> open_at(const Place& place, Mode mode, Role role,
                                         const PublishOptions& options) {
  Options open;
  open.mode = mode;
  // What a commit log has is put into the store, and nothing is written in the background.
  if (mode == Mode::kExclusive) open.durability = Durability::kNone;
  open.any_type = true;
  open.lock_timeout = options.lock_timeout;
  Result<std::unique_ptr<Session>> session = open_session(place.path, open, role);
  if (session.error().code() == Code::kLockedExclusively)
    return Status(Code::kBusy, mode == Mode::kExclusive
                                   ? "others have the new store open"
                                   : "another process has the store for itself");
  return session;
}

Status check_different(const Place& from, const Place& to) {
  if (to.facts.st_dev == from.facts.st_dev && to.facts.st_ino == from.facts.st_ino)
    return {Code::kInvalidArgument, "the new store and the one to be replaced are one file"};
  return {};
}

class Publication {
 public:
  Publication(Place from, std::unique_ptr<Session> fresh, const PublishOptions& options)
      : from_(std::move(from)), fresh_(std::move(fresh)), options_(options) {
    report_.entries = entries_of(*fresh_);
  }
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;
  ~Publication() { static_cast<void>(close_session(*fresh_).ok()); }

  [[nodiscard]] const PublishReport& report() const { return report_; }
  // Why the last try took the name for a free one, if it did.
  [[nodiscard]] Status missing() const { return missing_; }

  // kReplaced: somebody was faster.
  Status over(const std::string& path) {
    const Result<Place> to = find_place(path);
    missing_ = to.error();
    if (missing_.code() == Code::kNotFound) return at_free_name(path);
    if (!to) return to.error();
    if (Status s = check(*to); !s.ok()) return s;
    Result<std::unique_ptr<Session>> old = open_at(*to, Mode::kOpen, Role::kGuest, options_);
    if (!old) return old.error();
    const Status status = over(**old, *to);
    static_cast<void>(close_session(**old).ok());
    return status;
  }

 private:
  [[nodiscard]] Status check(const Place& to) const {
    if (to.facts.st_dev != from_.facts.st_dev)
      return {Code::kUnsupported, "the new store lies on another file system; copy it there first"};
    return check_different(from_, to);
  }

  Status over(Session& old, const Place& to) {
    if (!same_type(fresh_->type, old.type)) return type_mismatch(old.type, fresh_->type);
    report_.replaced = true;
    report_.entries_before = entries_of(old);
    report_.writers = other_writers(old);
    if (Status s = settle(); !s.ok()) return s;
    if (Status s = take_over(fresh_->fd.get(), to); !s.ok()) return s;
    const Result<format::Superblock> superblock = read_superblock(old.fd.get(), false);
    if (!superblock) return superblock.error();
    std::array<u8, 16> uuid{};
    std::memcpy(uuid.data(), superblock->uuid, uuid.size());
    if (Status s = give_uuid(fresh_->fd.get(), uuid); !s.ok()) return s;
    return replace_store(old, fresh_->fd.get(), [&]() -> Status {
      Status status = move_file(from_.path, fresh_->fd.get(), to.path);
      if (!status.ok()) return status;
      // While nobody else can open it: they would find it locked.
      return close_session(*fresh_);
    });
  }

  Status at_free_name(const std::string& path) {
    if (Status s = settle(); !s.ok()) return s;
    // As in replace_store(): who finds it there waits, and does not find it locked.
    const Result<OpenGuard> opening = OpenGuard::take(fresh_->fd.get());
    if (!opening) return opening.error();
    const Status s = move_file_to_free_name(from_.path, fresh_->fd.get(), path);
    if (s.code() == Code::kExists) return Engine::replaced();
    return s.ok() ? close_session(*fresh_) : s;
  }

  // Everything durable, and nothing left that needs the log beside it, which goes.
  Status settle() {
    if (settled_) return {};
    const Result<std::string> log = LogFile::path_of(fresh_->fd.get());
    if (!log) return log.error();
    const Result<format::Superblock> superblock = read_superblock(fresh_->fd.get(), false);
    if (!superblock) return superblock.error();
    if (Status s = close_log(*fresh_); !s.ok()) return s;
    // Another's log stays. Crash: the store goes on without one.
    if (LogFile::open(*log, *superblock, false)) ::unlink(log->c_str());
    settled_ = true;
    return {};
  }

  const Place from_;
  const std::unique_ptr<Session> fresh_;
  const PublishOptions& options_;
  PublishReport report_;
  Status missing_;
  bool settled_ = false;
};

}  // namespace

Result<PublishReport> publish(const std::string& fresh, const std::string& path,
                              const PublishOptions& options) {
  Result<Place> from = find_place(fresh);
  if (!from) return from.error();
  // Before others are said to have it open: they have what is to be replaced.
  if (const Result<Place> to = find_place(path); to) {
    if (Status s = check_different(*from, *to); !s.ok()) return s;
  }
  // For itself until the end, so that nobody else can write to it, or publish it, too.
  Result<std::unique_ptr<Session>> session = open_at(*from, Mode::kExclusive, Role::kUser, options);
  if (!session) return session.error();
  Publication publication(*std::move(from), *std::move(session), options);
  for (int i = 0; i < kTries; ++i) {
    const Status status = publication.over(path);
    if (status.ok()) return publication.report();
    if (status.code() != Code::kReplaced) return status;
  }
  // Neither free nor a file: a symbolic link to nothing, a file's name with a slash behind it.
  if (!publication.missing().ok()) return publication.missing();
  return Status(Code::kBusy, "the store is replaced again and again");
}

}  // namespace hmap
