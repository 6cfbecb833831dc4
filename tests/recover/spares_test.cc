// The superblock is lost: its spares tell the seed, the sizes and the type.
#include <array>
#include <filesystem>

#include "format/superblock_format.h"
#include "hmap/map.h"
#include "hmap/publish.h"
#include "spares.h"
#include "victim.h"

namespace hmap::test {
namespace {

using How = RecoverReport::Superblock;

class Spares : public ::testing::Test {
 protected:
  std::string noise(std::size_t bytes) {
    std::string text(bytes, '\0');
    for (char& c : text) c = static_cast<char>(random_.below(256));
    return text;
  }
  // What becomes of the first page when a program writes to the wrong descriptor.
  std::string without_first_page(std::string bytes) {
    return bytes.replace(0, format::kPageBytes, noise(format::kPageBytes));
  }
  std::string file_of(const Options& options) {
    std::filesystem::remove(dir_.file("store"));
    Store store = Store::open(dir_.file("store"), options).value();
    contents_.clear();
    for (std::uint64_t i = 0; i < 300; ++i) {
      const std::string key = value_of(i, 8);
      contents_[key] = value_of(i, options.type.fingerprint == 0 ? i : options.type.value.bytes);
      EXPECT_OK(store.put(key, contents_[key]));
    }
    EXPECT_OK(store.close());
    return read_file(dir_.file("store"));
  }
  Result<RecoverReport> recover_file(const std::string& bytes, const RecoverOptions& options = {}) {
    write_file(dir_.file("damaged"), bytes);
    std::filesystem::remove(dir_.file("rescued"));
    return recover(dir_.file("damaged"), dir_.file("rescued"), options);
  }
  void expect_rescued(const std::string& bytes, How how) {
    const Result<RecoverReport> report = recover_file(bytes);
    ASSERT_OK(report);
    EXPECT_EQ(how, report->superblock);
    EXPECT_TRUE(report->complete());
    Options options;
    options.any_type = true;
    EXPECT_TRUE(contents_ == contents(Store::open(dir_.file("rescued"), options).value()));
  }

  TempDir dir_{TempDir::Where::kMemory};
  Random random_{test_seed()};
  Contents contents_;
};

TEST_F(Spares, EitherIsEnoughForAnyNumberOfShards) {
  for (int bits = 0; bits <= 8; ++bits) {
    SCOPED_TRACE(bits);
    Options options = quiet_options();
    options.shard_bits = bits;
    const std::string whole = file_of(options);
    const std::string lost = without_first_page(whole);
    expect_rescued(lost, How::kSpare);
    for (const std::size_t at : spares_in(whole)) {
      std::string one = lost;
      expect_rescued(one.replace(at, kSuperblockBytes, noise(kSuperblockBytes)), How::kSpare);
    }
  }
}

TEST_F(Spares, HaveTheTypeAndTheDictionary) {
  Options options = quiet_options();
  options.type = Map<std::uint64_t, std::array<std::uint64_t, 3>>::type();
  const std::string typed = file_of(options);
  expect_rescued(without_first_page(typed), How::kSpare);
  EXPECT_OK((Map<std::uint64_t, std::array<std::uint64_t, 3>>::open(dir_.file("rescued"))));

  options.type = {};
  options.compression = Compression::kLz4;
  options.dictionary = value_of(1, 3'000);
  const std::string compressed = file_of(options);
  expect_rescued(without_first_page(compressed), How::kSpare);
  EXPECT_EQ(3'000u, Store::open(dir_.file("rescued"), Options()).value().stats()->dictionary_bytes);
}

// One byte of it is wrong: no guess is needed.
TEST_F(Spares, AreBetterThanAGuess) {
  std::string bytes = file_of(quiet_options());
  const std::string old = without_spares(bytes);
  bytes[70] = static_cast<char>(bytes[70] ^ 1);
  expect_rescued(bytes, How::kSpare);
  for (const std::size_t at : {std::size_t{70}, offsetof(format::Superblock, features_refuse)}) {
    std::string guessed = old;
    guessed[at] = static_cast<char>(guessed[at] ^ 1);
    expect_rescued(guessed, How::kRepaired);
  }
}

TEST_F(Spares, OfAnotherStoreAreNotBelieved) {
  const std::string other = file_of(quiet_options());
  const std::string own = file_of(quiet_options());
  std::string mixed = without_first_page(own);
  for (const std::size_t at : spares_in(own))
    mixed.replace(at, kSuperblockBytes, other.substr(at, kSuperblockBytes));
  EXPECT_CODE(Code::kNotAStore, recover_file(mixed));
  // One of the two is enough to be lost, not to be misled.
  mixed.replace(spares_in(own)[1], kSuperblockBytes,
                own.substr(spares_in(own)[1], kSuperblockBytes));
  expect_rescued(mixed, How::kSpare);
}

TEST_F(Spares, OpeningNamesThem) {
  const std::string whole = file_of(quiet_options());
  const auto opened = [&](const std::string& bytes) {
    write_file(dir_.file("damaged"), bytes);
    return Store::open(dir_.file("damaged"), quiet_options()).error();
  };
  const Status lost = opened(without_first_page(whole));
  EXPECT_CODE(Code::kCorrupt, lost);
  EXPECT_NE(std::string::npos, lost.message().find("a spare of it is intact")) << lost.message();
  EXPECT_CODE(Code::kNotAStore, opened(without_first_page(without_spares(whole))));
}

// publish() gives a store the uuid of the one whose place it takes.
TEST_F(Spares, OfAPublishedStoreAreItsOwn) {
  file_of(quiet_options());
  std::filesystem::rename(dir_.file("store"), dir_.file("fresh"));
  file_of(quiet_options());
  ASSERT_OK(publish(dir_.file("fresh"), dir_.file("store")));
  const std::string bytes = read_file(dir_.file("store"));
  for (const std::size_t at : spares_in(bytes))
    EXPECT_TRUE(bytes.compare(at, kSuperblockBytes, bytes, 0, kSuperblockBytes) == 0);
}

}  // namespace
}  // namespace hmap::test
