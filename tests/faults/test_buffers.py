"""Device memory that fails, through the real program: the n-th buffer that a library asks for, in one
worker (transient) or in every one (persistent), cannot be had. The movie is done in any case; after
a transient failure with the very transcript and story of a run without; after a persistent one with
what the fallback gives, and the report says so. A preloaded allocator stands for a GPU.

The short form takes a few n over the whole range, with MOVIEDIGEST_LONG every n."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness  # noqa: E402

LONG = bool(os.environ.get("MOVIEDIGEST_LONG"))
MODELS = pathlib.Path(os.environ["MOVIEDIGEST_TEST_MODELS"])
OPTIONS = ["--threads", "1", "--length", "3s", "--transcribe", "whisper", "--device", "host",
           "--enforce-leases", "off", "--llm-context", "2048", "--preset", "max-stability",
           "--asr-model", MODELS / "whisper-script.bin", "--llm-model", MODELS / "llama-random.gguf"]
TALK = "Anna, where is the letter from the castle? I gave it to Viktor on the bridge."


class Buffers(harness.MovieTest):
    def setUp(self):
        super().setUp()
        os.environ["OMP_WAIT_POLICY"] = "passive"
        self.movie, self.mark = self.folder / "film.mkv", self.folder / "mark"
        sound = f"flite=text='{TALK}':voice=slt".replace(",", "\\,")
        harness.ffmpeg("-f", "lavfi", "-t", 8, "-i", "testsrc2=s=160x90:r=10", "-f", "lavfi", "-i",
                       sound, "-filter_complex", "[1:a]aresample=48000,apad=whole_dur=8[a]", "-map",
                       "0:v", "-map", "[a]", "-t", 8, "-c:v", "libx264", "-preset", "ultrafast",
                       "-threads", 1, "-c:a", "aac", self.movie)

    def go(self, n, **extra):
        """Artifacts, and what was said."""
        out = self.folder / f"out-{n}-{len(extra)}"
        self.mark.unlink(missing_ok=True)
        env = {**os.environ, "LD_PRELOAD": os.environ["FAILING_BUFFERS"], "MD_FAIL_NTH": str(n),
               "MD_FAIL_MARK": str(self.mark), **extra}
        done = harness.run("-o", out, *OPTIONS, self.movie, env=env)
        said = done.stderr.decode(errors="replace")
        self.assertEqual(done.returncode, 0, said)
        self.assert_digest(out / "film")
        self.assertEqual([p for w in ("*.part", "lock") for p in out.rglob(w)], [])
        work = out / "film" / "work"
        return [(work / f"{a}.json").read_bytes() for a in ("transcript", "story")], said

    def numbers(self):
        return range(1, 200) if LONG else [2, 5, 9, 14]

    def test_one_buffer_that_fails_changes_nothing(self):
        calm, _ = self.go(0)
        failed = seen = 0
        for n in self.numbers():
            artifacts, said = self.go(n, MD_FAIL_ONCE="1")
            if not self.mark.exists():
                break
            failed += 1
            seen += "Out of memory: " in said  # or it was a dry run's, which nobody misses
            self.assertEqual(artifacts, calm, n)
        self.assertGreaterEqual(seen, 1)
        print(f"# {failed} buffers failed, {seen} of them in a worker at work", flush=True)

    def test_buffers_that_always_fail_cost_the_models_and_not_the_movie(self):
        for n in self.numbers() if LONG else [1, 5]:
            _, said = self.go(n, MD_FAIL_PERSISTENT="1")
            if not self.mark.exists():
                break
            self.assertIn("without its model", said, n)


if __name__ == "__main__":
    sys.exit(harness.main())
