#include "witnesses.h"

#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "hmap/snapshot.h"
#include "seeds.h"
#include "stop_at.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kHotKeys = 8;
constexpr int kLookUpsOfASnapshot = 30;

struct Complaint {
  std::string text;
};

[[noreturn]] void complain(std::string text) { throw Complaint{std::move(text)}; }

std::string counter_key(std::uint64_t witness) { return "counter " + std::to_string(witness); }

class Witness {
 public:
  Witness(const Case& of, Court& court, std::uint64_t witness, std::uint64_t seed)
      : case_(of),
        court_(court),
        log_(court.testimonies[witness]),
        self_(witness),
        role_(kRoles[witness]),
        random_(seed) {}

  void testify() {
    const bool read_only = role_ == Role::kReadOnly;
    Result<Store> store = Store::open(
        case_.path, read_only ? with_mode(case_.options, Mode::kReadOnly) : case_.options);
    if (!store) complain("open: " + store.error().message());
    if (role_ == Role::kWriter && case_.dies_in_writes && !random_.one_in(3)) {
      StopAt::arm(random_.between(1, 10'000), SIGKILL);
    }
    while (!court_.adjourned.load(std::memory_order_relaxed) && has_room()) act(*store);
    StopAt::disarm();
    if (const Status s = store->close(); !s.ok()) complain("close: " + s.message());
  }

 private:
  [[nodiscard]] std::uint64_t now() { return court_.clock.fetch_add(1) + 1; }
  [[nodiscard]] bool has_room() const { return log_.calls.load() + 2 * case_.keys < kCallsMax; }

  std::uint64_t any_key() {
    return random_.one_in(2) ? random_.below(kHotKeys) : random_.below(case_.keys);
  }

  // The call counts from the moment it is in the log.
  Call& begin(Call::Kind kind, std::uint64_t key, std::uint64_t value) {
    const std::uint64_t number = log_.calls.load(std::memory_order_relaxed);
    Call& call = log_.call[number];
    call = {now(), 0, value, static_cast<std::uint32_t>(key), kind, Call::End::kPending, false};
    log_.calls.store(number + 1, std::memory_order_release);
    return call;
  }
  void end(Call& call, bool answer) {
    call.answer = answer;
    call.responded = now();
    // The end last: whoever dies before it has not answered.
    std::atomic_ref(call.end).store(Call::End::kDone, std::memory_order_release);
  }

  void act(Store& store) {
    switch (role_) {
      case Role::kWriter:
        return write(store);
      case Role::kWalker:
        return walk(store);
      case Role::kPhotographer:
        return photograph(store);
      default:
        return random_.one_in(8) ? read_counter(store) : look_up(store);
    }
  }

  void write(Store& store) {
    const std::uint64_t dice = random_.below(1'000);
    if (random_.one_in(case_.clear_in)) return clear(store);
    if (random_.one_in(8)) return count(store);
    if (dice < 250) return look_up(store);
    const std::uint64_t key = any_key();
    const std::string name = tracked_key(key);
    if (dice < 450) {
      Call& call = begin(Call::Kind::kErase, key, 0);
      return end(call, answer_of("erase", store.erase(name)));
    }
    const std::uint64_t value = value_number(self_, court_.next_value[self_].fetch_add(1));
    const std::string text = value_text(key, value);
    if (dice < 600) {
      Call& call = begin(Call::Kind::kInsert, key, value);
      return end(call, answer_of("insert", store.insert(name, text)));
    }
    if (dice < 750) {
      Call& call = begin(Call::Kind::kReplace, key, value);
      return end(call, answer_of("replace", store.replace(name, text)));
    }
    Call& call = begin(Call::Kind::kPut, key, value);
    if (const Status s = store.put(name, text); !s.ok()) complain("put: " + s.message());
    end(call, true);
  }

  static bool answer_of(const char* what, const Result<bool>& result) {
    if (!result) complain(std::string(what) + ": " + result.error().message());
    return *result;
  }

  void clear(Store& store) {
    // Of every key; they may be cleared at different moments.
    const std::uint64_t first = log_.calls.load();
    for (std::uint64_t key = 0; key < case_.keys; ++key) begin(Call::Kind::kClear, key, 0);
    if (const Status s = store.clear(); !s.ok()) complain("clear: " + s.message());
    for (std::uint64_t key = 0; key < case_.keys; ++key) end(log_.call[first + key], true);
  }

  // For runs too long to be explained: a counter never goes back.
  void count(Store& store) {
    const std::uint64_t n = court_.counted[self_].fetch_add(1) + 1;
    const Status s = store.put(counter_key(self_), value_text(case_.keys + self_, n));
    if (!s.ok()) complain("put of a counter: " + s.message());
  }

  void read_counter(Store& store) {
    const std::uint64_t of = random_.below(kWitnesses);
    if (kRoles[of] != Role::kWriter) return;
    const std::uint64_t low = court_.seen[of].load();
    const std::uint64_t n = look_up(store, counter_key(of), case_.keys + of);
    if (n == 0) return;  // cleared
    const std::string was = counter_key(of) + " was " + std::to_string(n);
    if (n < low) complain(was + " after it had been " + std::to_string(low));
    if (n > court_.counted[of].load()) complain(was + ", which nobody has written");
    for (std::uint64_t seen = low; seen < n;) {
      if (court_.seen[of].compare_exchange_weak(seen, n)) break;
    }
    court_.counters.fetch_add(1, std::memory_order_relaxed);
  }

  // The number of the value found; 0: none.
  template <typename Source>
  std::uint64_t look_up(const Source& source, const std::string& name, std::uint64_t key) {
    const Result<bool> found = source.get_into(name, value_);
    if (!found) complain("get: " + found.error().message());
    return *found ? number_in(key, value_) : 0;
  }

  static std::uint64_t number_in(std::uint64_t key, std::string_view value) {
    const std::optional<Stamp> stamp = parse_stamped(value);
    if (!stamp) complain("a torn value of key " + std::to_string(key));
    if (stamp->key != key) complain("key " + std::to_string(key) + " has another one's value");
    return stamp->version;
  }

  void look_up(Store& store) {
    const std::uint64_t key = any_key();
    Call& call = begin(Call::Kind::kGet, key, 0);
    call.value = look_up(store, tracked_key(key), key);
    end(call, true);
  }

  // A walk is a look-up of each key: of one that came out some time before it did, of the others
  // some time before the end. So a key that was there all the time must have come out.
  template <typename Source>
  void walk(const Source& source, std::uint64_t invoked, std::uint64_t responded) {
    std::vector<bool> found(case_.keys);
    Result<Cursor> cursor = source.cursor();
    if (!cursor) complain("cursor: " + cursor.error().message());
    for (;;) {
      const Result<std::optional<Entry>> entry = cursor->next();
      if (!entry) complain("iteration: " + entry.error().message());
      if (!entry->has_value()) break;
      const std::string name((*entry)->key);
      if (name.starts_with("counter")) continue;
      const std::uint64_t key = std::stoull(name.substr(4));
      if (key >= case_.keys || name != tracked_key(key)) complain("a key from nowhere: " + name);
      if (found[key]) complain("a walk hands out twice: " + name);
      found[key] = true;
      note(key, number_in(key, (*entry)->value), invoked, responded);
    }
    for (std::uint64_t key = 0; key < case_.keys; ++key) {
      if (!found[key]) note(key, 0, invoked, responded);
    }
  }

  void walk(Store& store) {
    walk(store, now(), 0);
    for (int i = 0; i < 200 && has_room(); ++i) look_up(store);
  }

  // A look-up that happened between two stamps; 0: now.
  void note(std::uint64_t key, std::uint64_t value, std::uint64_t invoked,
            std::uint64_t responded) {
    const std::uint64_t number = log_.calls.load(std::memory_order_relaxed);
    log_.call[number] = {invoked,
                         responded != 0 ? responded : now(),
                         value,
                         static_cast<std::uint32_t>(key),
                         Call::Kind::kGet,
                         Call::End::kDone,
                         true};
    log_.calls.store(number + 1, std::memory_order_release);
  }

  // Whatever is read of a snapshot, and whenever, is as it was when it was taken.
  void photograph(Store& store) {
    const std::uint64_t invoked = now();
    const Result<Snapshot> snapshot = store.snapshot();
    const std::uint64_t responded = now();
    if (!snapshot) complain("snapshot: " + snapshot.error().message());
    for (int i = 0; i < kLookUpsOfASnapshot; ++i) {
      const std::uint64_t key = any_key();
      note(key, look_up(*snapshot, tracked_key(key), key), invoked, responded);
      look_up(store);
    }
    if (random_.one_in(8)) walk(*snapshot, invoked, responded);
  }

  const Case& case_;
  Court& court_;
  Testimony& log_;
  std::uint64_t self_;
  Role role_;
  Random random_;
  std::string value_;
};

}  // namespace

std::string tracked_key(std::uint64_t key) {
  return "key " + std::to_string(key) + std::string(key % 7 == 0 ? 40 : 0, '.');
}

std::uint64_t value_number(std::uint64_t witness, std::uint64_t n) {
  return (witness + 1) << 48 | n;
}

std::string value_text(std::uint64_t key, std::uint64_t number) {
  return stamped_value({key, number});
}

int testify(const Case& of, Court& court, std::uint64_t witness, std::uint64_t seed) {
  try {
    Witness(of, court, witness, seed).testify();
    return 0;
  } catch (const Complaint& complaint) {
    std::fprintf(stderr, "process %llu: %s\n", static_cast<unsigned long long>(witness),
                 complaint.text.c_str());
    return 1;
  }
}

}  // namespace hmap::test
