// The inside of a Store.
#ifndef HMAP_SRC_STORE_IMPL_H_
#define HMAP_SRC_STORE_IMPL_H_

#include <memory>

#include "handle.h"

namespace hmap {

class Store::Impl {
 public:
  explicit Impl(std::shared_ptr<Handle> shared) : handle(std::move(shared)) {}
  std::shared_ptr<Handle> handle;
};

}  // namespace hmap

#endif  // HMAP_SRC_STORE_IMPL_H_
