// The FUSE daemon of a BlockDevice: one file, `disk`, all of whose writes and flushes arrive here.
#ifndef HMAP_TESTS_DEVICE_DAEMON_H_
#define HMAP_TESTS_DEVICE_DAEMON_H_

#include <string>

#include "block_device.h"

namespace hmap::test {

// Mounts the file system on `directory`, writes one byte to `ready` and serves until it is
// unmounted. Returns the exit code for this process; where it is not 0, a word of why was written
// to `ready` instead.
int run_daemon(const BlockDevice& device, const std::string& directory, int ready);

}  // namespace hmap::test

#endif  // HMAP_TESTS_DEVICE_DAEMON_H_
