// A checkpoint's owner dies when its root is on the disk and nothing says so yet. The next owner of
// the checkpoint lock completes that cut before it takes one of its own: else it would write over
// the tables of the very root that counts until its own does, and a power cut would leave neither.
#include <gtest/gtest.h>

#include <signal.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "child.h"
#include "judge.h"
#include "life.h"
#include "raw_view.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kCutKeys = 400;

// Kills this process before the n-th store after the next root was written (from 1).
class DeathBehindTheRoot {
 public:
  explicit DeathBehindTheRoot(std::uint64_t n) {
    left_ = n;
    seam::hook.store([](seam::Event event, const void*, std::size_t) {
      if (event == seam::Event::kWriteRoot) written_ = true;
      if (event == seam::Event::kStore && written_ && --left_ == 0) raise(SIGKILL);
    });
  }

 private:
  static inline std::uint64_t left_ = 0;
  static inline bool written_ = false;
};

// The file before each event, from now to the end, as often as something has changed in it that
// counts after a power cut.
class Film {
 public:
  Film(const std::string& path, const Layout& layout) : path_(path), layout_(layout) {
    running_ = this;
    seam::hook.store([](seam::Event, const void*, std::size_t) { running_->take(); });
  }
  Film(const Film&) = delete;
  Film& operator=(const Film&) = delete;
  ~Film() { seam::hook.store(nullptr); }
  [[nodiscard]] const std::vector<std::string>& images() const { return images_; }

 private:
  void take() {
    std::string image = read_file(path_);
    // After a power cut the runtime area counts for nothing.
    image.replace(layout_.runtime_offset, layout_.runtime_bytes, layout_.runtime_bytes, '\0');
    if (images_.empty() || images_.back() != image) images_.push_back(std::move(image));
  }

  static inline Film* running_ = nullptr;
  std::string path_;
  Layout layout_;
  std::vector<std::string> images_;
};

std::uint64_t newest_cut(const std::string& image) {
  std::uint64_t newest = 0;
  for (const std::uint64_t index : {0U, 1U}) {
    format::Root root;
    std::memcpy(&root, image.data() + layout_of(image).root_offset(index), sizeof root);
    newest = std::max<std::uint64_t>(newest, root.cut);
  }
  return newest;
}

Options cut_options() {
  Options options = quiet_options();
  options.window_bytes = MemoryFile::kWindow;
  return options;
}

void put_all(Store& store, Contents& model, std::uint64_t from, std::uint64_t to,
             const char* value) {
  for (std::uint64_t i = from; i < to; ++i) {
    ASSERT_OK(store.put(key_of(i), value));
    model[key_of(i)] = value;
  }
}

class DeadCut : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  // A store with a checkpoint, and one of more whose owner died. Returns what the second one has.
  Contents leave_a_dead_cut() {
    Contents model;
    Store store = Store::open(path_, cut_options()).value();
    put_all(store, model, 0, kCutKeys, "from the beginning");
    EXPECT_OK(store.close());
    put_in_a_child();
    for (std::uint64_t i = 0; i < kCutKeys; i += 2) model[key_of(i)] = "first";
    return model;
  }

  void put_in_a_child() {
    Child child([this] {
      Store store = Store::open(path_, cut_options()).value();
      for (std::uint64_t i = 0; i < kCutKeys; i += 2) {
        if (!store.put(key_of(i), "first").ok()) return 2;
      }
      const DeathBehindTheRoot death(GetParam());
      return store.checkpoint().ok() ? 3 : 4;
    });
    const Outcome outcome = child.wait();
    ASSERT_TRUE(outcome.killed()) << outcome;
  }

  // Any mixture of the sectors of `before`, which is all on the disk, and of `now`.
  void judge(const std::string& before, const std::string& now, const Contents& expected) {
    std::vector<std::size_t> differ;
    for (std::size_t at = 0; at < now.size(); at += kSector) {
      if (before.compare(at, kSector, now, at, kSector) != 0) differ.push_back(at);
    }
    const auto with = [&](const auto& is_new) {
      std::string image = before;
      for (const std::size_t at : differ) {
        if (is_new(at)) image.replace(at, kSector, now, at, kSector);
      }
      ++judged_;
      const std::string wrong = judge_.verdict(image, expected, judged_);
      ASSERT_EQ("", wrong) << "image " << judged_ << ", " << differ.size() << " sectors differ";
    };
    with([](std::size_t) { return true; });
    for (int i = 0; i < 4; ++i) with([&](std::size_t) { return random_.one_in(2); });
    for (int i = 0; i < 4 && !differ.empty(); ++i) {
      const std::size_t one = differ[random_.below(differ.size())];
      with([&](std::size_t at) { return at == one; });
      with([&](std::size_t at) { return at != one; });
    }
  }

  static constexpr std::size_t kSector = 512;
  Watchdog watchdog_{Milliseconds(300'000)};
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  Random random_{test_seed()};
  Judge judge_{cut_options()};
  std::uint64_t judged_ = 0;
};

// What follows the root in C8: table_cut, generation, checkpoint_ns, the log's head, durable.
INSTANTIATE_TEST_SUITE_P(BeforeStore, DeadCut, ::testing::Values(1, 2, 3, 4, 5));

TEST_P(DeadCut, IsCompletedBeforeAnotherOneIsTaken) {
  const Contents expected = leave_a_dead_cut();
  ASSERT_FALSE(HasFailure());
  const std::string before = read_file(path_);
  const std::uint64_t dead_cut = newest_cut(before);
  Contents model = expected;
  Store store = Store::open(path_, cut_options()).value();
  put_all(store, model, kCutKeys / 2, kCutKeys + 100, "second");
  std::optional<Film> film(std::in_place, path_, layout_of(before));

  ASSERT_OK(store.checkpoint());

  const std::vector<std::string> images = film->images();
  film.reset();
  std::size_t seen = 0;
  for (; seen < images.size() && newest_cut(images[seen]) == dead_cut; ++seen) {
    std::string durable = before;
    durable.resize(std::max(durable.size(), images[seen].size()));
    judge(durable, images[seen], expected);
    if (HasFailure()) return;
  }
  std::printf("%zu moments, %llu images\n", seen, static_cast<unsigned long long>(judged_));
  EXPECT_GT(seen, 3U);
  EXPECT_LT(seen, images.size()) << "the checkpoint has written no root of its own";
  EXPECT_EQ(model, contents(store));
}

}  // namespace
}  // namespace hmap::test
