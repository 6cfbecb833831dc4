// A process is killed before any instruction of the very code that is shipped: what the compiler
// made of the stores, and in which order, is all that counts.
//
// A child of the release library makes one call, instruction by instruction. Whenever an
// instruction has changed the store's files, a kill there is examined in a copy, as in
// prefix_test.cc; where nothing has changed, the kill leaves what the one before did. And now and
// then the child is really killed, and the process that had the store open beside it goes on.
//
// HMAP_STEP_STEPS: about how many instructions are stepped through (default 150,000), in calls of
// all histories by turns. HMAP_TEST_SEED repeats a run; HMAP_STEP_HISTORY, HMAP_STEP_CALL narrow it
// down.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "child.h"
#include "judgement.h"
#include "plot.h"
#include "progress.h"
#include "seeds.h"
#include "shared_memory.h"
#include "stage.h"
#include "stepped.h"
#include "universe.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kSteps = 150'000;
constexpr std::uint64_t kChanges = 1'500;  // of a call, all of which are looked at
// The heir has the store open in slot 1, the child takes the second.
constexpr int kHeirInSlot = 1;

struct Tally {
  std::uint64_t steps = 0;
  std::uint64_t calls = 0;
  std::uint64_t images = 0;
  std::uint64_t kills = 0;
};

// One history, ready for a child to make one of its calls.
class Scene {
 public:
  // `all`: at every instruction of calls that take very many, too.
  Scene(const Plot& plot, std::uint64_t seed, bool all)
      : plot_(plot),
        all_(all),
        stage_(new_store(plot.options)),
        heir_stage_(stage_.image().store),
        heir_(open_in_slot(stage_.path(), plot.options, kHeirInSlot)),
        raw_(stage_.path()) {
    Store copy = open_in_slot(heir_stage_.path(), plot.options, kHeirInSlot);
    copy_.emplace(std::move(copy));
    KeySource keys(raw_);
    Random random(seed);
    steps_ = prepare_steps(plot_, heir_, keys, random);
    Contents model = contents(heir_);
    allowed_ = foresee(steps_, raw_, universe_, model);
  }

  [[nodiscard]] std::uint64_t calls() const { return steps_.size(); }

  // Steps through the call and examines all that comes of it; what is wrong, or an empty string.
  // With `kill_at` the child is killed for good after so many instructions.
  std::string examine(std::uint64_t call, std::uint64_t seed, std::uint64_t kill_at, Tally& tally,
                      std::uint64_t& steps) {
    Stepped child([&] {
      Store store = Store::open(stage_.path(), plot_.options).value();
      for (std::uint64_t i = 0; i <= call; ++i) {
        if (i == call) Stepped::pause_here();
        require(perform(store, steps_[i]), "a call");
      }
      Stepped::pause_here();
    });
    if (!child.works()) return "ptrace does not work here";
    child.run();
    Question question;
    question.universe = &universe_;
    question.allowed = &allowed_[call];
    question.step = &steps_[call];
    if (is_inline(plot_.options)) question.large_bytes = kInlineValueBytes;
    image_ = stage_.image();
    ++tally.calls;
    std::uint64_t changes = 0;
    for (steps = 0; child.step(); ++steps) {
      if (steps == kill_at) return kill(child, question, seed, tally);
      if (kill_at != kNever || !changed() || !worth_a_look(++changes, steps)) continue;
      question.number = mix(seed ^ steps);
      ++tally.images;
      heir_stage_.show(image_, true);
      if (std::string wrong = inherit(*copy_, question); !wrong.empty()) {
        return "instruction " + std::to_string(steps) + " of call " + std::to_string(call) + ": " +
               wrong;
      }
    }
    tally.steps += steps;
    return {};
  }
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

 private:
  static std::string new_store(Options options) {
    TempDir dir(TempDir::Where::kMemory);
    options.durability = Durability::kNone;
    require(Store::open(dir.file("store"), with_mode(options, Mode::kCreate)).error(), "create");
    return read_file(dir.file("store"));
  }

  // Takes the files into the image. Whether there was anything new in them.
  bool changed() {
    const Files& files = stage_.files();
    const std::uint64_t bytes = stage_.store_bytes();
    const bool same =
        bytes == image_.store_bytes && std::memcmp(files.store, image_.store.data(), bytes) == 0 &&
        (image_.log.empty() || std::memcmp(files.log, image_.log.data(), image_.log.size()) == 0);
    if (!same) image_ = stage_.image();
    return !same;
  }

  // Long calls copy large values: some of their changes are enough in a short run.
  [[nodiscard]] bool worth_a_look(std::uint64_t changes, std::uint64_t steps) const {
    return all_ || changes < kChanges || mix(steps) % 64 == 0;
  }

  std::string kill(Stepped& child, const Question& question, std::uint64_t seed, Tally& tally) {
    child.kill();
    ++tally.kills;
    Question asked = question;
    asked.number = mix(seed);
    const std::string wrong = inherit(heir_, asked);
    return wrong.empty() ? wrong : "really killed: " + wrong;
  }

  Plot plot_;
  bool all_;
  Stage stage_;
  Stage heir_stage_;
  Store heir_;  // of the stage on which the child works
  std::optional<Store> copy_;
  RawView raw_;
  std::vector<Step> steps_;
  Universe universe_;
  std::vector<Allowed> allowed_;
  Image image_;
};

class KillAtAnyInstruction : public ::testing::Test {
 protected:
  void examine(std::uint64_t history, std::optional<std::uint64_t> only_call) {
    watchdog_.feed(Milliseconds(300'000));
    Plot story = plot(history);
    story.options.log_bytes = 64 << 10;  // it is looked at after each instruction
    const std::uint64_t seed = mix(seed_ ^ mix(history + calls_done_));
    Scene scene(story, seed, wanted_ > kSteps);
    const std::uint64_t call = only_call.value_or(mix(seed) % scene.calls());
    std::uint64_t steps = 0;
    std::string wrong = scene.examine(call, seed, Scene::kNever, tally_, steps);
    if (wrong.empty() && steps > 0) {
      Scene again(story, seed, false);
      wrong = again.examine(call, seed, mix(seed + 1) % steps, tally_, steps);
    }
    if (wrong == "ptrace does not work here") GTEST_SKIP() << wrong;
    EXPECT_EQ("", wrong) << story.name << ": HMAP_TEST_SEED=" << seed_
                         << " HMAP_STEP_HISTORY=" << history << " HMAP_STEP_CALL=" << call;
  }

  Watchdog watchdog_;
  std::uint64_t wanted_ = environment_number("HMAP_STEP_STEPS", kSteps);
  std::uint64_t seed_ = test_seed();
  std::uint64_t calls_done_ = 0;
  Tally tally_;
};

TEST_F(KillAtAnyInstruction, LeavesTheStateBeforeOrAfter) {
  const auto start = Clock::now();
  if (std::getenv("HMAP_STEP_HISTORY") != nullptr) {
    std::optional<std::uint64_t> call;
    if (std::getenv("HMAP_STEP_CALL") != nullptr) call = environment_number("HMAP_STEP_CALL", 0);
    return examine(environment_number("HMAP_STEP_HISTORY", 0), call);
  }
  Random random(seed_);
  Progress progress("instructions", wanted_);
  while (progress.goes_on(tally_.steps) && !HasFailure() && !IsSkipped()) {
    examine(random.below(2 * scripted_plots()), std::nullopt);
    ++calls_done_;
  }
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::printf(
      "%llu instructions of %llu calls, %llu changes of the files looked at; %llu kills; %.1f s\n",
      number(tally_.steps), number(tally_.calls), number(tally_.images), number(tally_.kills),
      seconds);
}

}  // namespace
}  // namespace hmap::test
