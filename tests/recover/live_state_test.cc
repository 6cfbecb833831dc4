// A store whose last process was killed: what was written since the last checkpoint is in the file.
#include <fcntl.h>
#include <sys/mman.h>

#include "child.h"
#include "stop_at.h"
#include "victim.h"

namespace hmap::test {
namespace {

// Overwrites in place: the file stays the one that the runtime area is of.
void write_in_place(const std::string& path, std::uint64_t at, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(at));
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(file.flush());
}

std::string key_of(int i) { return "key" + std::to_string(i); }

Result<Contents> salvage_live(const std::string& from, const std::string& to) {
  std::filesystem::remove(to);
  const std::string before = read_file(from);
  const Result<RecoverReport> report = recover(from, to);
  EXPECT_EQ(read_file(from), before);
  if (!report) return report.error();
  EXPECT_EQ(report->state, RecoverReport::State::kLive);
  const Result<Store> store = Store::open(to, with_mode({}, Mode::kReadOnly));
  if (!store) return store.error();
  return contents(*store);
}

// 0 to 299 with the value "old" in a checkpoint; behind it every third replaced, every fifth gone.
Contents write_and_die(const std::string& path) {
  Contents expected;
  for (int i = 0; i < 300; ++i) expected[key_of(i)] = i % 3 == 0 ? "new" : "old";
  for (int i = 0; i < 300; i += 5) expected.erase(key_of(i));
  const Outcome outcome = run_in_child([&] {
    Result<Store> store = Store::open(path, quiet_options());
    ASSERT_OK(store);
    for (int i = 0; i < 300; ++i) ASSERT_OK(store->put(key_of(i), "old"));
    ASSERT_OK(store->checkpoint());
    for (int i = 0; i < 300; i += 3) ASSERT_OK(store->put(key_of(i), "new"));
    for (int i = 0; i < 300; i += 5) ASSERT_OK(store->erase(key_of(i)));
    raise(SIGKILL);
  });
  EXPECT_TRUE(outcome.killed()) << outcome;
  return expected;
}

TEST(LiveState, IsPreferred) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const Contents expected = write_and_die(path);
  const Result<Contents> found = salvage_live(path, dir.file("fresh"));
  ASSERT_OK(found);
  EXPECT_EQ(*found, expected);
}

TEST(LiveState, SurvivesTheLossOfSuperblockAndRoots) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const Contents expected = write_and_die(path);
  write_in_place(path, 0, std::string(40, 'x'));
  write_in_place(path, 4096, std::string(512, 'x'));
  const Result<Contents> found = salvage_live(path, dir.file("fresh"));
  ASSERT_OK(found);
  EXPECT_EQ(*found, expected);
}

// Live blocks have no checksums: what is missing in them is seen by counting.
TEST(LiveState, ABucketBlockOfZerosIsNoticed) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const Contents expected = write_and_die(path);
  const std::string bytes = read_file(path);
  const Layout layout = *Layout::from(*reinterpret_cast<const format::Superblock*>(bytes.data()));
  format::ShardHeader header;
  std::memcpy(&header, bytes.data() + layout.header_offset(0), sizeof header);
  const hmap::Run run = layout.array_run(header.buckets, 0);
  for (std::uint64_t i = 0; i < run.blocks; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + run.offset + run.places + i * 8, 8);
    if (word == 0) continue;
    write_in_place(path, format::place_in_word(word), std::string(layout.block_bytes, '\0'));
    const Result<Contents> found = salvage_live(path, dir.file("fresh"));
    ASSERT_OK(found);
    EXPECT_EQ(*found, expected) << "block " << i;
    write_in_place(path, format::place_in_word(word),
                   bytes.substr(format::place_in_word(word), layout.block_bytes));
  }
}

// Dead between any two stores of a write: the published change counts, another one does not.
TEST(LiveState, AHalfAppliedChangeIsFinished) {
  const TempDir dir(TempDir::Where::kMemory);
  bool done = false;
  for (std::uint64_t event = 1; !done && event < 400; ++event) {
    const std::string path = dir.file("store" + std::to_string(event));
    const Outcome outcome = run_in_child([&] {
      Result<Store> store = Store::open(path, quiet_options());
      ASSERT_OK(store);
      for (int i = 0; i < 20; ++i) ASSERT_OK(store->put(key_of(i), "old"));
      StopAt::arm(event, SIGKILL);
      ASSERT_OK(store->put(key_of(7), "new"));
      ASSERT_OK(store->erase(key_of(8)));
      StopAt::disarm();
    });
    done = outcome.exited(0);
    if (done) break;
    ASSERT_TRUE(outcome.killed()) << outcome;
    const Result<Contents> found = salvage_live(path, dir.file("fresh"));
    ASSERT_OK(found);
    // What the library itself makes of the file.
    const Result<Store> store = Store::open(path, quiet_options());
    ASSERT_OK(store);
    EXPECT_EQ(*found, contents(*store)) << "event " << event;
  }
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace hmap::test
