"""What the end-to-end tests share: making tiny movies, running the program, reading what it left."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.environ["MOVIEDIGEST"]
ARTIFACTS = ["media", "shots", "audio", "transcript", "story", "cut", "render"]
# Sanitized builds on busy machines are slow; a hang is still found.
TIMEOUT_S = 600


def ffmpeg(*arguments):
    """Runs ffmpeg quietly; the arguments end with the output."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(os.fsencode, map(str, arguments))]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def make_movie(path, seconds=6, size="320x180", rate=25, video=(), audio=True, scenes=3, extra=()):
    """A small movie of a few clearly different moving pictures with cuts between, and a tone."""
    kinds = ["testsrc2", "mandelbrot", "rgbtestsrc", "smptebars", "life=mold=10:ratio=0.3"]
    each = seconds / scenes
    inputs, labels = [], ""
    for i in range(scenes):
        kind = kinds[i % len(kinds)]
        joint = ":" if "=" in kind else "="
        inputs += ["-f", "lavfi", "-t", each, "-i", f"{kind}{joint}s={size}:r={rate}"]
        labels += f"[{i}:v]format=yuv420p,setsar=1[v{i}];"
    graph = labels + "".join(f"[v{i}]" for i in range(scenes)) + f"concat=n={scenes}[v]"
    arguments = [*inputs]
    if audio:
        arguments += ["-f", "lavfi", "-t", seconds, "-i", "sine=f=440:r=48000"]
    arguments += ["-filter_complex", graph, "-map", "[v]"]
    if audio:
        arguments += ["-map", f"{scenes}:a", "-c:a", "aac", "-b:a", "64k"]
    video = video or ("-c:v", "libx264", "-preset", "ultrafast")
    ffmpeg(*arguments, *video, "-threads", 1, *extra, path)
    return path


def run(*arguments, **options):
    """Runs `moviedigest run --no-progress ...`; returns the finished process."""
    command = [PROGRAM, "run", "--no-progress", *map(os.fsencode, map(str, arguments))]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=TIMEOUT_S, **options)


def probe(path):
    """ffprobe's view of a file, as a dictionary."""
    out = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", "-show_chapters",
         os.fsencode(str(path))], check=True, stdout=subprocess.PIPE)
    return json.loads(out.stdout)


def artifact(folder, name):
    return json.loads((pathlib.Path(folder) / "work" / f"{name}.json").read_text())["data"]


def peaks(folder):
    """Peak resident bytes of each stage that was run, from the timings it left."""
    lines = (pathlib.Path(folder) / "work" / "timings.jsonl").read_text().splitlines()
    return {row["stage"]: row["peak_rss_bytes"] for row in map(json.loads, lines)}


class MovieTest(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="md-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.out = self.folder / "out"
        # A queue of its own: several tests, and somebody's own moviedigest, may run at once.
        os.environ["XDG_STATE_HOME"] = str(self.folder / "state")
        os.environ.pop("XDG_RUNTIME_DIR", None)
        # Nor are models used that somebody has added.
        os.environ["XDG_DATA_HOME"] = str(self.folder / "data")
        os.environ["XDG_CACHE_HOME"] = str(self.folder / "cache")

    def digest(self, *arguments, expect=0, **options):
        """Runs into self.out and checks the exit status; returns the finished process."""
        done = run("-o", self.out, *arguments, **options)
        self.assertEqual(done.returncode, expect,
                         f"\nstdout: {done.stdout.decode(errors='replace')}"
                         f"\nstderr: {done.stderr.decode(errors='replace')}")
        return done

    def assert_digest(self, folder):
        """The folder holds a digest that plays, with picture, and a report."""
        streams = probe(folder / "digest.mp4")
        kinds = [s["codec_type"] for s in streams["streams"]]
        self.assertIn("video", kinds)
        self.assertGreater(float(streams["format"]["duration"]), 0)
        self.assertTrue((folder / "report.html").stat().st_size > 1000)
        ffmpeg("-xerror", "-i", folder / "digest.mp4", "-f", "null", "-")
        return streams


def main():
    """Prints a TAP line per test, so that the runner counts them."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    tests = [t for group in suite for t in group]
    print(f"1..{len(tests)}", flush=True)
    failed = False
    for number, test in enumerate(tests, 1):
        result = unittest.TestResult()
        test.run(result)
        name = f"{number} - {test._testMethodName}"
        if result.skipped:
            print(f"ok {name} # SKIP {result.skipped[0][1]}", flush=True)
        elif result.wasSuccessful():
            print(f"ok {name}", flush=True)
        else:
            failed = True
            for _, text in result.errors + result.failures:
                print("".join(f"# {line}\n" for line in text.splitlines()), end="")
            print(f"not ok {name}", flush=True)
    return 1 if failed else 0
