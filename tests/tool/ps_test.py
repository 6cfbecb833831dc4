"""ps and watch: who is there, living, stopped and dead; the display, the numbers, the metrics."""

import json
import os
import re
import signal
import subprocess
import time

from support import RECORDS, SYSTEM, USAGE, ToolTest, main, tool
from terminal import environment, run_on_terminal


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


class Watch(ToolTest):
    def setUp(self):
        super().setUp()
        self.make()

    def test_once(self):
        answer = self.answer("watch", "--once", "--json", self.file)
        self.assertEqual(answer["entries"], len(RECORDS))
        self.assertGreaterEqual(answer["changes"], len(RECORDS))
        self.assertEqual(answer["file_bytes"], os.path.getsize(self.file))
        self.assertNotIn("changes_per_second", answer)
        self.assertNotIn("reads", answer["work"])
        work = answer["work"]
        self.assertEqual((work["inserted"], work["replaced"], work["erased"]), (len(RECORDS), 0, 0))
        self.assertEqual(work["lock_waits"], 0)
        text = self.hmap("watch", "--once", self.file).stdout.decode()
        self.assertRegex(text, rf"(?m)^entries +{len(RECORDS)}$")
        self.assertRegex(text, rf"(?m)^inserted +{len(RECORDS)}$")
        self.assertRegex(text, r"(?m)^lock waits +0  0.000 s in all$")
        self.assertNotIn("\x1b", text)

    def test_rates(self):
        with Writer(self) as writer:
            watch = subprocess.Popen(
                [tool(), "watch", "--json", "--interval", "0.05", self.file],
                stdout=subprocess.PIPE,
            )
            lines = [json.loads(watch.stdout.readline())]
            writer.prefix = b"more"
            writer.write(20_000)
            # However slow the machine: until it was seen.
            while lines[-1]["changes"] < lines[0]["changes"] + 5_000:
                lines.append(json.loads(watch.stdout.readline()))
            watch.kill()
            watch.wait()
            watch.stdout.close()
        self.assertNotIn("entries_per_second", lines[0])
        for before, after in zip(lines, lines[1:]):
            self.assertGreaterEqual(after["changes"], before["changes"])
            grown = after["entries"] - before["entries"]
            self.assertEqual(after["entries_per_second"] > 0, grown > 0)
            changed = after["changes"] > before["changes"]
            self.assertEqual(after["changes_per_second"] > 0, changed)
            inserted = after["work"]["inserted"] - before["work"]["inserted"]
            self.assertGreaterEqual(inserted, 0)
            self.assertEqual(after["work_per_second"]["inserted"] > 0, inserted > 0)
        self.assertTrue(any(line.get("changes_per_second", 0) > 0 for line in lines))
        self.assertEqual([p["alive"] for p in lines[-1]["processes"]], [True])

    def test_updated_in_place(self):
        with Writer(self):
            drawn = run_on_terminal(
                "watch", "--interval", "0.05", "--count", "4", self.file, columns=70
            )
        up = re.findall(rb"\x1b\[(\d+)A", drawn)
        frames = re.split(rb"\x1b\[\d+A", drawn)
        self.assertEqual((len(up), len(frames)), (3, 4), drawn)
        for rows, frame in zip(up, frames):
            self.assertEqual(int(rows), frame.count(b"\n"))
        for frame in frames:
            lines = frame.replace(b"\x1b[J", b"").replace(b"\r", b"").split(b"\x1b[K\n")
            self.assertTrue(all(len(line) < 70 for line in lines), lines)
            self.assertTrue(any(line.startswith(b"entries ") for line in lines))
            self.assertTrue(any(b"alive" in line for line in lines))
        self.assertIn(b"/s", frames[1])
        self.assertNotIn(b"/s", frames[0].split(b"\n")[1])

    def test_a_low_terminal_is_never_overrun(self):
        drawn = run_on_terminal("watch", "--interval", "0.05", "--count", "2", self.file, lines=5)
        self.assertTrue(all(f.count(b"\n") <= 4 for f in re.split(rb"\x1b\[\d+A", drawn)), drawn)
        dumb = run_on_terminal(
            "watch", "--interval", "0.05", "--count", "2", self.file, env=environment(TERM="dumb")
        )
        self.assertNotIn(b"\x1b", dumb)

    def test_another_store_in_its_place_is_followed(self):
        watch = subprocess.Popen(
            [tool(), "watch", "--json", "--interval", "0.05", self.file],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.assertEqual(json.loads(watch.stdout.readline())["entries"], len(RECORDS))
        self.hmap("compact", self.file)
        self.hmap("put", self.file, "one", "more")
        while json.loads(watch.stdout.readline())["entries"] != len(RECORDS) + 1:
            pass
        os.unlink(self.file)
        _, errors = watch.communicate(timeout=60)
        self.assertEqual(watch.returncode, SYSTEM)
        self.assertIn(b"NotFound", errors)

    def test_ctrl_c_ends_it(self):
        process = subprocess.Popen([tool(), "watch", self.file], stdout=subprocess.PIPE)
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), -signal.SIGINT)
        process.stdout.close()

    def test_prometheus(self):
        name = self.path('we"ird\\.hmap')
        os.rename(self.file, name)
        text = self.hmap("watch", "--prometheus", name).stdout.decode()
        typed, values = {}, {}
        for line in text.splitlines():
            if line.startswith("#"):
                kind, metric, rest = re.fullmatch(r"# (HELP|TYPE) (\w+) (.+)", line).groups()
                if kind == "TYPE":
                    self.assertNotIn(metric, typed, "the lines of a metric belong together")
                    typed[metric] = rest
                continue
            match = re.fullmatch(
                r'(hmap_\w+)\{((?:\w+="(?:[^"\\\n]|\\["\\n])*",?)+)\} (-?[\d.]+(?:e[+-]\d+)?)', line
            )
            self.assertTrue(match, line)
            self.assertEqual(list(typed)[-1], match[1], "a value without its TYPE before it")
            values.setdefault(match[1], []).append((match[2], float(match[3])))
        self.assertEqual(set(typed), set(values))
        self.assertLessEqual(set(typed.values()), {"gauge", "counter"})
        for metric, kind in typed.items():
            self.assertEqual(metric.endswith("_total"), kind == "counter", metric)
        labels, entries = values["hmap_entries"][0]
        self.assertEqual(entries, len(RECORDS))
        self.assertIn('we\\"ird\\\\.hmap', labels)
        self.assertEqual(sum(v for _, v in values["hmap_shard_entries"]), len(RECORDS))
        self.assertGreaterEqual(sum(v for _, v in values["hmap_changes_total"]), len(RECORDS))

    def test_usage(self):
        self.hmap("watch", "--prometheus", "--json", self.file, code=USAGE)
        self.hmap("watch", "--interval", "0", self.file, code=USAGE)
        self.hmap("watch", "--interval", "nan", self.file, code=USAGE)
        self.hmap("watch", self.path("nowhere"), code=SYSTEM)


if __name__ == "__main__":
    main()
