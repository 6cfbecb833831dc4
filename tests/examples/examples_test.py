"""Runs each program of lib/examples, twice on one file where that makes sense, and compares what it
prints. HMAP_EXAMPLES names their directory."""

import os
import pathlib
import resource
import subprocess
import tempfile
import unittest

EXAMPLES = pathlib.Path(os.environ["HMAP_EXAMPLES"])


class Examples(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.store = pathlib.Path(place.name) / "store.hmap"

    def run_example(self, name, *arguments, before=None):
        return subprocess.run([EXAMPLES / name, *arguments], text=True, capture_output=True,
                              check=False, timeout=60, preexec_fn=before)

    def expect(self, name, lines):
        run = self.run_example(name, self.store)
        self.assertEqual(run.stderr, "")
        self.assertEqual(run.returncode, 0)
        self.assertEqual(run.stdout.splitlines(), lines)

    def test_counters_add_up_over_processes_and_runs(self):
        for count in (4000, 8000):
            self.expect("counters", [f"/ {count}", f"/about {count}", f"/contact {count}"])

    def test_sessions(self):
        self.expect("sessions", ["tea added: 1", "to nobody: 0", "milk added: 1", "expired: 1",
                                 "ada: cart: tea milk"])

    def test_lookup_replaces_the_table(self):
        for _ in range(2):
            self.expect("lookup", ["word 7 -> 7", "word 99999 -> 99999",
                                   "word 100000 -> not there", "2 of 3 found"])
        self.assertEqual([each.name for each in self.store.parent.iterdir()], ["store.hmap"])

    def test_cache_keeps_its_bound(self):
        self.expect("cache", ["every answer right: 1", "within the bound: 1"])

    def test_sessions_leave_alone_what_is_no_session(self):
        self.assertEqual(self.run_example("lookup", self.store).returncode, 0)
        run = self.run_example("sessions", self.store)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("expired: 1\n", run.stdout)
        self.assertIn("word 7: \n", run.stdout)

    def test_each_reports_a_full_disk(self):
        for name in ("cache", "counters", "lookup", "sessions"):
            for kilobytes in (100, 400, 500, 600):
                self.store.unlink(missing_ok=True)
                limit = kilobytes * 1024
                run = self.run_example(name, self.store, before=lambda limit=limit: (
                    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))))
                with self.subTest(name=name, kilobytes=kilobytes):
                    self.assertEqual(run.returncode, 1)
                    self.assertIn("NoSpace", run.stderr)
                    self.assertNotIn("terminate", run.stderr)

    def test_each_says_how_it_is_used(self):
        for name in ("cache", "counters", "lookup", "sessions"):
            run = self.run_example(name)
            self.assertEqual(run.returncode, 2, name)
            self.assertIn(f"usage: {name} FILE", run.stderr)

    def test_each_reports_a_store_that_cannot_be_opened(self):
        self.store.mkdir()
        for name in ("cache", "counters", "lookup", "sessions"):
            run = self.run_example(name, self.store)
            self.assertNotEqual(run.returncode, 0, name)
            self.assertTrue(run.stderr.strip(), name)


if __name__ == "__main__":
    unittest.main()
