"""stat while somebody holds views and a snapshot, and after he was killed."""

import os
import subprocess

from support import ToolTest, main


class Views(ToolTest):
    def hold(self, *keys):
        """A process that holds views of the keys, and a snapshot."""
        holder = subprocess.Popen(
            [os.environ["HMAP_HOLDER"], self.file, *keys],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(holder.communicate)
        self.addCleanup(holder.kill)
        self.assertEqual(holder.stdout.readline(), b"holding\n")
        return holder

    def process(self, holder):
        stat = self.answer("stat", "--json", self.file)
        return next(p for p in stat["processes"] if p["pid"] == holder.pid)

    def test_views_and_snapshots_are_told_with_their_holder(self):
        self.make()
        holder = self.hold("plain", "empty", "plain")
        stat = self.answer("stat", "--json", self.file)
        process = self.process(holder)
        self.assertEqual((process["alive"], process["views"]), (True, 3))
        self.assertEqual((process["counts_reads"], process["reads"]), (True, 3))
        self.assertLess(process["views_seconds"], 60)
        self.assertEqual(
            stat["snapshots"],
            [{"epoch": stat["epoch"] - 1, "slot": process["slot"], "alive": True}],
        )
        self.assertEqual(stat["space"]["held_bytes"], 0)
        text = self.hmap("stat", self.file).stdout.decode()
        slot = process["slot"]
        self.assertRegex(text, rf"slot {slot} +pid {holder.pid} +alive, 3 views for up to \d+ s\n")
        self.assertRegex(text, rf"snapshots held: 1\n  epoch {stat['epoch'] - 1} +by slot {slot}\n")
        self.assertRegex(text, r"held by views +0 +0\.0 %")
        self.assertTrue(stat["healthy"])
        processes = self.answer("ps", "--json", self.file)["processes"]
        (seen,) = [p for p in processes if p["views"] != 0]
        self.assertEqual((seen["pid"], seen["views"]), (holder.pid, 3))
        self.assertLess(seen["views_seconds"], 60)
        text = self.hmap("ps", self.file).stdout.decode()
        self.assertRegex(text, r"snapshot of epoch \d+, 3 views for up to 0:\d\d\n")
        views = self.answer("watch", "--once", "--json", self.file)["views"]
        self.assertEqual((views["count"], views["held_bytes"]), (3, 0))
        text = self.hmap("watch", "--once", self.file).stdout.decode()
        self.assertRegex(text, r"(?m)^views       3, the oldest for \d+:\d\d$")
        text = self.hmap("watch", "--prometheus", self.file).stdout.decode()
        self.assertRegex(text, r"(?m)^hmap_views\{.*\} 3$")

        holder.kill()
        holder.wait()
        process = self.process(holder)
        self.assertEqual((process["alive"], process["views"]), (False, 3))
        self.assertIn("dead", self.hmap("stat", self.file).stdout.decode())
        self.hmap("put", "--sync", self.file, "key", "value")
        stat = self.answer("stat", "--json", self.file)
        self.assertEqual(stat["snapshots"], [])
        self.assertEqual([p for p in stat["processes"] if p["views"] != 0], [])


if __name__ == "__main__":
    main()
