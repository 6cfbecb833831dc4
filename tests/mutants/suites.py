"""The tests that faults are shown to, each short."""

from mutant import Suite


def suite(target, tests="*", **environment):
    return Suite(target, tests, tuple(sorted(environment.items())))


def stopped(*scenarios):
    """A writer stopped and killed before each of its stores."""
    tests = ":".join(f"StoppedWriter.Delays*/{name}" for name in scenarios)
    return suite("hmap_stopped_writer_test", tests, HMAP_STOP_STRIDE="1")


def taken_over(*scenarios):
    """The same, and the one who takes over dies, too."""
    tests = ":".join(f"StoppedWriter.MayBeFollowed*/{name}" for name in scenarios)
    return suite("hmap_stopped_writer_test", tests, HMAP_STOP_STRIDE="5")


def process(tests):
    return suite("hmap_process_test", tests)


def unit(tests):
    return suite("unit_test", tests)


def verify(tests):
    return suite("hmap_verify_test", tests)


def batch(tests):
    return suite("hmap_batch_test", tests)


def commit(tests):
    return suite("hmap_commit_test", tests)


def named(tests):
    return suite("hmap_commit_naming_test", tests)


def committed(tests):
    return suite("hmap_commit_power_test", tests)


def power(tests):
    return suite("hmap_power_test", tests)


def errors(tests):
    return suite("hmap_errors_test", tests)


def space(tests):
    return suite("hmap_space_test", tests)


def fuzz(tests):
    return suite("hmap_fuzz_test", tests)


def compress(tests):
    return suite("compress_test", tests)


def publish(tests):
    return suite("hmap_publish_test", tests)


MODEL = suite("hmap_model_test", "Model.AgreesWith*", HMAP_MODEL_OPERATIONS="200000")
POWER = suite("hmap_power_test", "Power.CutAtAnyMoment*", HMAP_POWER_IMAGES="40000")
# The first one with compressed values, and one of its cuts.
COMPRESSED_POWER = suite("hmap_power_test", "Power.CutAtAnyMoment*", HMAP_POWER_HISTORY="8",
                         HMAP_POWER_LIFE="0", HMAP_POWER_CUT="50")
REBOOT = process("Reboot.*")
DYING = process("Dying*")
OPENING = process("Opening.*")
DYING_COMMIT = commit("*Dying*")
CUT_COMMIT = committed("PowerCut.*")
DEAD = verify("Live.DeadWriters*:Live.StoppedWriters*")
DYING_BATCH = batch("DyingBatch.*")
LEFT_MARKS = suite("hmap_batch_test", "DyingBatch.LeavesNoMark*", HMAP_BATCH_STRIDE="3")
FOLLOWING = suite("hmap_threads_test", "Following.*")
