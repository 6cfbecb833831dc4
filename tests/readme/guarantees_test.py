"""Every guarantee in README.md names the tests that show it, and they are there."""
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(sys.argv.pop(1))
HEADING = "| What happens | What holds | Shown by (`ctest -R`) |"


def guarantees():
    """The rows of the table, each a list of its cells."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").split("\n")
    first = lines.index(HEADING) + 2
    for line in lines[first:]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split(" | ")]


def suites(folder):
    """The names of the GoogleTest suites in a folder of tests."""
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.cc"))
    return set(re.findall(r"^TEST(?:_F|_P)?\((\w+),", text, re.MULTILINE))


class Guarantees(unittest.TestCase):
    def test_each_names_tests_that_exist(self):
        rows = list(guarantees())
        self.assertGreater(len(rows), 10)
        for what, _, shown in rows:
            names = re.findall(r"`(\w+)\.(\w+)`", shown)
            self.assertTrue(names, what)
            for folder, suite in names:
                self.assertIn(suite, suites(ROOT / "tests" / folder), what)


if __name__ == "__main__":
    unittest.main()
