// A disk behind a page cache, under one store and its log: this program answers the system calls
// that write and flush itself, and knows what a power cut may leave of both files.
//
// Until a flush is complete each sector written to may be on the disk as before or as now, or torn
// (format-spec/format.md, "The medium").
#ifndef HMAP_TESTS_COMMIT_DISK_H_
#define HMAP_TESTS_COMMIT_DISK_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "seeds.h"

namespace hmap::test {

// What lies on the disk.
struct Image {
  std::string store;
  std::string log;
};

// Shared with children that are forked later.
struct DiskFaults {
  std::atomic<std::uint64_t> log_flushes;     // asked for
  std::atomic<std::uint64_t> fail_log_flush;  // this many more, counted down to 0, then EIO for one
  std::atomic<std::uint64_t> slow_us;         // what a flush of the log takes
  std::atomic<bool> log_flushes_do_nothing;   // a disk that lies
};
DiskFaults& disk_faults();

// From now on everything in both files counts as durable, and changes are followed.
void watch_disk(const std::string& store);
void unwatch_disk();

// What the disk may hold if the power fails now. `mix` 0: nothing that was not flushed; 1: all of
// it; else any sectors, some torn.
Image cut_power(std::uint64_t mix, Random& random);

}  // namespace hmap::test

#endif  // HMAP_TESTS_COMMIT_DISK_H_
