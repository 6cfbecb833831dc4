// A file system that punches no holes: everything works, and nobody goes on asking for them.
#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "child.h"
#include "hmap/verify.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace {

// Of the size that is given back; a new bucket array asks for a smaller one to be zero.
int holes_asked_for = 0;
constexpr off_t kRow = 4 * 32'768;

}  // namespace

// In the place of libc's.
extern "C" int fallocate(int fd, int mode, off_t offset, off_t bytes) {  // NOLINT
  using Fallocate = int (*)(int, int, off_t, off_t);
  static const auto real = reinterpret_cast<Fallocate>(dlsym(RTLD_NEXT, "fallocate"));
  if ((mode & FALLOC_FL_PUNCH_HOLE) == 0) return real(fd, mode, offset, bytes);
  if (bytes >= kRow) ++holes_asked_for;
  errno = EOPNOTSUPP;
  return -1;
}

namespace hmap::test {
namespace {

TEST(NoHoles, OneRefusalIsEnough) {
  TempDir dir;
  Options options;
  options.durability = Durability::kNone;
  Store store = Store::open(dir.file("store"), options).value();
  for (std::uint64_t i = 0; i < 50; ++i) ASSERT_OK(store.put(key_of(i), value_of(i, 200'000)));
  ASSERT_OK(store.checkpoint());
  for (std::uint64_t i = 0; i < 40; ++i) ASSERT_TRUE(store.erase(key_of(i)).value());
  holes_asked_for = 0;

  for (std::uint64_t i = 0; i < 6; ++i) {
    ASSERT_OK(store.put("now", std::to_string(i)));
    ASSERT_OK(store.checkpoint());
  }

  EXPECT_EQ(1, holes_asked_for);
  for (std::uint64_t i = 0; i < 40; ++i) ASSERT_OK(store.put(key_of(i), value_of(i, 200'000)));
  for (std::uint64_t i = 0; i < 50; ++i)
    ASSERT_TRUE(value_in(store, key_of(i)) == value_of(i, 200'000)) << i;
  EXPECT_TRUE(store.verify().value().clean());
}

}  // namespace
}  // namespace hmap::test
