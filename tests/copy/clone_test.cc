// A clone is the store at a checkpoint, in blocks that two files share.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "../device/file_system.h"
#include "child.h"
#include "copies.h"
#include "hmap/copy.h"
#include "rounds.h"

namespace hmap::test {
namespace {

std::uint64_t free_bytes(const std::string& place) {
  ::sync();
  struct statvfs file_system {};
  EXPECT_EQ(0, ::statvfs(place.c_str(), &file_system));
  return file_system.f_bavail * file_system.f_frsize;
}

// Runs the body on an XFS of its own, in a file.
void on_xfs(const std::function<void(const std::string& place)>& body) {
  const TempDir dir;
  const Outcome outcome = in_own_namespace(
      [&] {
        const std::string device = dir.file("device");
        const std::string place = dir.file("xfs");
        std::ofstream(device).close();
        std::filesystem::resize_file(device, device_bytes(FileSystem::kXfs));
        std::filesystem::create_directory(place);
        std::string why_not = make_file_system(FileSystem::kXfs, device);
        if (!why_not.empty()) GTEST_SKIP() << why_not;
        const Mount mount(FileSystem::kXfs, device, place);
        if (!mount.error().empty()) GTEST_SKIP() << mount.error();
        body(place);
      },
      Milliseconds(60'000));
  if (outcome.exited(kSkipped)) GTEST_SKIP() << "no XFS can be made or mounted here";
  EXPECT_CHILD_PASSES(outcome);
}

TEST(Clone, NeedsAFileSystemThatSharesBlocks) {
  const TempDir dir(TempDir::Where::kMemory);
  Result<Store> store = Store::open(dir.file("store"), quiet_options());
  ASSERT_OK(store);
  ASSERT_OK(store->put("key", "value"));
  const std::size_t files = files_in(dir);
  EXPECT_CODE(Code::kUnsupported, clone(*store, dir.file("clone")));
  EXPECT_EQ(files_in(dir), files);
  EXPECT_VALUE(*store, "key", "value");
}

TEST(Clone, RefusesWhatCannotBe) {
  const TempDir dir(TempDir::Where::kMemory);
  Result<Store> store = Store::open(dir.file("store"), quiet_options());
  ASSERT_OK(store);
  EXPECT_CODE(Code::kExists, clone(*store, dir.file("store")));
  ASSERT_OK(store->close());
  EXPECT_CODE(Code::kClosed, clone(*store, dir.file("clone")));
  Result<Store> reader = Store::open(dir.file("store"), with_mode({}, Mode::kReadOnly));
  ASSERT_OK(reader);
  EXPECT_CODE(Code::kReadOnly, clone(*reader, dir.file("clone")));
  EXPECT_EQ(files_in(dir), 1u);
}

TEST(Clone, HasEveryEntryAndTakesNoRoom) {
  on_xfs([](const std::string& place) {
    Options options;
    options.durability = Durability::kNone;
    Result<Store> store = Store::open(place + "/store", options);
    ASSERT_OK(store);
    const Contents model = fill(*store, 30'000, test_seed());
    ASSERT_OK(store->checkpoint());
    const std::uint64_t before = free_bytes(place);
    const std::uint64_t bytes = file_bytes(place + "/store");
    ASSERT_GT(bytes, std::uint64_t{16} << 20);

    const Result<CopyReport> report = clone(*store, place + "/clone");

    ASSERT_OK(report);
    EXPECT_GT(free_bytes(place) + bytes / 4, before);
    EXPECT_EQ(report->entries, model.size());
    EXPECT_GT(report->epoch, 0u);
    EXPECT_EQ(report->source_bytes, bytes);
    EXPECT_EQ(report->file_bytes, file_bytes(place + "/clone"));
    // Each goes its own way.
    ASSERT_OK(store->clear());
    ASSERT_OK(store->checkpoint());
    ASSERT_OK(store->put("after", "the clone"));
    EXPECT_NE(Store::open(place + "/clone")->stats()->uuid, store->stats()->uuid);
    expect_store(place + "/clone", model);
    EXPECT_EQ(contents(*store), (Contents{{"after", "the clone"}}));
    EXPECT_FINDS_NOTHING(store->verify());
  });
}

TEST(Clone, IsOneMomentOfAStoreBeingWritten) {
  on_xfs([](const std::string& place) {
    const std::string path = place + "/store";
    Options options = quiet_options();
    options.shard_bits = 3;
    Result<Store> store = Store::open(path, options);
    ASSERT_OK(store);
    begin_rounds(*store);
    Child writer([&path] {
      write_rounds(path);
      return 1;
    });
    Child keeper([&path] {
      Result<Store> other = Store::open(path, quiet_options());
      while (other && other->checkpoint().ok()) continue;
      return 1;
    });
    std::uint64_t last = 0;
    for (int n = 0; n < 12; ++n) {
      const std::string made = place + "/clone" + std::to_string(n);
      ASSERT_OK(clone(*store, made));
      EXPECT_FINDS_NOTHING(Store::verify_file(made));
      Result<Store> cloned = Store::open(made, quiet_options());
      ASSERT_OK(cloned);
      last = expect_one_moment(contents(*cloned), last);
      ASSERT_OK(cloned->put("after", "wards"));
      EXPECT_FINDS_NOTHING(cloned->verify());
    }
    EXPECT_GT(last, 0u) << "nobody wrote";
    EXPECT_EQ(writer.poll().how, Outcome::How::kTimedOut) << "the writer failed";
    EXPECT_EQ(keeper.poll().how, Outcome::How::kTimedOut) << "the one who makes checkpoints failed";
  });
}

// What a copy-on-write file system does to a writer when it is full; and a limit on files.
TEST(Clone, OnAFullFileSystemNothingIsLost) {
  on_xfs([](const std::string& place) {
    Options options = quiet_options();
    options.guard_sigbus = true;
    Result<Store> store = Store::open(place + "/store", options);
    ASSERT_OK(store);
    const Contents model = fill(*store, 5'000, test_seed());
    const rlimit none{1 << 20, RLIM_INFINITY};
    ASSERT_EQ(0, ::setrlimit(RLIMIT_FSIZE, &none));
    EXPECT_CODE(Code::kNoSpace, clone(*store, place + "/clone"));
    const rlimit any{RLIM_INFINITY, RLIM_INFINITY};
    ASSERT_EQ(0, ::setrlimit(RLIMIT_FSIZE, &any));
    ASSERT_OK(clone(*store, place + "/clone"));
    std::ofstream hog(place + "/hog", std::ios::binary);
    while (hog.write(std::string(4'096, 'x').data(), 4'096).flush()) continue;
    hog.close();
    ::sync();
    Status status;
    for (int i = 0; status.ok() && i < 20'000; ++i)
      status = store->put("full " + std::to_string(i), value_of(7, 100));
    EXPECT_TRUE(status.code() == Code::kNoSpace || status.code() == Code::kIoError)
        << status.message();
    for (const auto& [key, value] : model) ASSERT_EQ(value, value_in(*store, key)) << key;
    std::filesystem::remove(place + "/hog");
    expect_store(place + "/clone", model);
  });
}

// The log stays with the store it belongs to: what the clone has needs none.
TEST(Clone, OfAStoreWithACommitLogNeedsNoLog) {
  on_xfs([](const std::string& place) {
    Options options = quiet_options();
    options.durability = Durability::kCommit;
    Result<Store> store = Store::open(place + "/store", options);
    ASSERT_OK(store);
    Contents model;
    for (int i = 0; i < 50; ++i) {
      const std::string key = std::to_string(i);
      ASSERT_OK(store->put(key, key));
      model[key] = key;
    }
    ASSERT_OK(clone(*store, place + "/clone"));
    ASSERT_OK(store->put("later", "not in the clone"));
    expect_store(place + "/clone", model);
    Result<Store> cloned = Store::open(place + "/clone", options);
    ASSERT_OK(cloned);
    ASSERT_OK(cloned->put("committed", "in a log of its own"));
    ASSERT_OK(cloned->close());
    model["after"] = "wards";
    model["committed"] = "in a log of its own";
    EXPECT_EQ(contents(*Store::open(place + "/clone", options)), model);
    EXPECT_VALUE(*store, "later", "not in the clone");
  });
}

}  // namespace
}  // namespace hmap::test
