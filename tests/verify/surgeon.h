// Changes the durable state of a closed store and makes its checksums right again, so that only the
// rules behind them can tell.
#ifndef HMAP_TESTS_VERIFY_SURGEON_H_
#define HMAP_TESTS_VERIFY_SURGEON_H_

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>

#include "format/hash.h"
#include "format/record_sum.h"
#include "life/checkpoint.h"
#include "life/open.h"
#include "map/bmap.h"
#include "state/space.h"

namespace hmap::test {

// The record that a slot refers to.
inline u64 record_of(const format::Bmap& bucket, u64 slot) {
  return record_in(&bucket.overflow, slot);
}
inline void refer(format::Bmap& bucket, u64 slot, u64 offset) {
  const u64 reference = offset / format::kRecordUnit;
  std::memcpy(reinterpret_cast<std::byte*>(bucket.refs) + slot * format::kRefBytes, &reference,
              format::kRefBytes);
}

class Surgeon {
 public:
  explicit Surgeon(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) throw std::runtime_error("cannot open " + path);
    bytes_ = static_cast<std::size_t>(::lseek(fd, 0, SEEK_END));
    void* base = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    const format::Superblock superblock = read_superblock(fd, false).value();
    ::close(fd);
    if (base == MAP_FAILED) throw std::runtime_error("cannot map " + path);
    base_ = static_cast<std::byte*>(base);
    layout_ = Layout::from(superblock).value();
    seed_ = superblock.store_seed;
    k_ = root_at(0).generation > root_at(1).generation ? 0 : 1;
  }
  Surgeon(const Surgeon&) = delete;
  Surgeon& operator=(const Surgeon&) = delete;
  ~Surgeon() { ::munmap(base_, bytes_); }

  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] u64 seed() const { return seed_; }
  template <typename T>
  T& at(u64 offset) {
    if (offset + sizeof(T) > bytes_) throw std::runtime_error("outside of the file");
    return *reinterpret_cast<T*>(base_ + offset);
  }
  format::Root& root_at(u64 index) { return at<format::Root>(layout_.root_offset(index)); }
  format::Root& root() { return root_at(k_); }
  [[nodiscard]] u64 root_index() const { return k_; }
  format::ShardHeader& header(u64 shard = 0) {
    return at<format::ShardHeader>(layout_.root_offset(k_) + sizeof(format::Root) +
                                   shard * sizeof(format::ShardHeader));
  }

  u64 page_offset(const Run& run, u64 block) {
    return layout_.table_offset(run, k_) + block / layout_.entries_per_page * layout_.block_bytes;
  }
  format::TableEntry& entry(const Run& run, u64 block) {
    return at<format::TableEntry>(page_offset(run, block) + sizeof(format::TablePage) +
                                  block % layout_.entries_per_page * sizeof(format::TableEntry));
  }
  // Where a block is; the home, which reads as zero, if it was never written.
  u64 place(const Run& run, u64 block) {
    const u64 units = entry(run, block).place;
    return units != 0 ? units * layout_.block_bytes : run.offset + block * layout_.block_bytes;
  }
  format::Bmap& bucket(const format::BucketArray& array, u64 n) {
    const BucketPlace where = place_in_array(layout_, array.b, n);
    const Run run = layout_.array_run(array, where.run);
    const auto [block, inside] = layout_.bucket.place(where.bucket);
    return at<format::Bmap>(place(run, block) + inside);
  }
  format::SpanEntry& span(u64 id, u64 shard = 0) {  // of the first segment
    const Run run(header(shard).directory[0], layout_.directory_shape(0));
    return at<format::SpanEntry>(place(run, id / layout_.spans_per_block) +
                                 id % layout_.spans_per_block * sizeof(format::SpanEntry));
  }
  u64& extent_word(u64 extent) {
    u64 block = extent / layout_.words_per_block;
    for (u64 k = 0;; ++k) {
      const Run run = table_run(k);
      if (block < run.blocks) {
        return at<u64>(place(run, block) + extent % layout_.words_per_block * 8);
      }
      block -= run.blocks;
    }
  }
  void seal_record(u64 offset) {
    auto& record = at<format::RecordHeader>(offset);
    const u64 bytes = sizeof record + record.key_bytes + record.value_bytes;
    record.checksum =
        record_checksum(layout_.record_sums, base_ + offset + 4, bytes - 4, seed_ ^ offset);
  }
  void seal_root() {
    const u64 headers = layout_.root_offset(k_) + sizeof(format::Root);
    root().headers_checksum = checksum(
        base_ + headers, layout_.shards * sizeof(format::ShardHeader), seed_ ^ root().generation);
    root().checksum = root_checksum(root(), seed_);
  }
  // All blocks and pages that the headers, as they are now, lead to. Before they are damaged.
  void seal() {
    for (u64 k = 0; k < format::kExtentSegments && !root().extent_table[k].none(); ++k)
      seal_run(table_run(k));
    for (u64 s = 0; s < layout_.shards; ++s) {
      for_each_run(layout_, header(s), [&](const Run& run) {
        seal_run(run);
        return true;
      });
    }
    seal_root();
  }

 private:
  Run table_run(u64 k) { return {root().extent_table[k], layout_.extent_table_shape(k)}; }
  void seal_run(const Run& run) {
    for (u64 i = 0; i < run.blocks; ++i) {
      format::TableEntry& e = entry(run, i);
      if (e.place == 0 || u64{e.place} * layout_.block_bytes >= bytes_) continue;
      e.checksum = checksum(base_ + u64{e.place} * layout_.block_bytes, layout_.block_bytes,
                            seed_ ^ (run.offset + i * layout_.block_bytes));
    }
    for (u64 p = 0; p < layout_.table_pages(run.blocks); ++p) {
      const u64 page = layout_.table_offset(run, k_) + p * layout_.block_bytes;
      at<u32>(page) = checksum(base_ + page + 4, layout_.block_bytes - 4, seed_ ^ page);
    }
  }

  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  Layout layout_;
  u64 seed_ = 0;
  u64 k_ = 0;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_VERIFY_SURGEON_H_
