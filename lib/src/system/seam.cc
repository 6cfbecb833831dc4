// The hook that tests listen with; nothing in a release build.
#include "system/seam.h"

namespace hmap::seam {

#ifdef HMAP_SEAM
std::atomic<Hook> hook{nullptr};
#endif

}  // namespace hmap::seam
