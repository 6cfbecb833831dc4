// Opening what is no store, no longer one, or one of a stranger version.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <bit>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <limits>

#include "child.h"
#include "format/hash.h"
#include "raw_view.h"
#include "spares.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr Mode kModes[] = {Mode::kOpenOrCreate, Mode::kOpen, Mode::kReadOnly, Mode::kExclusive};

// A closed store: key "a" in its first checkpoint, "a" and "b" in its second and last.
std::string store_bytes(const TempDir& dir) {
  const std::string path = dir.file("original");
  Store store = Store::open(path, quiet_options()).value();
  EXPECT_OK(store.put("a", "1"));
  EXPECT_OK(store.checkpoint());
  EXPECT_OK(store.put("b", "2"));
  EXPECT_OK(store.checkpoint());
  EXPECT_OK(store.close());
  return read_file(path);
}

// Writes the bytes to a new file and opens it in each mode: always the same code, and not a byte
// of the file is changed.
void expect_refused(const TempDir& dir, const std::string& bytes, Code code) {
  const std::string path = dir.file("victim");
  for (const Mode mode : kModes) {
    std::filesystem::remove(path);
    write_file(path, bytes);
    EXPECT_CODE(code, Store::open(path, with_mode(quiet_options(), mode)))
        << "mode " << static_cast<int>(mode);
    EXPECT_TRUE(bytes == read_file(path)) << "the file was changed";
  }
}

template <typename T>
void patch(std::string& bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}
template <typename T>
T peek(const std::string& bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

void seal_superblock(std::string& bytes) {
  patch<std::uint32_t>(bytes, offsetof(format::Superblock, checksum), 0);
  patch(bytes, offsetof(format::Superblock, checksum),
        checksum(bytes.data(), sizeof(format::Superblock), 0));
}

TEST(NotAStore, FilesOfAnotherKind) {
  TempDir dir;
  expect_refused(dir, "", Code::kNotAStore);
  expect_refused(dir, "x", Code::kNotAStore);
  expect_refused(dir, "This is a text file.\n", Code::kNotAStore);
  expect_refused(dir, std::string(1 << 20, '\0'), Code::kNotAStore);
  expect_refused(dir, value_of(1, 100'000), Code::kNotAStore);
}

TEST(NotAStore, ADirectory) {
  TempDir dir;
  for (const Mode mode : kModes) {
    EXPECT_CODE(Code::kNotAStore, Store::open(dir.path(), with_mode({}, mode)));
  }
}

TEST(NotAStore, AFifoASocketAndADeviceWithoutWaitingForThem) {
  TempDir dir;
  Watchdog watchdog(Milliseconds(20'000));
  ASSERT_EQ(0, mkfifo(dir.file("fifo").c_str(), 0600));
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  dir.file("socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(0, bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));

  for (const Mode mode : kModes) {
    EXPECT_CODE(Code::kNotAStore, Store::open(dir.file("fifo"), with_mode({}, mode)));
    EXPECT_CODE(Code::kNotAStore, Store::open(dir.file("socket"), with_mode({}, mode)));
    EXPECT_CODE(Code::kNotAStore, Store::open("/dev/zero", with_mode({}, mode)));
  }
  close(fd);
}

TEST(NotAStore, OneWithADamagedMagicNumber) {
  TempDir dir;
  const std::string good = store_bytes(dir);
  for (std::size_t i = 0; i < 8; ++i) {
    std::string bytes = good;
    bytes[i] = static_cast<char>(bytes[i] ^ 0x20);
    expect_refused(dir, without_spares(bytes), Code::kNotAStore);
    expect_refused(dir, bytes, Code::kCorrupt);
  }
}

TEST(WrongVersion, AnyOtherNumber) {
  TempDir dir;
  const std::string good = store_bytes(dir);
  for (const std::uint32_t version : {0U, 2U, 255U, 0x0100'0000U}) {
    std::string bytes = good;
    patch(bytes, offsetof(format::Superblock, version), version);
    expect_refused(dir, bytes, Code::kWrongVersion);
    seal_superblock(bytes);
    expect_refused(dir, bytes, Code::kWrongVersion);
  }
}

TEST(WrongVersion, AFeatureThisLibraryMustRefuse) {
  TempDir dir;
  const std::string good = store_bytes(dir);
  for (const unsigned bit : {1U, 17U, 63U}) {
    std::string bytes = good;
    patch(bytes, offsetof(format::Superblock, features_refuse), std::uint64_t{1} << bit);
    seal_superblock(bytes);
    expect_refused(dir, bytes, Code::kWrongVersion);
  }
}

TEST(WrongVersion, AnUnknownReadOnlyFeatureStillLetsReadAndAnUnknownCompatibleOneLetsWrite) {
  TempDir dir;
  std::string bytes = store_bytes(dir);
  patch(bytes, offsetof(format::Superblock, features_compatible), std::uint64_t{1} << 40);
  seal_superblock(bytes);
  write_file(dir.file("compatible"), bytes);
  patch(bytes, offsetof(format::Superblock, features_read_only), std::uint64_t{1} << 40);
  seal_superblock(bytes);
  write_file(dir.file("read-only"), bytes);

  Result<Store> compatible = Store::open(dir.file("compatible"), quiet_options());
  ASSERT_OK(compatible);
  EXPECT_OK(compatible->put("c", "3"));
  EXPECT_CODE(Code::kWrongVersion, Store::open(dir.file("read-only"), quiet_options()));
  Result<Store> reader = Store::open(dir.file("read-only"), with_mode({}, Mode::kReadOnly));
  ASSERT_OK(reader);
  EXPECT_VALUE(*reader, "a", "1");
}

void expect_flips_noticed(const TempDir& dir, const std::string& good, Code without_magic) {
  for (std::size_t at = 0; at < sizeof(format::Superblock); ++at) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    std::filesystem::remove(dir.file("victim"));
    write_file(dir.file("victim"), bytes);
    const Status status = Store::open(dir.file("victim"), quiet_options()).error();
    const Code expected = at < 8                                        ? without_magic
                          : at < offsetof(format::Superblock, checksum) ? Code::kWrongVersion
                                                                        : Code::kCorrupt;
    const bool refuse_bit = at / 8 == offsetof(format::Superblock, features_refuse) / 8;
    EXPECT_TRUE(status.code() == expected || (refuse_bit && status.code() == Code::kWrongVersion))
        << "byte " << at << ": " << status;
  }
}

TEST(Corrupt, AnyFlippedBitOfTheSuperblockIsNoticed) {
  TempDir dir;
  const std::string good = store_bytes(dir);
  expect_flips_noticed(dir, good, Code::kCorrupt);
  expect_flips_noticed(dir, without_spares(good), Code::kNotAStore);
}

TEST(Corrupt, OfSparesItIsSaidThatOneIsIntact) {
  TempDir dir;
  std::string bytes = store_bytes(dir);
  bytes[0] = static_cast<char>(bytes[0] ^ 1);
  bytes[spares_in(bytes)[0]] = '\0';
  write_file(dir.file("victim"), bytes);
  const Status status = Store::open(dir.file("victim"), quiet_options()).error();
  EXPECT_EQ(status.code(), Code::kCorrupt);
  EXPECT_NE(status.message().find("written over; a spare of it is intact"), std::string::npos)
      << status.message();
}

TEST(Corrupt, ImpossibleGeometryWithAValidChecksum) {
  TempDir dir;
  const std::string good = store_bytes(dir);
  const std::size_t fields[] = {
      offsetof(format::Superblock, shard_bits),     offsetof(format::Superblock, block_bytes),
      offsetof(format::Superblock, extent_bytes),   offsetof(format::Superblock, slots),
      offsetof(format::Superblock, intent_words),   offsetof(format::Superblock, root_bytes),
      offsetof(format::Superblock, runtime_offset), offsetof(format::Superblock, runtime_bytes),
      offsetof(format::Superblock, heap_offset)};
  for (const std::size_t field : fields) {
    for (const std::uint32_t value : {0U, 3U, 0xffff'ffffU, 0x8000'0000U}) {
      if (field == offsetof(format::Superblock, slots) && value == 3) continue;  // is possible
      std::string bytes = good;
      patch(bytes, field, value);
      seal_superblock(bytes);
      if (bytes == good) continue;
      std::filesystem::remove(dir.file("victim"));
      write_file(dir.file("victim"), bytes);
      const Status status = Store::open(dir.file("victim"), quiet_options()).error();
      EXPECT_TRUE(status.code() == Code::kCorrupt || status.code() == Code::kTruncated ||
                  status.code() == Code::kWrongVersion)
          << "field at " << field << " = " << value << ": " << status;
    }
  }
}

TEST(Corrupt, OneDamagedRootLeavesTheOther) {
  TempDir dir;
  const std::string good = store_bytes(dir);
  const RawView raw(dir.file("original"));
  const unsigned newest = raw.newest_root();
  ASSERT_EQ(raw.root(newest).generation, raw.root(1 - newest).generation + 1);

  for (const std::size_t at : {std::size_t{0}, offsetof(format::Root, generation), std::size_t{400},
                               sizeof(format::Root) + 8}) {  // the last: its shard header
    for (const unsigned damaged : {newest, 1 - newest}) {
      std::string bytes = good;
      char& byte = bytes[raw.root_offset(damaged) + at];
      byte = static_cast<char>(byte ^ 4);
      for (const Mode mode : kModes) {
        std::filesystem::remove(dir.file("victim"));
        write_file(dir.file("victim"), bytes);
        Result<Store> store = Store::open(dir.file("victim"), with_mode(quiet_options(), mode));
        ASSERT_OK(store) << "byte " << at << " of root " << damaged;
        const Contents expected =
            damaged == newest ? Contents{{"a", "1"}} : Contents{{"a", "1"}, {"b", "2"}};
        EXPECT_TRUE(expected == contents(*store)) << "byte " << at << " of root " << damaged;
        EXPECT_EQ(expected.size(), store->size().value());
        if (mode == Mode::kReadOnly) continue;
        EXPECT_OK(store->put("c", "3"));
        EXPECT_OK(store->close());
        EXPECT_EQ(expected.size() + 1, Store::open(dir.file("victim"))->size().value());
      }
    }
  }
}

// What the older root reaches is used again as soon as the newer one is durable, so a newest root
// of zeros must not pass for one that was never written.
TEST(Corrupt, ANewestRootOfZerosDoesNotMakeTheOlderStateAMixture) {
  TempDir dir;
  const std::string path = dir.file("store");
  Store store = Store::open(path, quiet_options()).value();
  for (std::uint64_t round = 0; round < 3; ++round) {
    for (int i = 0; i < 200; ++i) {
      ASSERT_OK(store.put("key " + std::to_string(i), value_of(round, 60)));
    }
    ASSERT_OK(store.checkpoint());
  }
  for (int i = 0; i < 200; ++i) ASSERT_OK(store.put("key " + std::to_string(i), "new"));
  const RawView raw(path);
  const std::size_t newest = raw.root_offset(raw.newest_root());
  std::string bytes = read_file(path);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(newest), sizeof(format::Root), '\0');

  for (const Mode mode : kModes) {
    write_file(dir.file("victim"), bytes);
    EXPECT_CODE(Code::kCorrupt, Store::open(dir.file("victim"), with_mode(quiet_options(), mode)));
  }
}

TEST(Corrupt, TwoDamagedRootsAreRefusedAndTheOffsetIsNamed) {
  TempDir dir;
  std::string bytes = store_bytes(dir);
  const RawView raw(dir.file("original"));
  for (const unsigned root : {0U, 1U}) {
    char& byte = bytes[raw.root_offset(root) + 100];
    byte = static_cast<char>(byte ^ 1);
  }

  expect_refused(dir, bytes, Code::kCorrupt);

  const Status status = Store::open(dir.file("victim"), quiet_options()).error();
  EXPECT_GE(status.value(), raw.root_offset(0));
  EXPECT_LT(status.value(), raw.superblock().runtime_offset.value);
  EXPECT_NE(std::string::npos, status.message().find(std::to_string(status.value())))
      << status.message();
}

TEST(Truncated, ACopyCutAnywhereBehindItsMagicNumber) {
  TempDir dir;
  const std::string good = store_bytes(dir);
  const RawView raw(dir.file("original"));
  const std::uint64_t needed = raw.root(raw.newest_root()).extents_end;
  const std::uint64_t end =
      raw.superblock().heap_offset.value + needed * raw.superblock().extent_bytes;
  ASSERT_LE(end, good.size());
  for (const std::uint64_t cut :
       {std::uint64_t{512}, std::uint64_t{4'096}, raw.root_offset(1),
        raw.superblock().runtime_offset.value, raw.superblock().runtime_offset.value + 100,
        raw.superblock().heap_offset.value, end - 4'096, end - 1}) {
    expect_refused(dir, good.substr(0, cut), Code::kTruncated);
    EXPECT_EQ(cut, file_bytes(dir.file("victim")));
  }
  expect_refused(dir, good.substr(0, 100), Code::kTruncated);
  expect_refused(dir, good.substr(0, 7), Code::kNotAStore);
}

TEST(Truncated, ALiveFileCutInPlaceIsRefusedToo) {
  TempDir dir;
  const std::string path = dir.file("store");
  Store store = Store::open(path, quiet_options()).value();
  for (int i = 0; i < 500; ++i) ASSERT_OK(store.put("key " + std::to_string(i), value_of(1, 100)));
  ASSERT_OK(store.close());
  const std::uint64_t half = file_bytes(path) / 2;

  ASSERT_EQ(0, truncate(path.c_str(), static_cast<off_t>(half)));

  EXPECT_CODE(Code::kTruncated, Store::open(path, quiet_options()));
  EXPECT_CODE(Code::kTruncated, Store::open(path, with_mode({}, Mode::kReadOnly)));
  EXPECT_EQ(half, file_bytes(path));
}

// So many extents that 64 bits cannot count their bytes: what is left of the number would lie in
// the file.
TEST(Truncated, ARuntimeAreaWithMoreExtentsThanThereCanBe) {
  TempDir dir;
  const std::string path = dir.file("store");
  write_file(path, store_bytes(dir));
  ASSERT_OK(Store::open(path, quiet_options())->close());  // a runtime area of this very file
  const std::string good = read_file(path);
  const auto& superblock = *reinterpret_cast<const format::Superblock*>(good.data());
  const std::size_t at =
      superblock.runtime_offset.value + offsetof(format::RuntimeHeader, extents_end);
  const std::uint64_t wraps = std::uint64_t{1} << (64 - std::countr_zero(superblock.extent_bytes));
  const auto set = [&](std::uint64_t extents) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.write(reinterpret_cast<const char*>(&extents), sizeof extents);
  };
  for (const std::uint64_t extents :
       {std::uint64_t{1} << 63, wraps, wraps + 1, wraps - 1, ~std::uint64_t{0}}) {
    set(extents);
    for (const Mode mode : kModes) {
      EXPECT_CODE(Code::kTruncated, Store::open(path, with_mode(quiet_options(), mode)))
          << extents << " extents, mode " << static_cast<int>(mode);
    }
  }
  Options options = quiet_options();
  options.discard_live_state = true;
  EXPECT_VALUE(*Store::open(path, options), "b", "2");
}

TEST(Status, SaysWhatAndWhereInOneLine) {
  TempDir dir;
  const Status status = Store::open(dir.file("none"), with_mode({}, Mode::kOpen)).error();

  EXPECT_CODE(Code::kNotFound, status);
  EXPECT_EQ(ENOENT, status.os_error());
  EXPECT_NE(std::string::npos, status.message().find("NotFound")) << status.message();
  EXPECT_EQ(std::string::npos, status.message().find('\n'));
}

// A copy of a success takes nothing but the code over: no remains may come to light.
TEST(Status, AssignedSaysOnlyWhatTheNewOneSays) {
  const Status failed(Code::kBusy, "first", 7, EAGAIN);
  Status status = failed;
  EXPECT_EQ(failed.message(), status.message());
  status = Status();
  EXPECT_TRUE(status.ok());
  EXPECT_STREQ("", status.what());
  EXPECT_EQ(0U, status.value());
  EXPECT_EQ(0, status.os_error());
  EXPECT_EQ("Ok", status.message());
  status = Status(Code::kIoError, "second");
  EXPECT_EQ("IoError: second", status.message());
  const Status& itself = status;
  status = itself;
  EXPECT_EQ("IoError: second", status.message());
}

}  // namespace
}  // namespace hmap::test
