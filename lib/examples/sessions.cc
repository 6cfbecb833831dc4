// Sessions of a web service, shared by its worker processes.
//
//   sessions FILE
//
// A session's value is its time of expiry (8 bytes), then what the application keeps in it.
#include <hmap/batch.h>
#include <hmap/store.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::uint64_t kLifetime = 1'800;  // seconds

std::string session(std::uint64_t expires, std::string_view data) {
  std::string value(reinterpret_cast<const char*>(&expires), sizeof expires);
  return value.append(data);
}
std::uint64_t expiry(std::string_view value) {
  std::uint64_t expires = 0;
  std::memcpy(&expires, value.data(), sizeof expires);
  return expires;
}
std::string_view data(std::string_view value) { return value.substr(sizeof(std::uint64_t)); }

// A request of a user: whoever changed the session meanwhile, both changes are kept. False: there
// is no such session, or no longer.
bool add_to_cart(hmap::Store& store, std::string_view id, std::uint64_t now,
                 std::string_view item) {
  bool alive = false;
  const auto found = store.update(id, [&](std::string_view value) {
    // May run again, with what another worker has written: no effects but on `alive`.
    alive = expiry(value) > now;
    if (!alive) return std::string(value);
    return session(now + kLifetime, std::string(data(value)) + " " + std::string(item));
  });
  return found.value() && alive;
}

// After a login the session gets a new name: at no moment both names work, nor neither.
//
// A batch writes several keys at one moment, but it does not read: what others write to `from`
// between the get and the apply is lost with it. That is well for the request that logs in, which
// decides what the new session holds; what must not be lost needs one key, and update().
hmap::Status rename(hmap::Store& store, std::string_view from, std::string_view to) {
  const auto value = store.get(from);
  if (!value) return value.error();
  if (!*value) return {};
  hmap::Batch batch;
  batch.put(to, **value);
  batch.erase(from);
  return store.apply(batch);
}

// Now and then, by any of the workers, while the others go on.
std::size_t remove_expired(hmap::Store& store, std::uint64_t now) {
  std::vector<std::string> expired;
  for (const auto& [id, value] : store) {
    if (expiry(value) <= now) expired.emplace_back(id);
  }
  std::size_t removed = 0;
  for (const std::string& id : expired) {
    // A session that was used after the walk saw it stays.
    const auto value = store.get(id).value();
    if (value && expiry(*value) <= now)
      removed += store.compare_exchange(id, *value, std::nullopt).value() ? 1 : 0;
  }
  return removed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: sessions FILE\n", 2;
  auto store = hmap::Store::open(argv[1]);
  if (!store) return std::cerr << store.error() << '\n', 1;

  const std::uint64_t now = 1'000'000;
  if (!store->put("guest", session(now + kLifetime, "cart:")).ok()) return 1;
  if (!store->put("idle", session(now + 1, "cart:")).ok()) return 1;

  std::cout << "tea added: " << add_to_cart(*store, "guest", now, "tea") << '\n';
  std::cout << "to nobody: " << add_to_cart(*store, "nobody", now, "tea") << '\n';
  if (!rename(*store, "guest", "ada").ok()) return 1;
  std::cout << "milk added: " << add_to_cart(*store, "ada", now + 60, "milk") << '\n';
  std::cout << "expired: " << remove_expired(*store, now + 60) << '\n';
  for (const auto& [id, value] : *store) std::cout << id << ": " << data(value) << '\n';
  return store->close().ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}
