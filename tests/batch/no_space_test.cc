// Batches at the limit of the file: what does not fit leaves nothing behind.
#include <gtest/gtest.h>

#include "hmap/batch.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

class FullStore : public ::testing::TestWithParam<int> {};

// Fills the store batch by batch to the end, at every size of its limit; takes everything out again
// batch by batch, which needs the reserve only.
TEST_P(FullStore, TakesAllOfABatchOrNothing) {
  std::uint64_t refused = 0;
  for (std::uint64_t limit = 200; limit < 520; limit += 4) {
    TempDir dir(TempDir::Where::kMemory);
    Options options = quiet_options();
    options.shard_bits = GetParam();
    options.size_limit = limit << 10;
    Result<Store> store = Store::open(dir.file("store"), options);
    ASSERT_OK(store);
    Contents model;
    for (std::uint64_t n = 0;; ++n) {
      Batch batch;
      Contents done = model;
      for (std::uint64_t i = 0; i < 40; ++i) {
        const std::string key = "key " + std::to_string((n * 31 + i) % 400);
        done[key] = value_of(n * 40 + i, (n * 7 + i * 13) % 600);
        batch.put(key, done[key]);
      }
      const Status status = store->apply(batch);
      if (status.ok()) model = done;
      ASSERT_TRUE(model == contents(*store)) << limit << " KiB, batch " << n << ": " << status;
      if (status.ok() && n < 60) continue;
      ASSERT_EQ(Code::kNoSpace, status.ok() ? Code::kNoSpace : status.code());
      refused += status.ok() ? 0 : 1;
      break;
    }
    ASSERT_EQ(model.size(), store->size().value());
    const Result<VerifyReport> report = store->verify();
    ASSERT_OK(report);
    ASSERT_TRUE(report->clean()) << limit << " KiB: " << report->findings[0].text;
    while (!model.empty()) {
      Batch batch;
      while (batch.size() < 30 && !model.empty()) {
        batch.erase(model.begin()->first);
        model.erase(model.begin());
      }
      ASSERT_OK(store->apply(batch)) << limit << " KiB, " << model.size() << " left";
      ASSERT_TRUE(model == contents(*store));
    }
    ASSERT_EQ(0U, store->size().value());
  }
  EXPECT_GT(refused, 10U) << "the store was never full";
}

INSTANTIATE_TEST_SUITE_P(Shards, FullStore, ::testing::Values(0));

}  // namespace
}  // namespace hmap::test
