"""Names of files and keys that would drive a terminal: text shows them escaped, everywhere."""

import json
import os
import shutil

from support import CORRUPT, NO, NOT_A_STORE, SYSTEM, USAGE, YES, ToolTest, main, run

# ESC, a newline, DEL, the C1 control CSI as UTF-8, and a byte that is not UTF-8.
NAME = b"n\x1b[31m\nx\x7f\xc2\x9b2J\xff"
SHOWN = r"n\x1b[31m\nx\x7f\xc2\x9b2J\xff"


class Names(ToolTest):
    def setUp(self):
        super().setUp()
        self.odd = os.path.join(os.fsencode(self.place), NAME)
        self.hmap("create", self.odd, "--key-type", "u64")
        self.hmap("put", self.odd, "7", "value")

    def check(self, *arguments, codes=(YES,), shown=True, **options):
        result = run(*arguments, **options)
        text = result.stdout + result.stderr
        self.assertIn(result.returncode, codes, (arguments, text))
        for bad in (b"\x1b", b"\x7f", b"\xc2\x9b", b"\xff", b"[31m\n"):
            self.assertNotIn(bad, text, arguments)
        if shown:
            self.assertIn(SHOWN.encode(), text, arguments)

    def test_no_verb_writes_the_name_of_a_file_as_it_is(self):
        odd = self.odd
        for verb in (("stat",), ("verify",), ("ps",), ("map",), ("watch", "--once")):
            self.check(*verb, odd)
        self.check("watch", "--count", "2", "--interval", "0.01", odd)
        self.check("load", odd, data=b"no tab\n", codes=(CORRUPT,), shown=False)
        self.check("load", "--format", "tsv", odd, data=b"12345678\tv\nno tab\n", codes=(CORRUPT,))
        self.check("load", self.file, odd, codes=(CORRUPT,))
        self.check("load", "--shards", "2", odd, data=b"12345678\tv\n", codes=(USAGE,))
        self.check("load", odd + b"new", data=b"a\tb\nno tab\n", codes=(CORRUPT,))
        self.check("create", odd, codes=(SYSTEM,))
        self.check("get", odd + b"/x", "k", codes=(SYSTEM,))
        self.check("get", odd + b"nowhere", "k", codes=(SYSTEM,))
        self.check("train", odd, codes=(USAGE,))
        self.check("train", "--output", odd, odd, codes=(SYSTEM,))
        self.check("recover", odd, odd + b"r", codes=(YES,))
        self.check("copy", odd, odd, codes=(SYSTEM,))
        self.check("publish", odd + b"none", odd, codes=(SYSTEM,))
        self.check("inspect", odd, shown=False)
        self.check("create", self.file, "--dictionary", odd + b"none", codes=(SYSTEM,))
        self.check(odd, codes=(USAGE,), shown=False)
        self.check("get", odd, "7", odd, codes=(USAGE,))
        shutil.copyfile(odd, odd + b"2")
        self.hmap("put", odd + b"2", "7", "other")
        self.check("merge", odd, odd + b"2", codes=(NO,))
        with open(odd + b"2", "wb") as file:
            file.write(b"text")
        self.check("verify", odd + b"2", codes=(NOT_A_STORE,))
        os.truncate(odd, 8192)
        self.check("get", odd, "7", codes=(CORRUPT,))
        self.check("verify", odd, codes=(CORRUPT,))

    def test_keys(self):
        plain = self.file
        self.hmap("create", plain)
        key = NAME.replace(b"\xc2\x9b", b"")  # which is UTF-8, and stays so in tsv
        self.hmap("put", plain, key, "x")
        self.hmap("create", plain + "2")
        self.hmap("put", plain + "2", key, "y")
        verbs = (("list",), ("dump", "--format", "tsv"), ("sample",), ("inspect", "--key", key))
        for verb in verbs:
            self.check(*verb, plain, shown=False)
        self.check("diff", "--values", plain, plain + "2", codes=(NO,), shown=False)
        self.check("merge", plain, plain + "2", codes=(NO,), shown=False)
        dumped = self.hmap("dump", "--format", "tsv", plain).stdout
        self.check("load", "--fail-existing", plain, data=dumped, codes=(CORRUPT,), shown=False)

    def test_json_stays_json(self):
        result = self.hmap("get", "--json", self.odd + b"/x", "k", code=SYSTEM)
        self.assertIn("file_b64", json.loads(result.stderr)["error"])


if __name__ == "__main__":
    main()
