"""Round trips through the real programs of other stores, if they are installed.

Debian 12: lmdb-utils, db5.3-util, tinycdb, gdbmtool, tdb-tools, kyotocabinet-utils, tkrzw-utils.
A class whose programs are missing is skipped and says so.
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


@needs("mdb_load", "mdb_dump")
class LmdbLarge(ExchangeTest):
    def test_more_than_a_mebibyte(self):
        """Without mapsize mdb_load gives up at 1 MiB."""
        records = {b"key %d" % i: bytes([i % 256]) * (i * 7 % 5000) for i in range(3000)}
        text = self.dump(records, "lmdb")
        self.program("mdb_load", "-n", self.path("a.mdb"), data=text)
        back = self.program("mdb_dump", "-n", self.path("a.mdb"))
        self.assertEqual(self.load(back, "db"), records)


@needs("gdbm_load", "gdbm_dump")
class Gdbm(ExchangeTest):
    def test_there_and_back(self):
        # gdbm_load 1.23 reads no empty values; OTHER_RECORDS has an empty key, too.
        records = {k: v for k, v in OTHER_RECORDS.items() if k and v}
        text = self.path("a.txt")
        with open(text, "wb") as file:
            file.write(self.dump(records, "gdbm"))
        self.program("gdbm_load", text, self.path("a.gdbm"))
        back = self.program("gdbm_dump", self.path("a.gdbm"))
        self.assertEqual(self.load(back, "gdbm"), records)


@needs("tdbrestore", "tdbdump")
class Tdb(ExchangeTest):
    def test_there_and_back(self):
        # tdbdump shows no key that is empty.
        records = {k: v for k, v in OTHER_RECORDS.items() if k}
        text = self.dump(records, "tdb")
        self.program("tdbrestore", self.path("a.tdb"), data=text)
        back = self.program("tdbdump", self.path("a.tdb"))
        self.assertEqual(self.load(back, "tdb"), records)


@needs("kchashmgr")
class KyotoCabinet(ExchangeTest):
    def test_there_and_back(self):
        text = self.path("a.hex")
        with open(text, "wb") as file:
            file.write(self.dump(OTHER_RECORDS, "hextsv"))
        store = self.path("a.kch")
        self.program("kchashmgr", "create", store)
        self.program("kchashmgr", "import", "-sx", store, text)
        back = self.program("kchashmgr", "list", "-pv", "-px", store)
        path = self.path("back.hmap")
        self.hmap("load", "--format", "hextsv", path, data=back)
        text = self.hmap("dump", "--format", "cdbmake", path).stdout
        self.assertEqual(formats.read_cdbmake(text), OTHER_RECORDS)


@needs("tkrzw_dbm_util")
class Tkrzw(ExchangeTest):
    def test_there_and_back(self):
        text, store, back = self.path("a.tsv"), self.path("a.tkh"), self.path("b.tsv")
        with open(text, "wb") as file:
            file.write(self.dump(OTHER_RECORDS, "tsv"))
        self.program("tkrzw_dbm_util", "create", store)
        self.program("tkrzw_dbm_util", "import", "--tsv", "--escape", store, text)
        self.program("tkrzw_dbm_util", "export", "--tsv", "--escape", store, back)
        with open(back, "rb") as file:
            self.assertEqual(self.load(file.read(), "tsv"), OTHER_RECORDS)


if __name__ == "__main__":
    main()
