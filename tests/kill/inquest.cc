#include "inquest.h"

#include <algorithm>
#include <stdexcept>

#include "../power/system_calls.h"
#include "life/open.h"
#include "seeds.h"
#include "virtual_time.h"

namespace hmap::test {
namespace {

// A copy of a large value is not cut off more often than this.
constexpr std::uint64_t kPieces = 64;

std::string new_store(const Plot& plot) {
  TempDir dir(TempDir::Where::kMemory);
  const Status status = create_store(dir.file("store"), plot.options);
  if (!status.ok()) throw std::runtime_error("create_store: " + status.message());
  return read_file(dir.file("store"));
}

class OtherBoot {
 public:
  explicit OtherBoot(bool wanted) {
    if (wanted) fake_reboot(1);
  }
  OtherBoot(const OtherBoot&) = delete;
  OtherBoot& operator=(const OtherBoot&) = delete;
  ~OtherBoot() { real_boot(); }
};

}  // namespace

struct Inquest::Scene {
  Stage& stage;
  Recording& recording;
  Image image;
  Heir heir;
  Heir second_heir;
  std::size_t call = 0;

  Scene(Stage& of, Recording& recorded)
      : stage(of),
        recording(recorded),
        image(recorded.before),
        heir(recorded, kHeirSlot),
        second_heir(recorded, kSecondHeirSlot) {
    heir.show(image);
    second_heir.show(image);
  }

  void show(const Write& write) {
    heir.show(image, write);
    second_heir.show(image, write);
  }

  // Whether it is known what a reboot would leave.
  [[nodiscard]] bool may_reboot() const {
    if (recording.plot.options.durability == Durability::kCommit) return true;
    const auto end = recording.steps.begin() + static_cast<std::ptrdiff_t>(call) + 1;
    return recording.plot.checkpointed &&
           std::none_of(recording.steps.begin(), end,
                        [](const Step& step) { return step.kind == Step::Kind::kCheckpoint; });
  }
};

std::size_t end_of_piece(const Write& write, std::size_t from, std::uint64_t piece) {
  if (write.kind != Write::Kind::kBytes) return write.bytes;
  return std::min<std::size_t>(write.bytes, from + std::max(piece, write.bytes / kPieces));
}

std::string Inquest::hold(const Plot& plot, std::uint64_t seed, std::uint64_t only) {
  fix_library_randomness(seed);
  Recording recording;
  recording.new_store = new_store(plot);
  Stage stage(recording.new_store);
  record(plot, seed, stage, recording);
  Scene scene(stage, recording);
  ++tally_.histories;
  tally_.calls += recording.steps.size();
  tally_.points += recording.tape.points();
  const std::vector<Write>& writes = recording.tape.writes();
  for (std::uint64_t i = 0; i < writes.size(); ++i) {
    scene.call = writes[i].step;
    std::size_t from = 0;
    do {
      const std::size_t to = end_of_piece(writes[i], from, care_.copies);
      const bool changed = scene.image.apply(recording.tape, writes[i], from, to);
      if (changed) scene.show(writes[i]);
      const std::uint64_t number = mix(seed ^ mix(i) ^ to);
      if (changed && (only == i || only == ~std::uint64_t{0})) {
        if (const std::string wrong = examine(scene, number); !wrong.empty()) {
          return "write " + std::to_string(i) + " up to byte " + std::to_string(to) + " of " +
                 std::to_string(writes[i].bytes) + " at " + std::to_string(writes[i].offset) +
                 ", in call " + std::to_string(scene.call) + ": " + wrong;
        }
      }
      from = to;
    } while (from < writes[i].bytes);
  }
  tally_.states += scene.heir.states() + scene.second_heir.states();
  return {};
}

std::string Inquest::examine(Scene& scene, std::uint64_t number) {
  Recording& recording = scene.recording;
  Question question;
  question.universe = &recording.universe;
  question.allowed = &recording.allowed[scene.call];
  question.step = &recording.steps[scene.call];
  question.number = number;
  if (is_inline(recording.plot.options)) question.large_bytes = kInlineValueBytes;
  ++tally_.images;
  if (std::string wrong = scene.heir.examine(scene.image, question); !wrong.empty()) return wrong;
  if (care_.second_deaths != 0 && (number >> 8) % care_.second_deaths == 0) {
    if (std::string wrong = let_heir_die(scene, question); !wrong.empty()) return wrong;
  }
  if (care_.openings != 0 && (number >> 16) % care_.openings == 0) {
    if (std::string wrong = let_others_open(scene, question); !wrong.empty()) return wrong;
  }
  if (care_.dead_openers == 0 || (number >> 24) % care_.dead_openers != 0) return {};
  return let_opener_die(scene, question);
}

std::string Inquest::let_others_open(Scene& scene, const Question& question) {
  Options options = scene.recording.plot.options;
  // After a power cut, too, which leaves both files as they are: the log has it, or it never was.
  options.discard_live_state =
      options.durability == Durability::kCommit && question.number % 2 == 0;
  ++tally_.images;
  ++tally_.openings;
  const std::string wrong = open_and_inherit(scene.stage, scene.image, options, question);
  return wrong.empty() ? wrong : "opened: " + wrong;
}

// Some openers find the live state of the dead and finish their work, others rebuild everything, as
// in another boot.
std::string Inquest::let_opener_die(Scene& scene, const Question& question) {
  const Options& options = scene.recording.plot.options;
  Allowed allowed = *question.allowed;
  const bool reboots = scene.may_reboot() && question.number % 3 != 0;
  // What the last checkpoint has, or the log.
  if (reboots) allowed.insert(allowed.begin(), scene.recording.allowed.front().front());
  Question asked = question;
  asked.allowed = &allowed;
  // On top of the last checkpoint it would make a state that never was.
  if (reboots && options.durability != Durability::kCommit) asked.step = nullptr;
  const OtherBoot other_boot(reboots);
  scene.stage.show(scene.image, false);
  Tape tape;
  {
    const VirtualTime time;
    tape.start(scene.stage.files(), true);
    Result<Store> store = Store::open(scene.stage.path(), options);
    if (!store) return "opened, to die: " + store.error().message();
    require(store->close(), "close");
    tape.stop();
  }
  tally_.points += tape.points();
  Image image = scene.image;
  std::uint64_t number = question.number;
  for (const Write& write : tape.writes()) {
    if (!image.apply(tape, write, 0, write.bytes)) continue;
    if (++number % care_.opener_stride != 0) continue;
    ++tally_.images;
    ++tally_.dead_openers;
    asked.number = mix(number);
    const std::string wrong = open_and_inherit(scene.stage, image, options, asked);
    if (wrong.empty()) continue;
    return (reboots ? "rebuilt by an opener that died after its write "
                    : "recovered by an opener that died after its write ") +
           std::to_string(&write - tape.writes().data()) + ": " + wrong;
  }
  return {};
}

std::string Inquest::let_heir_die(Scene& scene, const Question& question) {
  if (std::string wrong = scene.heir.rehearse(scene.image, question); !wrong.empty()) {
    return "rehearsed: " + wrong;
  }
  const Tape& tape = scene.heir.touched();
  tally_.points += tape.points();
  Image image = scene.image;
  Question next = question;
  next.earlier_heirs = 1;
  std::string wrong;
  std::size_t shown = 0;
  for (; shown < tape.writes().size() && wrong.empty(); ++shown) {
    const Write& write = tape.writes()[shown];
    if (!image.apply(tape, write, 0, write.bytes)) continue;
    scene.second_heir.show(image, write);
    ++tally_.images;
    ++tally_.second_deaths;
    next.number = mix(question.number ^ shown);
    wrong = scene.second_heir.examine(image, next);
  }
  for (std::size_t i = 0; i < shown; ++i) scene.second_heir.show(scene.image, tape.writes()[i]);
  if (wrong.empty()) return wrong;
  return "the heir died after its write " + std::to_string(shown - 1) + ": " + wrong;
}

}  // namespace hmap::test
