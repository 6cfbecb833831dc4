"""recover: exit codes, the report in words and in JSON, and that nothing is left behind."""

import json
import os
import shutil
import struct
import subprocess

from support import BUSY, CORRUPT, NO, NOT_A_STORE, RECORDS, SYSTEM, USAGE, ToolTest, main, tool


class Recover(ToolTest):
    def setUp(self):
        super().setUp()
        self.new = self.path("new.hmap")

    def damage(self, offset, data):
        """Works on a copy, as after a restore: the last checkpoint counts."""
        copy = self.path("damaged.hmap")
        shutil.copyfile(self.file, copy)
        with open(copy, "r+b") as file:
            file.seek(offset)
            file.write(data)
        return copy

    def superblock(self, offset, form):
        with open(self.file, "rb") as file:
            return struct.unpack_from(form, file.read(512), offset)[0]

    def test_an_intact_store_is_copied_whole(self):
        self.make()
        report = self.answer("recover", self.file, self.new, "--json")
        self.assertTrue(report["complete"])
        self.assertEqual((report["log_needed"], report["log_trouble"]), (False, None))
        self.assertEqual(report["entries"], len(RECORDS))
        self.assertEqual(report["claimed"], len(RECORDS))
        self.assertEqual((report["lost"], report["damaged_places"]), (0, 0))
        for key, value in RECORDS.items():
            got = self.hmap("get", self.new, "--key-hex", key.hex())
            self.assertEqual(got.stdout, value)

    def test_words(self):
        self.make()
        result = self.hmap("recover", self.damage(90, b"XX"), self.new)
        text = result.stdout.decode()
        self.assertEqual(result.stderr, b"")
        self.assertNotRegex(text, r"(?m)[ \t]$")
        self.assertRegex(text, rf"(?m)^  entries +{len(RECORDS)}  of {len(RECORDS)}$")
        self.assertIn("superblock with a wrong checksum", text)
        self.assertTrue(text.endswith("\ncomplete: yes\n"))

    def test_a_damaged_record_is_told(self):
        self.make({b"ada": b"Lovelace" * 10, b"grace": b"Hopper"})
        with open(self.file, "rb") as file:
            at = file.read().index(b"Lovelace")
        copy = self.damage(at, b"l")
        report = json.loads(self.hmap("recover", copy, self.new, "--json", code=NO).stdout)
        self.assertEqual((report["entries"], report["claimed"], report["lost"]), (1, 2, 1))
        self.assertEqual(report["lost_list"][0]["key_unverified"], "ada")
        self.assertEqual(report["lost_list"][0]["value_bytes_unverified"], 80)
        self.assertEqual(self.hmap("get", self.new, "grace").stdout, b"Hopper")
        os.unlink(self.new)
        text = self.hmap("recover", copy, self.new, code=NO).stdout.decode()
        self.assertIn("lost: 1 damaged record\n", text)
        self.assertIn('key "ada" perhaps, value of 80 bytes', text)
        self.assertTrue(text.endswith("\ncomplete: NO\n"))

    def test_what_only_the_commit_log_may_have_is_told(self):
        self.make()
        copy = self.damage(0, b"")
        for root in (4096, 4096 + self.superblock(104, "<Q")):
            with open(copy, "r+b") as file:
                file.seek(root + 40)
                file.write(struct.pack("<Q", 1 << 63 | 4096))  # the log is in use, perhaps
        report = json.loads(self.hmap("recover", copy, self.new, "--json", code=NO).stdout)
        self.assertEqual((report["entries"], report["lost"]), (len(RECORDS), 0))
        self.assertEqual((report["log_needed"], report["log_records"]), (True, 0))
        self.assertIn("left aside", report["log_trouble"])
        os.unlink(self.new)
        text = self.hmap("recover", copy, self.new, code=NO).stdout.decode()
        self.assertIn("\nlost, perhaps: writes that only the commit log has\n  Needs", text)
        self.assertRegex(text, r"(?m)^  from the log +0  writes since then, in 0 records$")
        self.assertTrue(text.endswith("\ncomplete: NO\n"))

    def test_without_the_first_page_the_seed_is_needed(self):
        self.make({b"a": b"1", b"b": b"2"})
        self.hmap("put", self.file, "a", "3")
        seed = f"{self.superblock(56, '<Q'):016x}"
        heap = self.superblock(136, "<Q")
        copy = self.damage(0, b"\xff" * heap)
        error = self.error("recover", copy, self.new, code=NOT_A_STORE)
        self.assertIn("--seed", error["hint"])
        wrong = seed[::-1] if seed != seed[::-1] else "0" * 16
        self.error("recover", copy, self.new, "--seed", wrong, code=NOT_A_STORE)
        self.assertFalse(os.path.exists(self.new))
        side = self.path("twice.jsonl")
        result = self.hmap("recover", copy, self.new, "--seed", seed, "--conflicts", side,
                           "--json", code=NO)
        report = json.loads(result.stdout)
        self.assertEqual((report["by_scan"], report["conflicts"]), (2, 1))
        self.assertEqual((report["superblock"], report["state"]), ("given", "none"))
        with open(side, encoding="utf-8") as file:
            conflict = json.loads(file.read())
        self.assertEqual(conflict["key"], "a")
        values = {conflict["value"], self.hmap("get", self.new, "a").stdout.decode()}
        self.assertEqual(values, {"1", "3"})

    def test_without_the_first_page_the_type_is_given_as_well(self):
        self.hmap("create", self.file, "--key-type", "u64", "--value-type", "i32")
        for number in range(100):
            self.hmap("put", self.file, str(number), "--", str(-number))
        want = self.answer("stat", "--json", self.file)["type"]
        seed = f"{self.superblock(56, '<Q'):016x}"
        copy = self.damage(0, b"\xff" * 512)
        report = self.answer("recover", copy, self.new, "--json")
        self.assertEqual((report["entries"], report["complete"], report["superblock"]),
                         (100, True, "spare"))
        self.assertEqual(self.answer("stat", "--json", self.new)["type"], want)
        os.remove(self.new)
        root = self.superblock(104, "<Q")
        with open(copy, "r+b") as file:
            for end in (4096 + root, 4096 + 2 * root):
                file.seek(end - 512)
                file.write(bytes(512))
        types = ("--damaged-key-type", "u64", "--damaged-value-type", "i32")
        report = self.answer("recover", copy, self.new, "--seed", seed, *types, "--json")
        self.assertEqual((report["entries"], report["by_bucket"], report["complete"]),
                         (100, 100, True))
        self.assertEqual(self.answer("stat", "--json", self.new)["type"], want)
        self.assertEqual(self.hmap("get", self.new, "42").stdout, b"-42\n")
        # Without the type, or with another one, the buckets make no sense.
        for n, types in enumerate(((), ("--damaged-key-type", "u32"))):
            other = self.path(f"{n}.hmap")
            report = self.answer("recover", copy, other, "--seed", seed, *types, "--json", code=NO)
            self.assertEqual((report["entries"], report["complete"]), (0, False))
        self.error("recover", copy, self.path("x"), "--damaged-key-type", "u128", code=USAGE)

    def test_who_cannot_open_a_store_is_told_of_it(self):
        self.make()
        copy = self.damage(90, b"XX")
        for verb in (("get", copy, "k"), ("dump", copy), ("verify", copy)):
            error = self.error(*verb, code=CORRUPT)
            self.assertIn(f"hmap recover {copy} NEW", error["hint"])

    def test_no_conflicts_no_file(self):
        self.make()
        side = self.path("twice.jsonl")
        self.hmap("recover", self.file, self.new, "--conflicts", side)
        self.assertFalse(os.path.exists(side))

    def test_failures_leave_nothing(self):
        self.make()
        before = sorted(os.listdir(self.place))
        self.error("recover", self.path("none"), self.new, code=SYSTEM)
        self.assertEqual(self.error("recover", self.file, self.file, code=SYSTEM)["code"], "Exists")
        self.error("recover", self.file, self.path("no/new.hmap"), code=SYSTEM)
        self.error("recover", self.file, self.new, "--seed", "12", code=USAGE)
        self.error("recover", self.file, code=USAGE)
        self.error("recover", self.file, self.new, "--conflicts", self.file, code=SYSTEM)
        self.error("recover", tool(), self.new, code=NOT_A_STORE)
        self.assertEqual(sorted(os.listdir(self.place)), before)

    def test_a_store_that_is_being_written_is_left_alone(self):
        self.make()
        with subprocess.Popen([tool(), "load", "--format", "tsv", self.file],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as writer:
            writer.stdin.write(b"first\tvalue\n")
            writer.stdin.flush()
            while self.entries() != len(RECORDS) + 1:
                pass
            error = self.error("recover", self.file, self.new, code=BUSY)
            self.assertIn("hmap ps", error["hint"])
            writer.stdin.close()
            writer.wait(60)

    def test_the_new_store_is_as_asked(self):
        self.make()
        self.hmap("recover", self.file, self.new, "--shards", "16")
        self.assertEqual(len(self.answer("stat", "--json", self.new)["shards"]), 16)


if __name__ == "__main__":
    main()
