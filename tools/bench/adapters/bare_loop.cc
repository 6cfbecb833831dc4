// No store: a loop of pwrite() of 4 KiB and fdatasync() on a file that was filled and flushed
// before, the cheapest way there is to have something on disk. What the durable stores are
// measured against.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "adapter.h"
#include "adapters/kinds.h"

namespace hmap::bench {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::uint64_t kFilePages = 4096;

void require(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

class BareLoop final : public Adapter {
 public:
  ~BareLoop() override {
    if (fd_ >= 0) ::close(fd_);
  }

  std::string describe() const override {
    return "no store: pwrite() of 4 KiB and fdatasync() on a file that is there already";
  }

  void open(const std::filesystem::path& dir, const Shape& /*shape*/) override {
    fd_ = ::open((dir / "bare").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(fd_ >= 0, "open");
    for (std::uint64_t page = 0; page < kFilePages; ++page) write_page(page);
    require(fsync(fd_) == 0, "fsync");
  }

  void close() override {
    require(::close(fd_) == 0, "close");
    fd_ = -1;
  }

  void put(std::string_view /*key*/, std::string_view /*value*/) override {
    write_page(next_++ % kFilePages);
    require(fdatasync(fd_) == 0, "fdatasync");
  }

  bool get(std::string_view /*key*/, std::string& /*value*/) override { return refuse(); }
  bool erase(std::string_view /*key*/) override { return refuse(); }
  void iterate(EntrySink& /*sink*/) override { refuse(); }

 private:
  bool refuse() { throw std::logic_error("the bare loop is no store"); }

  void write_page(std::uint64_t page) {
    const auto at = static_cast<off_t>(page * kPage);
    require(pwrite(fd_, page_.data(), kPage, at) == static_cast<ssize_t>(kPage), "pwrite");
  }

  const std::string page_ = std::string(kPage, 'x');
  int fd_ = -1;
  std::uint64_t next_ = 0;
};

}  // namespace

std::vector<StoreKind> bare_loop_kinds() {
  return {{.name = "bare-loop",
           .role = Role::kFloor,
           .make = []() -> std::unique_ptr<Adapter> { return std::make_unique<BareLoop>(); },
           .durable = true}};
}

}  // namespace hmap::bench
