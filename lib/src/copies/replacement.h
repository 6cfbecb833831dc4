// A store in the place of another: what both have to agree on, and the moment itself.
//
// Every handle on the old file has to learn that it is not the store any more, at one moment for
// all of them and whoever dies. That moment is the rename: it takes the old file's name, and so its
// last link. Who is about to rename says so before, in the old file (RuntimeHeader::replaced): from
// then on every call asks for the link count before it begins. lib/README.md, "Replacing a store".
#ifndef HMAP_SRC_COPIES_REPLACEMENT_H_
#define HMAP_SRC_COPIES_REPLACEMENT_H_

#include <sys/stat.h>

#include <functional>
#include <string>

#include "life/open.h"

namespace hmap {

// A file behind all symbolic links, which go on pointing to it.
struct Place {
  std::string path;
  struct stat facts;
};
// Errors: kInvalidArgument (a zero byte), kNotFound, kPermission, kSystem; kUnsupported (a file
// with further hard links, which would keep what is replaced).
Result<Place> find_place(const std::string& path);

// Gives the file the owner and the mode of the one in the place. kPermission, kSystem.
Status take_over(int fd, const Place& place);

// Runs `rename`, which gives the name of `old` to the file `fresh`, so that all processes see it
// happen at one moment: nobody writes to the old store meanwhile or afterwards, who opens the new
// one for writing waits until it is done, and the handles on the old one know. Nobody has the new
// one open but the caller; `old` is open for writing. Errors: those of `rename`; kBusy (a stopped
// process holds a lock), kReplaced (somebody was faster), kUnsupported (hard links). After any of
// them but a kIoError of the directory's flush the old store is in place, and whole.
Status replace_store(Session& old, int fresh, const std::function<Status()>& rename);

}  // namespace hmap

#endif  // HMAP_SRC_COPIES_REPLACEMENT_H_
