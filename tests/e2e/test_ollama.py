"""Memory that somebody else holds for us: an Ollama on this machine keeps its model loaded after the
story is told, memory gets short, and the governor has it unloaded. In a cgroup of this test, where
the memory is really taken and really given back: the server's part by a test server."""
import json
import os
import pathlib
import subprocess
import sys
import time

import harness
from harness import PROGRAM, TIMEOUT_S, make_movie

SERVER = os.environ["TEST_SERVER"]
MB = 1000 * 1000
# What the group may take; what the server's model does; what a neighbour takes later: together
# with 100 MB for the program and its workers 60 % of the group before, 90 % with the neighbour.
GROUP_BYTES, MODEL_BYTES, NEIGHBOUR_BYTES = 900 * MB, 420 * MB, 310 * MB
SRT = """1
00:00:00,500 --> 00:00:03,000
Anna, where is the letter from the castle?

2
00:00:03,500 --> 00:00:06,000
I gave it to Viktor on the bridge.
"""
NEIGHBOUR = f"held = bytearray({NEIGHBOUR_BYTES}); print(len(held), flush=True); input()"


def make_group():
    """A cgroup with a limit below our own, or None where none may be made."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        root = "/sys/fs/cgroup/memory" if controllers == "memory" else "/sys/fs/cgroup"
        if controllers not in ("memory", ""):
            continue
        group = pathlib.Path(root + path) / f"md-test-{os.getpid()}"
        limit = "memory.limit_in_bytes" if controllers else "memory.max"
        try:
            group.mkdir()
            (group / limit).write_text(str(GROUP_BYTES))
            return group
        except OSError:
            if group.is_dir():
                group.rmdir()
    return None


class Ollama(harness.MovieTest):
    def setUp(self):
        super().setUp()
        self.group = make_group()
        if not self.group:
            self.skipTest("no cgroup may be made here")
        self.addCleanup(self.remove_group)

    def remove_group(self):
        for _ in range(100):
            try:
                self.group.rmdir()
                return
            except OSError:
                time.sleep(0.05)

    def start(self, *command, **options):
        """A process of the group."""
        def join():
            (self.group / "cgroup.procs").write_text(str(os.getpid()))
        process = subprocess.Popen([os.fsencode(str(c)) for c in command], preexec_fn=join,
                                   stdin=subprocess.PIPE, **options)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def wait_for(self, path, process):
        deadline = time.monotonic() + TIMEOUT_S
        while not path.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.05)
        self.assertTrue(path.exists(), path)

    def test_memory_gets_short_and_an_idle_ollama_gives_its_own_back(self):
        movie = make_movie(self.folder / "film.mkv", seconds=60, size="640x360", scenes=6)
        (self.folder / "film.srt").write_text(SRT)
        server = self.start(SERVER, "ollama", 4096, "-", f"hold={MODEL_BYTES}",
                            stdout=subprocess.PIPE, text=True)
        port = int(server.stdout.readline())
        flight = self.folder / "flight.jsonl"
        run = self.start(PROGRAM, "run", "--no-progress", "--device", "host", "-o", self.out,
                         "--llm-url", f"http://127.0.0.1:{port}", "--llm-name", "test-model",
                         "--threads", "1", "--length", "50s", "--render", "encode",
                         "--max-height", "source", "--quality", "high", "--flight", flight,
                         "--log-level", "debug", movie, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE)
        # The story is told; nobody asks the server any more, and it keeps its model.
        self.wait_for(self.out / "film" / "work" / "story.json", run)
        neighbour = self.start(sys.executable, "-c", NEIGHBOUR, stdout=subprocess.PIPE)
        self.assertEqual(int(neighbour.stdout.readline()), NEIGHBOUR_BYTES)
        _, said = run.communicate(timeout=TIMEOUT_S)
        said = said.decode(errors="replace")
        self.assertEqual(run.returncode, 0, said)
        seen, _ = server.communicate(timeout=60)
        self.assertGreaterEqual(json.loads(seen)["unloads"], 1, said)
        self.assert_it_was_told(said)
        self.assert_pressure_fell([json.loads(line) for line in flight.read_text().splitlines()])
        self.assert_digest(self.out / "film")
        self.assertIn("language model", harness.artifact(self.out / "film", "story")["method"])

    def assert_it_was_told(self, said):
        self.assertRegex(said, r"(High|Critical) memory pressure \(\d+\.\d%\)")
        self.assertIn("was asked to unload test-model", said)

    def assert_pressure_fell(self, events):
        used = [e["used_bytes"] for e in events if e["kind"] == "sample"]
        peak = max(used)
        self.assertGreater(peak, 0.8 * GROUP_BYTES)
        # With the server's model and the neighbour it could not be so little.
        least = min(used[used.index(peak):])
        self.assertLess(least, MODEL_BYTES + NEIGHBOUR_BYTES)
        # What the neighbour still took while the model went is not freed.
        tiers = [e for e in events if e["kind"] == "tier_end" and
                 e["freed_bytes"] >= MODEL_BYTES - NEIGHBOUR_BYTES]
        self.assertTrue(tiers, [e for e in events if e["kind"].startswith("tier")])
        print(f"# used {peak / MB:.0f} MB of {GROUP_BYTES / MB:.0f}, then {least / MB:.0f}; "
              f"a tier {tiers[0]['tier']} freed {tiers[0]['freed_bytes'] / MB:.0f} MB", flush=True)


if __name__ == "__main__":
    sys.exit(harness.main())
