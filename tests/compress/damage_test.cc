// Compressed bytes and dictionaries that are wrong: an error, never a crash, never another value.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "format/record_sum.h"
#include "hmap/recover.h"
#include "hmap/view.h"
#include "life/open.h"
#include "sanitized.h"
#include "system/codec.h"
#include "temp_file.h"
#include "texts.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

constexpr std::uint16_t kPlainBlock = format::kValueCompressed;
constexpr std::uint16_t kAgainstDictionary =
    format::kValueCompressed | format::kValueWithDictionary;

class Damaged : public ::testing::Test {
 protected:
  void SetUp() override {
    Store store = Store::open(path_, compressing(quiet_options(), texts_dictionary())).value();
    for (std::uint64_t i = 0; i < 100; ++i) ASSERT_OK(store.put(key_of(i), text_of(i)));
    ASSERT_OK(store.put("plain", "as it is"));
    ASSERT_OK(store.close());
    bytes_ = read_file(path_);
    std::memcpy(&superblock_, bytes_.data(), sizeof superblock_);
  }
  void write() {
    std::filesystem::remove(path_);
    write_file(path_, bytes_);
  }
  // The record of a key, whose checksum is made right again.
  template <typename Change>
  void change_record(const std::string& key, Change&& change) {
    const std::size_t at = bytes_.find(key) - sizeof(format::RecordHeader);
    format::RecordHeader header;
    std::memcpy(&header, &bytes_[at], sizeof header);
    change(header, &bytes_[at + sizeof header + header.key_bytes]);
    std::memcpy(&bytes_[at], &header, sizeof header);
    header.checksum = record_checksum(RecordSums::kCrc, &bytes_[at + 4],
                                      sizeof header - 4 + header.key_bytes + header.value_bytes,
                                      superblock_.store_seed ^ at);
    std::memcpy(&bytes_[at], &header, sizeof header);
    write();
  }
  void expect_damage() {
    const Result<VerifyReport> report = Store::verify_file(path_);
    ASSERT_OK(report);
    EXPECT_FALSE(report->findings.empty());
    for (const bool verifies : {true, false}) {
      Options options = quiet_options();
      options.verify_reads = verifies;
      Store store = Store::open(path_, options).value();
      EXPECT_CODE(Code::kCorrupt, store.get("key 77"));
      EXPECT_CODE(Code::kCorrupt, store.find("key 77"));
      EXPECT_CODE(Code::kCorrupt, store.compare_exchange("key 77", text_of(77), "other"));
      std::array<std::string_view, 1> keys{"key 77"};
      std::array<std::optional<std::string>, 1> values;
      EXPECT_CODE(Code::kCorrupt, store.multi_get(keys, values));
      EXPECT_TRUE(store.contains("key 77").value());
      EXPECT_VALUE(store, "key 78", text_of(78));
      EXPECT_VALUE(store, "plain", "as it is");
    }
    const RecoverReport recovered = recover(path_, dir_.file("new")).value();
    EXPECT_EQ(recovered.entries, 100U);
    EXPECT_EQ(recovered.lost_total, 1U);
    const Store store = Store::open(dir_.file("new"), quiet_options()).value();
    EXPECT_ABSENT(store, "key 77");
    EXPECT_VALUE(store, "key 78", text_of(78));
    // A value that is known to be damaged can be replaced.
    Store old = Store::open(path_, quiet_options()).value();
    ASSERT_OK(old.put("key 77", "new"));
    EXPECT_VALUE(old, "key 77", "new");
  }

  TempDir dir_;
  std::string path_ = dir_.file("store");
  std::string bytes_;
  format::Superblock superblock_{};
};

TEST_F(Damaged, ABlockThatIsNone) {
  change_record("key 77", [](format::RecordHeader& header, char* value) {
    std::memset(value + 4, 0xff, header.value_bytes - 4);
  });
  expect_damage();
}

TEST_F(Damaged, ALengthThatIsTooLong) {
  change_record("key 77", [](format::RecordHeader&, char* value) { ++*value; });
  expect_damage();
}

TEST_F(Damaged, ALengthThatIsTooShort) {
  change_record("key 77", [](format::RecordHeader&, char* value) { --*value; });
  expect_damage();
}

TEST_F(Damaged, ALengthOfFourGigabytes) {
  change_record("key 77", [](format::RecordHeader&, char* value) { std::memset(value, 0xff, 4); });
  expect_damage();
}

TEST_F(Damaged, FlagsThatNobodyKnows) {
  change_record("key 77", [](format::RecordHeader& header, char*) { header.flags = 5; });
  expect_damage();
}

TEST_F(Damaged, ADictionaryWithoutCompression) {
  change_record("key 77", [](format::RecordHeader& header, char*) {
    header.flags = format::kValueWithDictionary;
  });
  expect_damage();
}

TEST_F(Damaged, AFlippedByteOfTheDictionary) {
  bytes_[superblock_.dictionary_offset.value + 16 + 99] ^= 1;
  write();
  EXPECT_CODE(Code::kCorrupt, Store::open(path_, quiet_options()));
  EXPECT_CODE(Code::kCorrupt, Store::open(path_, with_mode({}, Mode::kReadOnly)));
  const VerifyReport report = Store::verify_file(path_).value();
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].kind, FindingKind::kDictionary);
  // What does not need it is there, what does is lost and named.
  const RecoverReport recovered = recover(path_, dir_.file("new")).value();
  EXPECT_EQ(recovered.entries, 1U);
  EXPECT_EQ(recovered.lost_total, 100U);
  EXPECT_VALUE(Store::open(dir_.file("new"), quiet_options()).value(), "plain", "as it is");
}

// Read when the store was opened, so nobody else would notice.
TEST_F(Damaged, AFlippedByteOfTheDictionaryOfAnOpenStore) {
  const Store store = Store::open(path_, quiet_options()).value();
  EXPECT_FINDS_NOTHING(store.verify());
  const std::string flipped(
      1, static_cast<char>(bytes_[superblock_.dictionary_offset.value + 40] ^ 1));
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_EQ(1, ::pwrite(fd, flipped.data(), 1,
                        static_cast<off_t>(superblock_.dictionary_offset.value + 40)));
  ::close(fd);
  const VerifyReport report = store.verify().value();
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].kind, FindingKind::kDictionary);
}

// Found again by looking everywhere, they are no more lost than before.
TEST_F(Damaged, WithoutDictionaryAndBucketsEachValueIsLostOnce) {
  bytes_[superblock_.dictionary_offset.value + 16 + 99] ^= 1;
  for (std::size_t root = 0; root < 2; ++root)
    bytes_[format::kPageBytes + root * superblock_.root_bytes + 100] ^= 1;
  write();
  const RecoverReport recovered = recover(path_, dir_.file("new")).value();
  EXPECT_EQ(recovered.entries, 1U);
  EXPECT_EQ(recovered.lost_total, 100U);
  for (const RecoverReport::Lost& lost : recovered.lost) EXPECT_NE(lost.key, std::nullopt);
}

TEST_F(Damaged, ALostSuperblockCostsNothing) {
  std::memset(bytes_.data() + 72, 0x5a, 440);  // all but the seed
  write();
  RecoverOptions options;
  options.damaged_geometry = quiet_options().geometry;
  options.damaged_shard_bits = 0;
  options.damaged_geometry.intent_words = 224;
  const RecoverReport recovered = recover(path_, dir_.file("new"), options).value();
  EXPECT_EQ(recovered.entries, 101U);
  const Store store = Store::open(dir_.file("new"), quiet_options()).value();
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_VALUE(store, key_of(i), text_of(i));
}

TEST_F(Damaged, OneByteOfTheSuperblockIsRepaired) {
  for (const std::size_t at : {100U, 144U, 152U, 153U, 160U}) {
    const std::string intact = bytes_;
    bytes_[at] ^= 0x21;
    write();
    bytes_ = intact;
    const std::string to = dir_.file("new" + std::to_string(at));
    EXPECT_EQ(recover(path_, to)->entries, 101U) << at;
    const Store store = Store::open(to, quiet_options()).value();
    EXPECT_VALUE(store, key_of(3), text_of(3));
    EXPECT_EQ(store.stats()->dictionary_bytes, texts_dictionary().size());
  }
}

// Whatever bytes a record has: no crash, no byte beyond, and an answer only of the length it says.
TEST(Decode, OfAnything) {
  Random random(test_seed());
  const std::string dictionary = texts_dictionary();
  const Codec with(true, dictionary);
  const Codec without(true, {});
  for (int i = 0; i < (kSanitized ? 40'000 : 200'000); ++i) {
    const Codec& codec = random.one_in(2) ? with : without;
    std::string buffer;
    const std::string value = text_of(random.below(1'000));
    const StoredValue stored = codec.encode(long_text(random.below(1'000), 400), buffer);
    std::string bytes(stored.bytes);
    for (std::uint64_t flips = random.below(4); flips > 0; --flips)
      bytes[random.below(bytes.size())] ^= static_cast<char>(1 + random.below(255));
    if (random.one_in(4)) bytes.resize(random.below(bytes.size() + 1));
    const std::string before = bytes;
    const auto flags =
        static_cast<std::uint16_t>(random.one_in(8) ? random.below(8) : stored.flags);
    if (!codec.decode(flags, bytes)) {
      EXPECT_EQ(bytes, before);
      continue;
    }
    std::uint32_t length = 0;
    std::memcpy(&length, before.data(), sizeof length);
    EXPECT_EQ(bytes.size(), length);
  }
}

// A thread that uses many stores in turn.
TEST(Decode, WithManyDictionariesInTurn) {
  std::vector<std::unique_ptr<Codec>> codecs;
  for (std::uint64_t i = 0; i < 9; ++i)
    codecs.push_back(std::make_unique<Codec>(true, long_text(i, 500 + i)));
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    const Codec& codec = *codecs[i * i % codecs.size()];
    std::string buffer;
    const std::string text = long_text(i, i % 700 == 0 ? 3'000'000 : 50 + i);
    const StoredValue stored = codec.encode(text, buffer);
    ASSERT_EQ(stored.flags, kAgainstDictionary);
    std::string value(stored.bytes);
    ASSERT_TRUE(codec.decode(stored.flags, value));
    ASSERT_EQ(value, text);
  }
}

TEST(Decode, NeedsTheDictionaryItWasMadeWith) {
  const Codec with(true, texts_dictionary());
  const Codec without(true, {});
  std::string buffer;
  const StoredValue stored = with.encode(text_of(5), buffer);
  ASSERT_EQ(stored.flags, kAgainstDictionary);
  std::string value(stored.bytes);
  EXPECT_FALSE(without.decode(stored.flags, value));
  EXPECT_EQ(value, stored.bytes);
  EXPECT_TRUE(with.decode(stored.flags, value));
  EXPECT_EQ(value, text_of(5));
  // A store with a dictionary reads what was made without one.
  const StoredValue plain = without.encode(long_text(5, 3'000), buffer);
  ASSERT_EQ(plain.flags, kPlainBlock);
  value = plain.bytes;
  EXPECT_TRUE(with.decode(plain.flags, value));
  EXPECT_EQ(value, long_text(5, 3'000));
}

}  // namespace
}  // namespace hmap::test
