"""Round trips through the real programs of other stores, if they are installed.

Debian 12: lmdb-utils, db5.3-util, tinycdb. A class whose programs are missing is skipped and
says so.
"""

import shutil
import subprocess
import unittest

import formats
from support import RECORDS, ToolTest, main

# LMDB stores no empty keys and none of more than 511 bytes.
LMDB_RECORDS = RECORDS
OTHER_RECORDS = RECORDS | {b"": b"empty key", b"k" * 512: b"long key", b"big": b"\xfe" * 300_000}


def needs(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    return unittest.skipIf(missing, f"not installed: {', '.join(missing)}")


class ExchangeTest(ToolTest):
    def program(self, *command, data=b""):
        result = subprocess.run(command, input=data, capture_output=True, check=False, timeout=60)
        self.assertEqual(result.returncode, 0, (command, result.stderr))
        self.assertEqual(result.stderr, b"", command)
        return result.stdout

    def dump(self, records, form="db"):
        self.make(records)
        return self.hmap("dump", "--format", form, self.file).stdout

    def load(self, text, form):
        """Loads the text of another program, its format recognised; gives what we then hold."""
        path = self.path("back.hmap")
        answer = self.answer("load", "--json", path, data=text)
        self.assertEqual(answer["format"], form)
        return formats.read_cdbmake(self.hmap("dump", "--format", "cdbmake", path).stdout)


@needs("mdb_load", "mdb_dump")
class Lmdb(ExchangeTest):
    def test_there_and_back(self):
        text = self.dump(LMDB_RECORDS)
        self.program("mdb_load", "-n", self.path("a.mdb"), data=text)
        back = self.program("mdb_dump", "-n", self.path("a.mdb"))
        self.assertEqual(self.load(back, "db"), LMDB_RECORDS)

    def test_print_without_backslashes(self):
        """mdb_dump -p of LMDB 0.9.24 writes backslashes wrong (ITS#9068); the rest is right."""
        records = {k: v for k, v in LMDB_RECORDS.items() if b"\\" not in k + v}
        self.program("mdb_load", "-n", self.path("a.mdb"), data=self.dump(records))
        back = self.program("mdb_dump", "-p", "-n", self.path("a.mdb"))
        self.assertEqual(self.load(back, "db"), records)


@needs("db5.3_load", "db5.3_dump")
class BerkeleyDb(ExchangeTest):
    def test_there_and_back(self):
        text = self.dump(OTHER_RECORDS)
        for kind in ("btree", "hash"):
            path = self.path(kind + ".db")
            self.program("db5.3_load", "-t", kind, path, data=text)
            for options in ([], ["-p"]):
                back = self.program("db5.3_dump", *options, path)
                self.assertEqual(self.load(back, "db"), OTHER_RECORDS, (kind, options))

    def test_without_naming_a_type(self):
        self.program("db5.3_load", self.path("a.db"), data=self.dump(RECORDS))
        self.assertEqual(self.load(self.program("db5.3_dump", self.path("a.db")), "db"), RECORDS)


@needs("cdb")
class TinyCdb(ExchangeTest):
    def test_there_and_back(self):
        text = self.dump(OTHER_RECORDS, "cdbmake")
        self.program("cdb", "-c", self.path("a.cdb"), data=text)
        back = self.program("cdb", "-d", self.path("a.cdb"))
        self.assertEqual(back, text)
        self.assertEqual(self.load(back, "cdbmake"), OTHER_RECORDS)


if __name__ == "__main__":
    main()
