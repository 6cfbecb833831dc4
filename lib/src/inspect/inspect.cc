// hmap::Inspector: see hmap/inspect.h.
#include "hmap/inspect.h"

#include <unistd.h>

#include <cerrno>

#include "format/hash.h"
#include "hmap/options.h"
#include "inspect/inspect_view.h"
#include "life/open.h"
#include "map/bmap.h"
#include "records/batch_area.h"
#include "verify/verify_findings.h"

namespace hmap {

using checking::say;
using inspecting::bucket_node;
using inspecting::hex;
using inspecting::SeenBucket;

namespace {

constexpr std::size_t kDamageListed = 1'000;

InspectNode step(std::string name, std::string value, std::string meaning) {
  return {std::move(name), 0, 0, std::move(value), std::move(meaning), false, {}};
}

// Walks the chain of a main bucket; `visit` says whether to go on.
template <typename Visit>
void walk(const inspecting::View& view, const inspecting::View::Chain& chain, InspectNode& to,
          Visit&& visit) {
  ChainHops hops;
  for (u64 n = chain.main, length = 0;; ++length) {
    const SeenBucket seen = view.bucket(*chain.array, n);
    const std::string name =
        say(length == 0 ? (chain.old ? "old bucket " : "bucket ") : "overflow bucket ", n);
    if (!visit(seen, n, name) || seen.trust == Trust::kDamaged) return;
    n = overflow_in(seen.bucket.overflow);
    if (n == 0) return;
    if (n < u64{1} << chain.array->b || n >= chain.array->next_overflow || !hops.goes_on(n)) {
      to.children.push_back(step(say("overflow bucket ", n), "", "the chain leads astray"));
      to.children.back().wrong = true;
      return;
    }
  }
}

}  // namespace

class Inspector::Impl {
 public:
  Impl() : log_(kDamageListed) {}

  Status open(const std::string& path, const InspectOptions& options) {
    Result<Fd> fd = open_file(path, false);
    if (!fd) return fd.error();
    fd_ = *std::move(fd);
    RecoverOptions wish;
    wish.store_seed = options.store_seed;
    if (Status s = open_source(source_, fd_.get(), wish, log_, report_); !s.ok()) return s;
    SalvageState* state = source_.durable ? &*source_.durable : nullptr;
    if (source_.live && !options.durable) state = &*source_.live;
    view_.emplace(source_, state);
    return {};
  }

  [[nodiscard]] InspectNode file() const {
    return inspecting::file_node(*view_, source_, report_, log_);
  }

  [[nodiscard]] TypeInfo type() const { return source_.type; }

  [[nodiscard]] Result<InspectNode> at(u64 offset) const {
    const u64 end = source_.engine.map->file_bytes();
    if (offset >= end) return Status(Code::kInvalidArgument, "the file is shorter", offset);
    if (!source_.layout_known) {
      return InspectNode{"unknown",
                         offset,
                         std::min<u64>(end - offset, format::kPageBytes),
                         "",
                         "the superblock is lost: nobody can tell",
                         true,
                         {}};
    }
    InspectNode node = inspecting::node_at(*view_, offset);
    node.bytes = std::min(node.bytes, end - node.offset);
    return node;
  }

  [[nodiscard]] Result<InspectNode> bucket(u64 shard, u64 number) const {
    const Result<const format::ShardHeader*> header = header_of(shard);
    if (!header) return header.error();
    if (number >> std::min<u64>((*header)->b, 63) != 0)
      return Status(Code::kInvalidArgument, "the shard has no such bucket");
    InspectNode node = step(say("shard ", shard, ", bucket ", number), "", "");
    if ((*header)->buckets.id == 0) {
      node.meaning = "the shard has no buckets yet";
      return node;
    }
    const inspecting::View::Chain chain = view_->chain_of(**header, number);
    if (chain.array == nullptr) {
      node.meaning = say("old bucket ", chain.main, " cannot be read");
      node.wrong = true;
      return node;
    }
    if (chain.old)
      node.meaning = say("not evacuated yet: its entries are in old bucket ", chain.main);
    walk(*view_, chain, node, [&](const SeenBucket& seen, u64 n, const std::string& name) {
      node.children.push_back(bucket_node(*view_, seen, n, name));
      return true;
    });
    return node;
  }

  Result<InspectNode> key(std::string_view key, bool* found) const;

  Status for_each_extent(const std::function<bool(const ExtentFacts&)>& visit) const {
    if (!source_.layout_known || view_->state() == nullptr)
      return {Code::kCorrupt, "no state of the store can be read"};
    inspecting::visit_extents(*view_, visit);
    return {};
  }

  [[nodiscard]] Result<std::string> read(u64 offset, u64 bytes) const {
    const u64 end = source_.engine.map->file_bytes();
    std::string text(offset < end ? std::min(bytes, end - offset) : 0, '\0');
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t got = ::pread(fd_.get(), text.data() + done, text.size() - done,
                                  static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Status(Code::kIoError, "cannot read the file", offset, errno);
      if (got == 0) text.resize(done);
      done += static_cast<std::size_t>(got);
    }
    return text;
  }

  [[nodiscard]] u64 file_bytes() const { return source_.engine.map->file_bytes(); }

 private:
  [[nodiscard]] Result<const format::ShardHeader*> header_of(u64 shard) const {
    if (!source_.layout_known || view_->state() == nullptr)
      return Status(Code::kCorrupt, "no state of the store can be read");
    if (shard >= source_.engine.layout.shards)
      return Status(Code::kInvalidArgument, "the store has no such shard");
    if (view_->header(shard) == nullptr)
      return Status(Code::kCorrupt, "the header of the shard is lost");
    return view_->header(shard);
  }
  // What a batch that has happened has yet to do with the key; 0: nothing.
  [[nodiscard]] u64 batch_op(std::string_view key, u64 hash) const {
    const Engine& engine = source_.engine;
    const u64 shard = hash & (engine.layout.shards - 1);
    if (!view_->state()->is_live() || !part_is_committed(engine, shard)) return 0;
    return find_in_batch(engine, key, hash);
  }
  [[nodiscard]] bool add_matches(const SeenBucket& seen, u8 tophash, std::string_view key,
                                 InspectNode& to) const;

  Fd fd_;
  SalvageSource source_;
  DamageLog log_;
  RecoverReport report_;
  std::optional<inspecting::View> view_;
};

// The slots of a bucket that the key may be in. True: it is in one of them.
bool Inspector::Impl::add_matches(const SeenBucket& seen, u8 tophash, std::string_view key,
                                  InspectNode& to) const {
  for (u64 slot = 0; slot < format::kSlots; ++slot) {
    if (tophash_at(seen.bucket.tophash, slot) != tophash) continue;
    if (view_->layout.bucket.is_inline()) {
      const bool same = view_inline(view_->layout.bucket, &seen.bucket.overflow, slot).has_key(key);
      to.children.push_back(step(say("slot ", slot), hex(tophash),
                                 same ? "the tophash fits, and so does the key"
                                      : "the tophash fits by chance: the slot has another key"));
      if (same) return true;
      continue;
    }
    const u64 offset = record_in(&seen.bucket.overflow, slot);
    const std::optional<ScannedRecord> record = plausible_record(*source_.engine.map, offset);
    const bool same = record && record->key == key;
    InspectNode node = step(say("slot ", slot), hex(tophash),
                            same ? "the tophash fits, and so does the key"
                                 : "the tophash fits by chance: the record has another key");
    node.children.push_back(inspecting::record_node(*view_, offset));
    node.wrong = node.children.back().wrong;
    if (same) {
      // Where the record lies: its span and slot, or its extents.
      InspectNode where = inspecting::node_at(*view_, offset);
      node.children.push_back(step("in", where.name, ""));
    }
    to.children.push_back(std::move(node));
    if (same) return true;
  }
  return false;
}

Result<InspectNode> Inspector::Impl::key(std::string_view key, bool* found) const {
  if (key.size() > kKeyBytesMax)
    return Status(Code::kInvalidArgument, "the key is longer than 65,535 bytes");
  const Lengths& lengths = source_.engine.layout.lengths;
  if (Status s = lengths.check_key(key.size()); !s.ok()) return s;
  const u64 hash = hash_key(key, source_.engine.store_seed);
  const u64 shard = hash & (source_.engine.layout.shards - 1);
  const Result<const format::ShardHeader*> header = header_of(shard);
  if (!header) return header.error();
  const u64 hh = mix(hash, (*header)->hash0);
  const u8 tophash = tophash_of(hh);
  InspectNode node = step("key", inspecting::quoted(key), "");
  node.children.push_back(step("h", hex(hash), "XXH3 of the key, seeded with store_seed"));
  node.children.push_back(step("shard", std::to_string(shard), "h & (2^S - 1)"));
  node.children.push_back(step("hh", hex(hh), "mix(h, hash0 of the shard)"));
  node.children.push_back(step("tophash", hex(tophash), "hh >> 56, plus 5 if below 5"));
  bool there = false;
  if (const u64 op = batch_op(key, hash); op != 0) {
    there = (op & format::kBatchEraseBit) == 0;
    node.children.push_back(step("batch", hex(op),
                                 say("has happened and is not done yet; counts more than the "
                                     "buckets: it ",
                                     there ? "puts" : "erases", " the key")));
    node.children.back().children.push_back(
        inspecting::record_node(*view_, format::batch_op_record(op)));
  } else if ((*header)->buckets.id != 0) {
    const inspecting::View::Chain chain = view_->chain_of(**header, hh);
    const u64 b = chain.array == nullptr ? (*header)->oldbuckets.b : chain.array->b;
    node.children.push_back(
        step(chain.old ? "old bucket" : "bucket", std::to_string(chain.main),
             say("hh & (2^", b, " - 1)", chain.old ? "; it is not evacuated yet" : "")));
    if (chain.array == nullptr) {
      node.children.back().wrong = true;
      node.children.back().meaning = "cannot be read";
    } else {
      walk(*view_, chain, node, [&](const SeenBucket& seen, u64 n, const std::string& name) {
        InspectNode bucket = bucket_node(*view_, seen, n, name);
        if (seen.trust != Trust::kDamaged) {
          bucket.children.erase(bucket.children.begin() + 1, bucket.children.end());
          there = add_matches(seen, tophash, key, bucket);
        }
        node.children.push_back(std::move(bucket));
        return !there;
      });
    }
  }
  node.meaning = there ? "found" : "absent";
  if (found != nullptr) *found = there;
  return node;
}

Inspector::Inspector(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Inspector::Inspector(Inspector&&) noexcept = default;
Inspector& Inspector::operator=(Inspector&&) noexcept = default;
Inspector::~Inspector() = default;

Result<Inspector> Inspector::open(const std::string& path, const InspectOptions& options) {
  auto impl = std::make_unique<Impl>();
  if (Status s = impl->open(path, options); !s.ok()) return s;
  return Inspector(std::move(impl));
}

InspectNode Inspector::file() const { return impl_->file(); }
TypeInfo Inspector::type() const { return impl_->type(); }
Result<InspectNode> Inspector::bucket(std::uint64_t shard, std::uint64_t bucket) const {
  return impl_->bucket(shard, bucket);
}
Result<InspectNode> Inspector::key(std::string_view key, bool* found) const {
  return impl_->key(key, found);
}
Result<InspectNode> Inspector::at(std::uint64_t offset) const { return impl_->at(offset); }
Status Inspector::for_each_extent(const std::function<bool(const ExtentFacts&)>& visit) const {
  return impl_->for_each_extent(visit);
}
Result<std::string> Inspector::read(std::uint64_t offset, std::uint64_t bytes) const {
  return impl_->read(offset, bytes);
}
std::uint64_t Inspector::file_bytes() const { return impl_->file_bytes(); }

}  // namespace hmap
