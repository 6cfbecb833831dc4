// A copy is the store at one moment, whole, and there or not there.
#include "hmap/copy.h"
#include "hmap/snapshot.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "child.h"
#include "copies.h"
#include "flush_count.h"
#include "rounds.h"
#include "stop_at.h"

namespace hmap::test {
namespace {

TEST(Copy, HasEveryEntry) {
  const TempDir dir;
  for (const int entries : {0, 1, 30, 2'000}) {
    const std::string path = dir.file("store" + std::to_string(entries));
    Result<Store> store = Store::open(path, quiet_options());
    ASSERT_OK(store);
    const Contents model = fill(*store, entries, test_seed());
    const std::string made = path + ".copy";
    const Result<CopyReport> report = copy(*store, made);
    ASSERT_OK(report);
    EXPECT_EQ(report->entries, model.size());
    EXPECT_EQ(report->file_bytes, file_bytes(made));
    EXPECT_EQ(report->source_bytes, file_bytes(path));
    EXPECT_GT(report->epoch, 0u);
    expect_store(made, model);
    EXPECT_EQ(contents(*store), model);
  }
}

TEST(Copy, IsAStoreOfItsOwn) {
  const TempDir dir;
  Options options = quiet_options();
  options.geometry.slots = 5;
  Result<Store> store = Store::open(dir.file("store"), options);
  ASSERT_OK(store);
  const Contents model = fill(*store, 200, test_seed());
  ASSERT_OK(copy(*store, dir.file("same")));
  const Stats same = Store::open(dir.file("same"))->stats().value();
  EXPECT_EQ(same.shard_bits, 0u);
  EXPECT_EQ(same.block_bytes, 512u);
  EXPECT_EQ(same.extent_bytes, 4096u);
  EXPECT_EQ(same.slots, 5u);
  EXPECT_NE(same.uuid, store->stats()->uuid);

  CopyOptions other;
  other.store.shard_bits = 3;
  other.store.geometry.block_bytes = 1024;
  other.store.geometry.extent_bytes = 8192;
  other.store.file_mode = 0600;
  ASSERT_OK(copy(*store, dir.file("other"), other));
  const Stats changed = Store::open(dir.file("other"))->stats().value();
  EXPECT_EQ(changed.shards.size(), 8u);
  EXPECT_EQ(changed.block_bytes, 1024u);
  EXPECT_EQ(std::filesystem::status(dir.file("other")).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  expect_store(dir.file("other"), model);
}

// What was given up does not go along, nor is anything made ready for later.
TEST(Copy, IsSmall) {
  const TempDir dir;
  Result<Store> store = Store::open(dir.file("store"), quiet_options());
  ASSERT_OK(store);
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_OK(store->put(std::to_string(i), value_of(static_cast<unsigned>(i), 100)));
  }
  for (int i = 0; i < 18'000; ++i) ASSERT_TRUE(store->erase(std::to_string(i)).value());
  ASSERT_OK(copy(*store, dir.file("copy")));
  // Records of 12 + 5 + 100 bytes in slots of 128, and 1/6.5 to 1/3.25 bucket of 64 bytes each.
  EXPECT_LT(file_bytes(dir.file("copy")), 2'000 * (128 + 20) * 6 / 5 + 100'000);
  Result<Store> again = Store::open(dir.file("copy"), quiet_options());
  const Stats stats = again->stats().value();
  EXPECT_EQ(stats.retired_bytes + stats.free_bytes, 0u);
  EXPECT_EQ(stats.frame_bytes, 0u);
  expect_store(dir.file("copy"), contents(*store));
}

TEST(Copy, IsOneMomentOfAStoreBeingWritten) {
  const TempDir dir(TempDir::Where::kMemory);
  Options options = quiet_options();
  options.shard_bits = 3;
  Result<Store> store = Store::open(dir.file("store"), options);
  ASSERT_OK(store);
  begin_rounds(*store);
  Child writer([&dir] {
    write_rounds(dir.file("store"));
    return 1;
  });
  std::uint64_t last = 0;
  for (int n = 0; n < 12; ++n) {
    const std::string made = dir.file("copy" + std::to_string(n));
    ASSERT_OK(copy(*store, made));
    EXPECT_FINDS_NOTHING(Store::verify_file(made));
    Result<Store> copied = Store::open(made, quiet_options());
    ASSERT_OK(copied);
    last = expect_one_moment(contents(*copied), last);
  }
  EXPECT_GT(last, 0u) << "nobody wrote";
  EXPECT_EQ(writer.poll().how, Outcome::How::kTimedOut) << "the writer failed";
}

TEST(Copy, OfAReadOnlyHandle) {
  const TempDir dir;
  Contents model;
  {
    Result<Store> store = Store::open(dir.file("store"), quiet_options());
    ASSERT_OK(store);
    model = fill(*store, 300, test_seed());
  }
  Result<Store> reader =
      Store::open(dir.file("store"), with_mode(quiet_options(), Mode::kReadOnly));
  ASSERT_OK(reader);
  const Result<CopyReport> report = copy(*reader, dir.file("copy"));
  ASSERT_OK(report);
  EXPECT_EQ(report->epoch, 0u);
  expect_store(dir.file("copy"), model);

  // Once disturbed it begins again; disturbed each time it gives up.
  Result<Store> writer = Store::open(dir.file("store"), quiet_options());
  ASSERT_OK(writer);
  int left = 1;
  CopyOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t) {
    if (done == 5 && left-- > 0) {
      EXPECT_OK(writer->put("key of the moment", std::to_string(left)));
    }
    return true;
  };
  ASSERT_OK(copy(*reader, dir.file("second"), options));
  expect_store(dir.file("second"), contents(*writer));
  left = 1'000;
  EXPECT_CODE(Code::kBusy, copy(*reader, dir.file("third"), options));
  EXPECT_FALSE(std::filesystem::exists(dir.file("third")));
}

TEST(Copy, Errors) {
  const TempDir dir;
  Result<Store> store = Store::open(dir.file("store"), quiet_options());
  ASSERT_OK(store);
  fill(*store, 300, test_seed());
  constexpr std::uint64_t kLarge = 1 << 20;
  ASSERT_OK(store->put("large", value_of(1, kLarge)));
  const std::size_t files = files_in(dir);
  EXPECT_CODE(Code::kExists, copy(*store, dir.file("store")));
  EXPECT_CODE(Code::kNotFound, copy(*store, dir.file("no/such")));
  CopyOptions options;
  options.store.shard_bits = 9;
  EXPECT_CODE(Code::kInvalidArgument, copy(*store, dir.file("copy"), options));
  options = {};
  options.store.size_limit = kLarge;
  EXPECT_CODE(Code::kNoSpace, copy(*store, dir.file("copy"), options));
  options = {};
  options.progress = [](std::uint64_t done, std::uint64_t) { return done < 100; };
  EXPECT_CODE(Code::kSystem, copy(*store, dir.file("copy"), options));
  EXPECT_EQ(files_in(dir), files);
  // No snapshot is left behind, either.
  for (int i = 0; i < 20; ++i) ASSERT_OK(store->snapshot());
  ASSERT_OK(store->close());
  EXPECT_CODE(Code::kClosed, copy(*store, dir.file("copy")));
}

// Of ten million entries that would take a minute.
TEST(Copy, WhatIsGivenUpIsNotFlushed) {
  const TempDir dir;
  Result<Store> store = Store::open(dir.file("store"), quiet_options());
  ASSERT_OK(store);
  fill(*store, 3'000, test_seed());
  CopyOptions options;
  options.progress = [](std::uint64_t done, std::uint64_t) {
    if (done == 0) return true;
    FlushCount::begin();
    return false;
  };
  EXPECT_CODE(Code::kSystem, copy(*store, dir.file("copy"), options));
  EXPECT_EQ(0U, FlushCount::end());
}

TEST(Copy, ADamagedRecordIsNoCopy) {
  const TempDir dir;
  const std::string value = value_of(1, 100);
  {
    Result<Store> store = Store::open(dir.file("store"), quiet_options());
    ASSERT_OK(store);
    for (int i = 0; i < 50; ++i) ASSERT_OK(store->put(std::to_string(i), "value"));
    ASSERT_OK(store->put("victim", value));
  }
  std::string bytes = read_file(dir.file("store"));
  const std::size_t at = bytes.find(value);
  ASSERT_NE(at, std::string::npos);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  std::filesystem::remove(dir.file("store"));
  write_file(dir.file("store"), bytes);
  const Result<Store> store = Store::open(dir.file("store"), quiet_options());
  ASSERT_OK(store);
  EXPECT_CODE(Code::kCorrupt, copy(*store, dir.file("copy")));
  EXPECT_EQ(files_in(dir), 1u);
}

TEST(Copy, ThroughASink) {
  const TempDir dir;
  Result<Store> store = Store::open(dir.file("store"), quiet_options());
  ASSERT_OK(store);
  const Contents model = fill(*store, 2'000, test_seed());
  std::string bytes;
  const auto sink = [&bytes](std::string_view piece) -> Status {
    bytes += piece;
    return {};
  };
  const Result<CopyReport> report = copy(*store, sink, dir.path());
  ASSERT_OK(report);
  EXPECT_EQ(bytes.size(), report->file_bytes);
  write_file(dir.file("copy"), bytes);
  expect_store(dir.file("copy"), model);
  std::filesystem::remove(dir.file("copy"));
  const auto full = [](std::string_view) { return Status(Code::kNoSpace, "full"); };
  EXPECT_CODE(Code::kNoSpace, copy(*store, full, dir.path()));
  EXPECT_CODE(Code::kNotFound, copy(*store, sink, dir.file("no/such")));
  EXPECT_EQ(files_in(dir), 1u);
}

// Before any store to the new file or to the source, before any flush.
TEST(Copy, KilledAnywhereLeavesNothingOrTheCopy) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  Contents model;
  {
    Result<Store> store = Store::open(path, quiet_options());
    ASSERT_OK(store);
    model = fill(*store, 40, test_seed());
  }
  const std::string made = dir.file("copy");
  int without = 0;
  std::uint64_t step = 1;
  for (std::uint64_t event = 1;; event += step, ++step) {
    Child child([&] {
      Result<Store> store = Store::open(path, quiet_options());
      if (!store) return 2;
      StopAt::arm(event, SIGKILL);
      const Result<CopyReport> report = copy(*store, made);
      StopAt::disarm();
      return report ? 0 : 1;
    });
    const Outcome outcome = child.wait();
    if (!outcome.killed()) {
      EXPECT_TRUE(outcome.exited(0)) << outcome;
      break;
    }
    if (std::filesystem::exists(made)) break;
    ++without;
    EXPECT_EQ(files_in(dir), 1u) << event;
  }
  EXPECT_GT(without, 20);
  expect_store(made, model);
  Result<Store> store = Store::open(path, quiet_options());
  ASSERT_OK(store);
  EXPECT_EQ(contents(*store), model);
}

}  // namespace
}  // namespace hmap::test
