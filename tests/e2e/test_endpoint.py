"""The story by a language model on a server, with the real program: a server that behaves, one that is
down, one that dies in the night, a real llama-server; and that the key is left nowhere."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import unittest

import harness
from harness import artifact, make_movie, run

SERVER = os.environ["TEST_SERVER"]
RUNTIME = os.environ.get("RUNTIME", "")
KEY = "sk-very-secret"
SRT = """1
00:00:00,500 --> 00:00:03,000
Anna, where is the letter from the castle?

2
00:00:03,500 --> 00:00:06,000
I gave it to Viktor on the bridge.

3
00:00:07,000 --> 00:00:09,500
Then we have lost, and the town with us.

4
00:00:10,000 --> 00:00:13,000
Run, Viktor, they are at the door!
"""


class Server:
    """The test server: its port while it lives, what it has seen afterwards."""

    def __init__(self, *words):
        self.process = subprocess.Popen([SERVER, *map(str, words)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def end(self):
        seen, _ = self.process.communicate(timeout=60)
        return json.loads(seen)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Endpoint(harness.MovieTest):
    def movie(self):
        path = make_movie(self.folder / "film.mkv", seconds=16)
        (self.folder / "film.srt").write_text(SRT)
        return path

    def story(self, port, *words, **env):
        return run(self.movie(), "-o", self.out, "--device", "host", "--llm-url",
                   f"http://127.0.0.1:{port}", *words, env={**os.environ, **env})

    def assert_no_key(self, done):
        self.assertNotIn(KEY.encode(), done.stdout + done.stderr)
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name != "key":
                self.assertNotIn(KEY.encode(), path.read_bytes(), path)

    def test_a_server_tells_the_story_and_the_key_is_left_nowhere(self):
        server = Server("llama", 4096, KEY)
        done = self.story(server.port, "--log-level", "debug", "--flight",
                          self.folder / "flight.jsonl", MOVIEDIGEST_LLM_KEY=KEY)
        self.assertEqual(done.returncode, 0, done.stderr)
        story = artifact(self.out / "film", "story")
        self.assertEqual(story["method"], "language model test-model")
        self.assertTrue(any("is told" in s["title"] for s in story["segments"]))
        self.assertEqual(story["synopsis"], "The whole story in one sentence.")
        self.assert_no_key(done)
        # Nothing is asked twice; a key file does the same.
        key = self.folder / "key"
        key.write_text(KEY + "\n")
        key.chmod(0o600)
        again = self.story(server.port, "--llm-key-file", key)
        self.assertEqual(again.returncode, 0, again.stderr)
        chats = server.end()["chats"]
        self.assertGreaterEqual(chats, 3)
        self.assert_no_key(again)

    def test_a_key_file_that_others_may_read_is_refused_before_any_movie(self):
        key = self.folder / "key"
        key.write_text(KEY)
        key.chmod(0o644)
        done = self.story(free_port(), "--llm-key-file", key)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"chmod 600", done.stderr)
        self.assertFalse((self.out / "film" / "work").exists())
        for url in ("http://user:%s@127.0.0.1/v1" % KEY, "127.0.0.1:80", "ftp://x"):
            done = run(self.folder / "film.mkv", "-o", self.out, "--llm-url", url)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(b"address of the language model", done.stderr)
            self.assertNotIn(KEY.encode(), done.stderr)

    def test_without_a_server_the_built_in_story_stands_and_says_so(self):
        done = self.story(free_port())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"does not answer", done.stderr)
        folder = self.out / "film"
        story = artifact(folder, "story")
        self.assertIn("built-in", story["method"])
        self.assertTrue(any("model" in w for w in story["warnings"]), story["warnings"])
        self.assertTrue((folder / "digest.mp4").exists())
        # The server is there the next time: the story is told after all.
        server = Server("plain")
        done = self.story(server.port)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(artifact(folder, "story")["method"], "language model test-model")
        server.end()

    def test_a_server_that_denies_or_dies_costs_no_movie(self):
        for acts in (("deny",), ("good", "away")):
            server = Server("plain", 0, "-", *acts)
            done = self.story(server.port, "-f")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("built-in", artifact(self.out / "film", "story")["method"])
            self.assertTrue((self.out / "film" / "digest.mp4").exists())
            server.end()

    @unittest.skipUnless(os.path.exists(os.path.join(RUNTIME, "bin", "llama-server")),
                         "the runtime has no llama-server")
    def test_a_real_llama_server_with_a_random_model(self):
        port = free_port()
        model = os.path.join(os.environ["MOVIEDIGEST_TEST_MODELS"], "llama-random.gguf")
        command = [f"{RUNTIME}/loader", "--library-path", f"{RUNTIME}/lib:{RUNTIME}/lib/llama",
                   f"{RUNTIME}/bin/llama-server", "-m", model, "--host", "127.0.0.1", "--port",
                   str(port), "-c", "8192", "-np", "2", "-t", "2", "--offline", "--no-ui"]
        # Its plugins are where it is started; it is asked while it still loads.
        log = open(self.folder / "server.log", "wb")
        server = subprocess.Popen(command, cwd=f"{RUNTIME}/backends", stdin=subprocess.DEVNULL,
                                  stdout=log, stderr=log,
                                  env={k: v for k, v in os.environ.items() if k != "ASAN_OPTIONS"})
        try:
            done = self.story(port, "--log-level", "debug")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(b"context 4096", done.stderr)
            story = artifact(self.out / "film", "story")
            self.assertEqual(story["method"], "language model llama-random.gguf")
            (self.out / "film" / "work" / "story.units").unlink(missing_ok=True)
            done = self.story(port, "-f", "--llm-batch-size", "1")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(artifact(self.out / "film", "story"), story)
        finally:
            server.send_signal(signal.SIGKILL)
            server.wait()
            log.close()


if __name__ == "__main__":
    sys.exit(harness.main())
