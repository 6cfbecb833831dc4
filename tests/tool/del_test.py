"""del --keys-from: very many keys in one go, read as list writes them."""

import os
import re
import signal
import subprocess
import time

from support import CORRUPT, NO, RECORDS, SYSTEM, USAGE, ToolTest, main, tool
from terminal import Terminal


class KeysFrom(ToolTest):
    def remove(self, lines, *arguments, **options):
        return self.hmap("del", *arguments, self.file, "--keys-from", "-", data=lines, **options)

    def test_takes_back_what_list_writes(self):
        for options in ((), ("--key-hex",)):
            self.make()
            lines = self.hmap("list", *options, self.file).stdout
            self.assertEqual(
                self.remove(lines, *options).stdout, b"%d keys removed\n" % len(RECORDS)
            )
            self.assertEqual(self.entries(), 0)
            os.unlink(self.file)

    def test_the_longest_key_and_the_empty_one(self):
        for options in ((), ("--key-hex",)):
            self.make({b"\xff" * 65535: b"", b"": b"", b"other": b"stays"})
            lines = self.hmap("list", *options, self.file).stdout.splitlines(keepends=True)
            other = b"other".hex().encode() if options else b"other"
            lines.remove(other + b"\n")
            self.assertEqual(self.remove(b"".join(lines), *options).stdout, b"2 keys removed\n")
            self.assertEqual(self.hmap("list", self.file).stdout, b"other\n")
            os.unlink(self.file)

    def test_beside_the_list_that_it_reads(self):
        """As the example in the help does it, in a pipe: half of the keys, and no other one."""
        self.make({b"%s:%d" % (kind, i): b"v" for kind in (b"a", b"b") for i in range(20_000)})
        command = '"$0" list "$1" --prefix a: | "$0" del "$1" --keys-from -'
        result = subprocess.run(
            ["sh", "-c", command, tool(), self.file], capture_output=True, check=False, timeout=120
        )
        self.assertEqual((result.stdout, result.stderr), (b"20,000 keys removed\n", b""))
        self.assertEqual(self.entries(), 20_000)
        self.assertEqual(self.hmap("list", "--prefix", "a:", self.file).stdout, b"")

    def test_types_are_respected(self):
        self.hmap("create", self.file, "--key-type", "u64", "--value-type", "u8")
        for number in range(5):
            self.hmap("put", self.file, str(number), "7")
        self.remove(b"0\n1\n")
        self.remove(b"0200000000000000\n", "--key-hex")
        self.remove(b"\\x03" + b"\\x00" * 7 + b"\n", "--key-type", "bytes")
        self.assertEqual(self.hmap("list", self.file).stdout, b"4\n")

    def test_absent_keys_are_counted(self):
        self.make({b"a": b"1", b"b": b"2", b"c": b"3"})
        result = self.remove(b"a\nnope\na\nb\n", code=NO)
        self.assertEqual((result.stdout, result.stderr), (b"2 keys removed, 2 absent\n", b""))
        self.assertEqual(self.hmap("list", self.file).stdout, b"c\n")
        self.assertEqual(
            self.answer("del", "--json", self.file, "--keys-from", "-", data=b"c\nc\n", code=NO),
            {"removed": 1, "absent_count": 1},
        )
        self.assertEqual(
            self.answer("del", "--json", self.file, "--keys-from", "-", data=b""),
            {"removed": 0, "absent_count": 0},
        )

    def test_reads_a_file(self):
        self.make({b"a": b"1", b"b": b"2"})
        (self.place / "keys").write_bytes(b"a\n")
        self.hmap("del", self.file, "--sync", f"--keys-from={self.path('keys')}")
        self.assertEqual(self.hmap("list", self.file).stdout, b"b\n")
        error = self.error("del", self.file, "--keys-from", self.path("none"), code=SYSTEM)
        self.assertEqual(error["file"], self.path("none"))
        none = self.path("x.hmap")
        error = self.error("del", none, "--keys-from", self.path("keys"), code=SYSTEM)
        self.assertEqual(error["file"], none)

    def test_keys_come_from_one_place(self):
        self.make({b"a": b"1"})
        self.hmap("del", self.file, "a", "--keys-from", "-", data=b"a\n", code=USAGE)
        self.hmap("del", self.file, "--keys-from", "-", "a", data=b"a\n", code=USAGE)
        result = self.hmap("del", self.file, code=USAGE)
        self.assertIn(b"KEY or --keys-from is required", result.stderr)
        self.assertEqual(self.entries(), 1)


class MalformedKeys(ToolTest):
    def check(self, line, found, *options):
        """`line` behind two good ones: these are removed, and what follows it is not."""
        typed = "u64" in options
        self.hmap("create", self.file, *(options if typed else ()))
        keys = (b"1", b"2", b"3") if typed else (b"61", b"62", b"63")
        put = ("--key-hex",) if "--key-hex" in options else ()
        for key in keys:
            self.hmap("put", *put, self.file, key, "v")
        lines = b"%s\n%s\n%s\n%s\n" % (*keys[:2], line, keys[2])
        arguments = ("del", *options, self.file, "--keys-from", "-")
        result = self.hmap(*arguments, data=lines, code=CORRUPT)
        first, second = result.stderr.decode().splitlines()[:2]
        self.assertRegex(first, rf"^hmap: stdin:3: found {found}, expected .+")
        self.assertEqual(second, "hmap: 2 keys were removed before")
        self.assertEqual(self.entries(), 1)
        error = self.error(*arguments, data=line + b"\n", code=CORRUPT)
        self.assertEqual((error["line"], error["removed"]), (1, 0))
        os.unlink(self.file)

    def test_escapes_and_tabs(self):
        self.check(b"k\tv", "a TAB")
        self.check(b"a\\q", r"the escape .*")
        self.check(b"a\\x4", ".*")
        self.check(b"a\r", "CR before LF")
        self.check(b"k" * 65536, "a key of more than 65535 bytes")

    def test_hex_digits(self):
        self.check(b"616", 'the key "616"', "--key-hex")
        self.check(b"6x", 'the key "6x"', "--key-hex")
        self.check(b"61" * 65536, "a line of more than 131070 bytes", "--key-hex")

    def test_numbers(self):
        self.check(b"seven", 'the key "seven"', "--key-type", "u64")
        self.check(b"-1", 'the key "-1"', "--key-type", "u64")
        self.check(b"", 'the key ""', "--key-type", "u64")

    def test_keys_of_another_size_than_all_of_the_store(self):
        self.hmap("create", self.file, "--key-type", "u64")
        self.hmap("put", self.file, "1", "v")
        for options, line in ((("--key-hex",), b"01"), (("--key-type", "bytes"), b"\\x01")):
            error = self.error("del", *options, self.file, "--keys-from", "-", data=line + b"\n",
                               code=CORRUPT)
            self.assertEqual(
                error["what"],
                "found a key of 1 byte, expected 8 bytes, as every key of this store has",
            )

    def test_a_last_line_without_its_end_is_cut(self):
        """Half a key may be another key."""
        self.make({b"photo:1": b"", b"photo:12": b""})
        for options, line in (((), b"photo:1"), (("--key-hex",), b"photo:1".hex().encode())):
            result = self.hmap("del", *options, self.file, "--keys-from", "-", data=line,
                               code=CORRUPT)
            self.assertIn(b"expected LF after the key", result.stderr)
        self.assertEqual(self.entries(), 2)


class Interrupted(ToolTest):
    def test_says_how_many_were_removed(self):
        self.make({b"a": b"1", b"b": b"2", b"c": b"3"})
        for number in (signal.SIGINT, signal.SIGTERM):
            with subprocess.Popen(
                [tool(), "del", self.file, "--keys-from", "-"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as process:
                left = self.entries() - 1
                process.stdin.write(b"a\n" if left == 2 else b"b\n")
                process.stdin.flush()
                while self.entries() != left:
                    time.sleep(0.005)
                process.send_signal(number)
                output, errors = process.communicate(timeout=60)
            self.assertEqual((process.returncode, output), (-number, b""), errors)
            self.assertIn(b"interrupted", errors)
            self.assertIn(b"1 key was removed before", errors)
        self.assertEqual(self.hmap("list", self.file).stdout, b"c\n")

    def test_ctrl_c_at_a_terminal_ends_a_long_one(self):
        """A bar is seen, and Ctrl-C leaves the rest of the keys in the store."""
        count = 100_000
        while count <= 3_200_000:
            self.hmap("load", "--format", "tsv", self.file,
                      data=b"".join(b"key%d\t\n" % i for i in range(count)))
            with open(self.path("keys"), "wb") as file:
                file.writelines(b"key%d\n" % i for i in range(count))
            with Terminal() as terminal:
                arguments = ("del", self.file, "--keys-from", self.path("keys"))
                with terminal.start(*arguments, stdout=subprocess.DEVNULL) as process:
                    drawn = b""
                    while process.poll() is None and b"left" not in drawn:
                        drawn += terminal.read(0.01)
                    terminal.type(b"\x03")
                    while process.poll() is None:
                        drawn += terminal.read(0.01)
                drawn += terminal.read()
            if process.returncode == -signal.SIGINT:
                break
            self.assertEqual(process.returncode, 0, drawn)
            count *= 2
        self.assertEqual(process.returncode, -signal.SIGINT, drawn)
        self.assertRegex(drawn, rb"del +\d+% \[.*\] [\d.]+ [KM]iB of [\d.]+ [KM]iB")
        removed = int(re.search(rb"([\d,]+) keys were removed before", drawn)[1].replace(b",", b""))
        self.assertEqual(self.entries(), count - removed)


if __name__ == "__main__":
    main()
