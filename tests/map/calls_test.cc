// Every call of a Map, for many types.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "hmap/publish.h"
#include "stores.h"
#include "temp_file.h"
#include "types_of_maps.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

template <typename T>
class Calls : public ::testing::Test {
 protected:
  using K = typename T::Key;
  using V = typename T::Value;
  using M = Map<K, V>;
  using Key = detail::Owned<K>;
  using Value = detail::Owned<V>;

  Calls() { open(); }
  void open() { map_.emplace(M::open(path_, quiet_options()).value()); }
  static Key key(std::uint64_t n) { return make_key<K>(n); }
  static Value value(std::uint64_t n) { return make<V>(n); }
  std::optional<Value> got(std::uint64_t n) { return map_->get(key(n)).value(); }

  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("map");
  std::optional<M> map_;
};

TYPED_TEST_SUITE(Calls, PairsOfTypes);

TYPED_TEST(Calls, WriteAndRead) {
  auto& map = *this->map_;
  EXPECT_EQ(this->got(1), std::nullopt);
  EXPECT_OK(map.put(this->key(1), this->value(1)));
  EXPECT_EQ(this->got(1), this->value(1));
  EXPECT_OK(map.put(this->key(1), this->value(2)));
  EXPECT_EQ(this->got(1), this->value(2));
  EXPECT_FALSE(map.insert(this->key(1), this->value(3)).value());
  EXPECT_TRUE(map.insert(this->key(2), this->value(3)).value());
  EXPECT_TRUE(map.replace(this->key(2), this->value(4)).value());
  EXPECT_FALSE(map.replace(this->key(3), this->value(4)).value());
  EXPECT_EQ(this->got(2), this->value(4));
  EXPECT_TRUE(map.contains(this->key(2)).value());
  EXPECT_FALSE(map.contains(this->key(3)).value());
  EXPECT_EQ(map.size().value(), 2u);
  EXPECT_TRUE(map.erase(this->key(2)).value());
  EXPECT_FALSE(map.erase(this->key(2)).value());
  EXPECT_OK(map.clear());
  EXPECT_EQ(map.size().value(), 0u);
  EXPECT_TRUE(map.writable());
  EXPECT_FINDS_NOTHING(map.verify());
  const auto snapshot = map.snapshot().value();
  EXPECT_OK(map.close());
  EXPECT_CODE(Code::kClosed, map.get(this->key(1)));
  // Of no keys, too.
  EXPECT_CODE(Code::kClosed, map.multi_get({}, {}));
  EXPECT_CODE(Code::kClosed, map.multi_contains({}, {}));
  EXPECT_CODE(Code::kClosed, snapshot.multi_get({}, {}));
  EXPECT_CODE(Code::kClosed, snapshot.multi_contains({}, {}));
}

TYPED_TEST(Calls, ClosedBesideAnotherThatIsNot) {
  ASSERT_OK(this->map_->put(this->key(1), this->value(1)));
  auto other = TestFixture::M::open(this->path_, quiet_options()).value();
  EXPECT_EQ(other.get(this->key(1)).value(), this->value(1));
  EXPECT_OK(other.close());
  EXPECT_CODE(Code::kClosed, other.get(this->key(1)));
  EXPECT_EQ(this->got(1), this->value(1));
}

// The other handle's store is replaced, and its calls are about the one that takes its place.
TYPED_TEST(Calls, FollowWhatIsPublished) {
  ASSERT_OK(this->map_->put(this->key(1), this->value(1)));
  const std::string fresh = this->dir_.file("fresh");
  {
    auto map = TestFixture::M::open(fresh, quiet_options()).value();
    ASSERT_OK(map.put(this->key(1), this->value(2)));
    ASSERT_OK(map.close());
  }
  EXPECT_EQ(this->got(1), this->value(1));
  ASSERT_OK(publish(fresh, this->path_));
  EXPECT_EQ(this->got(1), this->value(2));
}

TYPED_TEST(Calls, ReadModifyWrite) {
  using TestedV = typename TestFixture::V;
  using Seen = detail::Seen<TestedV>;
  auto& map = *this->map_;
  const auto two = [&](const Seen&) { return this->value(2); };
  EXPECT_FALSE(map.update(this->key(1), two).value());
  EXPECT_EQ(this->got(1), std::nullopt);
  EXPECT_TRUE(map.upsert(this->key(1),
                         [&](std::optional<Seen> before) {
                           EXPECT_FALSE(before.has_value());
                           return this->value(1);
                         })
                  .value());
  EXPECT_TRUE(map.update(this->key(1), two).value());
  EXPECT_EQ(this->got(1), this->value(2));
  EXPECT_FALSE(map.upsert(this->key(1),
                          [&](std::optional<Seen> before) {
                            EXPECT_TRUE(before.has_value() && *before == this->value(2));
                            return this->value(3);
                          })
                   .value());
  EXPECT_EQ(this->got(1), this->value(3));
}

TYPED_TEST(Calls, CompareExchange) {
  using TestedV = typename TestFixture::V;
  auto& map = *this->map_;
  if constexpr (MapComparable<TestedV>) {
    const auto absent = std::nullopt;
    EXPECT_FALSE(map.compare_exchange(this->key(1), this->value(1), this->value(2)).value());
    EXPECT_TRUE(map.compare_exchange(this->key(1), absent, this->value(1)).value());
    EXPECT_FALSE(map.compare_exchange(this->key(1), absent, this->value(2)).value());
    if constexpr (!detail::kIsEmpty<TestedV>) {
      EXPECT_FALSE(map.compare_exchange(this->key(1), this->value(3), this->value(2)).value());
    }
    EXPECT_TRUE(map.compare_exchange(this->key(1), this->value(1), this->value(2)).value());
    EXPECT_EQ(this->got(1), this->value(2));
    EXPECT_TRUE(map.compare_exchange(this->key(1), this->value(2), absent).value());
    EXPECT_TRUE(map.compare_exchange(this->key(1), absent, absent).value());
    EXPECT_EQ(map.size().value(), 0u);
  }
}

TYPED_TEST(Calls, ManyAtOnceAndInASnapshot) {
  using TestedK = typename TestFixture::K;
  using OwnedValue = typename TestFixture::Value;
  auto& map = *this->map_;
  std::vector<detail::Owned<TestedK>> owned;
  for (std::uint64_t n = 0; n < 200; ++n) {
    owned.push_back(this->key(n));
    if (n % 3 == 0) continue;
    ASSERT_OK(map.put(this->key(n), this->value(n)));
  }
  const std::vector<detail::Element<TestedK>> keys(owned.begin(), owned.end());
  std::vector<std::optional<OwnedValue>> values(keys.size(), this->value(0));
  std::unique_ptr<bool[]> present(new bool[keys.size()]);
  const auto snapshot = map.snapshot().value();
  const auto check = [&](const auto& source) {
    EXPECT_EQ(source.multi_get(keys, values).value(), 133u);
    EXPECT_EQ(source.multi_contains(keys, {present.get(), keys.size()}).value(), 133u);
    for (std::uint64_t n = 0; n < keys.size(); ++n) {
      ASSERT_EQ(present[n], n % 3 != 0);
      ASSERT_EQ(values[n], n % 3 != 0 ? std::optional<OwnedValue>(this->value(n)) : std::nullopt);
    }
    EXPECT_CODE(Code::kInvalidArgument, source.multi_get(keys, std::span(values).subspan(1)));
    EXPECT_CODE(Code::kInvalidArgument, source.multi_contains(keys, {present.get(), 3}));
  };
  check(map);
  ASSERT_OK(map.clear());
  check(snapshot);
  EXPECT_EQ(snapshot.get(this->key(1)).value(), this->value(1));
  EXPECT_TRUE(snapshot.contains(this->key(1)).value());
  EXPECT_EQ(snapshot.size().value(), 133u);
  std::uint64_t seen = 0;
  for (const auto& [key, value] : snapshot) {
    EXPECT_EQ(snapshot.get(key).value(), std::optional<OwnedValue>(value));
    ++seen;
  }
  EXPECT_EQ(seen, 133u);
  EXPECT_EQ(map.multi_get(keys, values).value(), 0u);
}

TYPED_TEST(Calls, IterationReopeningAndResuming) {
  using OwnedKey = typename TestFixture::Key;
  using OwnedValue = typename TestFixture::Value;
  for (std::uint64_t n = 0; n < 300; ++n) ASSERT_OK(this->map_->put(this->key(n), this->value(n)));
  ASSERT_OK(this->map_->checkpoint());
  ASSERT_OK(this->map_->sync());
  ASSERT_OK(this->map_->wait_durable());
  ASSERT_OK(this->map_->close());
  this->open();
  auto& map = *this->map_;
  std::vector<std::pair<OwnedKey, OwnedValue>> expected;
  for (std::uint64_t n = 0; n < 300; ++n) expected.emplace_back(this->key(n), this->value(n));
  std::vector<std::pair<OwnedKey, OwnedValue>> found;
  for (const auto& [key, value] : map) found.emplace_back(key, value);
  EXPECT_TRUE(std::is_permutation(found.begin(), found.end(), expected.begin(), expected.end()));
  // Half of it, the rest from the position: at most a chain comes twice.
  auto cursor = map.cursor(Position{}).value();
  for (int i = 0; i < 150; ++i) ASSERT_TRUE(cursor.next().value().has_value());
  auto rest = map.cursor(cursor.position()).value();
  std::size_t count = 0;
  while (rest.next().value()) ++count;
  EXPECT_GE(count, 150u);
  EXPECT_LT(count, 200u);
  EXPECT_EQ(map.stats().value().entries, 300u);
}

TYPED_TEST(Calls, ABatchIsDoneAsAWhole) {
  auto& map = *this->map_;
  ASSERT_OK(map.put(this->key(1), this->value(1)));
  MapBatch<typename TestFixture::K, typename TestFixture::V> batch;
  EXPECT_TRUE(batch.empty());
  batch.put(this->key(2), this->value(2));
  batch.erase(this->key(1));
  EXPECT_EQ(batch.size(), 2u);
  ASSERT_OK(map.apply(batch));
  EXPECT_EQ(this->got(1), std::nullopt);
  EXPECT_EQ(this->got(2), this->value(2));
}

}  // namespace
}  // namespace hmap::test
