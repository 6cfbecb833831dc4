"""Every exit code, for every verb that can have it, and the error with it on standard error."""

import os
import subprocess

from support import BUSY, CORRUPT, NO, NOT_A_STORE, SYSTEM, USAGE, YES, ToolTest, main, run, tool

READING = (("get", "k"), ("list",), ("dump",), ("stat",), ("verify",))
NOBODY = 65534
WRITING = (("put", "k", "v"), ("del", "k"))


class ExitCodes(ToolTest):
    def each(self, verbs, path):
        return [(verb, path, *rest) for verb, *rest in verbs]

    def load(self, path):
        return ("load", path, str(self.place / "input.tsv"))

    def setUp(self):
        super().setUp()
        (self.place / "input.tsv").write_bytes(b"k\tv\n")

    def test_0_yes_and_1_no(self):
        self.make({b"k": b"v"})
        for arguments in self.each(READING + WRITING, self.file):
            self.hmap(*arguments, code=YES)
        self.hmap("get", self.file, "k", code=NO)
        self.hmap("del", self.file, "k", code=NO)

    def test_2_usage(self):
        self.hmap("create", self.file)
        wrong = [(), ("frobnicate",), ("get",), ("get", self.file), ("get", self.file, "a", "b")]
        wrong += [("put", self.file, "k"), ("del", self.file), ("stat", self.file, "--deep")]
        wrong += [("create",), ("list", self.file, "--limit", "x"), ("--frob",)]
        wrong += [("watch", self.file, "--count", "0")]
        wrong += [("put", self.file, "k", "v", f"--wait={word}") for word in ("nan", "", "x")]
        wrong += [("compact", self.file, "--online", f"--rate={word}") for word in ("-1", "", "x")]
        wrong += [("load", self.file, "--format", "xml"), ("dump", self.file, "--format", "")]
        for arguments in wrong:
            with self.subTest(arguments=arguments):
                result = self.hmap(*arguments, code=USAGE)
                self.assertEqual(result.stdout, b"")
                self.assertRegex(result.stderr, rb"^hmap: .+\n  hint: .+\n$")
        self.assertEqual(self.error("get", self.file, code=USAGE)["code"], "InvalidArgument")

    def test_2_says_what_is_wrong_and_what_to_write(self):
        self.hmap("create", self.file, "--value-type", "f64")
        twice = self.error("list", self.file, "--limit", "1", "--limit=2", code=USAGE)
        self.assertEqual(twice["what"], "--limit is given 2 times, and may be once")
        self.assertEqual(twice["hint"], "hmap list --help")
        for value in ("-inf", "-nan"):
            taken = self.error("put", self.file, "k", value, code=USAGE)
            self.assertEqual(taken["what"], f'no option "{value}"')
            self.assertIn(f"FILE -- {value}", taken["hint"])
            self.hmap("put", self.file, "--", "k", value)
        self.assertIn('no option "--deep"', self.error("stat", self.file, "--deep",
                                                       code=USAGE)["what"])
        missing = self.error("put", self.file, "k", code=USAGE)
        self.assertEqual((missing["what"], missing["hint"]),
                         ("VALUE is required", "hmap put --help"))

    def test_2_an_empty_path_is_not_one_left_out(self):
        """As scripts give it whose variable is not set: `train` would rewrite the store itself."""
        self.make({b"%d" % n: b"some value of an entry, number %d" % n for n in range(3000)})
        before = os.stat(self.file).st_ino
        new = self.path("new")
        for verb, option in (("train", "--output"), ("create", "--dictionary"), ("copy", "--tmp"),
                             ("del", "--keys-from"), ("recover", "--conflicts")):
            store = [new] if verb == "create" else [self.file]
            more = [new] if verb in ("copy", "recover") else []
            with self.subTest(verb=verb):
                error = self.error(verb, option, "", *store, *more, code=USAGE)
                self.assertIn(f"{option} takes a path", error["what"])
        self.hmap("load", self.file, "", code=USAGE, data=b"k\tv\n")
        self.hmap("bench", "", code=USAGE)
        self.assertFalse(os.path.exists(new))
        self.assertEqual(os.stat(self.file).st_ino, before)

    def test_2_for_keys_beyond_the_limit(self):
        self.hmap("create", self.file)
        self.hmap("put", self.file, "k" * 65535, "v")
        self.assertEqual(self.hmap("get", self.file, "k" * 65535).stdout, b"v")
        for arguments in (("put", "k" * 65536, "v"), ("get", "k" * 65536), ("del", "k" * 65536)):
            verb, *rest = arguments
            self.hmap(verb, self.file, *rest, code=USAGE)
        self.assertEqual(self.entries(), 1)

    def test_3_not_a_store(self):
        path = self.path("input.tsv")
        (self.place / "zeros").write_bytes(bytes(100_000))
        (self.place / "text").write_bytes(b"no store at all\n" * 10_000)
        for name in ("input.tsv", "zeros", "text"):
            path = self.path(name)
            before = (self.place / name).read_bytes()
            for arguments in self.each(READING + WRITING, path):
                result = self.hmap(*arguments, code=NOT_A_STORE)
                self.assertIn(f"hmap: {path}: ".encode(), result.stderr)
                self.assertIn(b"hint:", result.stderr)
            self.hmap(*self.load(path), code=NOT_A_STORE)
            self.assertEqual((self.place / name).read_bytes(), before)

    def test_a_directory_is_called_one(self):
        self.make({b"k": b"v"})
        here = str(self.place)
        words = f"{here} is a directory: give the name of a file in it"
        fresh = self.path("fresh.hmap")
        for arguments in (*self.each(READING + WRITING, here), self.load(here),
                          ("recover", here, fresh), ("copy", here, fresh)):
            self.assertEqual(self.error(*arguments, code=NOT_A_STORE)["hint"], words)
        for verb in ("copy", "recover"):
            self.assertEqual(self.error(verb, self.file, here, code=SYSTEM)["hint"], words)

    def test_3_another_version(self):
        """The version is at offset 8, as format.md has it."""
        self.make()
        with open(self.file, "r+b") as file:
            file.seek(8)
            version = int.from_bytes(file.read(4), "little")
            file.seek(8)
            file.write((version + 1).to_bytes(4, "little"))
        for arguments in self.each(READING + WRITING, self.file):
            error = self.error(*arguments, code=NOT_A_STORE)
            self.assertEqual(error["code"], "WrongVersion")

    def test_4_cut_short(self):
        self.make()
        size = os.path.getsize(self.file)
        # A copy has another inode, so its live state is rebuilt from what the copy holds.
        with open(self.file, "rb") as file, open(self.path("cut.hmap"), "wb") as copy:
            copy.write(file.read(size // 2))
        for arguments in self.each(READING + WRITING, self.path("cut.hmap")):
            self.hmap(*arguments, code=CORRUPT)

    def test_4_a_flipped_byte_of_a_value_is_found_and_not_handed_out(self):
        value = b"a value that is easily found in the file"
        self.make({b"k": value, b"other": b"fine"})
        with open(self.file, "r+b") as file:
            at = file.read().index(value)
            file.seek(at + 5)
            file.write(b"X")
        result = self.hmap("get", self.file, "k", code=CORRUPT)
        self.assertEqual(result.stdout, b"")
        self.assertIn(b"offset", result.stderr)
        self.hmap("get", self.file, "other", code=YES)
        result = self.hmap("dump", self.file, code=CORRUPT)
        self.assertNotIn(b"DATA=END", result.stdout)

    def test_4_malformed_input(self):
        self.hmap("create", self.file)
        error = self.error("load", self.file, data=b"a\tb\nno tab\n", code=CORRUPT)
        self.assertEqual(error["code"], "BadInput")
        self.assertEqual((error["file"], error["line"], error["stored"]), ("stdin", 2, 1))

    def test_5_no_such_file(self):
        for arguments in self.each(READING + WRITING, self.path("none.hmap")):
            result = self.hmap(*arguments, code=SYSTEM)
            if arguments[0] == "verify":
                self.assertIn(b"hint: check the name\n", result.stderr)
            else:
                self.assertIn(b"hmap create", result.stderr)
            self.assertEqual(self.error(*arguments, code=SYSTEM)["code"], "NotFound")
        self.hmap("create", self.path("no/such/directory/a.hmap"), code=SYSTEM)
        self.hmap("load", self.file, self.path("no-input"), code=SYSTEM)
        self.assertEqual([path.name for path in self.place.iterdir()], ["input.tsv"])

    def test_5_hints_lead_out(self):
        """What they say to do does not end in the same error."""
        nowhere = self.path("nodir/a.hmap")
        link = self.path("link.hmap")
        os.symlink(nowhere, link)
        inside = self.path("input.tsv/a.hmap")
        for verb, *rest in (("create",), ("load", self.path("input.tsv")), ("get", "k"),
                            ("put", "--create", "k", "v"), ("put", "k", "v"), ("dump",)):
            for path, words in ((nowhere, "make the directory first"), (link, "a symbolic link"),
                                (inside, "no directory")):
                error = self.error(verb, path, *rest, code=SYSTEM)
                self.assertIn(words, error["hint"])
                self.assertNotIn("create", error["hint"])
        error = self.error("create", self.path("input.tsv"), code=SYSTEM)
        self.assertIn("a file of this name is there", error["what"])
        for verb, *rest in (("verify",), ("compact",), ("recover", self.path("new")),
                            ("copy", self.path("new")), ("copy", self.path("new"), "--reflink")):
            error = self.error(verb, self.path("none"), *rest, code=SYSTEM)
            self.assertEqual((error["hint"], error["file"]), ("check the name", self.path("none")))

    def test_5_create_over_a_file(self):
        before = (self.place / "input.tsv").read_bytes()
        error = self.error("create", self.path("input.tsv"), code=SYSTEM)
        self.assertEqual(error["code"], "Exists")
        self.assertEqual((self.place / "input.tsv").read_bytes(), before)

    def test_5_permission(self):
        self.make({b"k": b"v"})
        other = self.somebody_else(0o755)
        if other:
            error = self.error("create", self.path("new.hmap"), code=SYSTEM, **other)
            self.assertEqual(error["code"], "Permission")
            self.assertIn("its directory", error["hint"])
        os.chmod(self.file, 0o444)
        for arguments in self.each(READING, self.file):
            self.hmap(*arguments, code=YES, **other)
        for arguments in self.each(WRITING, self.file):
            self.assertEqual(self.error(*arguments, code=SYSTEM, **other)["code"], "Permission")
        os.chmod(self.file, 0)
        for arguments in self.each(READING, self.file):
            self.assertEqual(self.error(*arguments, code=SYSTEM, **other)["code"], "Permission")

    def test_5_permission_names_what_is_refused(self):
        other = self.somebody_else(0o777)
        fresh = self.path("fresh.hmap")
        for path, mode in ((self.file, 0o666), (fresh, 0o444)):
            self.hmap("create", path)
            os.chmod(path, mode)
        for old in (self.file, self.path("none")):
            error = self.error("publish", fresh, old, code=SYSTEM, **other)
            self.assertEqual(error["file"], fresh)
            self.assertIn(f"ls -l {fresh}", error["hint"])
        os.chmod(self.place, 0o555)
        try:
            error = self.error("compact", self.file, code=SYSTEM, **other)
        finally:
            os.chmod(self.place, 0o755)
        self.assertIn("cannot create a file in the directory", error["what"])
        self.assertIn("permission wx on its directory", error["hint"])

    def somebody_else(self, mode):
        """Root may do everything, so its tests become somebody else; `mode`: of the place."""
        if os.geteuid() != 0:
            return {}
        other = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        os.chmod(self.place, mode)
        if not self.may_run_as(other):
            self.skipTest("the user nobody may not run the tool where it is")
        return other

    def may_run_as(self, other):
        try:
            return run("--version", **other).returncode == YES
        except PermissionError:
            return False

    def test_6_busy_while_all_slots_are_taken(self):
        self.hmap("create", self.file, "--slots", "1")
        command = [tool(), "load", "--format", "tsv", self.file]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as other:
            # The store is opened with the first record, and stored lines prove that it is open.
            other.stdin.write(b"first\tvalue\n")
            other.stdin.flush()
            self.wait_for(lambda: self.entries() == 1)
            for arguments in self.each(WRITING, self.file):
                error = self.error(*arguments, "--wait", "0", code=BUSY)
                self.assertEqual(error["code"], "TooManyProcesses")
            self.hmap(*self.load(self.file), code=BUSY)
            for arguments in self.each((("get", "first"), ("list",), ("dump",)), self.file):
                self.hmap(*arguments, code=YES)
            other.stdin.close()
            self.assertEqual(other.wait(60), 0, other.stderr.read())
        self.hmap("put", self.file, "k", "v")

    def wait_for(self, condition):
        for _ in range(2000):
            if condition():
                return
        self.fail("waited in vain")


if __name__ == "__main__":
    main()
