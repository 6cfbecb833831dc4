// Places, and replace_store().
#include "copies/replacement.h"

#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "life/checkpoint.h"
#include "life/replay.h"
#include "state/log.h"

namespace hmap {
namespace {

Status check_links(const struct stat& facts) {
  if (!S_ISREG(facts.st_mode) || facts.st_nlink <= 1) return {};
  return {Code::kUnsupported, "the file has further hard links, which would keep the old one"};
}

// With all locks held: that the name leads to the file, and no other.
Status check_name(const Session& old) {
  struct stat ours {};
  struct stat named {};
  if (::fstat(old.fd.get(), &ours) != 0) return {Code::kSystem, "cannot stat the file", 0, errno};
  if (::stat(old.path.c_str(), &named) != 0 || named.st_dev != ours.st_dev ||
      named.st_ino != ours.st_ino)
    return Engine::replaced();
  return check_links(ours);
}

}  // namespace

Result<Place> find_place(const std::string& path) {
  if (path.find('\0') != std::string::npos)
    return Status(Code::kInvalidArgument, "a path contains a zero byte");
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (real == nullptr) return open_error(errno, "cannot find the file");
  Place place{real.get(), {}};
  if (::stat(real.get(), &place.facts) != 0) return open_error(errno, "cannot stat the file");
  if (Status s = check_links(place.facts); !s.ok()) return s;
  return place;
}

Status take_over(int fd, const Place& place) {
  struct stat now {};
  if (::fstat(fd, &now) != 0) return {Code::kSystem, "cannot stat the new file", 0, errno};
  const struct stat& old = place.facts;
  if ((now.st_uid != old.st_uid || now.st_gid != old.st_gid) &&
      ::fchown(fd, old.st_uid, old.st_gid) != 0)
    return {Code::kPermission, "cannot give the new file the owner of the old one", 0, errno};
  // After the owner, which clears some of the bits.
  if (::fchmod(fd, old.st_mode & 07777) != 0)
    return {Code::kPermission, "cannot give the new file the mode of the old one", 0, errno};
  return {};
}

Status replace_store(Session& old, int fresh, const std::function<Status()>& rename) {
  // Nobody opens the new store for writing before its name is on the disk.
  const Result<OpenGuard> opening = OpenGuard::take(fresh);
  if (!opening) return opening.error();
  Engine& engine = old.engine;
  const Result<std::vector<DomainLock>> locks = lock_all(engine, engine.lock_timeout);
  if (!locks) return locks.error();
  if (Status s = check_name(old); !s.ok()) return s;
  // The log's file will be the new store's: nobody shall have to settle there what a dead process
  // left. From here on nobody appends.
  if (seam::load(engine.runtime->log.in_use) != 0) {
    if (Status s = old.log == nullptr ? join_log(old) : Status(); !s.ok()) return s;
    if (Status s = settle_log(engine); !s.ok()) return s;
  }
  // Crash: the file has its name, and the next writer stores 0. Readers ask until then.
  seam::store(engine.runtime->replaced, 1);
  const Status status = rename();
  // Crash: whoever asks finds out which it is.
  if (!status.ok() && engine.map->has_name()) seam::store(engine.runtime->replaced, 0);
  return status;
}

}  // namespace hmap
