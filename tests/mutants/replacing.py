"""Faults in putting a store in the place of another."""

from mutant import mutant
from suites import FOLLOWING, publish

MUTANTS = (
    mutant("p_writers_do_not_ask", "F-91: after each lock of a domain", (
        "state/engine.cc", "if (seam::load(engine.runtime->replaced) != 0) [[unlikely]] {",
        "if (false) {"),
        publish("PublishDeath.Beside*")),
    mutant("p_readers_do_not_ask", "F-91: before a read begins", (
        "store/handle.h",
        "if (seam::load(*replaced_.load(std::memory_order_acquire)) == 0) [[likely]]",
        "if (true)"),
        publish("Publish.ReadersAndWritersFollow")),
    mutant("p_word_is_the_moment", "F-91: with links left it is the store as ever", (
        "system/mapping.cc", "::fstat(fd_, &info) != 0 || info.st_nlink != 0", "false"),
        publish("PublishDeath.AtEveryStep")),
    mutant("p_without_locks", "F-90: all domain locks while renaming", (
        "copies/replacement.cc", "lock_all(engine, engine.lock_timeout)",
        "lock_these(engine, {}, engine.lock_timeout)"),
        publish("PublishDeath.Beside*")),
    mutant("p_name_not_asked", "F-90: the name leads to the file", (
        "copies/replacement.cc", "if (Status s = check_name(old); !s.ok()) return s;", ""),
        publish("PublishDeath.TheNameLeads*")),
    mutant("p_another_uuid", "F-93: the log beside the name becomes the new store's", (
        "copies/publish.cc",
        "if (Status s = give_uuid(fresh_->fd.get(), uuid); !s.ok()) return s;",
        "static_cast<void>(uuid);"),
        publish("PublishCommitted.*")),
    mutant("p_no_guest", "F-94: who only replaces does not decide about durability", (
        "copies/publish.cc", "Role::kGuest", "Role::kUser"),
        publish("PublishDeath.AStoppedPublisherIsAGuest")),
    mutant("p_no_grace", "an old handle goes when no call can be using it", (
        "system/calls.cc", "return passed_ && inside_.empty();", "return true;"),
        publish("Publish.ALongCall*"), FOLLOWING),
)
