// Memory before it is needed: a thread of a large store that grows (what it does to the file:
// tests/space).
#include "ahead.h"

namespace hmap::test {
namespace {

TEST_F(AheadOfNeed, AZoneIsLongerAndInMemoryBeforeItIsUsedUp) {
  store_.emplace(Store::open(path_, options()).value());
  ASSERT_OK(put_some(*store_, 0, kMany));
  std::uint64_t next = kMany;
  wait_until([&](const Engine& engine) {
    const format::Domain& space = engine.domain(engine.layout.space_domain());
    const u64 size = engine.layout.zone_extents();
    // Something else may lie behind the zone: then it is used up, and there is another one.
    if (space.zone[1] - space.zone[0] < size) {
      EXPECT_OK(put_some(*store_, next, next + 10));
      next += 10;
      return false;
    }
    return is_in_memory(engine, engine.layout.extent_offset(space.zone[1] - size),
                        Layout::kZoneBytes);
  });
  expect_some(*store_, next);
  EXPECT_FINDS_NOTHING(store_->verify());
}

TEST_F(AheadOfNeed, TheNextArrayIsInMemoryBeforeItIsUsed) {
  store_.emplace(Store::open(path_, options()).value());
  const auto next = [&](auto&& fn) {
    return StoreAccess::read(
               *store_,
               [&](const Session& s) -> Result<bool> { return fn(s.engine, s.engine.header(0)); })
        .value();
  };
  const auto is_ready = [](const Engine& engine, const format::ShardHeader& header) {
    const u64 bytes = engine.layout.run_bytes(engine.layout.shape(header.next.b).runs[0]);
    return header.next.id != 0 && header.next_prepared >= bytes && engine.layout.is_wide(bytes);
  };
  std::uint64_t entries = 0;
  while (!next(is_ready)) {
    ASSERT_OK(store_->put(key_of(entries), "value"));
    ASSERT_LT(++entries, 2'000'000U) << "no array of huge pages was made ready";
  }
  wait_until([&](const Engine& engine) {
    const format::ShardHeader& header = engine.header(0);
    return is_in_memory(engine, header.next.run[0].value,
                        engine.layout.run_bytes(engine.layout.shape(header.next.b).runs[0]));
  });
  EXPECT_EQ(entries, store_->size().value());
  EXPECT_FINDS_NOTHING(store_->verify());
}

}  // namespace
}  // namespace hmap::test
