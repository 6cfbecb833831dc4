// Mutations of scripts: whole edits with values that mean something in a store
// file.
#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>

#include "exercise.h"
#include "script.h"
#include "seeds.h"

namespace hmap::test {
namespace {

// Fields that decide most, picked more often than chance would: multiples of
// eight in the structures of the format.
std::uint64_t interesting_value(Random& random, const Base& base) {
  static constexpr std::uint64_t kValues[] = {
      0,  1,  2,  3,  4,  5,   7,   8,   9,   15,     16,     31,          32,         39,
      40, 41, 63, 64, 65, 127, 128, 255, 256, 0x7fff, 0xffff, 0x7fff'ffff, 0xffff'ffff};
  const auto value = [&]() -> std::uint64_t {
    switch (random.below(6)) {
      case 0:
        return std::uint64_t{1} << random.below(64);
      case 1:
        return base.file.size() / (std::uint64_t{1} << random.below(13));
      case 2:
        return random.next() >> random.below(64);
      case 3:
        return base.anatomy.part(static_cast<Kind>(random.below(kKinds)), random.next()).offset;
      default:
        return kValues[random.below(std::size(kValues))];
    }
  }();
  switch (random.below(6)) {
    case 0:
      return value - random.below(3);
    case 1:
      return 0 - value;
    default:
      return value;
  }
}

// Where less than a word means something: states of slots, kinds and lengths of a type, bytes of a
// compressed value.
void aim(Edit& edit, Random& random) {
  static constexpr std::uint64_t kLengths[] = {0, 1, 2, 3, 8, 16, 127, 128, 129, 4'096, 65'535};
  switch (static_cast<Kind>(edit.kind)) {
    case Kind::kHead:
      if (random.one_in(2)) edit.at %= 8;
      if (edit.at < 8) edit.width = 0;
      if (edit.at < 8) edit.value = random.below(8);
      break;
    case Kind::kType:
      edit.width = 2;
      edit.value = kLengths[random.below(std::size(kLengths))];
      break;
    case Kind::kPacked:
      edit.width = static_cast<std::uint8_t>(random.below(3));
      if (random.one_in(3)) edit.at = 0;  // the length
      break;
    default:
      break;
  }
}

Edit random_edit(Random& random, const Base& base) {
  Edit edit{};
  edit.op = static_cast<std::uint8_t>(random.below(static_cast<std::uint64_t>(Op::kCount)));
  // Most of what a word can be is a number or an offset.
  if (random.one_in(2)) edit.op = static_cast<std::uint8_t>(random.below(4));
  // Of what the file has.
  for (int i = 0; i == 0 || (i < 8 && base.anatomy.parts(static_cast<Kind>(edit.kind)).empty());
       ++i)
    edit.kind = static_cast<std::uint8_t>(1 + random.below(kKinds - 1));
  if (random.one_in(16)) edit.kind = static_cast<std::uint8_t>(Kind::kFile);
  edit.index = static_cast<std::uint8_t>(random.next());
  edit.width = random.one_in(4) ? static_cast<std::uint8_t>(random.below(4)) : 3;
  edit.at = static_cast<std::uint16_t>(random.next());
  edit.other_kind = static_cast<std::uint8_t>(random.below(kKinds));
  edit.other_index = static_cast<std::uint8_t>(random.next());
  edit.value = interesting_value(random, base);
  if (!random.one_in(4)) aim(edit, random);
  return edit;
}

void change_edit(Edit& edit, Random& random, const Base& base) {
  const Edit fresh = random_edit(random, base);
  switch (random.below(7)) {
    case 0:
      edit.value = fresh.value;
      break;
    case 1:
      edit.value += random.below(5) - 2;
      break;
    case 2:
      edit.at = static_cast<std::uint16_t>(edit.at + 8 * (random.below(5) - 2));
      break;
    case 3:
      edit.index = static_cast<std::uint8_t>(edit.index + random.below(3) - 1);
      break;
    case 4:
      edit.op = fresh.op;
      break;
    case 5:
      edit.other_kind = fresh.other_kind;
      edit.other_index = fresh.other_index;
      break;
    default:
      edit.at = fresh.at;
      break;
  }
}

void mutate_edits(Script& script, Random& random, const Base& base) {
  std::vector<Edit>& edits = script.edits;
  const auto any = [&] { return static_cast<std::ptrdiff_t>(random.below(edits.size())); };
  // With much damage nothing gets far.
  constexpr std::size_t kEditsUsual = 6;
  while (edits.size() > kEditsUsual && !random.one_in(8)) edits.erase(edits.begin() + any());
  switch (edits.empty() ? 0 : random.below(6)) {
    case 0:
    case 1:
      edits.push_back(random_edit(random, base));
      break;
    case 2:
      edits.erase(edits.begin() + any());
      break;
    case 3: {
      Edit copy = edits[random.below(edits.size())];
      change_edit(copy, random, base);
      edits.insert(edits.begin() + any(), copy);
      break;
    }
    default:
      change_edit(edits[random.below(edits.size())], random, base);
      break;
  }
}

void mutate_head(Script& script, Random& random, const std::vector<Base>& all) {
  switch (random.below(4)) {
    case 0:
      script.base = static_cast<std::uint8_t>(random.below(all.size()));
      break;
    case 1:
      script.flags = static_cast<std::uint8_t>(random.below(8) | (random.one_in(4) ? 16 : 0));
      break;
    case 2:
      script.steps = static_cast<std::uint8_t>(random.next());
      break;
    default:
      script.salt = static_cast<std::uint8_t>(random.next());
      break;
  }
}

// How much is done with the file of a script, which is what an input costs: most do little, so that
// there are many. One in some does a lot. One in `superblocks` may have a damaged superblock: most
// of them are refused at once, or are what recover() tries every value of every byte for.
void choose_effort(std::uint8_t* data, std::size_t bytes, Random& random,
                   std::uint64_t superblocks) {
  constexpr std::uint64_t kOneIn = 32;
  constexpr int kStepsMax = 3;
  if (bytes < Script::kHeadBytes) return;
  std::uint8_t& flags = data[offsetof(Script, flags)];
  std::uint8_t& steps = data[offsetof(Script, steps)];
  const bool all = random.one_in(kOneIn);
  const auto set = [&](std::uint8_t flag, bool to) {
    flags = static_cast<std::uint8_t>(to ? flags | flag : flags & ~flag);
  };
  set(Script::kBrief, !all);
  set(Script::kSparesSuperblock, !random.one_in(superblocks));
  if (all) steps |= static_cast<std::uint8_t>(random.next());
  while (!all && std::popcount(steps) > kStepsMax) {
    const auto step = static_cast<std::uint8_t>(1U << random.below(8));
    if (step != kWrite || random.one_in(4)) steps &= static_cast<std::uint8_t>(~step);
  }
}

std::size_t mutate_script(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max,
                          unsigned seed, MutateBytes mutate, const std::vector<Base>& all,
                          std::uint64_t superblocks) {
  Random random(seed);
  // Bytes without meaning: what the fuzzer saw compared finds its way into
  // fields.
  if (random.one_in(3)) {
    bytes = mutate(data, bytes, bytes_max);
    choose_effort(data, bytes, random, superblocks);
    return bytes;
  }
  Script script = Script::parse({data, bytes});
  for (std::uint64_t i = random.below(3) + 1; i > 0; --i) {
    const Base& base = all[script.base % all.size()];
    if (random.one_in(8)) {
      mutate_head(script, random, all);
    } else {
      mutate_edits(script, random, base);
    }
  }
  std::string text = script.bytes();
  if (text.size() > bytes_max) text.resize(bytes_max);
  std::memcpy(data, text.data(), text.size());
  choose_effort(data, text.size(), random, superblocks);
  return text.size();
}

}  // namespace

std::size_t mutate_store(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max,
                         unsigned seed, MutateBytes mutate) {
  return mutate_script(data, bytes, bytes_max, seed, mutate, bases(), 4);
}

std::size_t mutate_recover(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max,
                           unsigned seed, MutateBytes mutate) {
  return mutate_script(data, bytes, bytes_max, seed, mutate, bases(), 64);
}

std::size_t mutate_log(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max, unsigned seed,
                       MutateBytes mutate) {
  return mutate_script(data, bytes, bytes_max, seed, mutate, logged_bases(), 1);
}

std::size_t mutate_plain(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max, unsigned,
                         MutateBytes mutate) {
  return mutate(data, bytes, bytes_max);
}

std::size_t mutate_calls(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max,
                         unsigned seed, MutateBytes mutate) {
  constexpr std::size_t kShortBytes = 96;
  constexpr std::uint64_t kOneIn = 128;
  if (!Random(seed).one_in(kOneIn)) bytes_max = std::min(bytes_max, kShortBytes);
  return mutate(data, std::min(bytes, bytes_max), bytes_max);
}

std::vector<std::string> script_seeds() {
  std::vector<std::string> seeds;
  Random random(1);
  for (std::size_t i = 0; i < bases().size(); ++i) {
    const Base& base = bases()[i];
    Script script;
    script.base = static_cast<std::uint8_t>(i);
    script.steps = 0xff;
    for (const unsigned flags : {0U, unsigned{Script::kOfThisBoot}}) {
      if (!base.live && flags != 0) continue;
      script.flags = static_cast<std::uint8_t>(flags);
      script.edits.clear();
      seeds.push_back(script.bytes());
      // One word of each kind of structure, sealed.
      for (std::uint64_t kind = 1; kind < kKinds; ++kind) {
        if (base.anatomy.parts(static_cast<Kind>(kind)).empty()) continue;
        script.flags = static_cast<std::uint8_t>(flags | Script::kBothSealed);
        script.edits = {random_edit(random, base)};
        script.edits[0].kind = static_cast<std::uint8_t>(kind);
        seeds.push_back(script.bytes());
      }
    }
  }
  return seeds;
}

}  // namespace hmap::test
