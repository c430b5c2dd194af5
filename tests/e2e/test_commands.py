"""The commands that only show something: config and memory."""
import json
import os
import signal
import subprocess
import sys
import time

import harness
from harness import PROGRAM, TIMEOUT_S


def command(*words, **env):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MOVIEDIGEST_")}
    return subprocess.run([PROGRAM, *map(str, words)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT_S,
                          env={**environment, "MOVIEDIGEST": PROGRAM, **env})


class Commands(harness.MovieTest):
    def config(self, *words, **env):
        done = command("config", "--json", *words, HOME=str(self.folder), **env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_config_says_where_each_value_comes_from(self):
        file = self.folder / "x.ini"
        file.write_text("[memory]\nGPU_MEMORY_FRACTION = 70%\nllm_batch_size = 5\nlength = 3min\n")
        told = self.config("-c", file, "--preset", "rtx3060", "--llm-batch-size", "7",
                           MOVIEDIGEST_WHISPER_BATCH_SIZE="11")
        memory = told["memory"]
        self.assertEqual(memory["gpu_memory_fraction"],
                         {"value": "0.7", "from": "file", "where": "x.ini"})
        self.assertEqual(memory["llm_batch_size"], {"value": "7", "from": "command line"})
        self.assertEqual(memory["whisper_batch_size"],
                         {"value": "11", "from": "environment",
                          "where": "MOVIEDIGEST_WHISPER_BATCH_SIZE"})
        self.assertEqual(memory["max_gpu_memory_gb"],
                         {"value": "11GB", "from": "preset", "where": "rtx3060"})
        self.assertEqual(memory["system_reserve_gb"]["from"], "default")
        self.assertEqual(told["options"]["length"], {"value": "180s", "from": "config file"})

    def test_the_text_of_config_is_a_config_file(self):
        first = command("config", "--preset", "auto", "--pressure-high-percent", "82",
                        HOME=str(self.folder)).stdout
        file = self.folder / "written.ini"
        file.write_bytes(first)
        again = command("config", "-c", file, HOME=str(self.folder)).stdout
        values = [[line.split(b";")[0] for line in text.splitlines() if b" = " in line]
                  for text in (first, again)]
        self.assertEqual(*values)

    def test_what_cannot_be_is_refused_with_the_range(self):
        for words, said in [(("--gpu-memory-fraction", "7"), "0.05 and 1"),
                            (("--max-batch-size", "many"), "many"),
                            (("--preset", "huge"), "huge"),
                            (("--pressure-medium-percent", "95"), "make no sense")]:
            done = command("config", *words, HOME=str(self.folder))
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(said, done.stderr.decode())

    def test_shots_are_found_listed_and_judged(self):
        movie = harness.make_movie(self.folder / "cuts.mp4", seconds=6, scenes=3, audio=False)
        found = command("shots", movie, "--csv")
        self.assertEqual(found.returncode, 0, found.stderr)
        head, *rows = found.stdout.decode().splitlines()
        self.assertEqual(head, "type,start_frame,end_frame,start_sec,end_sec,confidence")
        self.assertEqual([row.split(",")[:4] for row in rows],
                         [["cut", "50", "50", "2.0000"], ["cut", "100", "100", "4.0000"]])
        truth = self.folder / "truth.csv"
        truth.write_text("type,start_frame,end_frame\ncut,51,51\ncut,120,120\n")
        judged = command("shots", movie, "--evaluate", truth, "--csv").stdout.decode()
        self.assertIn("cut,2,2,1,1,0.5000,0.5000,0.5000", judged)
        names = [line.split()[0] for line in command("shots", "--list").stdout.decode().splitlines()]
        self.assertIn("accurate", names)
        for name in names:
            self.assertEqual(command("shots", movie, "--detector", name).returncode, 0, name)
        self.assertEqual(command("shots").returncode, 2)
        refused = command("shots", movie, "--detector", "magic")
        self.assertEqual(refused.returncode, 1)
        self.assertIn(b"accurate", refused.stderr)
        self.assertEqual(command("shots", self.folder / "none.mp4").returncode, 1)

    def test_memory_shows_the_machine(self):
        done = command("memory", "--json", "--device", "host", "--memory-limit", "2GB", "--queue",
                       self.folder / "none.db", HOME=str(self.folder))
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual(told["total_bytes"], 2000000000)
        self.assertLess(told["budget_bytes"], 2000000000)
        self.assertIn(told["level"], ["low", "medium", "high", "critical"])
        self.assertEqual(told["history"], [])
        self.assertFalse((self.folder / "none.db").exists())
        self.assertEqual({d["device"].split(":")[0] for d in told["devices"]} - {"nvidia"}, {"host"})
        words = command("memory", "--all", "--device", "sim:rtx3060").stdout.decode()
        self.assertIn("sim:rtx3060", words)
        self.assertIn("12.9GB", words)

    def test_memory_shows_what_a_running_instance_holds(self):
        movie = harness.make_movie(self.folder / "film.mkv", seconds=16, size="640x360")
        queue = ("--queue", self.folder / "q.db")
        run = subprocess.Popen([PROGRAM, "run", "--no-progress", "-j", "1", "--device", "host",
                                "-o", str(self.out), *map(str, queue), str(movie)],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        watch = subprocess.Popen([PROGRAM, "memory", "--watch", "--json", "--device", "host",
                                  *map(str, queue)], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(watch.communicate)
        self.addCleanup(watch.kill)
        held = None
        while run.poll() is None and not (held and held["leases"]):
            held = json.loads(watch.stdout.readline())["instance"]
        self.assertIsNotNone(held, "it ended before anything was seen")
        self.assertEqual(held["pid"], run.pid)
        lease = held["leases"][0]
        self.assertEqual(lease["owner"], "film.mkv")
        self.assertEqual(held["budget"]["leased_bytes"],
                         sum(l["granted_bytes"] for l in held["leases"]))
        self.assertIn(lease["pid"], [w["pid"] for w in held["workers"]])
        self.assertEqual(set(held["tiers"]), {"standard", "aggressive", "emergency"})
        self.assertEqual((held["paused"], held["ooms"]), (False, 0))
        words = command("memory", "--device", "host", *queue).stdout.decode()
        if run.poll() is None:
            self.assertIn(f"moviedigest (pid {run.pid}) is running", words)
        run.kill()
        run.wait()
        told = json.loads(command("memory", "--json", "--device", "host", *queue).stdout)
        self.assertIsNone(told["instance"])  # its socket is still there, and nobody behind it

    def test_a_device_that_is_not_there_is_named(self):
        done = command("memory", "--device", "sim:nothing")
        self.assertEqual(done.returncode, 2)
        self.assertIn("sim:nothing", done.stderr.decode())

    def test_watching_ends_with_ctrl_c(self):
        process = subprocess.Popen([PROGRAM, "memory", "--watch", "--json", "--device", "host"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        first = json.loads(process.stdout.readline())
        second = json.loads(process.stdout.readline())
        self.assertEqual(first["total_bytes"], second["total_bytes"])
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 0)
        self.assertLess(time.monotonic() - begin, 5)


if __name__ == "__main__":
    sys.exit(harness.main())
