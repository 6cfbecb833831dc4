// The store that a verb fills, which it may have made itself.
#ifndef HMAP_TOOLS_VERBS_TARGET_H_
#define HMAP_TOOLS_VERBS_TARGET_H_

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hmap/options.h"
#include "hmap/store.h"
#include "report/failure.h"
#include "verbs/common.h"

namespace hmap::tool {

// Opens the store, or, if `may_create` is set and there is none, makes it as `create` says, which
// nobody may ask of one that is there already; a store that was made here is removed again unless
// keep() is called. Throws Failure.
class Target {
 public:
  Target(const std::string& path, Options options, const CreateOptions& create, bool may_create);
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target() { (void)remove_if_created(); }

  [[nodiscard]] Store& store() { return *store_; }
  [[nodiscard]] bool created() const { return created_; }
  void keep() { kept_ = true; }

  // Of a failure: takes the store away if it was made here, and says what became of the records
  // that the verb had stored.
  void give_up(Failure& failure, std::string_view verb, std::uint64_t stored);

 private:
  // Whether the store was removed. What another process has put at the path meanwhile stays.
  bool remove_if_created();

  std::string path_;
  std::optional<Store> store_;
  bool created_ = false;
  bool kept_ = false;
  struct stat identity_ = {};
};

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_VERBS_TARGET_H_
