// Opening a store: from a path to an Engine that is safe to use. lib/README.md, "Opening".
#ifndef HMAP_SRC_LIFE_OPEN_H_
#define HMAP_SRC_LIFE_OPEN_H_

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "hmap/options.h"
#include "state/engine.h"
#include "system/file.h"
#include "system/log_file.h"
#include "system/process.h"

namespace hmap {

// Everything an open handle holds. Members are destroyed in reverse order.
struct Session {
  std::string path;
  Fd fd;
  FileIdentity identity;
  TypeInfo type;
  std::array<u8, 16> boot_id{};
  Engine engine;
  std::unique_ptr<Attachment> attachment;  // writing handles
  u32 slot = 0;                            // writing handles
  std::unique_ptr<Mapping> watch;          // private views: the file as it is, to notice a writer
  bool named = false;                      // the file had a name when it was opened
  bool unwanted = false;                   // whoever makes the file is about to throw it away
  u64 changes = 0;                         // sum_of_changes() when it was opened
  bool live = false;  // sees the live state; false: a private view of the durable one (read-only)
  Durability durability = Durability::kCheckpoint;
  std::unique_ptr<LogFile> log;  // writing handles in commit mode

  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // The runtime header in the file, whatever view the engine works on.
  [[nodiscard]] const format::RuntimeHeader* shared_runtime() const {
    return watch == nullptr ? engine.runtime
                            : reinterpret_cast<const format::RuntimeHeader*>(
                                  watch->base() + engine.layout.runtime_offset);
  }
};

// Whether a slot of the live state belongs to a process that lives, and whether the owner that a
// word of the live state names does; 0 is nobody. Asked with any handle.
bool slot_lives(const Session& session, u32 slot);
bool owner_lives(const Session& session, u64 word);

// A guest is there for a moment, writes no entries, and does not decide about durability: whoever
// comes while only guests are there does.
enum class Role : u8 { kUser, kGuest };

// Opens as the options say. Errors: those of Store::open().
Result<std::unique_ptr<Session>> open_session(const std::string& path, const Options& options,
                                              Role role = Role::kUser);

// A read-only session over the same file anew: after a writer has set the runtime area up, or taken
// it down. Errors: those of Store::open() in read-only mode.
Result<std::unique_ptr<Session>> reopen_read_only(const Session& session, const Options& options);

// Whether the runtime area is set up for this boot and this file.
bool runtime_is_valid(const Session& session, const format::RuntimeHeader& runtime);

// Leaves a checkpoint if this is the last writing handle, unless nobody can open the file again,
// and gives the slot back.
Status close_session(Session& session);

// Makes a new store in the path's directory that has no name yet: name_file() gives it one.
Result<NewFile> create_unnamed(const std::string& path, const Options& options);
// Makes a new store at the path, complete and durable under its name. kExists if there is a file.
Status create_store(const std::string& path, const Options& options);

// Reads and checks the superblock. kNotAStore, kWrongVersion, kTruncated, kCorrupt.
Result<format::Superblock> read_superblock(int fd, bool writable);
u32 superblock_checksum(format::Superblock superblock);

// Where the superblock and its spares lie.
std::array<u64, 3> superblock_places(const Layout& layout);
// A spare with a right checksum that lies where it says, and is believed: of a superblock that is
// damaged. `read` copies bytes of the file and says whether it has them.
using ReadSuperblock = std::function<bool(u64 offset, format::Superblock& to)>;
using BelieveSuperblock = std::function<bool(const format::Superblock& spare)>;
std::optional<format::Superblock> find_spare(const ReadSuperblock& read,
                                             const BelieveSuperblock& believe);
// Whether a spare is as it was written. Its uuid may be the one of before publish() gave the store
// another: who dies there leaves both.
bool is_spare_of(const format::Superblock& superblock, format::Superblock spare);

}  // namespace hmap

#endif  // HMAP_SRC_LIFE_OPEN_H_
