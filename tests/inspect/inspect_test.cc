// Every byte is part of something, every key is found, and no damage is too much.
#include "hmap/inspect.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "child.h"
#include "format/layout.h"
#include "hmap/snapshot.h"
#include "inspect/inspect_fields.h"
#include "seeds.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

using inspecting::Field;
using inspecting::Structure;

TEST(InspectFields, LeaveNoByteOut) {
  for (const Structure* structure : inspecting::all_structures()) {
    std::uint64_t at = 0;
    for (const Field& field : structure->fields) {
      EXPECT_EQ(field.offset, at) << structure->name << "." << field.name;
      if (field.structure != nullptr) {
        EXPECT_EQ(field.element, field.structure->bytes) << structure->name << "." << field.name;
      }
      at = field.offset + field.bytes;
    }
    EXPECT_EQ(at, structure->bytes) << structure->name;
  }
}

// Everything that a store can have: two generations of blocks, a growth in progress, overflow
// buckets, large records, free space.
Contents make_store(Store& store) {
  Random random(test_seed());
  Contents model;
  const auto put = [&](int i, std::size_t bytes) {
    const std::string key = "key " + std::to_string(i);
    model[key] = value_of(random.next(), bytes);
    EXPECT_OK(store.put(key, model[key]));
  };
  for (int i = 0; i < 1'500; ++i) put(i, random.below(200));
  for (int i = 0; i < 5; ++i) put(i, 10'000 + random.below(30'000));
  EXPECT_OK(store.checkpoint());
  for (int i = 300; i < 700; ++i) {
    EXPECT_TRUE(store.erase("key " + std::to_string(i)).value());
    model.erase("key " + std::to_string(i));
  }
  EXPECT_OK(store.checkpoint());
  for (int i = 1'500; !store.stats()->shards[0].growing; ++i) put(i, 20);
  put(5'000, 20);
  model["compressed"] = std::string(500, 'c');
  EXPECT_OK(store.put("compressed", model["compressed"]));
  return model;
}

// Walks the whole file and returns how many things there are.
std::uint64_t walk(const Inspector& inspector, const std::function<void(const InspectNode&)>& see) {
  std::uint64_t things = 0;
  for (std::uint64_t at = 0; at < inspector.file_bytes(); ++things) {
    const Result<InspectNode> node = inspector.at(at);
    EXPECT_OK(node);
    if (!node) return things;
    EXPECT_EQ(node->offset, at) << node->name;
    EXPECT_GT(node->bytes, 0u) << node->name;
    EXPECT_FALSE(node->name.empty());
    see(*node);
    // From its middle and from its last byte it is the same thing.
    for (const std::uint64_t inside : {node->bytes / 2, node->bytes - 1}) {
      const Result<InspectNode> again = inspector.at(at + inside);
      EXPECT_OK(again);
      EXPECT_EQ(again->offset, at) << node->name << " + " << inside;
      EXPECT_EQ(again->bytes, node->bytes) << node->name << " + " << inside;
    }
    if (::testing::Test::HasFailure() || node->bytes == 0) return things;
    at = node->offset + node->bytes;
  }
  return things;
}

bool any_wrong(const InspectNode& node) {
  if (node.wrong) return true;
  return std::any_of(node.children.begin(), node.children.end(), any_wrong);
}

class InspectStore : public ::testing::Test {
 protected:
  static Options options() {
    Options options = quiet_options();
    options.compression = Compression::kLz4;
    options.dictionary = "what values have in common";
    return options;
  }
  InspectStore() : store_(Store::open(path_, options()).value()) { model_ = make_store(store_); }
  Inspector open(bool durable = false) {
    InspectOptions options;
    options.durable = durable;
    return Inspector::open(path_, options).value();
  }

  const TempDir dir_;
  const std::string path_ = dir_.file("store");
  Store store_;
  Contents model_;
};

TEST_F(InspectStore, EveryByteIsPartOfSomething) {
  for (const bool durable : {false, true}) {
    const Inspector inspector = open(durable);
    std::uint64_t taken = 0;
    std::uint64_t records = 0;
    bool dictionary = false;
    bool compressed = false;
    const std::uint64_t things = walk(inspector, [&](const InspectNode& node) {
      EXPECT_FALSE(any_wrong(node)) << node.name << ": " << node.meaning;
      if (node.meaning == "taken") ++taken;
      if (node.name.find("kLarge") != std::string::npos && !node.children.empty()) ++records;
      dictionary |= node.name == "dictionary";
      compressed |= !node.children.empty() &&
                    node.children[0].meaning.starts_with("value of 500 bytes, compressed to ");
    });
    EXPECT_GT(things, 1'000u);
    EXPECT_EQ(records, 5u);
    EXPECT_TRUE(dictionary);
    EXPECT_TRUE(durable || compressed);
    EXPECT_TRUE(durable || taken == model_.size() - 5) << taken;
  }
}

TEST_F(InspectStore, FindsEveryKey) {
  const Inspector inspector = open();
  for (const auto& [key, value] : model_) {
    bool found = false;
    const Result<InspectNode> node = inspector.key(key, &found);
    ASSERT_OK(node);
    ASSERT_TRUE(found) << key;
    EXPECT_FALSE(any_wrong(*node));
    EXPECT_EQ(node->meaning, "found");
  }
  for (int i = 300; i < 700; ++i) {
    bool found = true;
    ASSERT_OK(inspector.key("key " + std::to_string(i), &found));
    EXPECT_FALSE(found);
  }
  EXPECT_CODE(Code::kInvalidArgument, inspector.key(std::string(65'536, 'k')));
}

TEST_F(InspectStore, BucketsHaveEveryEntry) {
  const Inspector inspector = open();
  std::uint64_t filled = 0;
  std::uint64_t old = 0;
  const std::uint64_t buckets = std::uint64_t{1} << store_.stats()->shards[0].buckets_log2;
  std::set<std::uint64_t> seen;
  for (std::uint64_t n = 0; n < buckets; ++n) {
    const Result<InspectNode> node = inspector.bucket(0, n);
    ASSERT_OK(node);
    EXPECT_FALSE(any_wrong(*node));
    // Two buckets share an old one that is not evacuated.
    if (!node->meaning.empty()) ++old;
    if (!seen.insert(node->children[0].offset).second) continue;
    for (const InspectNode& bucket : node->children) {
      for (const InspectNode& slot : bucket.children) filled += slot.meaning.starts_with("refers");
    }
  }
  EXPECT_EQ(filled, model_.size());
  EXPECT_GT(old, 0u);
  EXPECT_CODE(Code::kInvalidArgument, inspector.bucket(1, 0));
  EXPECT_CODE(Code::kInvalidArgument, inspector.bucket(0, buckets));
}

TEST_F(InspectStore, TheFileFromTheTop) {
  const Inspector inspector = open();
  const InspectNode file = inspector.file();
  EXPECT_FALSE(any_wrong(file));
  EXPECT_EQ(file.bytes, file_bytes(path_));
  const auto child = [&file](const std::string& name) -> const InspectNode& {
    for (const InspectNode& node : file.children) {
      if (node.name == name) return node;
    }
    ADD_FAILURE() << name;
    return file;
  };
  EXPECT_EQ(child("superblock").children[1].value, "1");
  EXPECT_TRUE(child("shard 0").meaning.starts_with(std::to_string(model_.size()) + " entries"));
  EXPECT_EQ(child("extents").children.empty(), false);
  EXPECT_EQ(child("runtime area").meaning, "of this boot and this file");
  EXPECT_EQ(inspector.read(0, 4).value(), "\x89\x7fhm");
  EXPECT_EQ(inspector.read(file.bytes - 1, 100)->size(), 1u);
  EXPECT_CODE(Code::kInvalidArgument, inspector.at(file.bytes));
}

TEST_F(InspectStore, EveryExtentHasAUse) {
  const Stats stats = store_.stats().value();
  const Inspector inspector = open();
  std::map<ExtentUse, std::uint64_t> bytes;
  std::uint64_t next = 0;
  std::uint64_t taken = 0;
  bool outgrown = false;
  ASSERT_OK(inspector.for_each_extent([&](const ExtentFacts& facts) {
    EXPECT_EQ(facts.extent, next++);
    EXPECT_LE(facts.used_bytes, facts.bytes);
    EXPECT_LE(facts.epoch, stats.epoch);
    if (facts.use == ExtentUse::kRecords) {
      EXPECT_GT(facts.slot_bytes, 0u);
      EXPECT_GT(facts.epoch, 0u);
      taken += facts.used_bytes;
    }
    bytes[facts.use] += facts.bytes;
    outgrown = outgrown || facts.outgrown;
    return true;
  }));
  EXPECT_EQ(bytes[ExtentUse::kRecords], stats.span_bytes);
  EXPECT_EQ(bytes[ExtentUse::kLargeRecord], stats.large_bytes);
  EXPECT_EQ(bytes[ExtentUse::kBuckets], stats.bucket_bytes);
  EXPECT_EQ(bytes[ExtentUse::kFrames], stats.frame_bytes);
  EXPECT_EQ(bytes[ExtentUse::kFree], stats.free_bytes + stats.retired_bytes);
  EXPECT_EQ(bytes[ExtentUse::kUnknown], 0u);
  EXPECT_GT(taken, stats.span_bytes / 4);
  EXPECT_TRUE(outgrown);
  std::uint64_t calls = 0;
  ASSERT_OK(inspector.for_each_extent([&](const ExtentFacts&) { return ++calls < 3; }));
  EXPECT_EQ(calls, 3u);
}

TEST_F(InspectStore, NothingIsChanged) {
  ASSERT_OK(store_.close());
  const std::string before = read_file(path_);
  const Inspector inspector = open();
  static_cast<void>(inspector.file());
  walk(inspector, [](const InspectNode&) {});
  EXPECT_EQ(read_file(path_), before);
}

TEST_F(InspectStore, ViewsOfASlotAreShown) {
  const auto small = store_.find("key 0");
  const auto large = store_.find("key 1500");
  ASSERT_TRUE(small.value() && large.value());
  const Inspector inspector = open();
  const InspectNode file = inspector.file();
  for (const InspectNode& area : file.children) {
    for (const InspectNode& pins : area.children) {
      if (pins.name != "Pins of slot 1") continue;
      const InspectNode at = inspector.at(pins.offset + pins.bytes - 1).value();
      EXPECT_EQ(at.name, "runtime area, Pins of slot 1");
      EXPECT_EQ(at.offset, pins.offset);
      ASSERT_EQ(pins.children.size(), 3u) << "a granule, a row, `extra`";
      EXPECT_TRUE(pins.children[0].name.starts_with("granules["));
      EXPECT_EQ(pins.children[1].name, "rows[0]");
      EXPECT_EQ(pins.children[1].children.size(), 2u);
      return;
    }
  }
  FAIL() << "no pins";
}

// Whatever is in the file: an answer, never a crash or an endless loop.
void ask_everything(const std::string& path, Random& random) {
  const Result<Inspector> inspector = Inspector::open(path);
  if (!inspector) return;
  static_cast<void>(inspector->file());
  static_cast<void>(inspector->for_each_extent([](const ExtentFacts&) { return true; }).ok());
  for (std::uint64_t n = 0; n < 70; ++n) static_cast<void>(inspector->bucket(0, n).has_value());
  for (int i = 0; i < 50; ++i)
    static_cast<void>(inspector->key("key " + std::to_string(i)).has_value());
  const std::uint64_t bytes = inspector->file_bytes();
  for (int i = 0; i < 300 && bytes != 0; ++i) {
    const std::uint64_t at = random.below(bytes);
    const Result<InspectNode> node = inspector->at(at);
    ASSERT_OK(node);
    ASSERT_LE(node->offset, at) << node->name;
    ASSERT_GT(node->offset + node->bytes, at) << node->name;
    ASSERT_LE(node->offset + node->bytes, bytes) << node->name;
  }
}

TEST_F(InspectStore, AnyDamage) {
  ASSERT_OK(store_.checkpoint());
  const std::string whole = read_file(path_);
  Random random(test_seed());
  const Watchdog watchdog;
  for (int round = 0; round < 60; ++round) {
    std::string bytes = whole;
    const std::uint64_t damages = 1 + random.below(40);
    for (std::uint64_t i = 0; i < damages; ++i) {
      // Half of them where the structures are.
      const std::uint64_t at = random.below(random.one_in(2) ? bytes.size() : 40'000);
      const std::uint64_t count = std::min<std::uint64_t>(1 + random.below(600), bytes.size() - at);
      for (std::uint64_t k = 0; k < count; ++k)
        bytes[at + k] = random.one_in(3) ? '\xff' : static_cast<char>(random.next());
    }
    if (random.one_in(3)) bytes.resize(random.below(bytes.size()));
    write_file(dir_.file("damaged"), bytes);
    ask_everything(dir_.file("damaged"), random);
    std::filesystem::remove(dir_.file("damaged"));
    if (HasFatalFailure()) return;
  }
}

TEST_F(InspectStore, ADamagedRecordIsWrong) {
  const std::string value = model_.at("key 0");
  ASSERT_OK(store_.close());
  std::string bytes = read_file(path_);
  const std::size_t at = bytes.find(value);
  bytes[at + 5] = static_cast<char>(bytes[at + 5] ^ 1);
  std::filesystem::remove(path_);
  write_file(path_, bytes);
  const Inspector inspector = open();
  bool found = false;
  const Result<InspectNode> node = inspector.key("key 0", &found);
  ASSERT_OK(node);
  EXPECT_TRUE(found);
  EXPECT_TRUE(any_wrong(*node));
  EXPECT_TRUE(any_wrong(inspector.at(at).value()));
}

TEST_F(InspectStore, BesideAWriter) {
  Child writer([this] {
    Result<Store> store = Store::open(path_, quiet_options());
    for (std::uint64_t i = 0; store; ++i) {
      if (!store->put("key " + std::to_string(i % 4'000), value_of(i, i % 300)).ok()) return 1;
      if (i % 3 == 0 && !store->erase("key " + std::to_string(i % 1'000))) return 2;
    }
    return 3;
  });
  Random random(test_seed());
  const Watchdog watchdog;
  for (int round = 0; round < 20 && !HasFatalFailure(); ++round) ask_everything(path_, random);
  EXPECT_EQ(writer.poll().how, Outcome::How::kTimedOut) << "the writer failed";
}

TEST(Inspect, Errors) {
  const TempDir dir;
  EXPECT_CODE(Code::kNotFound, Inspector::open(dir.file("nothing")));
  EXPECT_CODE(Code::kNotAStore, Inspector::open(dir.path()));
  write_file(dir.file("text"), std::string(100'000, 'x'));
  EXPECT_CODE(Code::kNotAStore, Inspector::open(dir.file("text")));
}

}  // namespace
}  // namespace hmap::test
