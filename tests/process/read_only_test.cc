// Read-only handles: live state beside writers, durable state without them, never a byte written.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "child.h"
#include "stores.h"
#include "system/seam.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

const Options kReading = with_mode({}, Mode::kReadOnly);

// A closed store of 100 keys at `path`.
void make_store(const std::string& path) {
  Store store = Store::open(path, quiet_options()).value();
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_OK(store.put(key_of(i), value_of(i, 40)));
  ASSERT_OK(store.close());
}

void expect_hundred_keys(const Store& store) {
  EXPECT_EQ(100U, store.size().value());
  EXPECT_EQ(100U, contents(store).size());
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_VALUE(store, key_of(i), value_of(i, 40));
  EXPECT_ABSENT(store, "absent");
}

TEST(ReadOnly, SeesWhatOthersWriteAtOnceThroughGrowthsOfTheFile) {
  TempDir dir;
  Store writer = Store::open(dir.file("store"), quiet_options()).value();
  const Store reader = Store::open(dir.file("store"), kReading).value();

  for (std::uint64_t i = 0; i < 3'000; ++i) {
    ASSERT_OK(writer.put(key_of(i), value_of(i, i % 700)));
    ASSERT_EQ(value_of(i, i % 700), value_in(reader, key_of(i)));
    ASSERT_EQ(i + 1, reader.size().value());
  }

  EXPECT_TRUE(contents(writer) == contents(reader));
  ASSERT_OK(writer.clear());
  EXPECT_EQ(0U, reader.size().value());
  EXPECT_ABSENT(reader, key_of(1));
}

// A writer that comes while a reader puts the durable state together uses what was free there.
Store* comes_meanwhile = nullptr;
std::uint64_t comes_at = 0;
std::string comes_to;
void come(seam::Event, const void*, std::size_t) {
  if (comes_at == 0 || --comes_at != 0) return;
  comes_meanwhile = new Store(Store::open(comes_to, quiet_options()).value());
  for (std::uint64_t round = 0; round < 3; ++round) {
    for (std::uint64_t i = 0; i < 400; ++i)
      ASSERT_OK(comes_meanwhile->put(key_of(i), value_of(i + round, 40)));
    ASSERT_OK(comes_meanwhile->checkpoint());
  }
}

TEST(ReadOnly, OpensBesideAWriterThatComesMeanwhile) {
  TempDir dir(TempDir::Where::kMemory);
  int came = 0;
  for (std::uint64_t event = 1;; event = event * 5 / 4 + 1) {
    SCOPED_TRACE("before store " + std::to_string(event));
    make_store(dir.file("origin"));
    comes_to = dir.file("store");
    copy_file(dir.file("origin"), comes_to);  // another file: its live state counts for nothing
    comes_at = event;
    seam::hook.store(&come);
    const Result<Store> reader = Store::open(comes_to, kReading);
    seam::hook.store(nullptr);
    ASSERT_OK(reader);
    EXPECT_VALUE(*reader, key_of(7), comes_at == 0 ? value_of(9, 40) : value_of(7, 40));
    if (comes_at != 0) break;
    ++came;
    delete std::exchange(comes_meanwhile, nullptr);
  }
  comes_at = 0;
  EXPECT_GT(came, 10);
}

TEST(ReadOnly, RefusesEveryWrite) {
  TempDir dir;
  make_store(dir.file("store"));
  Store reader = Store::open(dir.file("store"), kReading).value();

  EXPECT_FALSE(reader.writable());
  EXPECT_CODE(Code::kReadOnly, reader.put("key", "value"));
  EXPECT_CODE(Code::kReadOnly, reader.insert("key", "value"));
  EXPECT_CODE(Code::kReadOnly, reader.replace("key", "value"));
  EXPECT_CODE(Code::kReadOnly, reader.erase(key_of(1)));
  EXPECT_CODE(Code::kReadOnly, reader.clear());
  EXPECT_CODE(Code::kReadOnly, reader.checkpoint());
  EXPECT_CODE(Code::kReadOnly, reader.sync());
  expect_hundred_keys(reader);
  EXPECT_OK(reader.close());
}

TEST(ReadOnly, WritesNotOneByteTakesNoSlotAndLeavesTheTimesAlone) {
  TempDir dir;
  const std::string path = dir.file("store");
  make_store(path);
  copy_file(path, dir.file("copy"));
  for (const std::string& file : {path, dir.file("copy")}) {
    const std::string before = read_file(file);
    struct stat facts_before {};
    ASSERT_EQ(0, stat(file.c_str(), &facts_before));

    {
      const Store reader = Store::open(file, kReading).value();
      expect_hundred_keys(reader);
      EXPECT_EQ(0U, reader.stats(StatsDepth::kChains).value().processes.size());
    }

    struct stat facts_after {};
    ASSERT_EQ(0, stat(file.c_str(), &facts_after));
    EXPECT_TRUE(before == read_file(file));
    EXPECT_EQ(facts_before.st_mtim.tv_sec, facts_after.st_mtim.tv_sec);
    EXPECT_EQ(facts_before.st_mtim.tv_nsec, facts_after.st_mtim.tv_nsec);
    EXPECT_EQ(facts_before.st_size, facts_after.st_size);
  }
}

TEST(ReadOnly, OfAFileAndDirectoryWithoutWritePermissionByAStranger) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  TempDir dir;
  make_store(dir.file("store"));
  copy_file(dir.file("store"), dir.file("copy"));
  for (const char* name : {"store", "copy"}) {
    ASSERT_EQ(0, chmod(dir.file(name).c_str(), 0444));
  }
  ASSERT_EQ(0, chmod(dir.path().c_str(), 0555));

  EXPECT_CHILD_PASSES(run_in_child([&] {
    ASSERT_EQ(0, setresgid(65534, 65534, 65534));
    ASSERT_EQ(0, setresuid(65534, 65534, 65534));
    for (const char* name : {"store", "copy"}) {
      Result<Store> reader = Store::open(dir.file(name), kReading);
      ASSERT_OK(reader);
      expect_hundred_keys(*reader);
      EXPECT_CODE(Code::kPermission, Store::open(dir.file(name)));
    }
  }));
}

TEST(ReadOnly, OfACopySwitchesToTheLiveStateWhenAWriterComes) {
  TempDir dir;
  make_store(dir.file("store"));
  copy_file(dir.file("store"), dir.file("copy"));
  const Store reader = Store::open(dir.file("copy"), kReading).value();
  expect_hundred_keys(reader);

  Store writer = Store::open(dir.file("copy"), quiet_options()).value();
  for (std::uint64_t i = 100; i < 600; ++i) ASSERT_OK(writer.put(key_of(i), "new"));
  ASSERT_OK(writer.put(key_of(1), "changed"));

  EXPECT_VALUE(reader, key_of(1), "changed");
  EXPECT_VALUE(reader, key_of(599), "new");
  EXPECT_EQ(600U, reader.size().value());
  EXPECT_EQ(600U, contents(reader).size());
}

TEST(ReadOnly, StaysUsableWhenTheLastWriterClosesOrDies) {
  TempDir dir;
  const std::string path = dir.file("store");
  make_store(path);
  const Store reader = Store::open(path, kReading).value();
  std::optional<Store> writer = Store::open(path, quiet_options()).value();
  ASSERT_OK(writer->put("closed", "value"));
  ASSERT_OK(writer->close());
  EXPECT_VALUE(reader, "closed", "value");

  Child child([&] {
    Result<Store> own = Store::open(path, quiet_options());
    if (!own || !own->put("killed", "value").ok()) return 2;
    raise(SIGKILL);
    return 3;
  });
  ASSERT_TRUE(child.wait().killed());

  EXPECT_VALUE(reader, "killed", "value");
  EXPECT_EQ(102U, reader.size().value());
}

// Nobody but a reader looks at the store: what a dead writer left half done is read through.
TEST(ReadOnly, OpenedAfterTheDeathOfAllWritersSeesEveryFinishedWrite) {
  TempDir dir;
  const std::string path = dir.file("store");
  Child child([&] {
    Result<Store> own = Store::open(path, quiet_options());
    if (!own) return 2;
    for (std::uint64_t i = 0; i < 500; ++i) {
      if (!own->put(key_of(i), value_of(i, 40)).ok()) return 3;
    }
    raise(SIGKILL);
    return 4;
  });
  ASSERT_TRUE(child.wait().killed());

  const Store reader = Store::open(path, kReading).value();

  EXPECT_EQ(500U, reader.size().value());
  EXPECT_EQ(500U, contents(reader).size());
  for (std::uint64_t i = 0; i < 500; ++i) EXPECT_VALUE(reader, key_of(i), value_of(i, 40));
}

TEST(ReadOnly, DoesNotCreateAnything) {
  TempDir dir;
  EXPECT_CODE(Code::kNotFound, Store::open(dir.file("store"), kReading));
  EXPECT_FALSE(std::filesystem::exists(dir.file("store")));
}

}  // namespace
}  // namespace hmap::test
