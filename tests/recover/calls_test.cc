// What the call promises apart from the entries: errors, and nothing left behind.
#include <cerrno>

#include "life/open.h"
#include "victim.h"

namespace hmap::test {
namespace {

std::size_t files_in(const TempDir& dir) {
  const std::filesystem::directory_iterator files(dir.path());
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

void make_store(const std::string& path) {
  Result<Store> store = Store::open(path, quiet_options());
  ASSERT_OK(store);
  for (int i = 0; i < 50; ++i) ASSERT_OK(store->put(std::to_string(i), "value"));
  ASSERT_OK(store->close());
}

TEST(RecoverCalls, Errors) {
  const TempDir dir;
  const std::string store = dir.file("store");
  make_store(store);
  EXPECT_CODE(Code::kNotFound, recover(dir.file("nothing"), dir.file("new")));
  EXPECT_CODE(Code::kExists, recover(store, store));
  EXPECT_CODE(Code::kNotFound, recover(store, dir.file("no/such/directory")));
  EXPECT_CODE(Code::kNotAStore, recover(dir.path(), dir.file("new")));
  for (const std::string& bytes :
       {std::string(), std::string("text"), std::string(70'000, 'x'), std::string(70'000, '\0')}) {
    write_file(dir.file("other"), bytes);
    EXPECT_CODE(Code::kNotAStore, recover(dir.file("other"), dir.file("new")));
  }
  RecoverOptions options;
  options.store.shard_bits = 9;
  EXPECT_CODE(Code::kInvalidArgument, recover(store, dir.file("new"), options));
  EXPECT_EQ(files_in(dir), 2u);
}

TEST(RecoverCalls, AnotherVersionIsRefused) {
  const TempDir dir;
  make_store(dir.file("store"));
  std::string bytes = read_file(dir.file("store"));
  format::Superblock superblock;
  std::memcpy(&superblock, bytes.data(), sizeof superblock);
  superblock.version = 2;
  superblock.checksum = superblock_checksum(superblock);
  std::memcpy(bytes.data(), &superblock, sizeof superblock);
  write_file(dir.file("store"), bytes);
  EXPECT_CODE(Code::kWrongVersion, recover(dir.file("store"), dir.file("new")));
}

TEST(RecoverCalls, NobodyMayBeWriting) {
  const TempDir dir;
  make_store(dir.file("store"));
  const Result<Store> writer = Store::open(dir.file("store"), quiet_options());
  ASSERT_OK(writer);
  EXPECT_CODE(Code::kLockedExclusively, recover(dir.file("store"), dir.file("new")));
}

TEST(RecoverCalls, EndedByTheCaller) {
  const TempDir dir;
  make_store(dir.file("store"));
  RecoverOptions options;
  options.progress = [](std::uint64_t, std::uint64_t) { return false; };
  const Result<RecoverReport> report = recover(dir.file("store"), dir.file("new"), options);
  EXPECT_CODE(Code::kSystem, report);
  EXPECT_EQ(report.error().os_error(), ECANCELED);
  EXPECT_EQ(files_in(dir), 1u);
}

TEST(RecoverCalls, NoSpaceLeavesNothing) {
  const TempDir dir;
  make_store(dir.file("store"));
  RecoverOptions options;
  options.store.size_limit = file_bytes(dir.file("store")) / 2;
  EXPECT_CODE(Code::kNoSpace, recover(dir.file("store"), dir.file("new"), options));
  EXPECT_EQ(files_in(dir), 1u);
}

TEST(RecoverCalls, ADamagedFileThatMayOnlyBeRead) {
  const TempDir dir;
  make_store(dir.file("store"));
  std::filesystem::permissions(dir.file("store"), std::filesystem::perms::owner_read);
  RecoverOptions options;
  options.store.shard_bits = 3;
  const Result<RecoverReport> report = recover(dir.file("store"), dir.file("new"), options);
  ASSERT_OK(report);
  EXPECT_TRUE(report->complete());
  const Result<Store> store = Store::open(dir.file("new"), quiet_options());
  ASSERT_OK(store);
  EXPECT_EQ(store->stats()->shards.size(), 8u);
  EXPECT_VALUE(*store, "7", "value");
}

}  // namespace
}  // namespace hmap::test
