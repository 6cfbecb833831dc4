"""map: the picture in letters, in numbers and as a page; each says what the store says."""

import json
import os
import re
import shutil
import subprocess

from support import RECORDS, SYSTEM, USAGE, ToolTest, main
from terminal import environment, run_on_terminal


class Map(ToolTest):
    def setUp(self):
        super().setUp()
        records = {b"key%d" % i: b"v" * (i % 300) for i in range(20_000)}
        self.make(RECORDS | records | {b"large": b"L" * 500_000})
        self.count = len(RECORDS) + 20_001

    def test_numbers(self):
        picture = self.answer("map", "--json", self.file)
        stat = self.answer("stat", "--json", "--chains", self.file)
        space = stat["space"]
        uses = {use["name"]: use for use in picture["uses"]}
        self.assertEqual(picture["entries"], self.count)
        self.assertEqual(uses["records"]["bytes"], space["span_bytes"])
        self.assertEqual(uses["large records"]["bytes"], space["large_bytes"])
        self.assertEqual(uses["buckets"]["bytes"], space["bucket_bytes"])
        self.assertEqual(uses["free"]["bytes"], space["free_bytes"] + space["retired_bytes"])
        self.assertEqual(picture["chains"], stat["chains"])
        self.assertEqual(picture["sampled"], self.count)
        self.assertEqual(sum(picture["value_sizes"]), self.count)
        # 2^18 <= 500,000 < 2^19: the bin of 19 bits.
        self.assertEqual(picture["value_sizes"][19], 1)
        self.assertGreaterEqual(uses["large records"]["used_bytes"], 500_000)
        for use in picture["uses"]:
            groups = [g for g in picture["groups"] if picture["uses"][g["use"]] is use]
            self.assertEqual(sum(g["bytes"] for g in groups), use["bytes"])
            self.assertEqual(sum(g["used_bytes"] for g in groups), use["used_bytes"])
        self.assertEqual(len(picture["cells"]), picture["extents"])
        few = self.answer("map", "--json", "--cells", "10", self.file)
        self.assertLessEqual(len(few["cells"]), 10)
        self.assertEqual(few["uses"], picture["uses"])

    def test_letters(self):
        text = self.hmap("map", self.file).stdout.decode()
        self.assertNotIn("\x1b", text)
        self.assertTrue(all(len(line) < 80 for line in text.splitlines()[2:]))
        grid = "".join(re.findall(r"(?m)^0x[0-9a-f]{10}  (\S+)$", text))
        picture = self.answer("map", "--json", "--cells", str(65 * 24), self.file)
        letters = "".join(".BDTFRLP?"[use] for use, *_ in picture["cells"])
        self.assertEqual(grid.upper(), letters)
        self.assertIn("size of values", text)
        table = text.split("most wasteful\n")[1].splitlines()
        self.assertEqual(len({len(line) for line in table}), 1, table)
        self.assertNotRegex(text, r"(?m)[ \t]$")
        drawn = run_on_terminal("map", self.file, columns=50)
        self.assertIn(b"\x1b[38;5;", drawn)
        rows = re.findall(rb"(?m)^0x[0-9a-f]{10}  (\S+)\r$", drawn)
        self.assertTrue(rows)
        self.assertTrue(all(len(re.sub(rb"\x1b\[[\d;]*m", b"", row)) <= 35 for row in rows))
        plain = run_on_terminal("map", self.file, env=environment(NO_COLOR="1"))
        self.assertNotIn(b"\x1b", plain)

    def test_the_page(self):
        page = self.hmap("map", "--html", self.file).stdout.decode()
        self.assertNotRegex(page, r"(?i)(src|href)\s*=|url\(|@import|https?:")
        data = re.search(r'(?s)<script id="data" type="application/json">(.*?)</script>', page)[1]
        self.assertEqual(json.loads(data), self.answer("map", "--json", self.file))
        browser = shutil.which("chromium")
        if not browser:
            self.skipTest("chromium is not installed: the page was not drawn")
        with open(self.path("map.html"), "w", encoding="utf-8") as file:
            file.write(page)
        drawn = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
             f"--user-data-dir={self.path('profile')}", "file://" + self.path("map.html")],
            check=True, capture_output=True,
        ).stdout.decode()
        self.assertIn(f"<b>{self.count:,}</b>", drawn)
        # The last thing that the script does is to set the size of the canvas.
        self.assertRegex(drawn, r'<canvas id="map"[^>]*height: \d+px')
        self.assertGreater(len(re.findall(r"<td>", drawn)), 20)

    def test_a_name_that_is_a_trap(self):
        name = self.path("<script>alert(1)<")
        shutil.copyfile(self.file, name)
        page = self.hmap("map", "--html", name).stdout.decode()
        self.assertEqual(page.count("<script"), 3)  # two of its own, and one in the data's text
        self.assertEqual(page.count("</script>"), 2)
        name = os.path.join(os.fsencode(self.place), b"not \xff text")
        shutil.copyfile(self.file, name)
        text = self.hmap("map", name).stdout.decode()
        self.assertIn("not \\xff text: ", text.splitlines()[0])

    def test_failures(self):
        self.hmap("map", self.path("nowhere"), code=SYSTEM)
        self.hmap("map", "--html", "--json", self.file, code=USAGE)
        self.hmap("create", self.path("empty.hmap"))
        self.assertIn(b"0 entries", self.hmap("map", self.path("empty.hmap")).stdout)
        self.assertEqual(self.answer("map", "--json", self.path("empty.hmap"))["entries"], 0)


if __name__ == "__main__":
    main()
