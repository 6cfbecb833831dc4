"""stat: the numbers as JSON, and the same in words for people."""

import os
import re
import subprocess
import uuid

from support import ToolTest, main, tool

SPACE = ("span_bytes", "large_bytes", "bucket_bytes", "frame_bytes", "retired_bytes", "free_bytes")
SPACE += ("held_bytes", "other_bytes", "unassigned_bytes")


class Stat(ToolTest):
    def fill(self, count, *arguments):
        text = b"".join(b"key%d\tvalue%d\n" % (i, i) for i in range(count))
        self.hmap("load", self.file, *arguments, data=text)

    def test_json_has_entries_first_and_sums_that_agree(self):
        self.fill(3000, "--shards", "4")
        stat = self.answer("stat", "--json", self.file)
        self.assertEqual(next(iter(stat)), "entries")
        self.assertEqual(stat["entries"], 3000)
        self.assertEqual(sum(shard["entries"] for shard in stat["shards"]), 3000)
        buckets = sum(2 ** shard["buckets_log2"] for shard in stat["shards"])
        self.assertEqual(buckets, stat["buckets"])
        self.assertAlmostEqual(stat["load_factor"], 3000 / stat["buckets"], places=2)
        self.assertEqual(len(stat["shards"]), 2 ** stat["shard_bits"])
        self.assertEqual(stat["file"], self.file)
        self.assertFalse(stat["poisoned"])
        self.assertTrue(stat["healthy"])
        uuid.UUID(stat["uuid"])

    def test_space_adds_up_to_the_file(self):
        self.fill(3000)
        space = self.answer("stat", "--json", self.file)["space"]
        self.assertEqual(space["file_bytes"], os.path.getsize(self.file))
        self.assertEqual(sum(space[name] for name in SPACE), space["file_bytes"])
        self.assertGreaterEqual(space["span_bytes"], 3000 * len("key1value1"))

    def test_chains_count_every_bucket(self):
        self.fill(3000)
        stat = self.answer("stat", "--json", "--chains", self.file)
        buckets = sum(shard.get("old_buckets", 0) for shard in stat["shards"]) + stat["buckets"]
        self.assertTrue(0 < sum(stat["chains"]) <= buckets, stat)

    def test_text_has_the_same_numbers_in_words(self):
        self.fill(3000)
        stat = self.answer("stat", "--json", self.file)
        result = self.hmap("stat", self.file)
        text = result.stdout.decode()
        self.assertEqual(result.stderr, b"")
        self.assertNotRegex(text, r"(?m)[ \t]$")
        self.assertNotIn("\x1b", text)
        self.assertIn(f"{self.file}: hmap store, format version", text)
        rows = {}
        for name, words in re.findall(r"(?m)^  (\S+(?: \S+)*)  +(\S.*)$", text):
            rows.setdefault(name, words)
        self.assertEqual(rows["entries"], "3,000")
        self.assertTrue(rows["buckets"].startswith(f"{stat['buckets']:,} of 8 slots; B = "))
        self.assertTrue(rows["load factor"].startswith(f"{stat['load_factor']:.2f} entries per"))
        self.assertTrue(rows["overflow buckets"].startswith(f"{stat['overflow_buckets']:,} ("))
        self.assertTrue(rows["file"].startswith(f"{stat['space']['file_bytes']:,} "))
        self.assertEqual(rows["epoch"], f"{stat['epoch']:,}")
        self.assertEqual(rows["durable epoch"], f"{stat['durable_epoch']:,}")
        self.assertEqual(rows["checkpoints"], f"{stat['checkpoints']:,}")
        for words in ("growth  ", "chain length", "space by use", "healthy: yes"):
            self.assertIn(words, text)

    def test_growth_in_progress_is_told(self):
        """A write evacuates two buckets at most, so some count of entries stops in the middle."""
        text = b"".join(b"key%d\tv\n" % i for i in range(20_000))
        lines = text.splitlines(keepends=True)
        self.hmap("create", self.file, "--shards", "1")
        # Growth from 2^B buckets begins at 6.5 * 2^B entries: 3328 + 1 for B = 9.
        self.hmap("load", self.file, data=b"".join(lines[:3340]))
        shard = self.answer("stat", "--json", self.file)["shards"][0]
        self.assertTrue(shard["growing"], shard)
        self.assertEqual(shard["old_buckets"], 512)
        self.assertTrue(0 < shard["evacuated"] < 512, shard)
        words = self.hmap("stat", self.file).stdout.decode()
        done = f"{shard['evacuated']} evacuated ({100 * shard['evacuated'] / 512:.1f} %)"
        self.assertRegex(words, "growth +from 512 to 1,024 buckets, " + re.escape(done))
        self.hmap("load", self.file, data=b"".join(lines[3340:4500]))
        self.assertRegex(self.hmap("stat", self.file).stdout, b"growth +none in progress\n")

    def test_attached_processes(self):
        self.hmap("create", self.file)
        self.assertEqual(self.answer("stat", "--json", self.file)["processes"], [])
        with subprocess.Popen(
            [tool(), "load", "--format", "tsv", self.file],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        ) as other:
            other.stdin.write(b"first\tvalue\n")
            other.stdin.flush()
            for _ in range(2000):
                stat = self.answer("stat", "--json", self.file)
                if stat["entries"] == 1:
                    break
            self.assertEqual(
                [(p["pid"], p["alive"]) for p in stat["processes"]], [(other.pid, True)]
            )
            self.assertRegex(
                self.hmap("stat", self.file).stdout.decode(), rf"slot \d+ +pid {other.pid} +alive"
            )
            other.kill()
            other.wait()
            process = self.answer("stat", "--json", self.file)["processes"]
            self.assertIn([(p["pid"], p["alive"]) for p in process], ([], [(other.pid, False)]))
        self.assertEqual(self.entries(), 1)

    def test_advice_is_about_the_disk_and_not_about_holes(self):
        self.make({b"%d" % i: b"v" * 2_000_000 for i in range(20)})
        # Who closes last gives back what is free; a copy without holes takes it again.
        self.hmap("del", self.file, *(str(i) for i in range(20)))
        space = self.answer("stat", "--json", self.file)["space"]
        self.assertGreater(space["free_bytes"], 30_000_000)
        self.assertNotIn(b"on disk are free", self.hmap("stat", self.file).stdout)
        full = str(self.place / "full.hmap")
        subprocess.run(["cp", "--sparse=never", self.file, full], check=True)
        words = rb"about [\d.]+ MiB on disk are free for new records; hmap compact gives them"
        self.assertRegex(self.hmap("stat", full).stdout, words)
        self.hmap("compact", "--online", full)
        self.assertNotIn(b"on disk are free", self.hmap("stat", full).stdout)

    def test_leaves_the_file_as_it_is(self):
        self.fill(100)
        before = (self.place / "a.hmap").read_bytes()
        for verb in (("stat",), ("stat", "--chains"), ("list",), ("dump",)):
            self.hmap(verb[0], self.file, *verb[1:])
        self.hmap("get", self.file, "key1")
        self.assertEqual((self.place / "a.hmap").read_bytes(), before)


if __name__ == "__main__":
    main()
