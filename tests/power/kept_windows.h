// What is mapped stays mapped: see kept_windows.cc. Programs that link it need not know.
#ifndef HMAP_TESTS_POWER_KEPT_WINDOWS_H_
#define HMAP_TESTS_POWER_KEPT_WINDOWS_H_

namespace hmap::test {

// From now on a private mapping shows what others write to the file, as a real one does to pages
// that were not written.
void map_privately_for_real();

}  // namespace hmap::test

#endif  // HMAP_TESTS_POWER_KEPT_WINDOWS_H_
