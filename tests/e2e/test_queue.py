"""The queue with the real program: movies that join a run, pauses, an orderly end, two programs, and
what a kill -9 leaves."""
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import harness
from harness import PROGRAM, TIMEOUT_S, make_movie

POLL_S = 0.05


def command(*words, expect=0):
    """Runs a command about the queue with --json; returns its reply."""
    done = subprocess.run([PROGRAM, *words, "--json"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT_S)
    if done.returncode != expect:
        raise AssertionError(f"{words}: {done.returncode} {done.stdout} {done.stderr}")
    return json.loads(done.stdout) if done.stdout else done.stderr.decode()


def wait_until(question, what):
    """Asks until the answer is true; what is waited for is named when it never is."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(POLL_S)
    raise AssertionError(f"never: {what}")


def states():
    return {os.path.basename(m["path"]): m["state"] for m in command("queue", "list")["movies"]}


class Queue(harness.MovieTest):
    def setUp(self):
        super().setUp()
        self.first = make_movie(self.folder / "first.mkv", seconds=16, size="640x360")
        self.second = make_movie(self.folder / "second.mkv")
        self.processes = []
        self.addCleanup(self.end_all)

    def end_all(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def start(self, *words):
        """A run in the background, once others can reach it."""
        process = subprocess.Popen(
            [PROGRAM, "run", "--no-progress", "-j", "1", "--length", "2s", "-o", self.out,
             *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.processes.append(process)
        wait_until(lambda: process.poll() is not None or self.movie_runs(), "a movie runs")
        return process

    def movie_runs(self):
        status = command("status")
        return status["running"] and status["counts"]["running"] > 0

    def finish(self, process, expect=0):
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, expect, f"{stdout.decode()}\n{stderr.decode()}")
        return stderr.decode()

    def test_what_is_added_to_a_run_is_done_in_it(self):
        run = self.start(self.first)
        added = command("queue", "add", "-o", self.out, "--length", "2s", self.second)
        self.assertEqual(added["movies"][0]["options"], {"length": "2s"})
        status = command("status")
        self.assertEqual(status["pid"], run.pid)
        self.assertEqual(status["memory"]["level"], "low")
        self.assertEqual({m["state"] for m in status["movies"]}, {"running", "queued"})
        stderr = self.finish(run)
        self.assertIn("second.mkv: joins the run", stderr)
        self.assertEqual(states(), {"first.mkv": "done", "second.mkv": "done"})
        self.assert_digest(self.out / "second")
        self.assertFalse(command("status")["running"])
        self.assertEqual(len(command("queue", "clear")["movies"]), 2)
        self.assertEqual(states(), {})

    def test_paused_it_starts_nothing_until_resumed(self):
        run = self.start(self.first, self.second)
        command("pause")
        paused = wait_until(lambda: command("status"), "a status")["paused"]
        self.assertEqual(paused, {"by_user": True, "by_memory": False})
        # What ran comes to its end, and then nothing moves: the movie waits with a stage before it.
        wait_until(lambda: run.poll() is not None or command("status")["memory"]["leased_bytes"] == 0,
                   "the running stage ends")
        wait_until(lambda: command("status")["movies"][0].get("waiting_for") == "resume",
                   "the movie is said to wait for the user")
        before = states()
        self.assertEqual(before["second.mkv"], "queued")
        self.assertIsNone(run.poll())
        command("resume")
        self.assertEqual(command("status")["paused"], {"by_user": False, "by_memory": False})
        self.finish(run)
        self.assertEqual(set(states().values()), {"done"})

    def test_stopped_it_is_gone_on_with_by_the_next_run(self):
        run = self.start(self.first, self.second)
        wait_until(lambda: command("status")["movies"][0].get("stage") == "shots", "shots begin")
        command("stop")
        self.finish(run, expect=1)
        self.assertEqual(set(states().values()), {"queued"})
        done = harness.run()  # no path: all that is queued
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertIn("was done before", done.stderr.decode())
        self.assertEqual(set(states().values()), {"done"})
        self.assert_digest(self.out / "first")

    def test_the_second_program_is_told_who_has_the_queue(self):
        run = self.start(self.first)
        done = self.digest(self.second, expect=2)
        stderr = done.stderr.decode()
        self.assertIn(f"another moviedigest (pid {run.pid}) is running on this queue", stderr)
        self.assertIn("queue add", stderr)
        self.assertIn("--queue FILE", stderr)
        self.digest("--queue", self.folder / "other.db", self.second)
        self.finish(run)

    def test_killed_it_leaves_its_movies_queued(self):
        run = self.start(self.first, self.second)
        run.send_signal(signal.SIGKILL)
        run.wait()
        self.assertEqual(set(states().values()), {"queued"})
        done = harness.run()
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual(set(states().values()), {"done"})

    def test_a_movie_taken_out_while_it_runs_is_given_up(self):
        run = self.start(self.first, self.second)
        command("queue", "remove", str(self.first))
        self.finish(run)
        self.assertEqual(states(), {"second.mkv": "done"})

    def test_without_a_place_for_the_queue_movies_are_done(self):
        os.environ["XDG_STATE_HOME"] = "/proc/nowhere"
        done = self.digest(self.second)
        self.assertEqual(done.stderr.decode().count("this run keeps no record"), 1)
        self.assert_digest(self.out / "second")

    def test_a_dry_run_leaves_the_queue_as_it_is(self):
        queue = self.folder / "dry" / "q.db"
        done = harness.run("--dry-run", "--queue", queue)
        self.assertEqual(done.stdout.decode(), "0 movies, nothing was written\n")
        self.assertFalse(queue.parent.exists())
        command("queue", "add", "--queue", str(queue), "-o", str(self.out), str(self.second))
        with sqlite3.connect(queue) as db:  # as a dead instance leaves it, and one that is refused
            db.execute("UPDATE jobs SET state = 'running'")
            db.execute("INSERT INTO jobs (path, out_dir, work_dir, options, named, position, added)"
                       " VALUES (x'2f61', x'2f62', x'2f63', 'stages=none', 1, 9, 0)")
        db.close()
        before = {p.name: p.read_bytes() for p in queue.parent.iterdir() if p.is_file()}
        done = harness.run("--dry-run", "--queue", queue)
        self.assertIn("second.mkv -> ", done.stdout.decode())
        self.assertIn("1 movies, nothing was written", done.stdout.decode())
        after = {p.name: p.read_bytes() for p in queue.parent.iterdir() if p.is_file()}
        self.assertEqual(after, before)

    def test_a_damaged_queue_is_named_and_left_alone(self):
        broken = self.folder / "broken.db"
        broken.write_bytes(b"this was a queue once, or was it not? " * 100)
        done = self.digest("--queue", broken, self.second, expect=2)
        self.assertIn(str(broken), done.stderr.decode())
        self.assertIn("move it away", done.stderr.decode())
        self.assertTrue(broken.read_bytes().startswith(b"this was a queue once"))


if __name__ == "__main__":
    sys.exit(harness.main())
