// verify_flips make STORE SHARD_BITS: a store with everything in it.
// verify_flips flip STORE OUT STRIDE: flips one bit of every STRIDE-th byte, one at a time, and
// writes what became of each byte of the file: F found, N a note only, R refused, '.' nothing seen,
// ' ' not flipped. What the bytes mean is for flips_test.py to judge.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

#include "child.h"
#include "made_stores.h"
#include "seeds.h"

namespace hmap::test {
namespace {

struct Tally {
  std::uint64_t opened = 0;
  std::uint64_t lives = 0;
};

char verdict(const Result<VerifyReport>& report) {
  if (!report) {
    const Code code = report.error().code();
    const bool clear = code == Code::kCorrupt || code == Code::kTruncated ||
                       code == Code::kNotAStore || code == Code::kWrongVersion;
    if (!clear) throw Error(report.error());
    return 'R';
  }
  if (!report->clean()) return 'F';
  return report->notes != 0 ? 'N' : '.';
}

// What a handle says must be what the file says, or the open must refuse.
void check_through_handle(const std::string& path, char seen, Tally& tally) {
  Options options;
  options.mode = Mode::kReadOnly;
  const Result<Store> store = Store::open(path, options);
  if (!store) return;
  ++tally.opened;
  // The runtime area of the file is of this boot: it knows which root is the durable one.
  VerifyOptions durable;
  durable.state = VerifyState::kDurable;
  const char again = verdict(store->verify(durable));
  const bool wrong = seen == 'F' || seen == 'R';
  if (wrong && again != 'F' && again != 'R') throw std::runtime_error("a handle sees no damage");
  // Any answer will do for the live state, but there must be one.
  VerifyOptions live;
  live.state = VerifyState::kLive;
  static_cast<void>(verdict(store->verify(live)));
  ++tally.lives;
}

int flip(const std::string& path, const std::string& out, std::uint64_t stride) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) throw std::runtime_error("cannot open " + path);
  const auto bytes = static_cast<std::uint64_t>(::lseek(fd, 0, SEEK_END));
  std::string result(bytes, ' ');
  Random random(test_seed());
  Watchdog watchdog;
  Tally tally;
  std::uint64_t flips = 0;
  if (verdict(Store::verify_file(path)) != '.') throw std::runtime_error("not clean to begin with");
  for (std::uint64_t at = random.below(stride); at < bytes; at += stride) {
    char byte = 0;
    const auto place = static_cast<off_t>(at);
    if (::pread(fd, &byte, 1, place) != 1) throw std::runtime_error("cannot read");
    const char flipped = static_cast<char>(byte ^ (1 << random.below(8)));
    if (::pwrite(fd, &flipped, 1, place) != 1) throw std::runtime_error("cannot write");
    if (++flips % 1000 == 0) watchdog.feed();
    try {
      result[at] = verdict(Store::verify_file(path));
      if (flips % 16 == 0) check_through_handle(path, result[at], tally);
    } catch (const std::exception& error) {
      std::cerr << "byte " << at << ": " << error.what() << "\n";
      return 1;
    }
    if (::pwrite(fd, &byte, 1, place) != 1) throw std::runtime_error("cannot write");
  }
  if (verdict(Store::verify_file(path)) != '.') throw std::runtime_error("not clean at the end");
  ::close(fd);
  std::ofstream(out, std::ios::binary) << result;
  std::cout << flips << " bytes flipped of " << bytes << "; " << tally.opened
            << " times through a handle too\n";
  return 0;
}

int run(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "make" && argc == 4) {
    make_mixed_store(argv[2], std::stoi(argv[3]));
    return 0;
  }
  if (verb == "flip" && argc == 5) return flip(argv[2], argv[3], std::stoull(argv[4]));
  std::cerr << "usage: verify_flips make STORE SHARD_BITS | flip STORE OUT STRIDE\n";
  return 2;
}

}  // namespace
}  // namespace hmap::test

int main(int argc, char** argv) {
  try {
    return hmap::test::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "verify_flips: " << error.what() << "\n";
    return 1;
  }
}
