// Opening and closing.
#include "life/open.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>

#include "format/hash.h"
#include "format/type.h"
#include "life/checkpoint.h"
#include "life/recovery.h"
#include "life/replay.h"
#include "records/batch_area.h"
#include "state/guarded.h"
#include "state/pins.h"
#include "state/space.h"

namespace hmap {
namespace {

using format::RuntimeHeader;
using format::Superblock;
using std::chrono::milliseconds;

Status prepare_engine(Session& session, const Options& options, Access access) {
  const Result<Superblock> superblock =
      read_superblock(session.fd.get(), access == Access::kReadWrite);
  if (!superblock) return superblock.error();
  session.type = type_of(*superblock);
  if (!options.any_type && !same_type(session.type, options.type))
    return type_mismatch(session.type, options.type);
  Engine& engine = session.engine;
  if (Status s = Layout::derive(*superblock, engine.layout); !s.ok()) return s;
  Result<std::unique_ptr<Mapping>> map =
      Mapping::map(session.fd.get(), access, options.window_bytes);
  if (!map) return map.error();
  engine.map = *std::move(map);
  if (options.guard_sigbus) {
    // Before the first byte of it is touched.
    if (Status s = guard::install(); !s.ok()) return s;
    guard::add_window(engine.map->base(), engine.map->window_bytes());
  }
  engine.store_seed = superblock->store_seed;
  engine.lock_timeout = options.lock_timeout;
  engine.size_limit = options.size_limit;
  engine.verify_reads = options.verify_reads;
  engine.guarded = options.guard_sigbus;
  engine.owns_file = access == Access::kReadWrite;
  if (engine.map->bytes(0, engine.layout.heap_offset) == nullptr) {
    return Status(Code::kTruncated, "the file ends inside its fixed part",
                  engine.map->file_bytes());
  }
  auto codec = make_codec(*engine.map, engine.layout, engine.store_seed);
  if (!codec) return codec.error();
  engine.codec = *std::move(codec);
  engine.runtime = &engine.part(Offset<RuntimeHeader>{engine.layout.runtime_offset});
  return {};
}

Status identify(Session& session) {
  const Result<FileIdentity> file = identity(session.fd.get());
  if (!file) return file.error();
  const Result<std::array<u8, 16>> boot = boot_id();
  if (!boot) return boot.error();
  session.identity = *file;
  session.boot_id = *boot;
  return {};
}

// Whether the file ends before the extents in use do. It may grow at any moment, so ask for its
// size.
bool is_cut_short(const Engine& engine) {
  const u64 extents = seam::load(engine.runtime->extents_end);
  // Not to be trusted: shifted out, the end of very many extents would lie in the file again.
  if (extents > (~u64{0} - engine.layout.heap_offset) >> engine.layout.extent_shift) return true;
  return engine.map->bytes(engine.layout.extent_offset(extents) - 1, 1) == nullptr;
}

// The last stores of a rebuild: from here on the runtime area counts.
void validate_runtime(Session& session) {
  RuntimeHeader& runtime = *session.engine.runtime;
  seam::copy_in(runtime.boot_id, session.boot_id.data(), sizeof runtime.boot_id);
  seam::store(runtime.device, session.identity.device);
  seam::store(runtime.inode, session.identity.inode);
  seam::store(runtime.birth_sec, session.identity.birth_sec);
  seam::store(runtime.birth_nsec, session.identity.birth_nsec);
  seam::store(runtime.magic, format::kRuntimeMagic);
}

// The USERS byte, a slot, and the right to lock.
Status attach(Session& session, const Options& options) {
  Engine& engine = session.engine;
  const bool exclusive = options.mode == Mode::kExclusive;
  if (Status s = session.attachment->join(exclusive); !s.ok()) return s;
  const Result<u32> slot = session.attachment->take_slot(static_cast<u32>(engine.layout.slots));
  if (!slot) return slot.error();
  session.slot = *slot;
  format::Slot& entry = engine.slot(*slot);
  // A lock word of the slot's former owner names another generation: dead to everybody.
  seam::store(entry.generation, entry.generation + 1);
  clear_pins(engine, *slot);
  seam::store(entry.reads, options.count_reads ? 1 : 0);
  engine.reads = options.count_reads ? &entry.reads : nullptr;
  seam::store(entry.pid, static_cast<u64>(::getpid()));
  if (Status s = session.attachment->bind(); !s.ok()) return s;
  engine.locker.emplace(session.fd.get(), &engine.slot(1), static_cast<u32>(engine.layout.slots),
                        *slot);
  return sweep_notes(engine, *slot, entry.generation);
}

// Alone a free lock stays free, and whoever gave it back had finished: to take it would only cost
// the first write to its page, which is a large part of what opening takes.
bool is_free(const format::Lock& lock) { return seam::load(lock.word) == 0; }

// Takes over a lock, if its owner is dead, and lets it go. There is nobody to wait for: a try asks
// at once whether the owner lives, where others sleep for 2 ms first. One who is dying right now
// may still count as living.
Status recover_if_dead(Engine& engine, const format::Lock& lock,
                       const std::function<Status(milliseconds timeout)>& take) {
  if (is_free(lock)) return {};
  const Status tried = take(milliseconds{0});
  return tried.code() == Code::kBusy ? take(engine.lock_timeout) : tried;
}

Status recover_domain_if_dead(Engine& engine, u64 domain) {
  return recover_if_dead(engine, engine.domain(domain).lock, [&](milliseconds timeout) {
    return DomainLock::take(engine, domain, timeout).error();
  });
}

// Alone with a runtime area of this boot: what dead processes left in the middle is finished now.
// The space domain first, because recovering a shard waits for its lock.
Status recover_all(Engine& engine) {
  if (Status s = recover_if_dead(
          engine, engine.batch().lock,
          [&](milliseconds timeout) { return BatchLock::take(engine, timeout).error(); });
      !s.ok())
    return s;
  if (Status s = recover_domain_if_dead(engine, engine.layout.space_domain()); !s.ok()) return s;
  for (u64 shard = 0; shard < engine.layout.shards; ++shard) {
    if (Status s = recover_domain_if_dead(engine, shard); !s.ok()) return s;
  }
  return {};
}

// Whether the session is the first to be there for more than a moment.
Result<bool> agree_on_durability(Session& session, const Options& options, Role role, bool alone) {
  u64& shared = session.engine.runtime->durability;
  const auto agreed = alone ? Durability::kStore : static_cast<Durability>(seam::load(shared));
  const bool decides = agreed == Durability::kStore;
  const Durability wanted = role == Role::kGuest ? Durability::kStore : options.durability;
  session.durability = !decides                       ? agreed
                       : wanted == Durability::kStore ? Durability::kCheckpoint
                                                      : wanted;
  if (wanted != Durability::kStore && wanted != session.durability)
    return Status(Code::kModeMismatch, "the store is open with another durability");
  // Crash, here or before the session is there: nothing is agreed, the next one decides.
  if (alone) seam::store(shared, static_cast<u64>(Durability::kStore));
  return decides && role != Role::kGuest;
}

// Whether the name leads to another file by now, or to none: publish() and compact() put one there,
// and publish() takes the name of what it puts elsewhere. Asked under the OPEN byte: if they have
// not done so yet, they are still attached.
bool was_replaced(const Session& session) {
  struct stat named {};
  struct stat ours {};
  if (::fstat(session.fd.get(), &ours) != 0) return false;
  if (::stat(session.path.c_str(), &named) != 0) return errno == ENOENT || errno == ENOTDIR;
  return named.st_dev != ours.st_dev || named.st_ino != ours.st_ino;
}

// The only one there; `valid`: the runtime area was left by others of this boot.
Status begin(Session& session, const Options& options, bool valid) {
  // Whoever wanted to replace the store is dead, and did not: the path led here.
  if (u64& replaced = session.engine.runtime->replaced; seam::load(replaced) != 0)
    seam::store(replaced, 0);
  Status s = valid ? recover_all(session.engine) : finish_rebuild(session.engine);
  if (s.ok()) s = set_up_log(session, options, !valid);
  if (s.ok() && !valid) validate_runtime(session);
  return s;
}

Status join(Session& session, const Options& options, bool first) {
  // Guests append nothing: beside them the log is begun as if alone.
  if (first) return set_up_log(session, options, false);
  return session.durability == Durability::kCommit ? join_log(session) : Status();
}

// Under the OPEN byte. Whatever has to go after a fault is the session's.
Status set_up_writing(Session& session, const Options& options, Role role) {
  if (Status s = prepare_engine(session, options, Access::kReadWrite); !s.ok()) return s;
  Result<std::unique_ptr<Attachment>> attachment = Attachment::create(session.fd.get());
  if (!attachment) return attachment.error();
  session.attachment = *std::move(attachment);
  const Result<bool> alone = session.attachment->alone();
  if (!alone) return alone.error();
  if (!*alone && (options.mode == Mode::kExclusive || options.discard_live_state))
    return Status(Code::kLockedExclusively, "others have the store open");
  Engine& engine = session.engine;
  const bool valid = runtime_is_valid(session, *engine.runtime) &&
                     seam::load(engine.runtime->poison) == 0 && !options.discard_live_state;
  if (valid && is_cut_short(engine)) {
    return Status(Code::kTruncated, "the file was cut short since it was last used",
                  engine.map->file_bytes());
  }
  if (*alone && !valid) {
    // Crash: the runtime area stays invalid until validate_runtime(), the next one begins again.
    const bool same_boot = runtime_is_valid(session, *engine.runtime);
    const RootIs root_is = same_boot ? RootIs::kInTheCache : RootIs::kOnTheDisk;
    if (Status s = rebuild_runtime(engine, root_is); !s.ok()) return s;
  } else if (!*alone && !runtime_is_valid(session, *engine.runtime)) {
    return Status(Code::kCorrupt, "others have the store open, but its runtime area is not valid",
                  engine.layout.runtime_offset);
  }
  const Result<bool> first = agree_on_durability(session, options, role, *alone);
  if (!first) return first.error();
  if (!*alone || valid) lend_log(session);
  if (Status s = attach(session, options); !s.ok()) return s;
  if (Status s = *alone ? begin(session, options, valid) : join(session, options, *first); !s.ok())
    return s;
  // Order: last. Who finds commit mode agreed appends to a log that a root says is in use.
  if (*first) seam::store(engine.runtime->durability, static_cast<u64>(session.durability));
  session.named = engine.map->has_name();
  session.changes = sum_of_changes(engine);
  session.live = true;
  return {};
}

// kReplaced: the file has been replaced since its name was looked up, and nothing was done to it or
// to the commit log, which is the new one's.
Result<std::unique_ptr<Session>> open_writing(const std::string& path, const Options& options,
                                              Role role) {
  auto session = std::make_unique<Session>();
  session->path = path;
  Result<Fd> fd = open_file(path, true);
  if (!fd) return fd.error();
  session->fd = *std::move(fd);
  if (const auto superblock = read_superblock(session->fd.get(), true); !superblock)
    return superblock.error();
  if (Status s = check_file_system(session->fd.get(), path); !s.ok()) return s;
  if (Status s = identify(*session); !s.ok()) return s;
  const Result<OpenGuard> opening = OpenGuard::take(session->fd.get());
  if (!opening) return opening.error();
  if (was_replaced(*session)) return Engine::replaced();
  if (Status s = run_guarded(options.guard_sigbus,
                             [&] { return set_up_writing(*session, options, role); });
      !s.ok())
    return s;
  return session;
}

Result<std::unique_ptr<Session>> open_named(const std::string& path, const Options& options,
                                            Role role) {
  constexpr int kTries = 10;
  const auto start = std::chrono::steady_clock::now();
  // A thread that gets little of a busy processor may come too late many times.
  for (int i = 0; i < kTries || !has_timed_out(start, options.lock_timeout); ++i) {
    Result<std::unique_ptr<Session>> session = open_writing(path, options, role);
    if (session.error().code() != Code::kReplaced) return session;
  }
  return Status(Code::kBusy, "the file is replaced again and again");
}

// A live state to be seen, or the durable one put together in private memory.
Status set_up_view(Session& session, const Options& options) {
  if (Status s = prepare_engine(session, options, Access::kReadOnly); !s.ok()) return s;
  if (const Engine& engine = session.engine; runtime_is_valid(session, *engine.runtime)) {
    if (is_cut_short(engine)) {
      return Status(Code::kTruncated, "the file was cut short since it was last used",
                    engine.map->file_bytes());
    }
    session.live = true;
    return {};
  }
  session.watch = std::move(session.engine.map);
  if (Status s = prepare_engine(session, options, Access::kPrivate); !s.ok()) return s;
  if (Status s = rebuild_runtime(session.engine, RootIs::kOnTheDisk); !s.ok()) return s;
  if (!options.ignore_log) {
    if (Status s = check_log_is_empty(session); !s.ok()) return s;
  }
  seam::store(session.engine.runtime->durability, static_cast<u64>(Durability::kCheckpoint));
  return {};
}

bool has_live_state(const Session& session, const Options& options) {
  const Result<bool> valid = run_guarded(options.guard_sigbus, [&]() -> Result<bool> {
    return runtime_is_valid(session, *session.shared_runtime());
  });
  return valid && *valid;
}

Result<std::unique_ptr<Session>> view_read_only(Fd fd, const std::string& path,
                                                const Options& options) {
  constexpr int kTries = 10;
  for (int i = 1;; ++i) {
    auto session = std::make_unique<Session>();
    session->path = path;
    session->fd = std::move(fd);
    if (Status s = identify(*session); !s.ok()) return s;
    const Status status =
        run_guarded(options.guard_sigbus, [&] { return set_up_view(*session, options); });
    if (status.ok()) return session;
    // If a writer has come meanwhile, what it used anew looks damaged; there is a live state now.
    if (i == kTries || session->watch == nullptr || !has_live_state(*session, options))
      return status;
    fd = std::move(session->fd);
  }
}

}  // namespace

Session::~Session() {
  for (const Mapping* map : {engine.map.get(), watch.get()}) {
    if (map != nullptr) guard::remove_window(map->base());
  }
}

bool runtime_is_valid(const Session& session, const RuntimeHeader& runtime) {
  return seam::load(runtime.magic) == format::kRuntimeMagic &&
         std::memcmp(runtime.boot_id, session.boot_id.data(), sizeof runtime.boot_id) == 0 &&
         seam::load(runtime.device) == session.identity.device &&
         seam::load(runtime.inode) == session.identity.inode &&
         seam::load(runtime.birth_sec) == session.identity.birth_sec &&
         seam::load(runtime.birth_nsec) == session.identity.birth_nsec;
}

Result<std::unique_ptr<Session>> reopen_read_only(const Session& session, const Options& options) {
  // The same file, whatever bears its name now.
  Result<Fd> fd = open_file(proc_path(session.fd.get()).data(), false);
  if (!fd) return fd.error();
  return view_read_only(*std::move(fd), session.path, options);
}

Result<std::unique_ptr<Session>> open_session(const std::string& path, const Options& options,
                                              Role role) {
  if (options.mode == Mode::kReadOnly) {
    Result<Fd> fd = open_file(path, false);
    if (!fd) return fd.error();
    return view_read_only(*std::move(fd), path, options);
  }
  if (options.mode == Mode::kCreate) {
    if (Status s = create_store(path, options); !s.ok()) return s;
    return open_named(path, options, role);
  }
  Result<std::unique_ptr<Session>> session = open_named(path, options, role);
  if (session || session.error().code() != Code::kNotFound || options.mode != Mode::kOpenOrCreate)
    return session;
  Status created = create_store(path, options);
  if (!created.ok() && created.code() != Code::kExists) return created;
  return open_named(path, options, role);
}

bool slot_lives(const Session& session, u32 slot) {
  return slot == session.slot || slot_alive(session.fd.get(), slot);
}

bool owner_lives(const Session& session, u64 word) {
  const Engine& engine = session.engine;
  return owner_alive(
      {session.fd.get(), &engine.slot(1), static_cast<u32>(engine.layout.slots), session.slot},
      static_cast<u32>(word));
}

}  // namespace hmap
