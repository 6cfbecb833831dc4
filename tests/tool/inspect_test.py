"""inspect: words, JSON and bytes agree with the file and with each other."""

import json
import os
import re
import struct

from support import CORRUPT, NO, NOT_A_STORE, RECORDS, SYSTEM, USAGE, ToolTest, main
from terminal import environment, run_on_terminal


def walk(node):
    yield node
    for child in node.get("children", ()):
        yield from walk(child)


# Nothing in it repeats, so that no line of a hex dump is left out.
VALUE = b"".join(b"Lovelace%d," % i for i in range(8))


class Inspect(ToolTest):
    def setUp(self):
        super().setUp()
        self.make(RECORDS | {b"ada": VALUE, b"large": b"L" * 200_000})

    def data(self):
        return (self.place / "a.hmap").read_bytes()

    def inspect(self, *arguments, **options):
        return self.answer("inspect", self.file, "--json", *arguments, **options)

    def test_the_file_from_the_top(self):
        tree = self.inspect("--depth", "9")
        nodes = {node["name"]: node for node in walk(tree)}
        self.assertEqual(tree["bytes"], os.path.getsize(self.file))
        seed = struct.unpack_from("<Q", self.data(), 56)[0]
        self.assertEqual(nodes["store_seed"]["value"], hex(seed))
        self.assertEqual(nodes["store_seed"]["offset"], 56)
        self.assertEqual(nodes["block_bytes"]["value"], "4096")
        self.assertFalse([node for node in walk(tree) if node.get("wrong")])
        text = self.hmap("inspect", self.file).stdout.decode()
        self.assertRegex(text, rf"(?m)^  0x00000038 +store_seed +{hex(seed)} +of the key hash")
        self.assertNotRegex(text, r"(?m)[ \t]$")
        self.assertNotIn("\x1b", text)

    def test_a_key_step_by_step(self):
        tree = self.inspect("--key", "ada")
        self.assertEqual(tree["meaning"], "found")
        # Other keys of the bucket may have the same tophash; each store has a seed of its own.
        slots = [node for node in walk(tree) if "so does the key" in node.get("meaning", "")]
        self.assertEqual(len(slots), 1)
        record = next(node for node in walk(slots[0]) if node["name"] == "record")
        at = record["offset"]
        self.assertEqual(self.data()[at + 12 : at + 15], b"ada")
        self.assertEqual(record["bytes"], 12 + 3 + 80)
        names = [node["name"] for node in tree["children"]]
        self.assertEqual(names[:5], ["key", "h", "shard", "hh", "tophash"][1:] + ["bucket"])
        absent = self.inspect("--key", "nobody", code=NO)
        self.assertEqual(absent["meaning"], "absent")
        by_hex = self.inspect("--key-hex", "--key", b"\xff\xfe\x80".hex())
        self.assertEqual(by_hex["meaning"], "found")
        self.hmap("inspect", self.file, "--key-hex", code=USAGE)

    def test_a_bucket(self):
        tree = self.inspect("--key", "ada")
        steps = {node["name"]: node["value"] for node in tree["children"]}
        bucket = self.inspect("--bucket", f"{steps['shard']}:{steps['bucket']}")
        filled = [n for n in walk(bucket) if n.get("meaning", "").startswith("refers to")]
        self.assertIn('"ada"', [n["children"][0]["value"] for n in filled])
        self.hmap("inspect", self.file, "--bucket", "0", code=USAGE)
        error = self.error("inspect", self.file, "--bucket", "99:0", code=USAGE)
        self.assertIn("hmap stat --json", error["hint"])
        self.hmap("inspect", self.file, "--bucket", "0:x", code=USAGE)

    def test_an_offset_in_words_and_bytes(self):
        data = self.data()
        at = data.index(b"Lovelace") + 3
        text = self.hmap("inspect", self.file, "--offset", hex(at)).stdout.decode()
        self.assertIn('"ada"', text)
        self.assertIn("the checksum is right", text)
        dumped = b"".join(
            bytes.fromhex(line[14:63]) for line in text.splitlines() if line.endswith("|")
        )
        self.assertIn(VALUE, dumped)
        first = int(re.search(r"(?m)^  (0x[0-9a-f]{8})  [0-9a-f]", text)[1], 16)
        self.assertEqual(dumped, data[first : first + len(dumped)])
        self.assertEqual(self.inspect("--offset", str(at))["meaning"], "taken")
        self.hmap("inspect", self.file, "--offset", str(len(data)), code=USAGE)
        self.hmap("inspect", self.file, "--offset", "12q", code=USAGE)
        self.hmap("inspect", self.file, "--offset", "1", "--key", "k", code=USAGE)

    def test_pages_cover_the_file(self):
        """Every page, for a few of them, and in words: each byte is in exactly one thing."""
        size = os.path.getsize(self.file)
        for page in list(range(0, size, 4096))[::7]:
            tree = self.inspect("--page", str(page + 5))
            self.assertEqual(tree["page"], page)
            at = tree["things"][0]["offset"]
            for thing in tree["things"]:
                self.assertEqual(thing["offset"], at)
                at += thing["bytes"]
            self.assertGreaterEqual(at, min(page + 4096, size))
        self.hmap("inspect", self.file, "--page", str(size), code=USAGE)
        text = self.hmap("inspect", self.file, "--page", "0").stdout.decode()
        self.assertIn('89 7f 68 6d 61 70 1a 0a', text)

    def test_damage_is_marked(self):
        data = bytearray(self.data())
        at = data.index(b"Lovelace")
        data[at] ^= 1
        data[90] ^= 1
        damaged = self.path("damaged.hmap")
        with open(damaged, "wb") as file:
            file.write(data)
        before = bytes(data)
        text = self.hmap("inspect", damaged, "--key", "ada").stdout.decode()
        self.assertRegex(text, r"(?m)^! .*record .*WRONG")
        drawn = run_on_terminal("inspect", damaged, "--key", "ada")
        self.assertIn(b"\x1b[31m! ", drawn)
        quiet = run_on_terminal("inspect", damaged, "--key", "ada", env=environment(NO_COLOR="1"))
        self.assertNotIn(b"\x1b", quiet)
        top = self.hmap("inspect", damaged).stdout.decode()
        self.assertIn("its checksum is WRONG", top)
        with open(damaged, "rb") as file:
            self.assertEqual(file.read(), before)

    def test_the_durable_state(self):
        self.hmap("put", self.file, "fresh", "value")
        self.assertIn("live", self.inspect()["meaning"])
        self.assertIn("last checkpoint", self.inspect("--durable")["meaning"])

    def test_failures(self):
        self.hmap("inspect", self.path("nowhere"), code=SYSTEM)
        text = self.path("text")
        with open(text, "wb") as file:
            file.write(b"x" * 100_000)
        error = self.error("inspect", text, code=NOT_A_STORE)
        self.assertEqual(error["code"], "NotAStore")
        # All of it lost but the entries.
        data = self.data()
        lost = self.path("lost.hmap")
        with open(lost, "wb") as file:
            file.write(bytes(4096) + data[4096:])
        self.assertIn(b"its checksum is WRONG", self.hmap("inspect", lost).stdout)
        root = struct.unpack_from("<Q", data, 104)[0]
        with open(lost, "r+b") as file:
            for end in (4096 + root, 4096 + 2 * root):
                spare = self.hmap("inspect", self.file, "--offset", str(end - 512)).stdout
                self.assertIn(b"spare superblock behind root", spare)
                file.seek(end - 512)
                file.write(bytes(512))
        self.hmap("inspect", lost, code=NOT_A_STORE)
        seed = struct.unpack_from("<Q", data, 56)[0]
        self.hmap("inspect", lost, "--seed", f"{seed:016x}")
        short = self.path("short.hmap")
        with open(short, "wb") as file:
            file.write(data[:9000])
        self.hmap("inspect", short)
        self.hmap("inspect", short, "--bucket", "0:0", code=CORRUPT)

    def test_json_is_one_object(self):
        for arguments in (("--page", "0"), ("--bucket", "0:0"), ("--offset", "8192")):
            result = self.hmap("inspect", self.file, "--json", *arguments)
            json.loads(result.stdout)


if __name__ == "__main__":
    main()
