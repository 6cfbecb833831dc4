"""Runs the measure `memory` of hmap-bench, which reads a store through a memory cgroup. HMAP_BENCH
names the program."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest


class Memory(unittest.TestCase):
    def test_a_store_of_twice_the_memory_has_to_be_read_from_the_disk(self):
        with tempfile.TemporaryDirectory() as place:
            result = pathlib.Path(place) / "result.json"
            run = subprocess.run(
                [os.environ["HMAP_BENCH"], "--measures", "memory", "--stores", "hmap", "--entries",
                 "300000", "--ops", "5000", "--repeat", "1", "--dir", place, "--json", result],
                text=True, capture_output=True, check=False)
            self.assertEqual(run.returncode, 0, run.stderr)
            experiment = json.loads(result.read_text())["experiments"][0]
        if experiment["skipped"]:
            self.skipTest(experiment["skipped"][0]["reason"])
        figures = experiment["rounds"][0]["figures"]
        self.assertGreater(figures["faults/get"], 0.05)
        self.assertGreater(figures["bytes read/get"], 100)
        self.assertLessEqual(figures["memory used"], figures["memory allowed"])


if __name__ == "__main__":
    unittest.main()
