"""The n-th allocation in a worker with a model fails, n swept over a whole movie: malloc, calloc, realloc
and aligned ones, of our code and of every library in the process, made to fail by shim.c. Once: the
worker may die, and the movie is done with the very transcript and story of a calm run. For ever from
there on: the movie is done all the same, and the report says what it was done without.

The short form takes a few n over the whole range, with MOVIEDIGEST_LONG every one up to some
thousand and as many beyond. FAULT_ONLY="asr 1234 once" shows one run."""
import concurrent.futures
import os
import pathlib
import random
import shutil
import struct
import sys
import tempfile

from test_workers import AT_ONCE, Case, Shelf, text_of, workers_of

SHIM = os.environ["FAULT_SHIM"]
LONG = bool(os.environ.get("MOVIEDIGEST_LONG"))
NEVER = 1 << 60


class Run(Case):
    def __init__(self, who, at, kind):
        super().__init__(f"{who} {at} {kind}", {who: []}, "")
        self.at, self.kind = at, kind


class Sweep(Shelf):
    def go(self, run):
        place = self.folder / run.name.replace(" ", "-")
        self.make_models(place)
        self.begin(place, run)
        counter = place / "counter"
        counter.write_bytes(bytes(24))
        run.env = {"LD_PRELOAD": SHIM, "MD_FAULT_WHAT": "malloc", "MD_FAULT_WHO": run.who,
                   "MD_FAULT_AT": str(run.at), "MD_FAULT_KIND": run.kind,
                   "MD_FAULT_COUNTER": str(counter)}
        models = ["--llm-model", place / "llm.bin"] if run.who == "llm" else ["--llm-model", "none"]
        status, said = self.run(place, run, models)
        run.operations, run.failed, fds_left = struct.unpack("qqq", counter.read_bytes())
        if status == 0:
            self.judge_run(run, place, said)
        else:
            run.problems.append(f"exit status {status}")
        if status == 0 and fds_left:
            run.problems.append(f"{fds_left} descriptors left open")
        if run.problems:
            run.problems.append("\n".join(
                [s for s in said.splitlines() if "DEBUG:g" not in s][-40:]))
        run.said = said
        shutil.rmtree(place, ignore_errors=True)
        return run

    def judge_run(self, run, place, said):
        wrong, out = run.problems, place / "out/film"
        name = "transcript" if run.who == "asr" else "story"
        same = self.artifact(place, name) == self.wanted[name]
        if run.kind == "once" and not same:
            wrong.append(f"another {name}")
        if not same and "without its model" not in said:
            wrong.append("the log does not say that it was done without the model")
        if not same and "without the" not in text_of(out / "report.html"):
            wrong.append("the report does not say that it was done without the model")
        wrong += [f"{p} is left" for w in ("*.part", "lock") for p in place.rglob(w)]
        if not (out / "digest.mp4").exists():
            wrong.append("there is no digest")
        if left := workers_of(place):
            wrong.append(f"processes live on: {left}")


def numbers(operations, chance):
    if LONG:
        first = min(operations, 2000)
        return [*range(1, first + 1), *sorted(chance.sample(range(first + 1, operations + 1),
                                                            min(2000, operations - first)))]
    # Most happens at the beginning (loading) and little that is new later on.
    few = [1, *(chance.randint(operations * i // 7, operations * (i + 1) // 7) for i in range(7))]
    return sorted({*few, *(chance.randint(1, max(1, operations // 50)) for _ in range(2))})


def main():
    chance = random.Random(int(os.environ.get("FAULT_SEED", 1)))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="md-allocations-"))
    failed = False
    try:
        sweep = Sweep(folder)
        if only := os.environ.get("FAULT_ONLY"):
            who, at, kind = only.split()
            run = sweep.go(Run(who, int(at), kind))
            print(run.problems, run.said, sep="\n")
            return bool(run.problems)
        print("1..4", flush=True)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for i, who in enumerate(("asr", "llm")):
                calm = sweep.go(Run(who, NEVER, "once"))
                assert calm.operations > 1000 and not calm.problems, (calm.operations, calm.problems)
                for k, kind in enumerate(("once", "forever")):
                    tries = numbers(calm.operations, chance)
                    tries = tries if kind == "once" else tries[::1 if LONG else 5]
                    done = list(pool.map(sweep.go, [Run(who, n, kind) for n in tries]))
                    bad = [run for run in done if run.problems]
                    for run in bad:
                        lines = [run.name, *"\n".join(run.problems).splitlines()]
                        print("".join(f"# {line}\n" for line in lines), end="")
                    struck = sum(run.failed > 0 for run in done)
                    bad = bad or struck * 2 < len(done)  # else nothing was proved
                    failed |= bool(bad)
                    print("not ok" if bad else "ok", f"{2 * i + k + 1} - an allocation fails in {who}, "
                          f"{kind}: {len(done)} of {calm.operations}, {struck} struck", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
