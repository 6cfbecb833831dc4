// Random batches, every state compared with std::unordered_map.
//
// HMAP_MODEL_OPERATIONS: operations in batches (default 600,000). HMAP_TEST_SEED repeats a run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <unordered_map>

#include "hmap/batch.h"
#include "hmap/snapshot.h"
#include "sanitized.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kOperations = kSanitized ? 60'000 : 600'000;

using Model = std::unordered_map<std::string, std::string>;

class BatchHistory {
 public:
  BatchHistory(const Options& options, std::uint64_t keys, std::uint64_t seed)
      : options_(options), keys_(keys), random_(seed) {
    reopen();
  }

  // Returns the operations done.
  std::uint64_t run(std::uint64_t batches) {
    std::uint64_t operations = 0;
    for (std::uint64_t n = 0; n < batches && !::testing::Test::HasFailure(); ++n) {
      // Phases of growing and of shrinking.
      const std::uint64_t puts = n / 40 % 2 == 0 ? 80 : 30;
      operations += one_batch(puts);
      for (int i = 0; i < 5; ++i) check_key(random_key());
      if (random_.one_in(10)) one_put();
      if (random_.one_in(25)) check_all();
      if (random_.one_in(30)) checkpoint();
      if (random_.one_in(60)) reopen();
      if (random_.one_in(40)) take_snapshot();
      if (random_.one_in(50)) check_snapshot();
      if (random_.one_in(80)) verify();
    }
    check_all();
    verify();
    return operations;
  }

 private:
  std::string random_key() { return key_of(options_.type, random_.below(keys_)); }

  std::uint64_t one_batch(std::uint64_t puts) {
    const std::uint64_t most = store_->stats().value().batch_ops;
    const std::uint64_t size = random_.one_in(10)
                                   ? random_.between(1, most)
                                   : random_.between(1, std::min<std::uint64_t>(most, 30));
    Batch batch;
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::string key = random_key();
      if (random_.below(100) >= puts) {
        batch.erase(key);
        model_.erase(key);
      } else {
        const std::size_t bytes = random_.one_in(50) ? random_.below(7'000) : random_.below(120);
        model_[key] = value_of(options_.type, random_.next(), bytes);
        batch.put(key, model_[key]);
      }
    }
    EXPECT_OK(store_->apply(batch));
    return size;
  }

  // Large ones too, so that batches replace and erase them.
  void one_put() {
    const std::string key = random_key();
    const std::size_t bytes = random_.one_in(3) ? 9'000 : random_.below(200);
    model_[key] = value_of(options_.type, random_.next(), bytes);
    EXPECT_OK(store_->put(key, model_[key]));
  }

  void check_key(const std::string& key) {
    const auto found = model_.find(key);
    const std::optional<std::string> value = value_in(*store_, key);
    ASSERT_EQ(found != model_.end(), value.has_value()) << key;
    ASSERT_TRUE(!value || *value == found->second) << key;
  }

  void check_all() {
    EXPECT_TRUE(Contents(model_.begin(), model_.end()) == contents(*store_));
    EXPECT_EQ(model_.size(), store_->size().value());
  }

  void take_snapshot() {
    snapshot_.emplace(store_->snapshot().value());
    then_ = model_;
  }

  void check_snapshot() {
    if (!snapshot_) return;
    EXPECT_EQ(then_.size(), snapshot_->size().value());
    for (const auto& [key, value] : *snapshot_) {
      const auto found = then_.find(std::string(key));
      ASSERT_TRUE(found != then_.end() && found->second == value) << "in a snapshot: " << key;
    }
  }

  void verify() {
    const Result<VerifyReport> report = store_->verify();
    ASSERT_OK(report);
    EXPECT_TRUE(report->clean()) << (report->findings.empty() ? "" : report->findings[0].text);
  }

  void checkpoint() { EXPECT_OK(store_->checkpoint()); }

  void reopen() {
    snapshot_.reset();
    if (store_) {
      EXPECT_OK(store_->close());
    }
    store_.emplace(Store::open(dir_.file("store"), options_).value());
  }

  TempDir dir_{TempDir::Where::kMemory};
  Options options_;
  std::uint64_t keys_;
  Random random_;
  std::optional<Store> store_;
  std::optional<Snapshot> snapshot_;
  Model model_;
  Model then_;
};

TEST(BatchModel, AgreesWithUnorderedMapThroughRandomBatches) {
  const std::uint64_t seed = test_seed();
  const std::uint64_t wanted = environment_number("HMAP_MODEL_OPERATIONS", kOperations);
  Random random(seed);
  std::uint64_t operations = 0;
  for (std::uint64_t number = 0; operations < wanted; ++number) {
    SCOPED_TRACE("history " + std::to_string(number));
    Options options = number % 8 == 7 ? Options{} : quiet_options();
    options.shard_bits = static_cast<int>(random.below(4));
    options.size_limit = std::uint64_t{1} << 30;
    if (number % 3 == 1) {
      options.durability = Durability::kCommit;
      options.wait_for_log = random.one_in(2);
      options.log_bytes = 16'384;
    }
    if (random.one_in(3)) options.type = random.one_in(2) ? fixed_type(4, 5) : fixed_type(8, 8);
    const std::uint64_t keys = random.one_in(3) ? random.between(2, 60) : random.between(60, 3'000);
    BatchHistory history(options, keys, random.next());
    operations += history.run(300);
    ASSERT_FALSE(HasFailure()) << "HMAP_TEST_SEED=" << seed;
  }
  std::printf("%llu operations\n", static_cast<unsigned long long>(operations));
}

}  // namespace
}  // namespace hmap::test
