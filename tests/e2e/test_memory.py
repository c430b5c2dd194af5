"""Memory that is really too small: leases enforced by the kernel, real failed allocations, the real
ladder, and three digests at the end of it. Release builds only: sanitizers have allocators of their
own."""
import json
import sys

import harness
from harness import ARTIFACTS, make_movie

# Encoding takes most; copied pictures need so little that no limit here would hurt.
OPTIONS = ["--threads", "1", "--length", "4s", "--render", "encode"]
MOVIES = [("a", "640x360", 8), ("b", "480x270", 6), ("c", "320x180", 5)]
# From what nobody notices down to what hurts; a run that fails ends the search.
LIMITS_MB = [60, 52, 46, 40, 36, 32, 28]


class Tight(harness.MovieTest):
    def setUp(self):
        super().setUp()
        self.shelf = self.folder / "shelf"
        self.shelf.mkdir()
        for name, size, seconds in MOVIES:
            make_movie(self.shelf / f"{name}.mkv", seconds=seconds, size=size, scenes=3)

    def limited(self, how, megabytes, out):
        return harness.run("-o", out, *OPTIONS, "--enforce-leases", how, "--memory-limit",
                           f"{megabytes}MB", "--device", "host", self.shelf)

    def artifacts(self, out):
        return {(name, a): (out / name / "work" / f"{a}.json").read_bytes()
                for name, _, _ in MOVIES for a in ARTIFACTS}

    def survives(self, how):
        calm = self.folder / "calm"
        done = harness.run("-o", calm, *OPTIONS, "--enforce-leases", "off", self.shelf)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        for megabytes in LIMITS_MB:
            out = self.folder / f"out{megabytes}"
            done = self.limited(how, megabytes, out)
            said = done.stderr.decode(errors="replace")
            if "no cgroup may be made here" in said:
                self.skipTest("no cgroup may be made here")
            if said.count("Out of memory: ") == 0:
                self.assertEqual(done.returncode, 0, said)
                continue
            # The first limit that hurts.
            self.assertEqual(done.returncode, 0, said)
            for name, _, _ in MOVIES:
                self.assert_digest(out / name)
            self.assertEqual(self.artifacts(calm), self.artifacts(out))
            self.assertEqual(list(out.rglob("*.part")) + list(out.rglob("lock")), [])
            hurt = [p.parent for p in out.rglob("post-mortem.txt")]
            self.assertTrue(hurt, said)
            self.assertIn("OUT OF MEMORY: ", (hurt[0] / "post-mortem.txt").read_text())
            kinds = {json.loads(line)["kind"]
                     for line in (hurt[0] / "flight.jsonl").read_text().splitlines()}
            self.assertLessEqual({"begin", "sample", "lease_granted", "oom"}, kinds)
            print(f"# {how}: {megabytes} MB, {said.count('Out of memory: ')} times out of memory, "
                  "three digests", flush=True)
            return
        self.fail("no limit was small enough to hurt")

    def test_address_space_that_is_too_small_still_gives_three_digests(self):
        self.survives("rlimit")

    def test_a_cgroup_that_is_too_small_still_gives_three_digests(self):
        self.survives("cgroup")

    def test_what_can_never_fit_ends_with_what_is_needed(self):
        done = self.limited("rlimit", 12, self.out)
        said = done.stderr.decode(errors="replace")
        self.assertEqual(done.returncode, 1, said)
        errors = [line for line in said.splitlines() if line.startswith("ERROR:")]
        self.assertEqual(len(errors), len(MOVIES), said)
        for line in errors:
            self.assertRegex(line, r"about [0-9.]+[MG]B are needed and [0-9.]+[MG]B may be used")
        self.assertEqual(list(self.out.rglob("*.part")) + list(self.out.rglob("lock")), [])

    def test_the_flight_and_its_trace_are_written(self):
        flight, trace = self.folder / "flight.jsonl", self.folder / "trace.json"
        self.digest(*OPTIONS, "--flight", flight, "--trace", trace, self.shelf / "c.mkv")
        events = [json.loads(line) for line in flight.read_text().splitlines()]
        self.assertEqual([e["serial"] for e in events], list(range(len(events))))
        granted = [e["stage"] for e in events if e["kind"] == "lease_granted"]
        self.assertEqual(granted, ["probe", "shots", "audio", "transcript", "story", "select",
                                   "render"])
        self.assertTrue(json.loads(trace.read_text())["traceEvents"])


if __name__ == "__main__":
    sys.exit(harness.main())
