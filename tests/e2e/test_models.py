"""moviedigest models, and models that runs find by themselves."""
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys

import harness
from harness import PROGRAM, TIMEOUT_S

MODELS = pathlib.Path(os.environ["MOVIEDIGEST_TEST_MODELS"])
FAKE_VERSION = os.environ["MOVIEDIGEST_TEST_FAKE_VERSION"]
SPEECH, STORY = MODELS / "whisper-script.bin", MODELS / "llama-random.gguf"


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def embedding_model():
    """A GGUF file of a kind that writes no text; large enough to be looked at."""
    pairs = [text("general.architecture") + struct.pack("<I", 8) + text("nomic-bert"),
             text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 1) + text("a")]
    tensor = text("t") + struct.pack("<IQQIQ", 2, 1024, 64, 1, 0)
    head = struct.pack("<4sIQQ", b"GGUF", 3, 1, len(pairs)) + b"".join(pairs) + tensor
    return head.ljust((len(head) + 31) // 32 * 32, b"\0") + bytes(1024 * 64 * 2)


class Models(harness.MovieTest):
    def setUp(self):
        super().setUp()
        self.home = self.folder / "home"
        self.home.mkdir()
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("XDG_", "MOVIEDIGEST_", "OLLAMA", "LLAMA", "HF_"))}
        self.env["HOME"] = str(self.home)

    def models(self, *words, expect=0):
        done = subprocess.run([PROGRAM, "models", *map(str, words)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env,
                              timeout=TIMEOUT_S, text=True)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done

    def listed(self, *words):
        return json.loads(self.models("list", "--json", *words).stdout)

    def put(self, place, source):
        path = self.home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            path.write_bytes(source)
        else:
            shutil.copy(source, path)
        return path

    def test_with_nothing_there_it_tells_what_to_fetch_and_where_to_put_it(self):
        said = self.models("list").stdout
        self.assertIn("ggml-", said)
        self.assertIn("GGUF", said)
        self.assertIn(str(self.home / ".local/share/moviedigest/models"), said)
        self.assertEqual(self.listed()["models"], [])
        self.assertEqual(self.listed()["best"], {})

    def test_models_of_other_programs_are_found_by_name(self):
        self.put(".cache/whisper.cpp/ggml-script.bin", SPEECH)
        self.put(".cache/llama.cpp/some-instruct.gguf", STORY)
        content = STORY.read_bytes() + b"\0"
        digest = hashlib.sha256(content).hexdigest()
        self.put(f".ollama/models/blobs/sha256-{digest}", content)
        manifest = {"layers": [{"mediaType": "application/vnd.ollama.image.model",
                                "digest": f"sha256:{digest}"}]}
        self.put(".ollama/models/manifests/registry.ollama.ai/library/tiny/7b",
                 json.dumps(manifest).encode())
        self.put(".ollama/models/manifests/registry.ollama.ai/library/evil/x",
                 b'{"layers": [{"mediaType": "a.image.model", "digest": "sha256:../../etc"}]}')
        self.put(".lmstudio/models/a/b/nomic.gguf", embedding_model())
        told = self.listed()
        found = {m["name"]: m for m in told["models"]}
        self.assertEqual(set(found), {"script", "some-instruct", "tiny:7b", "nomic"})
        self.assertEqual(found["tiny:7b"]["where"], "Ollama")
        self.assertIn("embedding", found["nomic"]["unusable"])
        speech = found["script"]
        self.assertEqual((speech["kind"], speech["quantisation"]), ("speech", "F16"))
        needs = speech["bytes_at_batch"]
        self.assertLess(needs["1"], needs["16"])
        self.assertTrue(found["tiny:7b"]["exact"])
        self.assertTrue(told["best"]["speech"].endswith("ggml-script.bin"))
        small = self.listed("--memory-limit", "15MB")
        self.assertEqual(small["best"], {})
        self.assertIn("tiny:7b", self.models("list").stdout)

    def test_check_says_what_is_wrong(self):
        cut = self.put("cut.gguf", STORY.read_bytes()[:-100000])
        page = self.put("page.bin", b"<!DOCTYPE html>")
        for path, words in [(cut, "was not fetched whole"), (page, "web page"),
                            (self.home, "a folder"), (self.home / "none.gguf", "No such file"),
                            (self.put("e.gguf", embedding_model()), "embedding")]:
            self.assertIn(words, self.models("check", path, expect=1).stderr)
        self.assertIn("GB for 1", self.models("check", STORY).stdout)

    def test_what_is_added_is_used_without_being_named(self):
        movie = harness.make_movie(self.folder / "m.mkv", seconds=4)
        self.models("add", SPEECH)
        self.models("add", SPEECH)  # once is enough, twice does no harm
        self.assertTrue(self.listed()["models"][0]["own"])
        done = self.digest(movie, env=self.env)
        self.assertIn("whisper-script (speech) is used", done.stderr.decode())
        self.put(".local/share/moviedigest/models/e.gguf", embedding_model())
        done = self.digest(movie, "--asr-model", "none", env=self.env)
        self.assertNotIn("is used", done.stderr.decode())
        self.assertIn("e.gguf is an embedding", done.stderr.decode())

    def test_a_name_is_as_good_as_a_path(self):
        movie = harness.make_movie(self.folder / "m.mkv", seconds=4)
        path = self.put(".cache/whisper.cpp/ggml-script.bin", SPEECH)
        done = self.digest(movie, "--asr-model", "Script", env=self.env)
        self.assertIn(f"is {path}", done.stderr.decode())
        done = self.digest(movie, "--asr-model", "other", expect=2, env=self.env)
        self.assertIn("there are: script", done.stderr.decode())

    def test_a_model_of_no_use_ends_the_run_before_any_movie(self):
        movie = harness.make_movie(self.folder / "m.mkv", seconds=4)
        path = self.put("e.gguf", embedding_model())
        done = harness.run("-o", self.out, movie, "--llm-model", path, env=self.env)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("embedding", done.stderr.decode())
        self.assertFalse((self.out / "m" / "digest.mp4").exists())

    def test_other_libraries_than_those_built_for_are_told(self):
        # The sanitizer wants to be the first library, and is not when another is preloaded.
        options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        self.env.update(LD_PRELOAD=FAKE_VERSION, ASAN_OPTIONS=options.lstrip(":"))
        told = self.listed()
        for worker in ("speech_worker", "language_worker"):
            self.assertIn("and finds ggml 9.9.9; build it again", told[worker])

    def test_an_answer_that_is_none_leaves_the_estimate(self):
        here = self.program_with("#!/bin/sh\necho nonsense 1 2 3\n")
        self.put(".cache/llama.cpp/some-instruct.gguf", STORY)
        done = subprocess.run([here / "moviedigest", "models", "list", "--json"], env=self.env,
                              stdout=subprocess.PIPE, timeout=TIMEOUT_S)
        model = json.loads(done.stdout)["models"][0]
        self.assertFalse(model["exact"])
        self.assertGreater(model["bytes_at_batch"]["1"], model["size_bytes"])

    def planned(self, *words, expect=0):
        done = subprocess.run([PROGRAM, "plan", "--json", "--runs", "2", *map(str, words)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=self.env, timeout=TIMEOUT_S, text=True)
        self.assertEqual(done.returncode, expect, done.stderr)
        if expect:
            return done.stderr
        stages = json.loads(done.stdout)["movies"][0]["stages"]
        return {name: stages[name]["estimate_bytes"] for name in ("transcript", "story")}

    def test_a_plan_is_made_with_the_models_a_run_would_take(self):
        movie = harness.make_movie(self.folder / "m.mkv", seconds=4)
        usual = self.planned(movie)
        given = self.planned("--asr-model", SPEECH, "--llm-model", STORY, movie)
        for stage in usual:
            self.assertLess(given[stage], usual[stage] / 4, stage)
        self.put(".local/share/moviedigest/models/story.gguf", STORY)
        own = self.planned(movie)
        self.assertEqual(own["story"], given["story"])
        self.assertEqual(own["transcript"], usual["transcript"])
        named = self.planned("--language", "7b-q4", "--llm-model", STORY, movie)
        self.assertEqual(named["story"], usual["story"])
        self.assertIn("nothing", self.planned("--llm-model", "nothing", movie, expect=2))

    def program_with(self, worker):
        """A copy of the program whose workers with models are this script."""
        here = self.folder / "program"
        here.mkdir()
        shutil.copy(PROGRAM, here / "moviedigest")
        shutil.copy(pathlib.Path(PROGRAM).parent / "../workers/moviedigest-media", here)
        for name in ("moviedigest-asr", "moviedigest-llm"):
            (here / name).write_text(worker)
            (here / name).chmod(0o755)
        return here

    def test_movies_go_on_when_the_libraries_of_a_worker_are_gone(self):
        movie = harness.make_movie(self.folder / "m.mkv", seconds=4)
        here = self.program_with("#!/nowhere/loader\n")
        done = subprocess.run(
            [here / "moviedigest", "run", "--no-progress", "-o", self.out, "--asr-model", SPEECH,
             movie], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.env, timeout=TIMEOUT_S, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("tools/make-runtime", done.stderr)
        self.assert_digest(self.out / "m")


if __name__ == "__main__":
    sys.exit(harness.main())
