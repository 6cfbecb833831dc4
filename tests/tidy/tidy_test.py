#!/usr/bin/python3
"""Does tidy.py find what it should, and keep quiet about what it should not?"""

import pathlib
import tempfile
import unittest

import tidy
from cpp_functions import cpp_functions

GUARDED = "#ifndef {0}\n#define {0}\n{1}#endif\n"


class Findings(unittest.TestCase):
    def findings(self, name, content):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            return [message for _, _, message in tidy.findings(pathlib.Path(directory))]

    def assert_finds(self, name, content, what):
        found = self.findings(name, content)
        self.assertEqual(len(found), 1, found)
        self.assertIn(what, found[0])

    def test_is_quiet_about_a_good_file(self):
        self.assertEqual(self.findings("lib/src/map/find.cc", '#include "records/records.h"\n'), [])
        good = GUARDED.format("HMAP_STORE_H_", '#include <span>\n#include "hmap/status.h"\n')
        self.assertEqual(self.findings("lib/include/hmap/store.h", good), [])
        good = GUARDED.format("HMAP_SRC_FORMAT_HASH_H_", "")
        self.assertEqual(self.findings("lib/src/format/hash.h", good), [])

    def test_sizes(self):
        self.assert_finds("tools/a.cc", "int a;\n" * 401, "401 lines")
        self.assertEqual(self.findings("tools/a.cc", "int a;\n" * 400), [])
        self.assert_finds("tools/a.cc", f"// {'x' * 98}\n", "101 columns")
        self.assert_finds("tools/a.cc", "int f() {\n" + "g();\n" * 59 + "}\n", "f has 61 lines")
        self.assert_finds("tools/a.py", "def f():\n" + "    g()\n" * 60, "f has 61 lines")

    def test_text(self):
        self.assert_finds("lib/src/map/find.cc", "// \u00e9\n", "ASCII")
        self.assert_finds("tools/a.cc", "int a; \n", "white space")
        self.assert_finds("tools/a.cc", "int a;", "no line end")
        self.assert_finds("tools/a.cc", '#include "/home/me/a.h"\n', "absolute path")

    def test_structure(self):
        self.assert_finds("docs/a.txt", "", "allowed entries")
        self.assert_finds("lib/src/map/find.h", GUARDED.format("FIND_H", ""),
                          "HMAP_SRC_MAP_FIND_H_")
        self.assert_finds("lib/src/state/space.cc", '#include "map/find.h"\n', "layer above")
        self.assert_finds("lib/src/map/find.cc", '#include "bmap.h"\n', "without its folder")
        self.assert_finds("lib/src/map/find.cc", '#include "hmap/store.h"\n', "layer above")
        self.assert_finds("lib/src/novel.cc", "", "no folder")
        self.assert_finds("lib/src/novel/find.cc", "", "no folder")
        self.assert_finds("lib/src/map/find.cc", "#include <boost/version.hpp>\n", "mapping")
        public = GUARDED.format("HMAP_STATUS_H_", "#include <sys/mman.h>\n")
        self.assert_finds("lib/include/hmap/status.h", public, "public header")


class CppFunctions(unittest.TestCase):
    def names(self, text):
        return [(name, last - first + 1) for name, first, last in cpp_functions(text)]

    def test_finds_functions_only(self):
        text = ('namespace a {\nclass B : public C {\n int d() const {\n return 1;\n }\n};\n'
                'struct alignas(8) E {\n int f = 0;\n};\nconstexpr int k[] = {1, 2};\n'
                'B::B(int x)\n : y_{x}, z_(x) {\n if (x) {\n }\n}\n'
                'template <typename T>\nstruct F g(T t) {\n return {};\n}\n}\n')
        self.assertEqual(self.names(text), [("d", 3), ("B::B", 5), ("g", 4)])

    def test_ignores_braces_in_comments_literals_and_macros(self):
        text = ('#define M() { \\\n {\nint f() {\n // {\n g("{", \'{\', R"x({{)x");\n'
                ' int n = 1\'000\'000;\n}\nint h() { return 0; }\n')
        self.assertEqual(self.names(text), [("f", 5), ("h", 1)])


if __name__ == "__main__":
    unittest.main()
