// hmap inspect: what lies where in a store's file.
#include "hmap/inspect.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "io/output.h"
#include "io/terminal.h"
#include "report/inspect_text.h"
#include "report/json.h"
#include "text/escape.h"
#include "text/hex.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/typed.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kHexBytesMax = 512;
constexpr std::uint64_t kDefaultFileDepth = 2;

struct InspectVerb {
  CommonOptions common;
  std::string bucket;
  std::string key;
  std::string page;
  std::string offset;
  std::string seed;
  TypeOptions types;
  bool key_hex = false;
  bool durable = false;
  std::uint64_t depth = UINT64_MAX;
  CLI::Option* bucket_option = nullptr;
  CLI::Option* key_option = nullptr;
  CLI::Option* page_option = nullptr;
  CLI::Option* offset_option = nullptr;
};

constexpr const char* kInspectExample =
    "Examples:\n"
    "  hmap inspect users.hmap\n"
    "  hmap inspect users.hmap --key ada\n"
    "  hmap inspect hits.hmap --key 7\n"
    "  hmap inspect users.hmap --bucket 0:17\n"
    "  hmap inspect users.hmap --offset 0x21040\n"
    "\n"
    "Names are those of the format's specification. A line that begins with ! contradicts a\n"
    "checksum or a rule. The file may be damaged; nothing in it is changed. Beside writers a "
    "place\n"
    "that is just being changed may be told half old and half new.";

std::uint64_t number_of(std::string_view text, const char* option) {
  const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
  const std::string_view digits = is_hex ? text.substr(2) : text;
  std::uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, is_hex ? 16 : 10);
  if (error == std::errc() && end == digits.data() + digits.size()) return number;
  throw usage_failure(fmt::format("{} {} is no number", option, quote(text)),
                      "decimal, or hexadecimal with 0x");
}

InspectOptions options_of(const InspectVerb& verb) {
  InspectOptions options;
  options.durable = verb.durable;
  if (verb.seed.empty()) return options;
  options.store_seed = seed_of(verb.seed);
  return options;
}

Json json_of(const InspectNode& node, std::uint64_t depth) {
  Json json = {{"name", node.name}};
  if (node.bytes != 0) json["offset"] = node.offset;
  if (node.bytes != 0) json["bytes"] = node.bytes;
  if (!node.value.empty()) json["value"] = node.value;
  if (!node.meaning.empty()) json["meaning"] = node.meaning;
  if (node.wrong) json["wrong"] = true;
  if (node.children.empty() || depth == 0) return json;
  json["children"] = Json::array();
  for (const InspectNode& child : node.children)
    json["children"].push_back(json_of(child, depth - 1));
  return json;
}

class Writer {
 public:
  Writer(const InspectVerb& verb, const Inspector& inspector)
      : verb_(verb), inspector_(inspector) {}

  void tree(const InspectNode& node, std::uint64_t default_depth) {
    const std::uint64_t depth = verb_.depth == UINT64_MAX ? default_depth : verb_.depth;
    if (verb_.common.json) return write_pretty(out_, json_of(node, depth));
    out_.write(inspect_text(node, depth, wants_colour(STDOUT_FILENO)));
  }
  void thing_and_bytes(const InspectNode& node) {
    if (verb_.common.json) return tree(node, UINT64_MAX);
    tree(node, UINT64_MAX);
    const std::uint64_t shown = std::min(node.bytes, kHexBytesMax);
    out_.put('\n');
    write_bytes(node.offset, shown);
    if (shown < node.bytes) out_.write(fmt::format("  ... to {:#x}\n", node.offset + node.bytes));
  }
  // Everything that lies in the page, one thing after the other.
  void page(std::uint64_t offset) {
    static_cast<void>(take(inspector_.at(offset), verb_.common.file));  // is there such a page?
    const std::uint64_t begin = offset / kPageBytes * kPageBytes;
    const std::uint64_t end = std::min(begin + kPageBytes, inspector_.file_bytes());
    Json things = Json::array();
    for (std::uint64_t at = begin; at < end;) {
      const InspectNode node = take(inspector_.at(at), verb_.common.file);
      const std::uint64_t next = std::max(node.offset + node.bytes, at + 1);
      if (verb_.common.json) {
        things.push_back(json_of(node, verb_.depth));
      } else {
        out_.write(inspect_text(node, verb_.depth == UINT64_MAX ? 0 : verb_.depth,
                                wants_colour(STDOUT_FILENO)));
        write_bytes(at, std::min(next, end) - at);
      }
      at = next;
    }
    if (verb_.common.json)
      write_pretty(out_, {{"page", begin}, {"bytes", end - begin}, {"things", things}});
  }
  void finish() { out_.finish(); }

 private:
  void write_bytes(std::uint64_t offset, std::uint64_t bytes) {
    out_.write(hex_dump(take(inspector_.read(offset, bytes), verb_.common.file), offset));
  }

  const InspectVerb& verb_;
  const Inspector& inspector_;
  Output out_;
};

Exit write_bucket(const InspectVerb& verb, const Inspector& inspector, Writer& writer) {
  const std::size_t colon = verb.bucket.find(':');
  if (colon == std::string::npos)
    throw usage_failure(fmt::format("--bucket {} is not SHARD:NUMBER", quote(verb.bucket)));
  const std::string_view text = verb.bucket;
  const std::uint64_t shard = number_of(text.substr(0, colon), "--bucket");
  const std::uint64_t number = number_of(text.substr(colon + 1), "--bucket");
  const Result<InspectNode> bucket = inspector.bucket(shard, number);
  if (!bucket) {
    Failure failure = store_failure(bucket.error(), verb.common.file);
    if (failure.code == Code::kInvalidArgument) {
      failure.hint = fmt::format("`hmap stat --json {}` has buckets_log2 of each shard, from 0 on",
                                 verb.common.file);
    }
    throw failure;
  }
  writer.tree(*bucket, UINT64_MAX);
  return Exit::kYes;
}

Exit write_asked(const InspectVerb& verb, const Inspector& inspector, Writer& writer) {
  const std::string& path = verb.common.file;
  if (verb.bucket_option->count() != 0) return write_bucket(verb, inspector, writer);
  if (verb.key_option->count() != 0) {
    bool found = false;
    const std::string key = key_from(verb.key, TextTypes::of(verb.types, inspector.type()).key);
    writer.tree(take(inspector.key(key, &found), path), UINT64_MAX);
    return found ? Exit::kYes : Exit::kNo;
  }
  if (verb.page_option->count() != 0) {
    writer.page(number_of(verb.page, "--page"));
  } else if (verb.offset_option->count() != 0) {
    writer.thing_and_bytes(take(inspector.at(number_of(verb.offset, "--offset")), path));
  } else {
    writer.tree(inspector.file(), kDefaultFileDepth);
  }
  return Exit::kYes;
}

Exit run(const InspectVerb& verb) {
  const InspectOptions options = options_of(verb);
  const Inspector inspector = take(Inspector::open(verb.common.file, options), verb.common.file);
  Writer writer(verb, inspector);
  const Exit exit = write_asked(verb, inspector, writer);
  writer.finish();
  return exit;
}

}  // namespace

Verb add_inspect(CLI::App& root) {
  auto verb = std::make_shared<InspectVerb>();
  CLI::App& app = add_verb(root, verb->common, "inspect", "show what lies where", kInspectExample);
  verb->bucket_option =
      add_bytes(app, "--bucket", verb->bucket, "a bucket with its chain, slot by slot")
          ->type_name("SHARD:N");
  verb->key_option = add_bytes(app, "--key", verb->key, "each step of finding a key")
                         ->type_name("KEY")
                         ->excludes(verb->bucket_option);
  app.add_flag("--key-hex", verb->key_hex, "KEY is given as hex digits")->needs(verb->key_option);
  add_key_type_option(app, verb->types.key, "default: as the type of the store says");
  verb->page_option = add_bytes(app, "--page", verb->page, "all that lies in a page of 4 KiB")
                          ->type_name("OFFSET")
                          ->excludes(verb->bucket_option)
                          ->excludes(verb->key_option);
  verb->offset_option = add_bytes(app, "--offset", verb->offset, "what a byte is part of")
                            ->type_name("OFFSET")
                            ->excludes(verb->bucket_option)
                            ->excludes(verb->key_option)
                            ->excludes(verb->page_option);
  app.add_flag("--durable", verb->durable, "the state of the last checkpoint, not the live one");
  add_number(app, "--depth", verb->depth, "levels to show; default: 2 of the file, else all");
  add_bytes(app, "--seed", verb->seed, "the store's seed, if its first page is lost")
      ->type_name("HEX");
  return {&app, [verb] {
            if (verb->key_hex) verb->types.key = "hex";
            return run(*verb);
          }};
}

}  // namespace hmap::tool
