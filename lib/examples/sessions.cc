// Sessions of a web service, shared by its worker processes.
//
//   sessions FILE
//
// A session's value is its time of expiry (8 bytes), then what the application keeps in it.
#include <hmap/batch.h>
#include <hmap/store.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr std::uint64_t kLifetime = 1'800;  // seconds

int fail(const hmap::Status& status) { return std::cerr << status << '\n', EXIT_FAILURE; }

std::string session(std::uint64_t expires, std::string_view data) {
  std::string value(reinterpret_cast<const char*>(&expires), sizeof expires);
  return value.append(data);
}
// Of what is too short for a session, and so somebody else's: never.
std::uint64_t expiry(std::string_view value) {
  std::uint64_t expires = ~std::uint64_t{0};
  if (value.size() >= sizeof expires) std::memcpy(&expires, value.data(), sizeof expires);
  return expires;
}
std::string_view data(std::string_view value) {
  return value.substr(std::min(value.size(), sizeof(std::uint64_t)));
}

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

int run(const std::string& path) {
  auto store = hmap::Store::open(path);
  if (!store) return fail(store.error());

  const std::uint64_t now = 1'000'000;
  for (const auto& [id, expires] :
       {std::pair("guest", now + kLifetime), std::pair("idle", now + 1)})
    if (hmap::Status status = store->put(id, session(expires, "cart:")); !status.ok())
      return fail(status);

  std::cout << "tea added: " << add_to_cart(*store, "guest", now, "tea") << '\n';
  std::cout << "to nobody: " << add_to_cart(*store, "nobody", now, "tea") << '\n';
  if (hmap::Status status = rename(*store, "guest", "ada"); !status.ok()) return fail(status);
  std::cout << "milk added: " << add_to_cart(*store, "ada", now + 60, "milk") << '\n';
  std::cout << "expired: " << remove_expired(*store, now + 60) << '\n';
  for (const auto& [id, value] : *store) std::cout << id << ": " << data(value) << '\n';
  hmap::Status status = store->close();
  return status.ok() ? EXIT_SUCCESS : fail(status);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: sessions FILE\n", 2;
  try {
    return run(argv[1]);
  } catch (const hmap::Error& error) {  // of value(), and of a walk with for
    return fail(error.status());
  }
}
