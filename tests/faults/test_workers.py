"""Workers with a model that hang, talk nonsense, die at load, find their model gone or the disk full:
the real programs through the real supervisor, with bad_worker.py between. Whatever happens, the
movie is done. Where another worker could go on, transcript and story are the very bytes of a calm
run; else the fallback stands, and log and report name the file and say what to do.

The short form takes the cases of SHORT, with MOVIEDIGEST_LONG all; FAULT_ONLY=WORDS those whose
name has the words."""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness  # noqa: E402
from harness import PROGRAM, TIMEOUT_S  # noqa: E402

MODELS = pathlib.Path(os.environ["MOVIEDIGEST_TEST_MODELS"])
REAL = pathlib.Path(os.environ["MOVIEDIGEST_TEST_WORKERS"])
BAD_WORKER = pathlib.Path(__file__).resolve().parent / "bad_worker.py"
GROUPS = pathlib.Path("/sys/fs/cgroup")
AT_ONCE = 3
HANG_S = 8  # what counts as hung: a sanitized worker beside two others says something sooner
OPTIONS = ["--threads", "1", "--length", "5s", "--transcribe", "whisper", "--device", "host",
           "--enforce-leases", "off", "--llm-context", "2048", "--preset", "max-stability",
           "--language", "en", "--log-level", "debug"]
TALK = ("Anna, where is the letter from the castle? I gave it to Viktor on the bridge. Then we have "
        "lost, and the town with us.")


class Case:
    """One run. plan: what bad_worker.py does; said: what the log tells; told: what the report does,
    when that is something else; lost: fallback is right; kills: the main program is killed so many
    times when a unit is done, and started again."""

    def __init__(self, name, plan, said, lost=False, starts=2, told=None, kills=0):
        self.name, self.plan, self.said, self.lost = name, plan, said, lost
        self.starts, self.told, self.kills = starts, told, kills
        self.who = next(iter(plan))
        self.problems, self.seconds = [], 0.0
        self.env = {}


def hear(name, acts, said, **more):
    return Case(f"speech: {name}", {"asr": acts}, said, **more)


def tell(name, acts, said, **more):
    return Case(f"story: {name}", {"llm": acts}, said, **more)


def both(name, acts, said, **more):
    return [hear(name, acts, said, **more), tell(name, acts, said, **more)]


GONE = "was killed by signal"
BROKE = "broke the protocol"
CASES = [
    # Hangs.
    *both("stopped while it loads", [["load: stop"]], "did not start in time"),
    *both("stopped in a unit", [["unit 1: stop"]], "hung without a sign of life"),
    *both("never says hello", [["start: stop"]], "did not start in time"),
    hear("half a frame, then silence", [["unit 1: half", "unit 1: mute"]],
         "hung without a sign of life"),
    # Nonsense on the channel.
    *both("noise instead of hello", [["start: noise"]], BROKE),
    *both("noise in a unit", [["unit 1: noise"]], BROKE),
    hear("noise while it loads", [["load: noise"]], BROKE),
    hear("a frame of two gigabytes", [["unit 2: big"]], BROKE),
    hear("an empty frame", [["unit 2: empty"]], BROKE),
    tell("half a frame, then its end", [["unit 2: half", "unit 2: exit 0"]],
         "ended unexpectedly with status 0"),
    hear("hello twice", [["load: say hello protocol=3 pid=1 program=x"]], BROKE),
    hear("done before it was asked", [["load: say done stage=transcript cached=0"]], BROKE),
    tell("ready twice", [["unit 1: say ready"]], BROKE),
    tell("another stage's units", [["unit 1: say units stage=shots done=1 total=2"]], BROKE),
    hear("more units than there are", [["unit 1: say units stage=transcript done=9 total=2"]], BROKE),
    tell("an answer for a media worker", [["unit 1: say finished"]], BROKE),
    # Ends.
    *both("ends at load", [["load: exit 0"]], "ended unexpectedly with status 0"),
    hear("status 127", [["start: exit 127"]], "ended unexpectedly with status 127"),
    tell("SIGKILL at load", [["load: signal SIGKILL"]], GONE),
    *both("SIGSEGV at load", [["load: signal SIGSEGV"]], GONE),
    hear("SIGABRT in a unit", [["unit 1: signal SIGABRT"]], GONE),
    *both("is lost at every unit",
          [[f"unit {n}: signal SIGKILL"] for n in range(1, 4)], GONE, starts=4),
    *both("always dies at load", [["always", "load: signal SIGSEGV"]],
          "did not get ready, for the last time", lost=True, starts=3,
          told="was killed by signal 11"),
    # The model's file between the look at it and the load.
    *both("its model vanishes", [["always", "start: remove MODEL"], []],
          "MODEL is not there any more: put it back", lost=True, starts=3,
          told="MODEL is not there any more: put it back"),
    *both("its model is cut off", [["start: cut MODEL"]],
          "fetch it again", lost=True, starts=3, told="fetch it again"),
    *both("its model is no model any more", [["start: put MODEL /etc/passwd"]],
          "MODEL is neither a Whisper model", lost=True, starts=3, told="MODEL is neither"),
    *both("its model is replaced once it is loaded", [["loaded: put MODEL OTHER"],
                                                      ["loaded: put MODEL CALM"]],
          "MODEL was changed while it was in use", starts=3),
    # Disks.
    hear("no room for any unit", [["always", "start: fsize 0"]],
         "speech.units: make room", lost=True, starts=1, told="speech.units: make room"),
    hear("no room for the second unit", [["always", "start: fsize UNITS"]],
         "speech.units: make room", lost=True, starts=1, told="speech.units: make room"),
    tell("no room for the third unit", [["always", "start: fsize UNITS"]],
         "story.units: make room", lost=True, starts=1, told="story.units: make room"),
    # The main program.
    *both("kill -9 of the main program at a unit", [], "", starts=3, kills=2),
]
# One of each kind; each kind for one worker at least, both workers for some.
SHORT = {"speech: stopped while it loads", "story: stopped in a unit",
         "speech: half a frame, then silence", "story: noise in a unit",
         "speech: a frame of two gigabytes", "speech: done before it was asked",
         "speech: ends at load", "story: SIGSEGV at load", "speech: is lost at every unit",
         "story: is lost at every unit", "speech: always dies at load", "story: its model vanishes",
         "speech: its model is cut off", "speech: its model is replaced once it is loaded",
         "speech: no room for the second unit", "speech: kill -9 of the main program at a unit"}


class Shelf:
    """The movie, a calm run of it, and the folder with the programs as they are looked for."""

    def __init__(self, folder):
        self.folder = folder
        self.killed = []
        self.bin = folder / "bin"
        self.bin.mkdir()
        shutil.copy(PROGRAM, self.bin / "moviedigest")
        (self.bin / "moviedigest-media").symlink_to(REAL / "moviedigest-media")
        for name in ("moviedigest-asr", "moviedigest-llm"):
            shutil.copy(BAD_WORKER, self.bin / name)
            (self.bin / name).chmod(0o755)
        self.movie = folder / "film.mkv"
        sound = f"flite=text='{TALK}':voice=slt".replace(",", "\\,")
        harness.ffmpeg("-f", "lavfi", "-t", 70, "-i", "testsrc2=s=160x90:r=10", "-f", "lavfi", "-i",
                       sound, "-filter_complex",
                       "[1:a]aresample=48000,aloop=-1:size=480000,atrim=0:70[a]", "-map", "0:v",
                       "-map", "[a]", "-t", 70, "-c:v", "libx264", "-preset", "ultrafast",
                       "-threads", 1, "-c:a", "aac", self.movie)
        self.calm = folder / "calm"
        case = Case("calm", {"asr": [], "llm": []}, "")
        self.make_models(self.calm)
        status, said = self.run(self.calm, case, ["--llm-model", self.calm / "llm.bin"])
        assert status == 0, said
        self.wanted = {a: self.artifact(self.calm, a) for a in ("transcript", "story")}
        self.units = {n: (self.calm / "out/film/work" / n).read_bytes()
                      for n in ("speech.units", "story.units")}

    @staticmethod
    def artifact(place, name):
        return (place / "out/film/work" / f"{name}.json").read_bytes()

    def make_models(self, place):
        (place / "plan").mkdir(parents=True)
        shutil.copy(MODELS / "whisper-script.bin", place / "asr.bin")
        shutil.copy(MODELS / "llama-random.gguf", place / "llm.bin")

    def start(self, place, case, models):
        env = {**os.environ, "BAD_WORKER_PLAN": str(place / "plan"), "BAD_WORKER_REAL": str(REAL),
               "XDG_STATE_HOME": str(place / "state"), "XDG_DATA_HOME": str(place / "data"),
               "XDG_CACHE_HOME": str(place / "cache"), "HOME": str(place),
               "OMP_WAIT_POLICY": "passive", **case.env}
        env.pop("XDG_RUNTIME_DIR", None)
        (place / "plan/plan.json").write_text(json.dumps(case.plan))
        program = PROGRAM if case.env else self.bin / "moviedigest"  # nobody between
        command = [program, "run", "--no-progress", *OPTIONS, "-o", place / "out",
                   "--asr-model", place / "asr.bin", "--hang-after", HANG_S, *models, self.movie]
        if case.kills:  # leases are enforced where they can be: groups must not be left
            command[command.index("off")] = "auto"
        return subprocess.Popen([*map(str, command)], env=env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def kill(self, place, case, models):
        """Starts it, kills it as soon as one more unit is on disk; workers must end by themselves."""
        units = place / "out/film/work" / ("speech.units" if case.who == "asr" else "story.units")
        before = units.read_bytes().count(b"\n") if units.exists() else 0
        process = self.start(place, case, models)
        deadline = time.monotonic() + TIMEOUT_S
        while not units.exists() or units.read_bytes().count(b"\n") <= before:
            if process.poll() is not None or time.monotonic() > deadline:
                case.problems.append("it was not there to be killed")
                break
            time.sleep(0.002)
        process.kill()
        process.communicate()
        if left := workers_of(place):
            case.problems.append(f"workers outlive the main program: {left}")
        self.killed.append(process.pid)

    def run(self, place, case, models):
        """Exit status and what was said; a worker that was not taken leave of is a problem."""
        for _ in range(case.kills):
            self.kill(place, case, models)
        process = self.start(place, case, models)
        done = threading.Event()
        watch = threading.Thread(target=look_for_zombies, args=(process.pid, done, case))
        watch.start()
        try:
            said = process.communicate(timeout=TIMEOUT_S)[1].decode(errors="replace")
        finally:
            process.kill()
            done.set()
            watch.join()
        return process.returncode, said

    def begin(self, place, case):
        """What the stages before leave is taken from the calm run: it is not what is tested."""
        out = place / "out/film"
        shutil.copytree(self.calm / "out/film/work", out / "work")
        again = ["transcript", "story"] if case.who == "asr" else ["story"]
        for name in [*again, "cut", "render"]:
            (out / "work" / f"{name}.json").unlink()
        for name in ["speech.units", "story.units", "timings.jsonl"]:
            (out / "work" / name).unlink(missing_ok=True)

    def fill_in(self, place, case):
        """File names into a plan."""
        model = place / ("asr.bin" if case.who == "asr" else "llm.bin")
        other = MODELS / "whisper-random.bin" if case.who == "asr" else place / "other"
        if case.who == "llm": # the same model, with something behind it that nobody reads
            other.write_bytes(model.read_bytes() + b"\0" * 32)
        shutil.copy(model, place / "same")
        units = self.units["speech.units" if case.who == "asr" else "story.units"].split(b"\n")
        room = len(units[0]) + 20 if case.who == "asr" else len(b"\n".join(units[:2])) + 30
        names = {"MODEL": model, "OTHER": other, "CALM": place / "same", "UNITS": room}

        def fill(text):
            for name, value in names.items():
                text = re.sub(rf"\b{name}\b", str(value), text)
            return text
        case.plan = {case.who: [[fill(a) for a in acts] for acts in case.plan[case.who]]}
        case.said, case.told = fill(case.said), fill(case.told or "")

    def go(self, case):
        begin = time.monotonic()
        place = self.folder / re.sub(r"\W+", "-", case.name)
        self.make_models(place)
        self.begin(place, case)
        self.fill_in(place, case)
        models = ["--llm-model", place / "llm.bin"] if case.who == "llm" else ["--llm-model", "none"]
        status, said = self.run(place, case, models)
        self.judge(case, place, status, said)
        if case.problems:
            case.problems.append("\n".join(
                [s for s in said.splitlines() if "DEBUG:ggml" not in s and "DEBUG:governor" not in s][-60:]))
        case.seconds = time.monotonic() - begin
        shutil.rmtree(place, ignore_errors=True)
        return case

    def judge(self, case, place, status, said):
        wrong, out = case.problems, place / "out/film"
        if status != 0:
            wrong.append(f"exit status {status}")
            return
        name = "transcript" if case.who == "asr" else "story"
        made = self.artifact(place, name)
        if case.lost:
            if made == self.wanted[name]:
                wrong.append("it did without a fallback")
            if not json.loads(made)["data"]["warnings"]:
                wrong.append("the fallback does not say why")
        elif made != self.wanted[name]:
            wrong.append(f"another {name}")
        starts = (place / f"plan/moviedigest-{case.who}.starts").stat().st_size
        if starts != case.starts:
            wrong.append(f"{starts} workers were started, not {case.starts}")
        if case.said not in said:
            wrong.append(f"the log does not say \"{case.said}\"")
        report = text_of(out / "report.html")
        for words in (case.told or case.said,):
            if squeezed(words) not in report:
                wrong.append(f"the report does not say \"{words}\"")
        groups = [g for pid in self.killed for g in GROUPS.glob(f"**/moviedigest-{pid}-*")]
        wrong += [f"{g} is left" for g in groups if case.kills]
        wrong += [f"{p} is left" for w in ("*.part", "lock", "*.new") for p in place.rglob(w)]
        if not (out / "digest.mp4").exists():
            wrong.append("there is no digest")
        if left := workers_of(place):
            wrong.append(f"processes live on: {left}")


def squeezed(text):
    return re.sub(r"\s+", " ", text)


def text_of(page):
    text = re.sub(r"<(script|style).*?</\1>", "", page.read_text(), flags=re.S)
    text = squeezed(re.sub(r"<[^>]+>", " ", text))
    for code, letter in (("&quot;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&amp;", "&")):
        text = text.replace(code, letter)
    return text


def workers_of(place):
    """Processes that were given this plan; those that are about to end get a moment."""
    wanted = f"BAD_WORKER_PLAN={place / 'plan'}".encode()
    for _ in range(100):
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_bytes())
            except OSError:
                continue
        if not found:
            break
        time.sleep(0.05)
    return found


def look_for_zombies(pid, done, case):
    """A worker that has ended is taken leave of soon: not seen dead for three seconds."""
    since = {}
    while not done.wait(0.3):
        try:
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return
        for child in children:
            try:
                state = pathlib.Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if state != "Z":
                since.pop(child, None)
            elif time.monotonic() - since.setdefault(child, time.monotonic()) > 3:
                case.problems.append(f"zombie {child}")
                return


def main():
    only, long = os.environ.get("FAULT_ONLY", ""), os.environ.get("MOVIEDIGEST_LONG")
    cases = [c for c in CASES if only in c.name and (only or long or c.name in SHORT)]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="md-workers-"))
    failed = False
    print(f"1..{len(cases)}", flush=True)
    try:
        shelf = Shelf(folder)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for number, case in enumerate(pool.map(shelf.go, cases), 1):
                for problem in case.problems:
                    print("".join(f"# {line}\n" for line in str(problem).splitlines()), end="")
                failed |= bool(case.problems)
                name = case.name.replace("#", "")
                print(f"{'not ok' if case.problems else 'ok'} {number} - {name} ({case.seconds:.0f} s)",
                      flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
