// The bytes of a commit log as C++ types; the twin of format-spec/format.md, "Commit log".
//
//   0         4096                                                4096 + area_bytes
//   +---------+--------+--------+--------+- - - - - - - - - - - - - +
//   | header, | record | record | record |   of former laps, or zero |
//   | constant|        |        |        |                           |
//   +---------+--------+--------+--------+- - - - - - - - - - - - - +
//
// The log is endless: position p counts all bytes ever written to it and lies at byte p %
// area_bytes of the area. A record's number (LSN) is the position at which it begins.
#ifndef HMAP_SRC_FORMAT_LOG_FORMAT_H_
#define HMAP_SRC_FORMAT_LOG_FORMAT_H_

#include "format/format.h"

namespace hmap::format {

inline constexpr u64 kLogMagic = 0x676f6c2d70616d68;  // "hmap-log"
inline constexpr u32 kLogVersion = 1;
inline constexpr u64 kLogAreaAt = 4096;  // the header's page is written once
inline constexpr u64 kLogUnit = 8;       // records begin and end at multiples of this
inline constexpr u64 kLogAreaMin = 16'384;
inline constexpr u64 kLogAreaMax = u64{1} << 32;
// A record longer than the area divided by this is replaced by a marker.
inline constexpr u64 kLogShare = 8;

struct LogHeader {
  u64 magic;
  u32 version;
  u32 checksum;    // of these 512 bytes with this field zero
  u8 uuid[16];     // of the store
  u64 area_bytes;  // a multiple of 4096
  u8 reserved[472];
};
HMAP_LAYOUT(LogHeader, magic, 0, 8);
HMAP_LAYOUT(LogHeader, version, 8, 4);
HMAP_LAYOUT(LogHeader, checksum, 12, 4);
HMAP_LAYOUT(LogHeader, uuid, 16, 16);
HMAP_LAYOUT(LogHeader, area_bytes, 32, 8);
HMAP_LAYOUT(LogHeader, reserved, 40, 472);
static_assert(OnDisk<LogHeader> && sizeof(LogHeader) == 512);

enum class LogOp : u8 {
  kPut = 1,     // the key has this value
  kErase = 2,   // the key is gone
  kClear = 3,   // the shard `value_bytes` is empty
  kMarker = 4,  // a put or batch too large for the log: only a checkpoint can make it durable
  kBatch = 5,   // the value is a row of puts and erasures (LogBatchOp), which happen at one moment
};

// Followed by the key, then the value, then zeros up to a multiple of 8.
struct LogRecord {
  u32 bytes;     // of the whole record
  u32 checksum;  // of the record with this field zero, seeded with the store's seed ^ lsn
  u64 lsn;       // the position where the record begins
  u8 op;
  u8 flags;  // kPut: as a record's
  u16 key_bytes;
  u32 value_bytes;
};
HMAP_LAYOUT(LogRecord, bytes, 0, 4);
HMAP_LAYOUT(LogRecord, checksum, 4, 4);
HMAP_LAYOUT(LogRecord, lsn, 8, 8);
HMAP_LAYOUT(LogRecord, op, 16, 1);
HMAP_LAYOUT(LogRecord, flags, 17, 1);
HMAP_LAYOUT(LogRecord, key_bytes, 18, 2);
HMAP_LAYOUT(LogRecord, value_bytes, 20, 4);
static_assert(OnDisk<LogRecord> && sizeof(LogRecord) == 24);

// One put or erasure of a batch; followed by the key, then the value, then the next one at once.
struct LogBatchOp {
  u8 op;     // kPut or kErase
  u8 flags;  // as a record's
  u16 key_bytes;
  u32 value_bytes;
};
HMAP_LAYOUT(LogBatchOp, op, 0, 1);
HMAP_LAYOUT(LogBatchOp, flags, 1, 1);
HMAP_LAYOUT(LogBatchOp, key_bytes, 2, 2);
HMAP_LAYOUT(LogBatchOp, value_bytes, 4, 4);
static_assert(OnDisk<LogBatchOp> && sizeof(LogBatchOp) == 8);

}  // namespace hmap::format

#endif  // HMAP_SRC_FORMAT_LOG_FORMAT_H_
