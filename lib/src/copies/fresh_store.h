// A store made of another one: it is filled, or shares its blocks, without a name, and gets one
// when it is complete.
#ifndef HMAP_SRC_COPIES_FRESH_STORE_H_
#define HMAP_SRC_COPIES_FRESH_STORE_H_

#include <array>
#include <functional>
#include <optional>
#include <string>

#include "hmap/store.h"
#include "life/open.h"

namespace hmap {

// What a new store takes from the one it is made of, unless `wish` says otherwise: shards, sizes,
// slots, compression; null: not known. Nothing is written back while it is being filled.
Options options_like(const Layout* source, const Codec* codec, const Options& wish);
// The same of a store that is open, and its type.
Result<Options> options_like(const Store& source, const Options& wish);

// kExists if there is a file at `path` already: said before anything is done for a new store there.
Status refuse_existing(const std::string& path);

// Gives a closed store the name of another one, so that the commit log beside that becomes its own.
// Not durable before the file is flushed. Crash, power cut: all of it or nothing, as it is within
// one sector. Errors: kIoError, kNoSpace, those of read_superblock().
Status give_uuid(int fd, const std::array<std::uint8_t, 16>& uuid);

class FreshStore {
 public:
  // Makes an empty store in the directory of `path`. Errors: those of Store::open() with
  // Mode::kCreate, but kExists.
  static Result<FreshStore> create(const std::string& path, const Options& options);
  // Of a file that has blocks in common with `source`, which has one durable state meanwhile; goes
  // on with finish(). Errors: those of create_file() and share_blocks().
  static Result<FreshStore> share(int source, const std::string& path);
  FreshStore(FreshStore&&) = default;
  FreshStore& operator=(FreshStore&&) = delete;
  // Leaves no trace, unless take_name() or replace() was successful.
  ~FreshStore();

  // Of create().
  [[nodiscard]] Store& store() { return *store_; }

  // Copies what the cursor gives. `step` is called for each entry; a failed Status ends it.
  Status fill(Cursor cursor, const std::function<Status()>& step);

  // Closes the store, and makes of its file what a copy of it would be: everything durable, no
  // byte more than the entries need, no live state, no commit log. With `uuid` it bears that name.
  Status finish(const std::optional<std::array<std::uint8_t, 16>>& uuid = std::nullopt);

  // After finish(): the state that is in the file.
  struct Contents {
    u64 epoch = 0;
    u64 entries = 0;
    u64 file_bytes = 0;
  };
  [[nodiscard]] const Contents& contents() const { return contents_; }

  // After finish(): the file, which may be given an owner, and read.
  [[nodiscard]] int fd() const { return file_.fd.get(); }
  // After finish(): gives the file its name; see naming.h.
  Status take_name(const std::string& path);
  Status replace(const std::string& path);

 private:
  explicit FreshStore(NewFile file) : file_(std::move(file)) {}

  NewFile file_;
  std::optional<Store> store_;
  Contents contents_;
};

}  // namespace hmap

#endif  // HMAP_SRC_COPIES_FRESH_STORE_H_
