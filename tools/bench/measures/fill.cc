#include "measures/fill.h"

#include <memory>
#include <string>

#include "base/timing.h"

namespace hmap::bench {

void fill_store(const Shape& shape, const StoreKind& kind, const std::filesystem::path& dir) {
  const Workload workload(shape);
  const std::unique_ptr<Adapter> adapter = kind.make();
  adapter->open(dir, shape);
  adapter->begin(Access::kWrite);
  std::string key;
  std::string value;
  repeat(shape.entries, [&](std::uint64_t index) {
    workload.key(index, key);
    workload.value(key, 0, value);
    adapter->put(key, value);
  });
  adapter->end();
  adapter->close();
}

}  // namespace hmap::bench
