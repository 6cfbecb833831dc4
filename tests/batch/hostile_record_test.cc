// The record that carries an entry of a batch to its slot, as a stranger may leave it: a reader of
// a store with inline slots meets it while the batch has happened but is not done.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "child.h"
#include "format/format.h"
#include "hmap/map.h"
#include "stop_at.h"
#include "stores.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

using Numbers = Map<std::uint64_t, std::uint64_t>;
constexpr std::uint64_t kKey = 0x1122'3344'5566'7788;
constexpr std::uint64_t kValue = 0x99AA'BBCC'DDEE'FF01;
constexpr std::uint32_t kWrongBytes = 600;

Options trusting_options() {
  Options options = quiet_options();
  options.shard_bits = 1;
  options.verify_reads = false;  // a stranger can make a checksum, too
  return options;
}

Status apply_some(Numbers& numbers) {
  MapBatch<std::uint64_t, std::uint64_t> batch;
  for (std::uint64_t i = 0; i < 24; ++i) batch.put(i, i);  // in both shards
  batch.put(kKey, kValue);
  return numbers.apply(batch);
}

// In a bucket key and value are apart: side by side they are a record's.
bool give_the_record_a_long_value(const std::string& path) {
  const std::string bytes = read_file(path);
  std::string entry(2 * sizeof(std::uint64_t), 0);
  std::memcpy(entry.data(), &kKey, sizeof kKey);
  std::memcpy(entry.data() + sizeof kKey, &kValue, sizeof kValue);
  const std::size_t at = bytes.find(entry);
  if (at == std::string::npos) return false;
  const std::size_t header = at - sizeof(format::RecordHeader);
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const ssize_t written =
      pwrite(fd, &kWrongBytes, sizeof kWrongBytes,
             static_cast<off_t>(header + offsetof(format::RecordHeader, value_bytes)));
  close(fd);
  return written == sizeof kWrongBytes;
}

TEST(HostileBatchRecord, OfAnotherLengthIsDamageToAReader) {
  Watchdog watchdog{Milliseconds(60'000)};
  const TempDir dir{TempDir::Where::kMemory};
  int damaged = 0;
  for (std::uint64_t at = 1;; at += 7) {
    SCOPED_TRACE("death before store " + std::to_string(at));
    const std::string path = dir.file("store" + std::to_string(at));
    Numbers reader = Numbers::open(path, trusting_options()).value();
    Child child([&] {
      Numbers writer = Numbers::open(path, trusting_options()).value();
      StopAt::arm(at, SIGKILL);
      const Status status = apply_some(writer);
      StopAt::disarm();
      return status.ok() ? 0 : 3;
    });
    if (child.wait().exited(0)) break;
    if (!give_the_record_a_long_value(path)) continue;
    const auto found = reader.get(kKey);
    if (found) {
      // The batch has not happened, or this shard's part is done: nobody asks the record.
      EXPECT_TRUE(!*found || **found == kValue);
    } else {
      EXPECT_CODE(Code::kCorrupt, found);
      ++damaged;
    }
  }
  EXPECT_GT(damaged, 0);
}

}  // namespace
}  // namespace hmap::test
