// The text formats that `load` reads and `dump` writes, record by record.
//
// Every reader is strict: what it does not understand is refused with the line and what was
// expected, because a loader that guesses loses data (all loaders we know accept cut files).
// Memory: one record and a buffer, however long the input.
#ifndef HMAP_TOOLS_FORMATS_FORMAT_H_
#define HMAP_TOOLS_FORMATS_FORMAT_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hmap::tool {

class Input;
class Output;

enum class Format : std::uint8_t { kDb, kTsv, kJsonl, kCdbmake, kGdbm, kTdb, kHexTsv, kLmdb };

inline constexpr std::array<std::string_view, 8> kFormatNames = {"db",   "tsv", "jsonl",  "cdbmake",
                                                                 "gdbm", "tdb", "hextsv", "lmdb"};
// "db, tsv, ... or lmdb".
[[nodiscard]] std::string format_names();

[[nodiscard]] std::string_view format_name(Format format) noexcept;
// Throws a usage failure for an unknown name.
[[nodiscard]] Format format_named(std::string_view name);
// What the first bytes of `input` look like; refuses input that looks like nothing known.
[[nodiscard]] Format recognise(Input& input);

struct Record {
  std::string key;
  std::string value;
  std::uint64_t line = 0;  // Where it begins.
};

class RecordReader {
 public:
  RecordReader() = default;
  virtual ~RecordReader() = default;
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;

  // Reads the next record, reusing the strings of `record`; false at the proper end of the input.
  // Throws Failure kBadInput; records handed out before were complete.
  virtual bool next(Record& record) = 0;
};

class RecordWriter {
 public:
  RecordWriter() = default;
  virtual ~RecordWriter() = default;
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  virtual void begin() {}
  virtual void write(std::string_view key, std::string_view value) = 0;
  // What tells a reader that nothing is missing; not called after a failure.
  virtual void end() {}
};

// The reader or writer keeps a reference to its stream. `bytes`: those of all records that will be
// written, roughly; kLmdb's header wants to know.
[[nodiscard]] std::unique_ptr<RecordReader> make_reader(Format format, Input& input);
[[nodiscard]] std::unique_ptr<RecordWriter> make_writer(Format format, Output& out,
                                                        std::uint64_t bytes);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_FORMATS_FORMAT_H_
