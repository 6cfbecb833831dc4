"""verify: silent stores, damaged ones, its answer in words and with --json, and its exit codes."""

import os
import pathlib
import pty
import subprocess
import time

from support import CORRUPT, NOT_A_STORE, SYSTEM, USAGE, YES, ToolTest, main, run, tool


class Verify(ToolTest):
    def fill(self, count=3000):
        text = b"".join(b"key%d\tvalue%d\n" % (i, i) for i in range(count))
        self.hmap("load", self.file, "--shards", "2", data=text)

    def damage(self, offset, mask=1):
        with open(self.file, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ mask]))

    def offset_of(self, text):
        return pathlib.Path(self.file).read_bytes().rindex(text)

    def test_says_that_nothing_is_wrong(self):
        self.fill()
        before = pathlib.Path(self.file).read_bytes()
        result = self.hmap("verify", self.file)
        self.assertEqual(result.stderr, b"")
        lines = result.stdout.decode().splitlines()
        self.assertEqual(lines[-1], f"{self.file}: nothing is wrong")
        self.assertEqual(len(lines), 3)
        self.assertIn("live state: 3,000 entries in ", lines[0])
        self.assertIn("durable state, checkpoint 2: 3,000 entries in ", lines[1])
        self.assertEqual(pathlib.Path(self.file).read_bytes(), before)

    def test_states_can_be_chosen(self):
        self.fill()
        for state, other in (("live", "durable"), ("durable", "live")):
            answer = self.answer("verify", "--json", f"--{state}", self.file)
            self.assertEqual(answer[state]["entries"], 3000)
            self.assertNotIn(other, answer)
        self.hmap("verify", "--live", "--durable", self.file, code=USAGE)
        self.hmap("verify", code=USAGE)
        self.hmap("verify", self.file, "more", code=USAGE)

    def test_json_of_a_clean_store(self):
        self.fill()
        answer = self.answer("verify", "--json", self.file)
        self.assertEqual(next(iter(answer)), "clean")
        self.assertIs(answer["clean"], True)
        self.assertIs(answer["complete"], True)
        self.assertIs(answer["live"]["quiet"], True)
        self.assertEqual(answer["findings"], [])
        self.assertEqual(answer["file"], self.file)
        for name in ("damages", "leaks", "leaked_bytes", "notes"):
            self.assertEqual(answer[name], 0)
        self.assertGreater(answer["durable"]["bytes"], 3000 * 20)

    def test_a_damaged_record_is_told_with_its_place(self):
        self.fill()
        offset = self.offset_of(b"key77value77")
        self.damage(offset)
        result = self.hmap("verify", self.file, code=CORRUPT)
        text = result.stdout.decode()
        self.assertEqual(result.stderr, b"")
        self.assertIn(f"DAMAGE Record (durable state) at offset {offset - 12}, shard ", text)
        self.assertIn(f"DAMAGE Record (live state) at offset {offset - 12}, shard ", text)
        self.assertIn("has a wrong checksum", text)
        self.assertIn(f"{self.file}: 2 damages, 0 leaks", text)
        self.assertIn("  what to do: keep a copy of ", text)
        self.assertNotIn("nothing is wrong", text)
        answer = self.answer("verify", "--json", "--durable", self.file, code=CORRUPT)
        self.assertIs(answer["clean"], False)
        self.assertEqual(answer["damages"], 1)
        finding, = answer["findings"]
        self.assertEqual((finding["kind"], finding["severity"]), ("Record", "damage"))
        self.assertEqual((finding["state"], finding["offset"]), ("durable", offset - 12))
        self.assertIn("bucket", finding)
        self.assertIn(finding["shard"], (0, 1))
        self.assertIn("hmap recover", answer["advice"])

    def test_a_store_too_damaged_to_be_opened_is_checked_all_the_same(self):
        self.hmap("create", self.file, "--shards", "1")
        self.hmap("put", self.file, "ada", "Lovelace")
        record = self.offset_of(b"adaLovelace")
        copy = self.path("copy.hmap")  # another inode: no live state
        pathlib.Path(copy).write_bytes(pathlib.Path(self.file).read_bytes())
        self.file = copy
        self.damage(record)
        self.damage(4096 + 20)  # both roots
        self.damage(4096 + 4096 + 20)
        self.hmap("get", self.file, "ada", code=CORRUPT)
        result = self.hmap("verify", self.file, code=CORRUPT)
        text = result.stdout.decode()
        self.assertEqual(text.count("DAMAGE Root (durable state) at offset"), 2)
        self.assertIn(f"{self.file}: cannot be opened: Corrupt", text)
        answer = self.answer("verify", "--json", self.file, code=CORRUPT)
        self.assertEqual([f["kind"] for f in answer["findings"]], ["Root", "Root"])
        self.assertIn("no valid root", answer["refused"])

    def test_a_file_cut_short(self):
        self.fill()
        os.truncate(self.file, os.path.getsize(self.file) // 2)
        text = self.hmap("verify", self.file, code=CORRUPT).stdout.decode()
        self.assertIn("DAMAGE Truncated (durable state)", text)

    def test_what_is_no_store_is_no_finding(self):
        self.assertEqual(self.error("verify", self.file, code=SYSTEM)["code"], "NotFound")
        pathlib.Path(self.file).write_bytes(b"no store at all\n" * 100)
        self.assertEqual(self.error("verify", self.file, code=NOT_A_STORE)["code"], "NotAStore")
        self.hmap("verify", self.file, code=NOT_A_STORE)

    def test_beside_a_writer(self):
        self.fill(10)
        with subprocess.Popen(
            [tool(), "load", "--format", "tsv", self.file],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        ) as writer:
            for i in range(30_000):
                writer.stdin.write(b"new%d\tvalue\n" % (i % 5000))
                if i % 3000 == 0:
                    writer.stdin.flush()
                    self.hmap("verify", self.file)
            writer.stdin.close()
            self.assertEqual(writer.wait(), YES)
        self.hmap("verify", self.file)

    def test_hold(self):
        """It opens for writing: what a killed process left is taken over, which verify leaves."""
        self.fill()
        load = subprocess.Popen([tool(), "load", "--format", "tsv", self.file],
                                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.addCleanup(load.wait)
        self.addCleanup(load.stdin.close)
        load.stdin.write(b"key7\tvalue7\n" * 100_000)
        load.stdin.flush()
        until = time.monotonic() + 60
        while not self.answer("ps", "--json", self.file)["processes"]:
            self.assertLess(time.monotonic(), until)
        beside = self.answer("verify", "--json", "--hold", "--wait", "-1", self.file)
        self.assertTrue(beside["clean"] and beside["complete"])
        self.assertEqual(beside["durable"]["entries"], 3000)
        self.assertEqual(len(self.answer("ps", "--json", self.file)["processes"]), 1)
        load.kill()
        load.wait()
        self.hmap("verify", self.file)
        self.assertEqual(len(self.answer("ps", "--json", self.file)["processes"]), 1)
        self.hmap("verify", "--hold", self.file)
        self.assertEqual(self.answer("ps", "--json", self.file)["processes"], [])
        self.hmap("verify", "--wait", "1", self.file, code=USAGE)  # It is for --hold.

    def test_hold_of_a_store_that_cannot_be_opened(self):
        self.fill()
        os.truncate(self.file, os.path.getsize(self.file) // 2)
        text = self.hmap("verify", "--hold", self.file, code=CORRUPT).stdout.decode()
        self.assertIn("DAMAGE Truncated (durable state)", text)
        missing = self.path("nothing.hmap")
        self.assertEqual(self.error("verify", "--hold", missing, code=SYSTEM)["code"], "NotFound")
        self.assertFalse(os.path.exists(missing))

    def test_progress_on_a_terminal_only(self):
        self.fill(200_000)
        master, slave = pty.openpty()
        environment = dict(os.environ, TERM="xterm")
        with subprocess.Popen(
            [tool(), "verify", self.file], stdout=subprocess.PIPE, stderr=slave, env=environment
        ) as job:
            os.close(slave)
            output = job.stdout.read()
            shown = b""
            try:
                while part := os.read(master, 4096):
                    shown += part
            except OSError:
                pass  # the other side is closed
            self.assertEqual(job.wait(), YES)
        os.close(master)
        self.assertIn(b"nothing is wrong", output)
        self.assertNotIn(b"\x1b", output)
        # Jobs shorter than a tenth of a second show nothing; what is shown is wiped.
        if shown:
            self.assertIn(b"verify ", shown)
            self.assertTrue(shown.endswith(b"\r\x1b[K"), shown)
        self.assertEqual(run("verify", self.file).stderr, b"")


if __name__ == "__main__":
    main()
