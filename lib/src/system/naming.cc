// Links, renames and the flushes that make them durable.
#include "system/naming.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>
#include <vector>

#include "system/seam.h"

namespace hmap {
namespace {

// 0 or an errno. Never replaces a file.
int give_name(const NewFile& file, const char* path) noexcept {
  if (file.temporary_name.empty()) {
    const ProcPath from = proc_path(file.fd.get());
    return ::linkat(AT_FDCWD, from.data(), AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
  }
  const char* from = file.temporary_name.c_str();
  if (::link(from, path) == 0) {
    // Crash: two names; the temporary one is litter, the file is complete.
    ::unlink(from);
    return 0;
  }
  // No hard links here (FAT).
  if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  return ::renameat2(AT_FDCWD, from, AT_FDCWD, path, RENAME_NOREPLACE) == 0 ? 0 : errno;
}

// 0 or an errno.
int flush_directory(const std::string& directory, int fd) noexcept {
  const Fd opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // One may be allowed to create files in a directory that one may not read.
  if (opened.get() < 0) return ::syncfs(fd) == 0 ? 0 : errno;
  if (::fsync(opened.get()) == 0) return 0;
  // Some file systems flush no directories; then there is nothing to be had.
  return errno == EINVAL || errno == EROFS ? 0 : errno;
}

Status drop(NewFile& file, int error, const char* what) {
  if (!file.temporary_name.empty()) ::unlink(file.temporary_name.c_str());
  file.temporary_name.clear();
  file.fd.reset();
  return open_error(error, what);
}

// .NAME.0123456789abcdef.tmp
bool is_temporary(std::string_view name, const std::string& prefix) {
  constexpr std::string_view kEnd = ".tmp";
  constexpr std::size_t kDigits = 16;
  if (name.size() != prefix.size() + kDigits + kEnd.size()) return false;
  if (!name.starts_with(prefix) || !name.ends_with(kEnd)) return false;
  const std::string_view digits = name.substr(prefix.size(), kDigits);
  return std::all_of(digits.begin(), digits.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

Status name_file(NewFile& file, const std::string& path) {
  if (const int error = give_name(file, path.c_str())) {
    return drop(file, error,
                error == EEXIST ? "a file of this name is there" : "cannot name the new file");
  }
  file.temporary_name.clear();
  // The file once more, for the link count (some file systems skip unnamed files), then its name.
  seam::announce(seam::Event::kFlush, nullptr, 0);
  if (::fsync(file.fd.get()) != 0) {
    const int failed = errno;
    ::unlink(path.c_str());
    return {Code::kIoError, "cannot flush the new file", 0, failed};
  }
  if (const int failed = flush_directory(directory_of(path), file.fd.get())) {
    ::unlink(path.c_str());
    return {Code::kIoError, "cannot flush the directory", 0, failed};
  }
  return {};
}

Status replace_file(NewFile& file, const std::string& path) {
  // A file without a name cannot be renamed.
  if (file.temporary_name.empty()) {
    const std::string name = temporary_path(path);
    if (const int error = give_name(file, name.c_str()))
      return open_error(error, "cannot name the new file");
    file.temporary_name = name;
  }
  // Crash: the old file, and litter for sweep_temporaries().
  const Status status = move_file(file.temporary_name, file.fd.get(), path);
  if (!status.ok() && ::access(file.temporary_name.c_str(), F_OK) == 0)
    ::unlink(file.temporary_name.c_str());
  file.temporary_name.clear();
  return status;
}

namespace {

// `rename` -> 0 or an errno.
template <typename Rename>
Status move_by(int fd, const std::string& path, Rename&& rename) {
  seam::announce(seam::Event::kFlush, nullptr, 0);
  if (::fsync(fd) != 0) return open_error(errno, "cannot flush the new file");
  seam::announce(seam::Event::kFlush, nullptr, 0);
  if (const int error = rename()) return open_error(error, "cannot give the new file its name");
  // Crash: one of the two, each complete.
  seam::announce(seam::Event::kFlush, nullptr, 0);
  if (const int failed = flush_directory(directory_of(path), fd))
    return {Code::kIoError, "the new file is in place, but its directory cannot be flushed", 0,
            failed};
  return {};
}

}  // namespace

Status move_file(const std::string& from, int fd, const std::string& path) {
  return move_by(fd, path, [&] { return ::rename(from.c_str(), path.c_str()) == 0 ? 0 : errno; });
}

Status move_file_to_free_name(const std::string& from, int fd, const std::string& path) {
  return move_by(fd, path, [&] {
    const int moved = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE);
    if (moved == 0) return 0;
    // Not every file system has that.
    if (errno != EINVAL && errno != ENOSYS) return errno;
    if (::link(from.c_str(), path.c_str()) != 0) return errno;
    // Crash: two names.
    return ::unlink(from.c_str()) == 0 ? 0 : errno;
  });
}

void sweep_temporaries(const std::string& path) {
  struct Close {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> opened(::opendir(directory_of(path).c_str()));
  if (opened == nullptr) return;
  std::vector<std::string> stale;
  while (const dirent* entry = ::readdir(opened.get())) {
    if (is_temporary(entry->d_name, temporary_prefix(path))) stale.emplace_back(entry->d_name);
  }
  for (const std::string& name : stale) ::unlinkat(::dirfd(opened.get()), name.c_str(), 0);
}

}  // namespace hmap
