"""kill -9 and Ctrl-C at random moments, then once more: the result is the same bytes, nothing is left
half-written, no process is left behind. The moments come from a seed."""
import fcntl
import os
import pathlib
import random
import select
import signal
import subprocess
import sys
import time

import harness
from harness import PROGRAM, TIMEOUT_S, make_movie

SUBTITLES = """1
00:00:00,500 --> 00:00:02,000
ANNA: Where is the letter?

2
00:00:02,500 --> 00:00:05,000
- I burned the letter, Anna.
- You will regret it.

3
00:00:05,500 --> 00:00:07,500
The train leaves at midnight.
"""
# One thread: what x264 writes depends on their number, which depends on the machine.
OPTIONS = ["--threads", "1", "--length", "5s"]
# How long a cancel may take; a sanitized build on a busy machine gets a little more.
CANCEL_S = 2.0
SLACK_S = 1.0


def start(*arguments):
    command = [PROGRAM, "run", "--no-progress", *map(os.fsencode, map(str, arguments))]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)


def stop_after(process, seconds, with_signal):
    """Sends the signal after that time; False when the program had ended before."""
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        if with_signal:
            process.send_signal(with_signal)
        return True
    finally:
        if with_signal == signal.SIGKILL:
            process.wait()


def results(folder):
    """Everything a run leaves but what differs from run to run: name -> bytes."""
    differs = {"timings.jsonl", "moviedigest.log"}
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*"))
            if p.is_file() and p.name not in differs}


def children(pid):
    """Worker processes that were started by pid."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"--parent={pid}".encode() in words:
            found.append(int(entry.name))
    return found


class Interrupted(harness.MovieTest):
    def setUp(self):
        super().setUp()
        self.movie = make_movie(self.folder / "film.mkv", seconds=8, scenes=4)
        (self.folder / "film.srt").write_text(SUBTITLES)

    def undisturbed(self):
        begin = time.monotonic()
        done = harness.run("-o", self.folder / "calm", *OPTIONS, self.movie)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        self.seconds = time.monotonic() - begin
        return results(self.folder / "calm")

    def assert_same(self, calm):
        done = self.digest(*OPTIONS, self.movie)
        now = results(self.out)
        self.assertEqual(sorted(calm), sorted(now), done.stderr.decode(errors="replace"))
        for name, data in calm.items():
            # The report says how long the stages took.
            if not name.endswith("report.html"):
                self.assertEqual(data, now[name], f"{name} differs")

    def assert_nobody_left(self, pid):
        for worker in children(pid):
            try:
                end = os.pidfd_open(worker)
            except ProcessLookupError:
                continue
            ready, _, _ = select.select([end], [], [], CANCEL_S + SLACK_S)
            os.close(end)
            self.assertTrue(ready, f"worker {worker} lives on")

    def wait_for_work(self):
        """Until the worker has begun with the movie."""
        deadline = time.monotonic() + TIMEOUT_S
        while not (self.out / "film" / "work" / "lock").exists():
            self.assertLess(time.monotonic(), deadline, "no worker ever began")
            time.sleep(0.005)

    def test_killed_ten_times_the_result_is_the_same_bytes(self):
        calm = self.undisturbed()
        chance = random.Random(3)
        killed = 0
        for _ in range(10):
            process = start("-o", self.out, *OPTIONS, self.movie)
            killed += stop_after(process, chance.uniform(0, 0.4 * self.seconds), signal.SIGKILL)
            process.stderr.close()
            self.assert_nobody_left(process.pid)
        self.assertGreater(killed, 2)
        self.assert_same(calm)

    def test_each_kill_of_a_fresh_run_is_survived(self):
        calm = self.undisturbed()
        chance = random.Random(4)
        for i in range(5):
            self.out = self.folder / f"out{i}"
            process = start("-o", self.out, *OPTIONS, self.movie)
            stop_after(process, chance.uniform(0.1, 0.95) * self.seconds, signal.SIGKILL)
            process.stderr.close()
            self.assert_same(calm)

    def test_killed_workers_are_replaced(self):
        calm = self.undisturbed()
        process = start("-o", self.out, *OPTIONS, self.movie)
        kills = 0
        deadline = time.monotonic() + TIMEOUT_S
        while kills < 2 and process.poll() is None and time.monotonic() < deadline:
            for worker in children(process.pid):
                lock = self.out / "film" / "work" / "lock"
                if lock.exists():  # it has begun
                    os.kill(worker, signal.SIGKILL)
                    kills += 1
            time.sleep(0.01)
        stderr = process.communicate(timeout=TIMEOUT_S)[1].decode(errors="replace")
        self.assertEqual(process.returncode, 0, stderr)
        self.assertGreater(kills, 0)
        self.assert_same(calm)

    def test_cancelled_within_two_seconds(self):
        """A cancel that comes when all is done already is none: the movie counts as done, and only
        then. The first one comes while the first stage has hardly begun."""
        calm = self.undisturbed()
        chance = random.Random(5)
        cancelled = 0
        for i in range(5):
            process = start("-o", self.out, *OPTIONS, self.movie)
            if i == 0:
                self.wait_for_work()
            elif not stop_after(process, chance.uniform(0.1, 0.6) * self.seconds, None):
                process.stderr.close()
                continue
            process.send_signal(signal.SIGINT)
            begin = time.monotonic()
            said = process.communicate(timeout=TIMEOUT_S)[1].decode(errors="replace")
            self.assertLess(time.monotonic() - begin, CANCEL_S + SLACK_S)
            if process.returncode == 0:
                self.assertTrue((self.out / "film" / "report.html").exists(), said)
            else:
                self.assertEqual(process.returncode, 1, said)
                cancelled += 1
            self.assertEqual(children(process.pid), [])
            self.assertEqual(list(self.out.rglob("*.part")), [])
            self.assertEqual(list(self.out.rglob("lock")), [])
        self.assertGreater(cancelled, 0)
        self.assert_same(calm)

    def test_two_programs_on_one_movie(self):
        """The second one says so and leaves the first alone."""
        work = self.out / "film" / "work"
        work.mkdir(parents=True)
        with open(work / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = self.digest(*OPTIONS, self.movie, expect=1)
            self.assertIn("another moviedigest is working on this movie", done.stderr.decode())
        self.digest(*OPTIONS, self.movie)

    def test_without_work_folder_a_finished_movie_is_known(self):
        self.digest(*OPTIONS, "--no-keep-work", self.movie)
        self.assertFalse((self.out / "film" / "work").exists())
        before = results(self.out)
        done = self.digest(*OPTIONS, "--no-keep-work", self.movie)
        self.assertIn("render was done before", done.stderr.decode())
        self.assertEqual(before, results(self.out))


if __name__ == "__main__":
    sys.exit(harness.main())
