// A store whose last process was killed: what was written since the last checkpoint is in the file.
#include <fcntl.h>
#include <sys/mman.h>

#include "child.h"
#include "map/bmap.h"
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
  for (std::uint64_t i = 0; i < 300; ++i) expected[key_of(i)] = i % 3 == 0 ? "new" : "old";
  for (std::uint64_t i = 0; i < 300; i += 5) expected.erase(key_of(i));
  const Outcome outcome = run_in_child([&] {
    Result<Store> store = Store::open(path, quiet_options());
    ASSERT_OK(store);
    for (std::uint64_t i = 0; i < 300; ++i) ASSERT_OK(store->put(key_of(i), "old"));
    ASSERT_OK(store->checkpoint());
    for (std::uint64_t i = 0; i < 300; i += 3) ASSERT_OK(store->put(key_of(i), "new"));
    for (std::uint64_t i = 0; i < 300; i += 5) ASSERT_OK(store->erase(key_of(i)));
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

Layout layout_of(const std::string& file) {
  return *Layout::from(*reinterpret_cast<const format::Superblock*>(file.data()));
}

// Where the blocks of the first run of the buckets' array lie that have been written.
std::vector<std::uint64_t> bucket_blocks(const std::string& file) {
  const Layout layout = layout_of(file);
  format::ShardHeader header;
  std::memcpy(&header, file.data() + layout.header_offset(0), sizeof header);
  const hmap::Run run = layout.array_run(header.buckets, 0);
  std::vector<std::uint64_t> places;
  for (std::uint64_t i = 0; i < run.blocks; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, file.data() + run.offset + run.places + i * 8, 8);
    if (word != 0) places.push_back(format::place_in_word(word));
  }
  return places;
}

// With `damage` in the place of what is there, of the file with these bytes: nothing is lost.
void expect_no_loss(const std::string& path, const std::string& bytes, std::uint64_t place,
                    const std::string& damage, const Contents& expected) {
  write_in_place(path, place, damage);
  const Result<Contents> found = salvage_live(path, path + ".salvaged");
  ASSERT_OK(found);
  EXPECT_EQ(*found, expected) << "damage at " << place;
  write_in_place(path, place, bytes.substr(place, damage.size()));
}

// Live blocks have no checksums: what is missing in them is seen by counting.
TEST(LiveState, ABucketBlockOfZerosIsNoticed) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const Contents expected = write_and_die(path);
  const std::string bytes = read_file(path);
  const std::uint64_t block_bytes = layout_of(bytes).block_bytes;
  for (const std::uint64_t place : bucket_blocks(bytes)) {
    expect_no_loss(path, bytes, place, std::string(block_bytes, '\0'), expected);
  }
}

// Where the references of filled slots lie.
std::vector<std::uint64_t> references(const std::string& file) {
  const BucketShape shape = layout_of(file).bucket;
  std::vector<std::uint64_t> places;
  for (const std::uint64_t block : bucket_blocks(file)) {
    for (std::uint64_t i = 0; i < shape.per_block; ++i) {
      const std::uint64_t bucket = block + i * shape.bytes;
      for (std::uint64_t slot = 0; slot < format::kSlots; ++slot) {
        if (is_filled(static_cast<std::uint8_t>(file[bucket + slot])))
          places.push_back(bucket + format::kBucketHeadBytes + slot * format::kRefBytes);
      }
    }
  }
  return places;
}

// The record that the slot referred to is intact, and its bit in the span's bitmap set.
TEST(LiveState, AReferenceThatIsDamagedLosesNoRecord) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const Contents expected = write_and_die(path);
  const std::string bytes = read_file(path);
  const std::vector<std::uint64_t> places = references(bytes);
  ASSERT_GT(places.size(), 100U);
  for (std::size_t i = 0; i < places.size(); i += 9) {
    const std::size_t other = (i + places.size() / 2) % places.size();
    const std::string damages[] = {bytes.substr(places[other], format::kRefBytes),
                                   std::string(format::kRefBytes, '\x11'),
                                   std::string(format::kRefBytes, '\0')};
    for (const std::string& damage : damages) {
      expect_no_loss(path, bytes, places[i], damage, expected);
    }
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
      for (std::uint64_t i = 0; i < 20; ++i) ASSERT_OK(store->put(key_of(i), "old"));
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
