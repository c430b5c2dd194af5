"""The fault sweep: the N-th operation of a batch of three tiny movies fails, N = 1, 2, 3 ...

For each kind of operation, in the main program and in the workers, once (transient) or from there
on (persistent). After each run: the exit status tells the truth, the main program did not crash, no
process, descriptor, lock or half-written file is left, movies that are done have the very bytes of a
run without faults, and a run that had one transient fault lost at most the movie it hit.

The short form, in CI, takes a sample of N that a seed chooses, in at most SHORT_S seconds; with
MOVIEDIGEST_LONG set every N up to what a run without faults needs, thinned only where that is
thousands. A failure names kind, program, N and persistence: put them into the environment of
tests/faults/shim.c to see it again.
"""
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness  # noqa: E402
from harness import PROGRAM, make_movie  # noqa: E402

SHIM = os.environ["FAULT_SHIM"]
LONG = bool(os.environ.get("MOVIEDIGEST_LONG"))
SHORT_S = float(os.environ.get("FAULT_SECONDS", 50))
HANG_S = 60
OPTIONS = ["--threads", "1", "--length", "2s", "--no-progress", "-j", "2"]
KINDS = [("malloc", "worker"), ("malloc", "main"), ("open", "worker"), ("open", "main"),
         ("write", "worker"), ("fsync", "worker"), ("rename", "worker"),
         ("thread", "worker"), ("spawn", "main"), ("write", "main")]
# What a run leaves that differs from run to run.
DIFFERS = {"timings.jsonl", "moviedigest.log", "report.html", ".movie", "post-mortem.txt",
           "flight.jsonl"}
SUBTITLES = "1\n00:00:00,200 --> 00:00:01,000\nANNA: The train leaves.\n"


class Sweep:
    def __init__(self, folder):
        self.folder = folder
        self.shelf = folder / "shelf"
        self.shelf.mkdir()
        for i in range(3):
            make_movie(self.shelf / f"m{i}.mkv", seconds=2, size="96x64", rate=10, scenes=2)
            (self.shelf / f"m{i}.srt").write_text(SUBTITLES)
        self.counter = folder / "counter"
        self.runs = 0
        self.calm = None

    def run(self, what, who, at, kind, out):
        """Returns (finished process or None when it hung, operations, failed, descriptors left)."""
        self.counter.write_bytes(bytes(24))
        env = {**os.environ, "LD_PRELOAD": SHIM, "MD_FAULT_WHAT": what, "MD_FAULT_WHO": who,
               "MD_FAULT_AT": str(at), "MD_FAULT_KIND": kind,
               "MD_FAULT_COUNTER": str(self.counter), "HOME": str(self.folder),
               "XDG_STATE_HOME": str(out / "state"), "XDG_RUNTIME_DIR": str(self.folder)}
        command = [PROGRAM, "run", *OPTIONS, "-o", str(out), str(self.shelf)]
        self.runs += 1
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.pid = process.pid
        try:
            self.said = process.communicate(timeout=HANG_S)[0].decode(errors="replace")
            status = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            self.said = process.communicate()[0].decode(errors="replace")
            status = None
        return (status, *struct.unpack("qqq", self.counter.read_bytes()))

    def results(self, out):
        """movie -> {name: bytes} of the movies that have a digest."""
        found = {}
        for movie in sorted(out.glob("m*")):
            if (movie / "digest.mp4").exists() and (movie / "report.html").exists():
                found[movie.name] = {
                    str(p.relative_to(movie)): p.read_bytes() for p in sorted(movie.rglob("*"))
                    if p.is_file() and p.name not in DIFFERS}
        return found

    def workers_left(self):
        words = f"--parent={self.pid}".encode()
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if words in (entry / "cmdline").read_bytes().split(b"\0"):
                    return True
            except OSError:
                continue
        return False

    def problems(self, status, failed, fds_left, who, kind, out):
        """What is wrong after a run, in words."""
        if status is None:
            return ["it hung"]
        wrong = []
        if status not in (0, 1, 2):
            wrong.append(f"exit status {status}")
        if status == 0 and failed and kind == "forever" and "done" not in self.said:
            wrong.append("it claims success")
        if status != 0 and not any(w in self.said for w in ("ERROR", "moviedigest:", "Error", "failed")):
            wrong.append("it failed without a word")
        if "internal error" in self.said or "Sanitizer" in self.said:
            wrong.append("it speaks of a bug")
        deadline = time.monotonic() + 3
        while self.workers_left():
            if time.monotonic() > deadline:
                wrong.append("a worker lives on")
                break
            time.sleep(0.02)
        if fds_left and status == 0:
            wrong.append(f"{fds_left} descriptors left open")
        wrong += [f"{p.name} is left" for p in out.rglob("*.part")]
        wrong += [f"{p.relative_to(out)} is left" for p in out.rglob("lock") if p.parent.name == "work"]
        done = self.results(out)
        for movie, files in done.items():
            calm = self.calm[movie]
            reported = f"{movie}.mkv: done" in self.said
            if reported and files.keys() != calm.keys():
                wrong.append(f"{movie}: other files: {sorted(set(files) ^ set(calm))}")
            # A retry with small settings codes the picture otherwise.
            wrong += [f"{movie}: {name} differs" for name in files.keys() & calm.keys()
                      if files[name] != calm[name] and not (
                          name == "digest.mp4" and "small" in self.said)]
        claimed = sum(f"m{i}.mkv: done" in self.said for i in range(3))
        if status == 0 and len(done) != 3:
            wrong.append(f"success, but {len(done)} digests")
        if kind == "once" and who == "worker" and claimed < 2:
            wrong.append(f"one fault, {3 - claimed} movies lost")
        return wrong

    def measure(self, what, who):
        """How many operations a run without faults takes."""
        out = self.folder / "calm"
        shutil.rmtree(out, ignore_errors=True)
        status, operations, failed, fds_left = self.run(what, who, 1 << 60, "once", out)
        if self.calm is None:
            self.calm = self.results(out)
        assert status == 0 and failed == 0 and len(self.calm) == 3, self.said
        assert fds_left == 0, f"{fds_left} descriptors left open without any fault"
        return operations

    def one(self, what, who, at, kind):
        """Returns what is wrong."""
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        status, _, failed, fds_left = self.run(what, who, at, kind, out)
        return self.problems(status, failed, fds_left, who, kind, out)


def numbers(operations, chance):
    """The N to try, most telling first: an endless supply in the short form is cut by time."""
    if LONG:
        step = max(1, operations // 400)
        return list(range(1, operations + 1, step))
    few = [n for n in (1, 2, 3) if n <= operations]
    more = sorted(chance.sample(range(1, operations + 1), min(operations, 12)))
    chance.shuffle(more)
    return list(dict.fromkeys(few[:1] + more + few[1:]))


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="md-faults-"))
    chance = random.Random(int(os.environ.get("FAULT_SEED", 1)))
    only = os.environ.get("FAULT_ONLY")  # "malloc worker 17 once"
    failed = 0
    try:
        sweep = Sweep(folder)
        if only:
            what, who, at, kind = only.split()
            sweep.measure(what, who)
            print(sweep.one(what, who, int(at), kind), sweep.said, sep="\n")
            return 0
        cases = {}
        for what, who in KINDS:
            operations = sweep.measure(what, who)
            cases[what, who] = [(n, kind) for n in numbers(operations, chance)
                                for kind in ("once", "forever")]
        print(f"1..{len(KINDS)}")
        begin = time.monotonic()
        for number, ((what, who), tries) in enumerate(cases.items(), 1):
            share = (SHORT_S - (time.monotonic() - begin)) / (len(cases) - number + 1)
            until = time.monotonic() + share
            wrong, count = [], 0
            for at, kind in tries:
                if not LONG and count >= 2 and time.monotonic() > until:
                    break
                count += 1
                found = sweep.one(what, who, at, kind)
                if found:
                    wrong.append(f"{what} {who} {at} {kind}: " + "; ".join(found))
                    print("".join(f"# {line}\n" for line in [wrong[-1], *sweep.said.splitlines()[-8:]]),
                          end="", flush=True)
            print("not ok" if wrong else "ok",
                  f"{number} - {what} fails in the {who}: {count} runs of {len(tries)}", flush=True)
            failed += bool(wrong)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
