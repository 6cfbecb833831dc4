// hmap bench: how fast a store is on this machine.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "io/descriptors.h"
#include "io/output.h"
#include "report/json.h"
#include "text/numbers.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct BenchVerb {
  std::string directory;
  bool json = false;
  std::uint64_t entries = 1'000'000;
  std::uint64_t value_bytes = 100;
  std::uint64_t threads = 1;
  CreateOptions create;
};

constexpr const char* kBenchExample =
    "Examples:\n"
    "  hmap bench\n"
    "  hmap bench --entries 10000000 --threads 4 /var/tmp\n"
    "\n"
    "Makes a scratch store in DIR (default: TMPDIR, or /tmp), works on it and removes it. Keys "
    "are\n"
    "16 bytes, in random order; each figure is one pass over all of them, shared by the threads.\n"
    "Figures of one run on a machine in use say little: repeat it.";

struct Step {
  const char* name;
  std::uint64_t operations;
  double seconds;
};

// A file that goes away, whatever happens but SIGKILL.
class Scratch {
 public:
  explicit Scratch(const std::string& directory) : path_(directory + "/hmap-bench-XXXXXX") {
    const int fd = ::mkstemp(path_.data());
    if (fd < 0) throw failure_in(directory, errno);
    ::close(fd);
    ::unlink(path_.c_str());
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { ::unlink(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  static Failure failure_in(const std::string& directory, int error) {
    Failure failure = system_failure(error, directory, "cannot make the scratch store");
    if (error == ENOENT || error == ENOTDIR) failure.code = Code::kNotFound;
    failure.hint = "DIR, else TMPDIR, else /tmp, has to be a directory that you may write to";
    return failure;
  }

  std::string path_;
};

// Number i of a sequence that jumps about: odd multipliers are bijections.
std::uint64_t scattered(std::uint64_t i) { return (i + 1) * 0x9E3779B97F4A7C15U; }

void set_key(std::uint64_t i, std::string& key) {
  key.resize(16);
  constexpr char kDigits[] = "0123456789abcdef";
  const std::uint64_t number = scattered(i);
  for (std::size_t k = 0; k < key.size(); ++k) key[k] = kDigits[number >> (60 - 4 * k) & 15];
}

class Bench {
 public:
  Bench(const BenchVerb& verb, const std::string& path) : verb_(verb), path_(path) {
    Options options;
    options.mode = Mode::kCreate;
    apply(verb.create, options);
    store_.emplace(take(Store::open(path, options), path));
  }

  std::vector<Step> run() {
    const std::string value(verb_.value_bytes, 'v');
    const std::string other(verb_.value_bytes, 'w');
    std::vector<Step> steps;
    steps.push_back(pass("insert", [&](const std::string& key) { require_put(key, value); }));
    steps.push_back(timed("checkpoint", 1, [&] { require(store_->checkpoint(), path_); }));
    steps.push_back(pass("get", [&](const std::string& key) { require_get(key, true); }));
    steps.push_back(pass("get, absent", [&](const std::string& key) {
      thread_local std::string absent;
      absent = key;
      absent[0] = 'x';
      require_get(absent, false);
    }));
    steps.push_back(pass("replace", [&](const std::string& key) { require_put(key, other); }));
    steps.push_back(timed("iterate", verb_.entries, [&] { iterate(); }));
    steps.push_back(pass("erase", [&](const std::string& key) {
      if (!take(store_->erase(key), path_)) throw_wrong("a key was gone before it was erased");
    }));
    require(store_->close(), path_);
    return steps;
  }

 private:
  [[noreturn]] void throw_wrong(const char* what) const {
    throw Failure(Code::kCorrupt, path_, what);
  }
  void require_put(const std::string& key, const std::string& value) {
    require(store_->put(key, value), path_);
  }
  void require_get(const std::string& key, bool expected) {
    thread_local std::string value;
    if (take(store_->get_into(key, value), path_) != expected)
      throw_wrong("a get gave the wrong answer");
  }
  void iterate() {
    Cursor cursor = take(store_->cursor(), path_);
    std::uint64_t seen = 0;
    while (take(cursor.next(), path_)) ++seen;
    if (seen != verb_.entries) throw_wrong("an iteration gave the wrong number of entries");
  }

  static Step timed(const char* name, std::uint64_t operations, const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    return {name, operations, elapsed.count()};
  }

  // Each key once, spread over the threads.
  Step pass(const char* name, const std::function<void(const std::string&)>& operation) {
    return timed(name, verb_.entries, [&] {
      std::vector<std::thread> threads;
      std::mutex mutex;
      std::optional<Failure> failure;
      for (std::uint64_t t = 0; t < verb_.threads; ++t) {
        threads.emplace_back([&, t] {
          try {
            one_thread(t, operation);
          } catch (const Failure& thrown) {
            const std::lock_guard lock(mutex);
            failure = thrown;
          }
        });
      }
      for (std::thread& thread : threads) thread.join();
      if (failure) throw *failure;
    });
  }
  void one_thread(std::uint64_t t, const std::function<void(const std::string&)>& operation) const {
    std::string key;
    for (std::uint64_t i = t; i < verb_.entries; i += verb_.threads) {
      if (const int signal = pending_interrupt(); signal != 0)
        throw interrupted_failure(signal, path_);
      set_key(i, key);
      operation(key);
    }
  }

  const BenchVerb& verb_;
  const std::string& path_;
  std::optional<Store> store_;
};

void write_steps(const BenchVerb& verb, const std::vector<Step>& steps) {
  Output out;
  if (verb.json) {
    nlohmann::ordered_json answer = {
        {"entries", verb.entries}, {"value_bytes", verb.value_bytes}, {"threads", verb.threads}};
    for (const Step& step : steps)
      answer["steps"].push_back(
          {{"name", step.name}, {"operations", step.operations}, {"seconds", step.seconds}});
    write_pretty(out, answer);
    return out.finish();
  }
  out.write(fmt::format("{} entries, keys of 16 bytes, values of {}, {} thread{}\n\n",
                        grouped(verb.entries), grouped(verb.value_bytes), verb.threads,
                        verb.threads == 1 ? "" : "s"));
  for (const Step& step : steps) {
    const auto rate =
        static_cast<std::uint64_t>(static_cast<double>(step.operations) / step.seconds);
    out.write(step.operations == 1 ? fmt::format("  {:<14}{:>12.3f} s\n", step.name, step.seconds)
                                   : fmt::format("  {:<14}{:>12.3f} s {:>14}/s\n", step.name,
                                                 step.seconds, grouped(rate)));
  }
  out.finish();
}

Exit run(const BenchVerb& verb) {
  std::string directory = verb.directory;
  const char* const set = std::getenv("TMPDIR");
  if (directory.empty()) directory = set != nullptr && *set != '\0' ? set : "/tmp";
  const Interruptible interruptible;
  const Scratch scratch(directory);
  write_steps(verb, Bench(verb, scratch.path()).run());
  return Exit::kYes;
}

}  // namespace

Verb add_bench(CLI::App& root) {
  auto verb = std::make_shared<BenchVerb>();
  CLI::App& app = *root.add_subcommand("bench", "measure this machine with a scratch store");
  app.footer(kBenchExample);
  add_path(app, "DIR", verb->directory, "where the scratch store is made");
  app.add_flag("--json", verb->json, "answer in JSON; errors too, on standard error");
  add_number(app, "--entries", verb->entries, "how many; default 1,000,000", {1});
  add_size(app, "--value-bytes", verb->value_bytes, "size of the values; default 100",
           {0, kValueBytesMax});
  add_number(app, "--threads", verb->threads, "threads that share the work: 1, the default, to 256",
             {1, 256});
  add_create_options(app, verb->create);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
