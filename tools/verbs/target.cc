// See target.h.
#include "verbs/target.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "text/numbers.h"

namespace hmap::tool {

Target::Target(const std::string& path, Options options, const CreateOptions& create,
               bool may_create)
    : path_(path) {
  apply(create, options);
  options.mode = Mode::kOpen;
  Result<Store> opened = Store::open(path_, options);
  if (may_create && !opened && opened.error().code() == Code::kNotFound) {
    options.mode = Mode::kCreate;
    opened = Store::open(path_, options);
    created_ = opened.has_value();
    if (!created_ && opened.error().code() == Code::kExists) {
      // Somebody else was quicker: then it is not ours to remove.
      options.mode = Mode::kOpen;
      opened = Store::open(path_, options);
    }
  }
  if (opened && !created_) refuse_for_old_store(create, path_);
  store_.emplace(take(std::move(opened), path_));
  if (created_) created_ = ::stat(path_.c_str(), &identity_) == 0;
}

void Target::give_up(Failure& failure, std::string_view verb, std::uint64_t stored) {
  const std::string were = fmt::format("{} {} stored before", grouped(stored),
                                       stored == 1 ? "record was" : "records were");
  if (remove_if_created()) {
    failure.note = fmt::format("{}; {}, made by this {}, was removed again", were, path_, verb);
  } else {
    failure.note = fmt::format("{}, in {}", were, path_);
  }
}

bool Target::remove_if_created() {
  if (!created_ || std::exchange(kept_, true)) return false;
  struct stat now = {};
  const bool ours = ::stat(path_.c_str(), &now) == 0 && now.st_dev == identity_.st_dev &&
                    now.st_ino == identity_.st_ino;
  const bool removed = ours && ::unlink(path_.c_str()) == 0;
  // Afterwards: a file without a name is closed without being flushed, which may take a minute.
  (void)store_->close();
  return removed;
}

}  // namespace hmap::tool
