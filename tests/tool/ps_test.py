"""ps: who is there, living, stopped and dead; clearing what the dead hold."""

import signal
import subprocess
import time

from support import SYSTEM, ToolTest, main, tool


class Writer:
    """A load that has stored something and waits for more."""

    def __init__(self, test, prefix=b"w"):
        self.test, self.prefix = test, prefix

    def __enter__(self):
        self.process = subprocess.Popen(
            [tool(), "load", "--format", "tsv", self.test.file],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        before = self.test.entries()
        self.write(20_000)
        while self.test.entries() < before + 5_000:
            time.sleep(0.01)
        return self

    def write(self, count):
        for i in range(count):
            self.process.stdin.write(b"%s%d\tvalue %d\n" % (self.prefix, i, i))
        self.process.stdin.flush()

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass


class Ps(ToolTest):
    def setUp(self):
        super().setUp()
        self.make()

    def test_nobody(self):
        text = self.hmap("ps", self.file).stdout.decode()
        self.assertRegex(text, r"^.*a\.hmap: 0 attached for writing, 0 dead\n")
        answer = self.answer("ps", "--json", self.file)
        self.assertEqual((answer["processes"], answer["locks"], answer["snapshots"]), ([], [], []))
        copy = self.path("copy.hmap")
        with open(self.file, "rb") as source, open(copy, "wb") as target:
            target.write(source.read())
        self.assertIn(b"not in use", self.hmap("ps", copy).stdout)

    def test_the_living_the_stopped_and_the_dead(self):
        with Writer(self) as writer:
            pid = writer.process.pid
            seen = self.answer("ps", "--json", self.file)["processes"]
            self.assertEqual([p["pid"] for p in seen if p["alive"]], [pid])
            self.assertTrue(seen[0]["command"].startswith("hmap"))
            text = self.hmap("ps", self.file).stdout.decode()
            self.assertRegex(text, rf"(?m)^ +1 +{pid} hmap +alive +0:\d\d  ")
            writer.process.send_signal(signal.SIGSTOP)
            while self.answer("ps", "--json", self.file)["processes"][0]["state"] != "T":
                time.sleep(0.01)
            self.assertIn(b" STOPPED ", self.hmap("ps", self.file).stdout)
        seen = self.answer("ps", "--json", self.file)["processes"]
        self.assertEqual([(p["pid"], p["alive"]) for p in seen], [(pid, False)])
        self.assertIn(b" DEAD ", self.hmap("ps", self.file).stdout)
        cleared = self.answer("ps", "--clear-dead", "--json", self.file)
        self.assertEqual(cleared["cleared"]["processes"], 1)
        self.assertEqual(cleared["processes"], [])
        self.hmap("verify", self.file)

    def test_all_of_the_dead_are_cleared(self):
        """Also the second: the first one's slot is taken by whoever opens the store to clear it."""
        with Writer(self), Writer(self, b"x"):
            self.assertEqual(len(self.answer("ps", "--json", self.file)["processes"]), 2)
        cleared = self.answer("ps", "--clear-dead", "--json", self.file)
        self.assertEqual(cleared["cleared"]["processes"], 2)
        self.assertEqual(cleared["processes"], [])

    def test_failures(self):
        self.hmap("ps", self.path("nowhere"), code=SYSTEM)
        self.hmap("ps", "--clear-dead", self.path("nowhere"), code=SYSTEM)


if __name__ == "__main__":
    main()
