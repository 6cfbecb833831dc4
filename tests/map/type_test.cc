// The type of a store in its superblock: what is written, what is refused, what is salvaged.
#include "format/type.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <functional>

#include "hmap/recover.h"
#include "life/open.h"
#include "spares.h"
#include "stores.h"
#include "temp_file.h"
#include "typed_stores.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

using format::Superblock;
using Kind = TypeInfo::Kind;

Options typed_options() {
  Options options = quiet_options();
  options.mode = Mode::kCreate;
  options.type = eight_to_24();
  return options;
}

Superblock superblock_in(const std::string& bytes) {
  Superblock superblock;
  std::memcpy(&superblock, bytes.data(), sizeof superblock);
  return superblock;
}

std::string with_superblock(std::string bytes, Superblock superblock) {
  superblock.checksum = superblock_checksum(superblock);
  const std::array<std::size_t, 2> spares = spares_in(bytes);
  for (const std::size_t at : {std::size_t{0}, spares[0], spares[1]})
    std::memcpy(bytes.data() + at, &superblock, sizeof superblock);
  return bytes;
}

TEST(TypeInSuperblock, IsWhatTheOptionsSaid) {
  const TempDir dir;
  ASSERT_OK(Store::open(dir.file("typed"), typed_options()));
  const Superblock s = superblock_in(read_file(dir.file("typed")));
  EXPECT_EQ(s.key_kind, 1u);
  EXPECT_EQ(s.key_bytes, 8u);
  EXPECT_EQ(s.key_align, 8u);
  EXPECT_EQ(s.elem_kind, 1u);
  EXPECT_EQ(s.elem_bytes, 24u);
  EXPECT_EQ(s.elem_align, 8u);
  EXPECT_EQ(s.type_fingerprint, 0x0123456789abcdefu);
  EXPECT_STREQ(reinterpret_cast<const char*>(s.type_name), "u64 -> Session");
  EXPECT_TRUE(same_type(type_of(s), eight_to_24()));
  EXPECT_EQ(type_of(s).name, "u64 -> Session");
}

TEST(TypeInSuperblock, OfByteStringsIsAllZero) {
  const TempDir dir;
  ASSERT_OK(Store::open(dir.file("bytes"), with_mode(quiet_options(), Mode::kCreate)));
  const std::string bytes = read_file(dir.file("bytes"));
  const std::size_t from = offsetof(Superblock, key_bytes);
  EXPECT_EQ(bytes.substr(from, 512 - from), std::string(512 - from, '\0'));
}

TEST(TypeInSuperblock, ImpossibleTypesAreNotCreated) {
  const TempDir dir;
  const struct {
    std::function<void(TypeInfo&)> make;
    const char* words;
  } wrongs[] = {
      {[](TypeInfo& t) { t.key.bytes = 0; }, "a key of 0 bytes; it may have 1 to 65535"},
      {[](TypeInfo& t) { t.key.bytes = 65'536; }, "a key of 65536 bytes; it may have 1 to 65535"},
      {[](TypeInfo& t) { t.key.align = 0; }, "a key of 8 bytes has an alignment of 0; it has to"},
      {[](TypeInfo& t) { t.key.align = 3; }, "an alignment of 3; it has to be a power of two"},
      {[](TypeInfo& t) { t.key.align = 16; }, "up to 4096 that divides the bytes"},
      {[](TypeInfo& t) { t.key.kind = Kind::kBytes; },
       "a key of any bytes has a size of 8 and an alignment of 8; both have to be 0"},
      {[](TypeInfo& t) { t.key.kind = static_cast<Kind>(2); }, "a key of kind 2; there are 0"},
      {[](TypeInfo& t) { t.value.align = 0; }, "a value of 24 bytes has an alignment of 0"},
      {[](TypeInfo& t) { t.value.kind = Kind::kBytes; }, "a value of any bytes has a size of 24"},
      {[](TypeInfo& t) {
         t.value = {Kind::kFixed, 16'384, 8'192};
       },
       "a value of 16384 bytes has an alignment of 8192"},
      {[](TypeInfo& t) { t.fingerprint = 0; }, "a fingerprint of 0, which is that of bytes"},
      {[](TypeInfo& t) {
         t = {{}, {}, 1, ""};
       },
       "a fingerprint of bytes -> bytes; it has to be 0"},
      {[](TypeInfo& t) {
         t = {{}, {}, 0, "name"};
       },
       "a name of bytes -> bytes; it has to be empty"},
      {[](TypeInfo& t) { t.name = std::string(129, 'n'); }, "longer than 128 bytes"},
      {[](TypeInfo& t) { t.name = "line\nline"; }, "without control characters"},
      {[](TypeInfo& t) { t.name = "\xc3"; }, "is not UTF-8"},
      {[](TypeInfo& t) { t.name = "\xed\xa0\x80"; }, "is not UTF-8"},
      {[](TypeInfo& t) { t.name = "\xc2\x85"; }, "is not UTF-8"},
      {[](TypeInfo& t) { t.name = std::string("a\0b", 3); }, "is not UTF-8"},
  };
  int number = 0;
  for (const auto& wrong : wrongs) {
    Options options = typed_options();
    wrong.make(options.type);
    const Result<Store> store = Store::open(dir.file("typed"), options);
    EXPECT_CODE(Code::kInvalidArgument, store) << number;
    EXPECT_NE(store.error().message().find(wrong.words), std::string::npos)
        << store.error().message() << ", not " << wrong.words;
    EXPECT_FALSE(std::filesystem::exists(dir.file("typed"))) << number++;
  }
}

TEST(TypeInSuperblock, TheLargestAndSmallestTypesAreCreated) {
  const TempDir dir;
  const TypeInfo::Part parts[][2] = {
      {{Kind::kFixed, 1, 1}, {Kind::kFixed, 0, 1}},
      {{Kind::kFixed, 65'535, 1}, {Kind::kFixed, 4'294'967'295, 1}},
      {{Kind::kFixed, 4'096, 4'096}, {Kind::kBytes, 0, 0}},
      {{Kind::kBytes, 0, 0}, {Kind::kFixed, 8, 8}},
  };
  int number = 0;
  for (const auto& [key, value] : parts) {
    Options options = typed_options();
    options.type = {key, value, 1, std::string(128, 'n')};
    const std::string path = dir.file(std::to_string(number++));
    EXPECT_OK(Store::open(path, options));
    const TypeInfo type = type_of(superblock_in(read_file(path)));
    EXPECT_TRUE(same_type(type, options.type));
    EXPECT_EQ(type.name, options.type.name);
  }
}

TEST(TypeInSuperblock, WhatContradictsItselfIsRefused) {
  const TempDir dir;
  ASSERT_OK(Store::open(dir.file("typed"), typed_options()));
  const std::string bytes = read_file(dir.file("typed"));
  const auto expect = [&](Code code, const char* what, const std::function<void(Superblock&)>& f) {
    Superblock superblock = superblock_in(bytes);
    f(superblock);
    const std::string path = dir.file("wrong");
    std::filesystem::remove(path);
    write_file(path, with_superblock(bytes, superblock));
    for (const Mode mode : {Mode::kOpen, Mode::kReadOnly}) {
      const Result<Store> store = Store::open(path, with_mode(quiet_options(), mode));
      EXPECT_CODE(code, store);
      EXPECT_STREQ(store.error().what(), what);
    }
    EXPECT_CODE(code, Store::verify_file(path));
    EXPECT_CODE(code, recover(path, dir.file("rescued")));
    EXPECT_TRUE(read_file(path) == with_superblock(bytes, superblock)) << "the file was changed";
  };
  const char* unknown = "the store uses features this library does not know";
  expect(Code::kWrongVersion, unknown, [](Superblock& s) { s.key_kind = 2; });
  expect(Code::kWrongVersion, unknown, [](Superblock& s) { s.elem_kind = 0x100; });
  const char* wrong = "superblock: the type of keys and values contradicts itself";
  expect(Code::kCorrupt, wrong, [](Superblock& s) { s.key_bytes = 0; });
  expect(Code::kCorrupt, wrong, [](Superblock& s) { s.key_bytes = 65'536; });
  expect(Code::kCorrupt, wrong, [](Superblock& s) { s.key_align = 0x80000000; });
  expect(Code::kCorrupt, wrong, [](Superblock& s) { s.elem_align = 5; });
  expect(Code::kCorrupt, wrong, [](Superblock& s) { s.key_kind = 0; });
  expect(Code::kCorrupt, wrong, [](Superblock& s) { s.type_fingerprint = 0; });
}

TEST(TypeInSuperblock, OneWrongByteIsRepaired) {
  const TempDir dir(TempDir::Where::kMemory);
  {
    Store store = Store::open(dir.file("typed"), typed_options()).value();
    ASSERT_OK(store.put("8 bytes.", "this is 24 bytes of text"));
    ASSERT_OK(store.close());
  }
  const std::string bytes = without_spares(read_file(dir.file("typed")));
  for (std::size_t at = offsetof(Superblock, key_kind); at < offsetof(Superblock, reserved1);
       at += at < offsetof(Superblock, type_name) ? 3 : 25) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    write_file(dir.file("damaged"), damaged);
    const Result<RecoverReport> report = recover(dir.file("damaged"), dir.file("rescued"));
    ASSERT_OK(report);
    EXPECT_TRUE(report->complete()) << at;
    EXPECT_EQ(report->superblock, RecoverReport::Superblock::kRepaired) << at;
    std::filesystem::remove(dir.file("damaged"));
    std::filesystem::remove(dir.file("rescued"));
  }
}

TEST(TypeInWords, NamesBothSides) {
  EXPECT_EQ(to_string(TypeInfo()), "bytes -> bytes");
  EXPECT_EQ(to_string(eight_to_24()),
            "u64 -> Session (key 8 bytes, align 8; value 24 bytes, align 8; "
            "fingerprint 0123456789abcdef)");
  TypeInfo type = eight_to_24();
  type.name.clear();
  type.key = {};
  EXPECT_EQ(to_string(type),
            "bytes -> (24 bytes) (key any bytes; value 24 bytes, align 8; "
            "fingerprint 0123456789abcdef)");
  type.name =
      "bytes -> Gr\xc3\xb6\xc3\x9f"
      "e";
  EXPECT_EQ(to_string(type).substr(0, 17),
            "bytes -> Gr\xc3\xb6\xc3\x9f"
            "e ");
  type.name = "\x1b[31m -> \xff";
  EXPECT_EQ(to_string(type).substr(0, 11), "?[31m -> ? ");
}

// A store of records whose superblock is changed to say that values are twice as long.
class WrongLengths : public ::testing::Test {
 protected:
  static Options options() {
    Options options = quiet_options();
    options.type = fixed_type(0, 8);
    options.type.key = {};  // bytes
    return options;
  }
  // The files at `from` as they are now, with the wrong superblock, at `to`.
  void copy_wrongly(const std::string& from, const std::string& to) {
    const std::string bytes = read_file(from);
    Superblock superblock = superblock_in(bytes);
    superblock.elem_bytes = 16;
    write_file(to, with_superblock(bytes, superblock));
  }
  Options wrong_options() {
    Options wrong = options();
    wrong.type.value.bytes = 16;
    return wrong;
  }
  static void fill(Store& store) {
    for (int i = 0; i < 20; ++i) ASSERT_OK(store.put("key" + std::to_string(i), "12345678"));
  }
  TempDir dir_{TempDir::Where::kMemory};
};

TEST_F(WrongLengths, AreFoundByVerify) {
  {
    Store store = Store::open(dir_.file("store"), options()).value();
    fill(store);
    ASSERT_OK(store.close());
  }
  EXPECT_TRUE(Store::verify_file(dir_.file("store")).value().clean());
  copy_wrongly(dir_.file("store"), dir_.file("wrong"));
  const VerifyReport report = Store::verify_file(dir_.file("wrong")).value();
  EXPECT_EQ(20u, report.damages) << words(report);
  EXPECT_NE(std::string::npos, words(report).find("which the store's type does not have"));
}

TEST_F(WrongLengths, OfKeysAreFoundByVerify) {
  Options keyed = quiet_options();
  keyed.type = fixed_type(8, 0);
  keyed.type.value = {};  // bytes
  {
    Store store = Store::open(dir_.file("store"), keyed).value();
    ASSERT_OK(store.put("12345678", "some value"));
    ASSERT_OK(store.close());
  }
  EXPECT_TRUE(Store::verify_file(dir_.file("store")).value().clean());
  const std::string bytes = read_file(dir_.file("store"));
  Superblock superblock = superblock_in(bytes);
  superblock.key_bytes = 16;
  write_file(dir_.file("wrong"), with_superblock(bytes, superblock));
  const VerifyReport report = Store::verify_file(dir_.file("wrong")).value();
  EXPECT_EQ(1u, report.damages) << words(report);
  EXPECT_NE(std::string::npos, words(report).find("a record with a key of 8")) << words(report);
}

TEST_F(WrongLengths, AreNoEntriesForRecover) {
  {
    Store store = Store::open(dir_.file("store"), options()).value();
    fill(store);
    ASSERT_OK(store.close());
  }
  copy_wrongly(dir_.file("store"), dir_.file("wrong"));
  const Result<RecoverReport> report = recover(dir_.file("wrong"), dir_.file("fresh"));
  ASSERT_OK(report);
  EXPECT_EQ(0u, report->entries);
  EXPECT_FALSE(report->complete());
}

TEST_F(WrongLengths, AreRefusedInTheCommitLog) {
  Options commits = options();
  commits.durability = Durability::kCommit;
  commits.checkpoint_interval = std::chrono::hours(1);
  Store store = Store::open(dir_.file("store"), commits).value();
  ASSERT_OK(store.put("key", "12345678"));
  copy_wrongly(dir_.file("store"), dir_.file("wrong"));
  write_file(dir_.file("wrong-wal"), read_file(dir_.file("store-wal")));
  fake_reboot(1);
  Options wrong = wrong_options();
  const auto opened = Store::open(dir_.file("wrong"), wrong);
  real_boot();
  EXPECT_CODE(Code::kBadLog, opened);
  EXPECT_STREQ("the commit log has an entry of another type", opened.error().what());
}

}  // namespace
}  // namespace hmap::test
