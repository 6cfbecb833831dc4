// A commit log made by a stranger, beside a store that says that it owes it
// something.
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "exercise.h"
#include "format/hash.h"
#include "format/log_format.h"
#include "same_again.h"
#include "seeds.h"
#include "target.h"
#include "victim_file.h"

namespace hmap::test {
namespace {

using format::LogHeader;
using format::LogRecord;

template <typename T>
T read_from(const std::string& file, u64 offset) {
  T value{};
  if (offset + sizeof value <= file.size()) std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

// Makes the checksums of header and records right, as long as one record leads
// to the next.
void seal_log(std::string& log, const Base& base) {
  if (log.size() < format::kLogAreaAt) return;
  auto header = read_from<LogHeader>(log, 0);
  header.checksum = 0;
  header.checksum = checksum(&header, sizeof header, 0);
  std::memcpy(log.data(), &header, sizeof header);
  const auto superblock = read_from<format::Superblock>(base.companion, 0);
  // The records of the undamaged log, where they were.
  for (const Part& part : base.anatomy.parts(Kind::kRecord)) {
    auto record = read_from<LogRecord>(log, part.offset);
    if (record.bytes < sizeof record || record.bytes > log.size() ||
        part.offset + record.bytes > log.size()) {
      continue;
    }
    record.checksum = 0;
    std::memcpy(log.data() + part.offset, &record, sizeof record);
    record.checksum = checksum(log.data() + part.offset, record.bytes,
                               superblock.store_seed ^ read_from<LogRecord>(log, part.offset).lsn);
    std::memcpy(log.data() + part.offset, &record, sizeof record);
  }
}

void write_log(const VictimFile& file, const std::string& log) {
  const std::string path = file.path() + "-wal";
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || ::write(fd, log.data(), log.size()) != static_cast<ssize_t>(log.size()))
    fail("cannot write the log");
  ::close(fd);
}

void run_log(Bytes input) {
  const Script script = Script::parse(input);
  const Base& base = logged_bases()[script.base % logged_bases().size()];
  std::string log = base.file;
  for (const Edit& edit : script.edits) apply(edit, base, log);
  if ((script.flags & Script::kSealRecords) != 0) seal_log(log, base);
  VictimFile& file = victim_file();
  std::filesystem::remove(file.path() + "-wal.bad");
  write_log(file, log);
  file.image() = base.companion;
  file.become_image();
  same_again(script.salt);
  Exercise exercise = exercise_of(script, base);
  exercise.steps |= kWrite;
  exercise.writes = 8;
  exercise.values_count = script.edits.empty() || (script.flags & Script::kSealRecords) == 0;
  exercise.with_log = true;
  exercise.ignore_log = (script.flags & Script::kSealStructures) != 0;
  exercise.durability =
      (script.flags & Script::kOfThisBoot) != 0 ? Durability::kCommit : Durability::kNone;
  exercise.run();
  // A log of a later version may be worth something to somebody.
  const bool refused =
      !exercise.open_error.ok() && exercise.open_error.code() != Code::kWrongVersion;
  if (exercise.ignore_log && refused) fail("the store is lost with its log");
}

std::vector<std::string> log_seeds() {
  std::vector<std::string> all;
  Random random(1);
  for (std::size_t i = 0; i < 8 * logged_bases().size(); ++i) {
    Script script;
    script.base = static_cast<std::uint8_t>(i / 8);
    script.flags = static_cast<std::uint8_t>(i % 8);
    script.steps = 0xff;
    all.push_back(script.bytes());
    for (const Kind kind : {Kind::kSuperblock, Kind::kRecord, Kind::kFile}) {
      Edit edit{};
      edit.op = static_cast<std::uint8_t>(Op::kXor);
      edit.kind = static_cast<std::uint8_t>(kind);
      edit.index = static_cast<std::uint8_t>(random.below(8));
      edit.at = static_cast<std::uint16_t>(8 * random.below(5));
      edit.width = 3;
      edit.value = std::uint64_t{1} << random.below(64);
      script.edits = {edit};
      all.push_back(script.bytes());
    }
  }
  return all;
}

}  // namespace

Target log_target() { return {"log", run_log, mutate_log, log_seeds, 1024}; }

}  // namespace hmap::test
