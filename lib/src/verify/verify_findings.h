// Findings on their way into a report: what looks wrong counts only when it is certain that nobody
// was changing it meanwhile, so they are collected first and handed on, or thrown away.
#ifndef HMAP_SRC_VERIFY_VERIFY_FINDINGS_H_
#define HMAP_SRC_VERIFY_VERIFY_FINDINGS_H_

#include <string>
#include <vector>

#include "format/layout.h"
#include "hmap/verify.h"

namespace hmap::checking {

// Where a finding is.
struct Spot {
  u64 offset = 0;
  u32 shard = Finding::kNoShard;
  FindingUnit unit = FindingUnit::kNothing;
  u64 number = 0;
};

class Findings {
 public:
  // Keeps at most `limit` findings, counts the rest.
  Findings(u64 limit, bool live) : limit_(limit), live_(live) {}

  void damage(FindingKind kind, const Spot& spot, std::string text) {
    add(kind, Severity::kDamage, spot, std::move(text), 0);
  }
  void leak(FindingKind kind, const Spot& spot, std::string text, u64 bytes) {
    add(kind, Severity::kLeak, spot, std::move(text), bytes);
  }
  void note(FindingKind kind, const Spot& spot, std::string text) {
    add(kind, Severity::kNote, spot, std::move(text), 0);
  }
  [[nodiscard]] bool empty() const { return notes_ + leaks_ + damages_ == 0; }
  [[nodiscard]] u64 damages() const { return damages_; }
  // Appends those of `other` and leaves it empty.
  void take(Findings& other);
  void clear();
  void move_to(VerifyReport& report);
  [[nodiscard]] u64 limit() const { return limit_; }
  [[nodiscard]] bool live() const { return live_; }

 private:
  void add(FindingKind kind, Severity severity, const Spot& spot, std::string text, u64 bytes);

  u64 limit_;
  bool live_;
  std::vector<Finding> kept_;
  u64 notes_ = 0;
  u64 leaks_ = 0;
  u64 damages_ = 0;
  u64 leaked_bytes_ = 0;
};

// "what 12 of 30": words and numbers in a row.
inline void put_words(std::string&) {}
template <typename... Rest>
void put_words(std::string& to, const char* words, const Rest&... rest);
template <typename... Rest>
void put_words(std::string& to, u64 number, const Rest&... rest) {
  to += std::to_string(number);
  put_words(to, rest...);
}
template <typename... Rest>
void put_words(std::string& to, const char* words, const Rest&... rest) {
  to += words;
  put_words(to, rest...);
}
template <typename... Parts>
std::string say(const Parts&... parts) {
  std::string text;
  put_words(text, parts...);
  return text;
}

// Calls VerifyOptions::progress at sensible intervals, with numbers that only rise.
class Progress {
 public:
  Progress(const VerifyOptions& options, u64 total) : options_(options), total_(total) {}
  // Of the total, `done` bytes are done. False: the caller wants to stop.
  bool at(u64 done);
  [[nodiscard]] bool stopped() const { return stopped_; }
  [[nodiscard]] u64 total() const { return total_; }
  // Once the amount is known better. Lets `done` begin anew only if nothing was told yet.
  void set_total(u64 total) { total_ = std::max(total, told_); }

 private:
  const VerifyOptions& options_;
  u64 total_;
  u64 told_ = 0;
  u64 calls_ = 0;
  bool stopped_ = false;
};

}  // namespace hmap::checking

#endif  // HMAP_SRC_VERIFY_VERIFY_FINDINGS_H_
