"""docs: everything that --help tells is in the manual and in the completions, and they work."""

import os
import re
import shutil
import subprocess

from support import USAGE, ToolTest, main


def words(text):
    """Manual text as a reader sees it: no fonts, no escapes."""
    text = re.sub(r"\\f[BIR]|\\&", "", text)
    return text.replace("\\-", "-").replace("\\e", "\\").replace("\\(ga", "`")


class Docs(ToolTest):
    def docs(self, kind):
        return self.hmap("docs", kind).stdout.decode()

    def verbs(self):
        help_text = self.hmap("--help").stdout.decode()
        return re.findall(r"(?m)^  ([a-z]+) {2,}\S", help_text.split("Subcommands:")[1])

    def options(self, verb):
        """(name, takes a value) of each long option that the help of a verb shows."""
        text = self.hmap(verb, "--help").stdout.decode()
        name, value = r"(--[a-z-]+)(?:,--[a-z-]+)*", r"( (?!Excludes:|Needs:)[A-Z]\S*)?"
        found = re.findall(rf"(?m)^  (?:-\w,)?{name}{value}", text)
        return [(name, value != "") for name, value in found]

    def test_all_verbs_and_options_are_there(self):
        verbs = self.verbs()
        self.assertGreater(len(verbs), 20)
        self.assertIn("compact", verbs)
        manual = words(self.docs("man"))
        fish, zsh, bash = self.docs("fish"), self.docs("zsh"), self.docs("bash")
        for verb in verbs:
            section = re.search(rf"(?ms)^\.SS hmap {verb}( .*?)?(?=^\.S[SH])", manual)[0]
            zsh_part = re.search(rf"(?ms)^ +{verb}\)\n(.*?);;", zsh)[1]
            bash_part = re.search(rf"(?ms)^ +{verb}\)\n.*?options='(.*?)'", bash)[1].split()
            self.assertIn(f"-f -a {verb} ", fish)
            options = self.options(verb)
            self.assertIn(("--help", False), options)
            for name, takes_value in options:
                self.assertRegex(section, rf"(?m)^.*{name}(, --[a-z-]+)*( [A-Z:]+)?$")
                self.assertIn(f"'{name}[", zsh_part)
                self.assertIn(name, bash_part)
                line = next(
                    line
                    for line in fish.splitlines()
                    if f"_from {verb}' -" in line and f" -l {name[2:]} " in line
                )
                self.assertEqual(" -x" in line or " -r " in line, takes_value, line)

    def test_a_type_of_two_parts(self):
        self.assertRegex(words(self.docs("man")), r"(?m)^--bucket SHARD:N$")
        self.assertRegex(words(self.docs("man")), r"(?m)^--value-bytes BYTES$")

    def test_the_manual_is_good_roff(self):
        if not shutil.which("groff"):
            self.skipTest("groff is not installed")
        page = self.docs("man").encode()
        result = subprocess.run(
            ["groff", "-ww", "-b", "-Tutf8", "-man"], input=page, capture_output=True, check=True
        )
        self.assertEqual(result.stderr, b"")
        shown = re.sub(r"\x1b\[[\d;]*m|.\x08", "", result.stdout.decode())
        self.assertIn("hmap compact FILE", shown)
        self.assertIn("--durable", shown)

    def complete(self, *typed):
        """What bash offers for the last of the words."""
        script = self.docs("bash") + (
            'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hmap; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        result = subprocess.run(
            ["bash", "-c", script, "bash", "hmap", *typed],
            capture_output=True,
            check=True,
            cwd=self.place,
        )
        self.assertEqual(result.stderr, b"")
        return result.stdout.decode().split("\n")[:-1]

    def test_bash_completes(self):
        self.assertEqual(self.complete("comp"), ["compact"])
        self.assertEqual(sorted(self.complete("st")), ["stat"])
        self.assertEqual(self.complete("verify", "--du"), ["--durable"])
        self.assertEqual(self.complete("create", "--durability", "ch"), ["checkpoint"])
        self.assertEqual(self.complete("dump", "--format", "ts"), ["tsv"])
        self.assertEqual(self.complete("docs", "z"), ["zsh"])
        self.assertEqual(self.complete("create", "--key-type", "u6"), ["u64"])
        self.assertEqual(self.complete("get", "--value-type", "he"), ["hex"])
        self.make()
        self.assertEqual(self.complete("stat", "a."), ["a.hmap"])
        for verb, option in (("create", "--dictionary"), ("del", "--keys-from"),
                             ("train", "--output"), ("recover", "--conflicts")):
            self.assertEqual(self.complete(verb, option, "a."), ["a.hmap"])
        os.link(self.file, self.path("a name.hmap"))
        self.assertEqual(self.complete("stat", "a "), ["a name.hmap"])
        os.mkdir(self.path("dir"))
        self.assertEqual(self.complete("copy", "x", "--tmp", ""), ["dir"])

    def check_zsh(self, file):
        """What it says to zsh's _arguments is what the verb declares."""
        script = "_arguments() { print -rl -- $@ }; words=(hmap recover x); CURRENT=3; . $1"
        result = subprocess.run(
            ["zsh", "-f", "-c", script, "zsh", file], capture_output=True, check=True
        )
        self.assertEqual(result.stderr, b"")
        said = result.stdout.decode().splitlines()
        self.assertIn("--seed[the damaged store's seed, if its first page is lost]:HEX: ", said)
        self.assertEqual(said[-1], "*:FILE:_files")

    def test_zsh_and_fish_take_it(self):
        ran = False
        for shell in ("zsh", "fish"):
            if not shutil.which(shell):
                continue
            ran = True
            file = self.path(shell)
            with open(file, "w", encoding="utf-8") as out:
                out.write(self.docs(shell))
            subprocess.run([shell, "-n", file], check=True)
            if shell == "zsh":
                self.check_zsh(file)
        if not ran:
            self.skipTest("neither zsh nor fish is installed")

    def test_usage(self):
        self.hmap("docs", "tcsh", code=USAGE)
        self.hmap("docs", code=USAGE)


if __name__ == "__main__":
    main()
