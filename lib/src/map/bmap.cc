// Buckets whose blocks are not writable yet.
#include "map/bmap.h"

namespace hmap {

Result<format::Bmap*> first_touch_bucket(Engine& engine, u64 shard,
                                         const format::BucketArray& array, u64 n, Purpose purpose) {
  const BucketPlace at = place_in_array(engine.layout, array.b, n);
  if (array.b >= kMaxB || at.run > format::kOverflowRuns || array.run[at.run].none()) {
    return Engine::corrupt("bucket number outside its array", array.run[0]);
  }
  const BucketShape::Place place = engine.layout.bucket.place(at.bucket);
  const Result<Block> block = block_of(engine, engine.layout.array_run(array, at.run), place.block);
  if (!block) return block.error();
  const Result<std::byte*> bytes = writable(engine, shard, *block, purpose);
  if (!bytes) return bytes.error();
  return reinterpret_cast<format::Bmap*>(*bytes + place.inside);
}

}  // namespace hmap
