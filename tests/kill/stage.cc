#include "stage.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

namespace hmap::test {
namespace {

char* map_window(int fd) {
  void* memory = mmap(nullptr, kWindowBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("cannot map a file in memory");
  return static_cast<char*>(memory);
}

// Stores to the pages that differ only.
void make_equal(char* to, const std::string& from, std::size_t bytes) {
  constexpr std::size_t kPage = 4096;
  for (std::size_t at = 0; at < bytes; at += kPage) {
    const std::size_t part = std::min(kPage, bytes - at);
    if (std::memcmp(to + at, from.data() + at, part) != 0) {
      std::memcpy(to + at, from.data() + at, part);
    }
  }
}

}  // namespace

std::uint64_t file_size(int fd) {
  struct stat facts {};
  fstat(fd, &facts);
  return static_cast<std::uint64_t>(facts.st_size);
}

bool Image::apply(const Tape& tape, const Write& write, std::size_t from, std::size_t to) {
  if (write.kind != Write::Kind::kBytes) {
    const std::uint64_t now =
        write.kind == Write::Kind::kReach ? std::max(store_bytes, write.offset) : write.offset;
    const bool changed = store_bytes != now;
    store_bytes = now;
    if (store.size() < store_bytes) store.resize(store_bytes, '\0');
    return changed;
  }
  const bool in_log = write.offset >= kLogFileAt;
  // The heir that made it may have had a longer file from the beginning.
  if (!in_log && store.size() < write.offset + write.bytes) {
    store_bytes = write.offset + write.bytes;
    store.resize(store_bytes, '\0');
  }
  char* target = in_log ? log.data() + (write.offset - kLogFileAt) : store.data() + write.offset;
  const char* source = tape.data(write);
  if (std::memcmp(target + from, source + from, to - from) == 0) return false;
  std::memcpy(target + from, source + from, to - from);
  return true;
}

void ChangedParts::add(std::uint64_t offset, std::size_t bytes) {
  for (std::uint64_t part = offset / kBytes; part * kBytes < offset + bytes; ++part) {
    bits_[part / 64] |= std::uint64_t{1} << part % 64;
  }
}

Stage::Stage(const std::string& new_store) {
  write_file(path_, new_store);
  files_.store_fd = open(path_.c_str(), O_RDWR | O_CLOEXEC);
  if (files_.store_fd < 0) throw std::runtime_error("cannot open " + path_);
  files_.store = map_window(files_.store_fd);
}

Stage::~Stage() {
  munmap(const_cast<char*>(files_.store), kWindowBytes);
  close(files_.store_fd);
  if (files_.log == nullptr) return;
  munmap(const_cast<char*>(files_.log), kWindowBytes);
  close(log_fd_);
}

const Files& Stage::files() {
  if (files_.log != nullptr || !may_have_log_) return files_;
  log_fd_ = open((path_ + "-wal").c_str(), O_RDWR | O_CLOEXEC);
  may_have_log_ = log_fd_ >= 0;
  if (!may_have_log_) return files_;
  files_.log = map_window(log_fd_);
  files_.log_bytes = file_size(log_fd_);
  return files_;
}

std::uint64_t Stage::store_bytes() const { return file_size(files_.store_fd); }

Image Stage::image() {
  static_cast<void>(files());
  Image image;
  image.store_bytes = store_bytes();
  image.store.assign(files_.store, image.store_bytes);
  if (files_.log != nullptr) image.log.assign(files_.log, files_.log_bytes);
  return image;
}

void Stage::show(const Image& image, bool keep_size) {
  static_cast<void>(files());
  changed_.add_all();
  known_bytes_ = 0;
  const std::uint64_t now = store_bytes();
  const std::uint64_t wanted = keep_size ? image.store.size() : image.store_bytes;
  if (now < wanted || (now > wanted && !keep_size)) resize(wanted);
  make_equal(const_cast<char*>(files_.store), image.store, wanted);
  if (keep_size && now > wanted) {
    std::memset(const_cast<char*>(files_.store) + wanted, 0, now - wanted);
  }
  make_equal(const_cast<char*>(files_.log), image.log, image.log.size());
}

void Stage::show(const Image& image, std::uint64_t offset, std::size_t bytes) {
  if (offset >= kLogFileAt) {
    const std::uint64_t at = offset - kLogFileAt;
    std::memcpy(const_cast<char*>(files_.log) + at, image.log.data() + at, bytes);
    return;
  }
  changed_.add(offset, bytes);
  // What lies beyond the image was zero.
  const std::uint64_t end = std::min<std::uint64_t>(offset + bytes, image.store.size());
  char* target = const_cast<char*>(files_.store) + offset;
  const std::size_t known = offset < end ? end - offset : 0;
  if (known > 0) std::memcpy(target, image.store.data() + offset, known);
  if (known < bytes) std::memset(target + known, 0, bytes - known);
}

void Stage::show(const Image& image, const Write& write) {
  if (known_bytes_ < image.store.size() && store_bytes() < image.store.size()) {
    resize(image.store.size());
  }
  known_bytes_ = std::max<std::uint64_t>(known_bytes_, image.store.size());
  if (write.kind == Write::Kind::kBytes) show(image, write.offset, write.bytes);
}

void Stage::show(const Image& image, const Tape& touched) {
  for (const Write& write : touched.writes()) show(image, write);
}

void Stage::resize(std::uint64_t bytes) const {
  if (ftruncate(files_.store_fd, static_cast<off_t>(bytes)) != 0) {
    throw std::runtime_error("ftruncate failed");
  }
}

void require(const Status& status, const char* what) {
  if (!status.ok()) throw std::runtime_error(std::string(what) + ": " + status.message());
}

Store open_in_slot(const std::string& path, const Options& options, int slot) {
  std::vector<Store> others;
  for (int i = 1; i <= slot; ++i) others.push_back(Store::open(path, options).value());
  Store store = std::move(others.back());
  others.pop_back();
  for (Store& other : others) require(other.close(), "close");
  return store;
}

}  // namespace hmap::test
