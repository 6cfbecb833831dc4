// A store to be destroyed, and what the test itself knows of it: every version of every key that
// was ever put, and where in the file its bytes lie. Nothing of that comes from recover().
#ifndef HMAP_TESTS_RECOVER_VICTIM_H_
#define HMAP_TESTS_RECOVER_VICTIM_H_

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "format/layout.h"
#include "hmap/recover.h"
#include "life/checkpoint.h"
#include "seeds.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {

// One value that a key had, and where it lies.
struct Version {
  std::string value;
  bool current = false;
  std::vector<std::size_t> offsets;  // of its records in the file; usually one, perhaps none left
  [[nodiscard]] std::size_t bytes(const std::string& key) const {
    return sizeof(format::RecordHeader) + key.size() + value.size();
  }
};

inline std::string record_tail(const std::string& key, const std::string& value) {
  format::RecordHeader header{};
  header.key_bytes = static_cast<std::uint16_t>(key.size());
  header.value_bytes = static_cast<std::uint32_t>(value.size());
  std::string tail(reinterpret_cast<const char*>(&header) + 4, sizeof header - 4);
  return tail + key + value;
}

class Victim {
 public:
  std::string bytes;  // of the undamaged file
  std::map<std::string, std::vector<Version>> history;

  void put(Store& store, const std::string& key, std::string value) {
    EXPECT_OK(store.put(key, value));
    retire(key);
    history[key].push_back({std::move(value), true, {}});
  }
  void erase(Store& store, const std::string& key) {
    EXPECT_OK(store.erase(key));
    retire(key);
  }
  // After the last change: the file as it is, and where the records are.
  void look(const std::string& path) {
    bytes = read_file(path);
    for (auto& [key, versions] : history) {
      for (Version& version : versions) {
        const std::string tail = record_tail(key, version.value);
        for (std::size_t at = bytes.find(tail); at != std::string::npos;
             at = bytes.find(tail, at + 1)) {
          if (at >= 4 && at % 16 == 4) version.offsets.push_back(at - 4);
        }
      }
    }
  }
  [[nodiscard]] Contents current() const {
    Contents contents;
    for (const auto& [key, versions] : history) {
      for (const Version& version : versions) {
        if (version.current) contents[key] = version.value;
      }
    }
    return contents;
  }
  // The current entries whose record no byte of differs in `damaged`.
  [[nodiscard]] Contents intact(const std::string& damaged) const {
    Contents contents;
    for (const auto& [key, versions] : history) {
      for (const Version& version : versions) {
        if (version.current && is_intact(key, version, damaged)) contents[key] = version.value;
      }
    }
    return contents;
  }
  [[nodiscard]] bool is_intact(const std::string& key, const Version& version,
                               const std::string& damaged) const {
    return std::any_of(version.offsets.begin(), version.offsets.end(), [&](std::size_t at) {
      const std::size_t count = version.bytes(key);
      return at + count <= damaged.size() && damaged.compare(at, count, bytes, at, count) == 0;
    });
  }

  [[nodiscard]] format::Superblock superblock() const { return at<format::Superblock>(0); }
  [[nodiscard]] Layout layout() const { return *Layout::from(superblock()); }
  [[nodiscard]] std::uint64_t newest_root() const {
    const Layout l = layout();
    return at<format::Root>(l.root_offset(1)).generation >
                   at<format::Root>(l.root_offset(0)).generation
               ? 1
               : 0;
  }
  [[nodiscard]] format::ShardHeader header(std::uint64_t shard) const {
    return at<format::ShardHeader>(layout().root_offset(newest_root()) + sizeof(format::Root) +
                                   shard * sizeof(format::ShardHeader));
  }
  template <typename T>
  [[nodiscard]] T at(std::uint64_t offset) const {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  }
  // Places of the blocks of a run in the durable state.
  [[nodiscard]] std::vector<std::uint64_t> places(const Run& run) const {
    const Layout l = layout();
    std::vector<std::uint64_t> found;
    for (std::uint64_t i = 0; i < run.blocks; ++i) {
      const auto entry = at<format::TableEntry>(
          l.table_offset(run, newest_root()) + i / l.entries_per_page * l.block_bytes +
          sizeof(format::TablePage) + i % l.entries_per_page * sizeof(format::TableEntry));
      if (entry.place != 0) found.push_back(entry.place * l.block_bytes);
    }
    return found;
  }

 private:
  void retire(const std::string& key) {
    for (Version& version : history[key]) version.current = false;
  }
};

// Some hundred entries in one shard, with everything that makes a map interesting: overflow
// buckets, a growth half done, replaced and erased keys, large records, displaced blocks.
inline Victim make_victim(const std::string& path, std::uint64_t seed,
                          Options options = quiet_options()) {
  Victim victim;
  Random random(seed);
  options.mode = Mode::kCreate;
  Result<Store> store = Store::open(path, options);
  EXPECT_OK(store);
  const auto value = [&](std::uint64_t i) {
    std::uint64_t length = random.below(160);
    if (i % 13 == 6) length = random.below(6'000);  // in spans of several extents
    if (i % 97 == 5) length = 9'000 + random.below(9'000);
    return "v" + std::to_string(i) + "." + value_of(random.next(), length);
  };
  std::uint64_t i = 0;
  const auto grow_one = [&] {
    victim.put(*store, "key" + std::to_string(i), value(i));
    if (i % 7 == 3) victim.put(*store, "key" + std::to_string(i / 2), value(i));
    if (i % 11 == 4) victim.erase(*store, "key" + std::to_string(i / 3));
    if (i % 150 == 149) {
      EXPECT_OK(store->checkpoint());
    }
    ++i;
  };
  while (i < 400) grow_one();
  for (bool growing = false; !growing && i < 4'000;) {
    grow_one();
    const Stats stats = store->stats().value();
    for (const Stats::Shard& shard : stats.shards) {
      growing = growing || (shard.growing && shard.evacuated > shard.old_buckets / 3);
    }
  }
  EXPECT_OK(store->close());
  victim.look(path);
  return victim;
}

// A salvaged store and its report.
struct Salvaged {
  RecoverReport report;
  Contents contents;
};
inline Result<Salvaged> salvage(const TempDir& dir, const std::string& damaged,
                                const RecoverOptions& options = {}) {
  const std::string from = dir.file("damaged");
  const std::string to = dir.file("fresh");
  write_file(from, damaged);
  std::filesystem::remove(to);
  Result<RecoverReport> report = recover(from, to, options);
  EXPECT_EQ(read_file(from), damaged) << "the damaged file was changed";
  if (!report) {
    EXPECT_FALSE(std::filesystem::exists(to));
    return report.error();
  }
  Salvaged salvaged{*report, {}};
  Result<Store> store = Store::open(to, with_mode({}, Mode::kReadOnly));
  EXPECT_OK(store);
  if (!store) return store.error();
  salvaged.contents = contents(*store);
  EXPECT_EQ(salvaged.contents.size(), report->entries);
  EXPECT_EQ(report->by_bucket + report->by_bitmap + report->by_scan, report->entries);
  return salvaged;
}

inline void overwrite(std::string& bytes, std::size_t at, std::size_t count, Random& random) {
  for (std::size_t i = at; i < at + count && i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(bytes[i] ^ static_cast<char>(1 + random.below(255)));
  }
}
inline void zero(std::string& bytes, std::size_t at, std::size_t count) {
  for (std::size_t i = at; i < at + count && i < bytes.size(); ++i) bytes[i] = 0;
}

// Exactly the entries whose records are intact: there is evidence left for each of them.
inline void expect_exact(const Victim& victim, const std::string& damaged,
                         const Result<Salvaged>& salvaged, const std::string& what) {
  ASSERT_OK(salvaged) << what;
  const Contents expected = victim.intact(damaged);
  for (const auto& [key, value] : salvaged->contents) {
    const auto found = expected.find(key);
    if (found == expected.end()) {
      ADD_FAILURE() << what << ": came back: " << key;
    } else if (found->second != value) {
      ADD_FAILURE() << what << ": wrong version of " << key;
    }
  }
  for (const auto& [key, value] : expected) {
    EXPECT_TRUE(salvaged->contents.contains(key)) << what << ": missing: " << key;
  }
}

inline std::string words_on(const RecoverReport& report) {
  std::string text = " [root " + std::to_string(report.generation) + ", buckets " +
                     std::to_string(report.by_bucket) + ", bitmaps " +
                     std::to_string(report.by_bitmap) + ", scan " + std::to_string(report.by_scan) +
                     ", scanned " + std::to_string(report.scan_intact);
  for (const RecoverReport::Damage& damage : report.damage) {
    text += "; " + std::string(damage.what) + " " + std::to_string(damage.offset);
  }
  return text + "]";
}

// Every entry whose record is intact is there, and nothing that was never put. A key may have an
// older value, or be back, only if that value's record is intact as well.
inline void expect_sane(const Victim& victim, const std::string& damaged,
                        const Result<Salvaged>& salvaged, const std::string& what) {
  ASSERT_OK(salvaged) << what;
  for (const auto& [key, value] : victim.intact(damaged)) {
    EXPECT_TRUE(salvaged->contents.contains(key))
        << what << ": missing: " << key << words_on(salvaged->report);
  }
  for (const auto& [key, value] : salvaged->contents) {
    const auto versions = victim.history.find(key);
    ASSERT_NE(versions, victim.history.end()) << what << ": never put: " << key;
    const auto& content = value;
    const auto& name = key;
    EXPECT_TRUE(std::any_of(versions->second.begin(), versions->second.end(),
                            [&](const Version& version) {
                              return version.value == content &&
                                     victim.is_intact(name, version, damaged);
                            }))
        << what << ": a value never put: " << key;
  }
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_RECOVER_VICTIM_H_
