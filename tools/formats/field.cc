// See field.h.
#include "formats/field.h"

#include <fmt/format.h>

#include "io/input.h"

namespace hmap::tool {

void Field::refuse_length() const {
  input_.refuse(fmt::format("a {} of more than {} bytes", name_, bytes_max_),
                fmt::format("at most {} bytes", bytes_max_));
}

}  // namespace hmap::tool
