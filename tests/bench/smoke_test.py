"""Runs hmap-bench on tiny stores: every measure, every store that is installed. What is checked is
that it measures and reports, never how fast. HMAP_BENCH names the program."""

import html.parser
import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

BENCH = os.environ["HMAP_BENCH"]
# All but `memory`, which needs a disk and minutes: memory_test.py.
MEASURES = ["phases", "u64", "values", "latency", "work", "open", "commits", "processes"]
SIZES = ["--entries", "3000", "--ops", "2000", "--repeat", "1", "--seconds", "0.05"]


def bench(*arguments):
    return subprocess.run([BENCH, *map(str, arguments)], text=True, capture_output=True,
                          check=False)


class Page(html.parser.HTMLParser):
    """What a page would load, and how many plots it has."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.plots = [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.plots += tag == "svg"
        self.loads += [value for name, value in attrs if name in {"src", "href"}]
        self.loads += [tag] if tag in {"script", "link", "iframe"} else []


class Everything(unittest.TestCase):
    """One run of all measures, looked at from all sides."""

    @classmethod
    def setUpClass(cls):
        # In memory if there is room: nothing here is about the disk, and hundreds of flushes are.
        shm = pathlib.Path("/dev/shm")
        cls.place = tempfile.TemporaryDirectory(dir=shm if os.access(shm, os.W_OK) else None)
        cls.dir = pathlib.Path(cls.place.name)
        cls.json, cls.html = cls.dir / "result.json", cls.dir / "report.html"
        cls.run_of_all = bench("--measures", ",".join(MEASURES), *SIZES, "--dir",
                               cls.dir / "stores", "--json", cls.json, "--html", cls.html,
                               "--scorecard")
        cls.document = json.loads(cls.json.read_text()) if cls.json.exists() else {}

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    def experiments(self, measure):
        return [each for each in self.document["experiments"] if each["measure"] == measure]

    def test_runs_without_a_failure(self):
        # A wrong value, from any store, would be one.
        self.assertEqual(self.run_of_all.returncode, 0,
                         self.run_of_all.stdout[-3000:] + self.run_of_all.stderr[-3000:])
        failed = [each["failed"] for each in self.document["experiments"] if each["failed"]]
        self.assertEqual(failed, [])

    def test_has_every_measure(self):
        self.assertEqual(sorted({each["measure"] for each in self.document["experiments"]}),
                         sorted(MEASURES))

    def test_each_store_is_measured_or_named_with_a_reason(self):
        phases = self.experiments("phases")[0]
        known = {each["name"] for each in self.document["stores"]} - {"bare-loop"}
        special = {"hmap-commit", "lmdb-sync", "tkrzw-sync", "leveldb-sync", "rocksdb-sync"}
        special |= {name for name in known if name.endswith(("u64", "integerkey"))}
        special |= {name for name in known if name.startswith("hmap-shards-")}
        skipped = {each["store"] for each in phases["skipped"]}
        self.assertEqual(set(phases["stores"]) | skipped | special, known | special)
        self.assertIn("hmap", phases["stores"])
        for absent in self.document["left_out"]:
            self.assertIn(f"{absent['name']:<17} left out", self.run_of_all.stdout)

    def test_every_figure_is_a_positive_number(self):
        for experiment in self.document["experiments"]:
            for run in experiment["rounds"]:
                for name, value in run["figures"].items():
                    with self.subTest(experiment["measure"], store=run["store"], figure=name):
                        self.assertIsInstance(value, (int, float))
                        self.assertGreaterEqual(value, 0)
                if experiment["measure"] in {"phases", "u64"}:
                    self.assertTrue({"fill", "get-hit", "get-miss", "ycsb-a", "update", "iterate",
                                     "erase"} <= set(run["figures"]), run["store"])

    def test_latencies_grow_with_the_percentile(self):
        for run in self.experiments("latency")[0]["rounds"]:
            names = ["p50", "p90", "p99", "p99.9", "p99.99", "p99.999", "max"]
            values = [run["figures"][name] for name in names]
            self.assertEqual(values, sorted(values), run["store"])

    def test_page_is_well_formed_and_loads_nothing(self):
        text = self.html.read_text()
        xml.etree.ElementTree.fromstring(text.replace("<!DOCTYPE html>", ""))
        page = Page(text)
        self.assertEqual(page.loads, [])
        self.assertGreater(page.plots, 20)
        self.assertIn("Scorecard", text)

    def test_page_and_scorecard_can_be_made_again_from_the_json(self):
        again = self.dir / "again.html"
        run = bench("--from", self.json, "--html", again, "--scorecard")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(again.read_text(), self.html.read_text())
        cut = run.stdout.index("scorecard")
        self.assertEqual(run.stdout[cut:],
                         self.run_of_all.stdout[self.run_of_all.stdout.index("scorecard"):])

    def test_nothing_is_left_in_the_directory(self):
        self.assertEqual(list((self.dir / "stores").iterdir()), [])


class Options(unittest.TestCase):
    def test_refuses_what_it_does_not_know(self):
        for arguments in (["--stores", "nosuch"], ["--phases", "nosuch"], ["--measures", "nosuch"],
                          ["--entries", "0"], ["--value-bytes", "7"], ["--from", "/nonexistent"]):
            with self.subTest(arguments=arguments):
                run = bench(*arguments)
                self.assertEqual(run.returncode, 2)
                self.assertTrue(run.stderr.strip())

    def test_refuses_a_file_that_is_no_result(self):
        with tempfile.TemporaryDirectory() as place:
            bad = pathlib.Path(place) / "bad.json"
            for text in ("", "{}", '{"format": 99}'):
                bad.write_text(text)
                run = bench("--from", bad)
                self.assertEqual(run.returncode, 2)
                self.assertIn("bad.json", run.stderr)

    def test_check_fails_for_what_was_not_measured(self):
        with tempfile.TemporaryDirectory() as place:
            run = bench("--stores", "hmap", "--phases", "get-hit", *SIZES, "--dir", place,
                        "--check")
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn("not measured", run.stdout)

    def test_a_directory_that_cannot_be_made_is_an_error(self):
        run = bench(*SIZES, "--dir", "/proc/nosuch")
        self.assertEqual(run.returncode, 2)
        self.assertIn("/proc/nosuch", run.stderr)


if __name__ == "__main__":
    unittest.main()
