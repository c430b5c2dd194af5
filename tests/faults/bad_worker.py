#!/usr/bin/env python3
"""Stands where a worker program is looked for and is the real one, but for what BAD_WORKER_PLAN says.

The plan is a JSON file in a folder that also counts the starts: {"asr": [ACTS, ACTS, ...], ...}, for
the first, the second ... start; the last one counts for all that follow when it is ["always", ...].
ACTS is a list of moments and deeds, each moment with what happens then:

  "start"   before the real program runs        "load"   when it has been told to load its model
  "loaded"  when it says that it is ready       "unit N" when it says that N units are done

  exit N, signal NAME, stop        it ends so, or is stopped (SIGSTOP: alive, and will never move)
  noise, half, big, empty          bytes that are no record, on its channel
  say WORD KEY=VALUE ...           a well-formed record out of turn
  mute                             nothing of what it says arrives from now on
  remove F, cut F, put F OTHER     what happens to a file; F may be a path
  fsize N                          no file may grow beyond so many bytes (at start)

Between the real worker and the main program it passes bytes on and counts units."""
import json
import os
import pathlib
import random
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys

CHANNEL = 3
NAME = os.path.basename(sys.argv[0])
REAL = os.path.join(os.environ["BAD_WORKER_REAL"], NAME)
FOLDER = pathlib.Path(os.environ["BAD_WORKER_PLAN"])


def become_real():
    os.execv(REAL, [REAL, *sys.argv[1:]])


def acts_of_this_start():
    plan = json.loads((FOLDER / "plan.json").read_text()).get(NAME.rsplit("-", 1)[1], [])
    counter = FOLDER / f"{NAME}.starts"
    with open(counter, "ab") as file:
        file.write(b"x")
    number = counter.stat().st_size
    if number > len(plan) and plan and plan[-1][:1] == ["always"]:
        number = len(plan)
    acts = plan[number - 1] if number <= len(plan) else []
    return [a for a in acts if a != "always"]


def frame(*words):
    body = b"".join(w.encode() + b"\0" for w in words)
    return struct.pack("<I", len(body)) + body


class Proxy:
    def __init__(self, acts):
        self.acts = [a.split(": ", 1) for a in acts]
        self.main = socket.socket(fileno=CHANNEL)
        self.child = self.worker = None
        self.muted = False

    def end(self, status):
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        if status < 0:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
            os.kill(os.getpid(), -status)
        os._exit(status)

    def do(self, deed):
        verb, *words = deed.split()
        target = self.child.pid if self.child else os.getpid()
        if verb == "exit":
            self.end(int(words[0]))
        elif verb == "signal":
            self.end(-getattr(signal, words[0]))
        elif verb == "stop":
            os.kill(target, signal.SIGSTOP)
        elif verb == "noise":
            self.main.sendall(random.Random(1).randbytes(5000))
        elif verb == "half":
            self.main.sendall(frame("log", "level", "1")[:7])
        elif verb == "big":
            self.main.sendall(struct.pack("<I", 0x7fffffff) + b"alive\0")
        elif verb == "empty":
            self.main.sendall(struct.pack("<I", 0))
        elif verb == "say":
            self.main.sendall(frame(words[0], *(v for w in words[1:] for v in w.split("=", 1))))
        elif verb == "mute":
            self.muted = True
        elif verb == "remove":
            os.unlink(words[0])
        elif verb == "cut":
            os.truncate(words[0], os.path.getsize(words[0]) // 2)
        elif verb == "put":
            shutil.copy(words[1], words[0] + ".new")
            os.rename(words[0] + ".new", words[0])
        elif verb == "fsize":
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(words[0]),) * 2)
        else:
            raise ValueError(deed)

    def at(self, moment):
        for when, deed in self.acts:
            if when == moment:
                self.do(deed)

    def on_frame(self, body):
        """What the real worker says; acts come before it is passed on."""
        words = body.split(b"\0")
        if words[0] == b"ready":
            self.at("loaded")
        elif words[0] == b"units":
            pairs = dict(zip(words[1::2], words[2::2]))
            self.at(f"unit {int(pairs[b'done'])}")

    def pass_on(self, held):
        """Whole frames of the real worker; returns what is left."""
        while len(held) >= 4:
            size = struct.unpack_from("<I", held)[0]
            if len(held) < 4 + size:
                break
            self.on_frame(held[4:4 + size])
            if not self.muted:
                self.main.sendall(held[:4 + size])
            held = held[4 + size:]
        return held

    def run(self):
        self.at("start")
        if not any(when != "start" for when, _ in self.acts):
            become_real()
        self.worker, theirs = socket.socketpair()
        theirs.set_inheritable(True)
        # The real one finds its channel at 3, where ours is; ours moves out of its way.
        ours = os.dup(CHANNEL)
        os.dup2(theirs.fileno(), CHANNEL)
        self.main.detach()
        self.main = socket.socket(fileno=ours)
        os.set_inheritable(CHANNEL, True)
        self.child = subprocess.Popen([REAL, f"--parent={os.getpid()}"], pass_fds=[CHANNEL])
        os.close(CHANNEL)
        theirs.close()
        held, loading = b"", False
        try:
            while True:
                ready, _, _ = select.select([self.main, self.worker], [], [])
                if self.main in ready:
                    data = self.main.recv(65536)
                    if not data:
                        self.end(3)
                    self.worker.sendall(data)
                    if not loading and b"load\0" in data:
                        loading = True
                        self.at("load")
                if self.worker in ready:
                    data = self.worker.recv(65536)
                    if not data:
                        break
                    held = self.pass_on(held + data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.end(self.child.wait())


def main():
    if not any(w.startswith("--parent=") for w in sys.argv[1:]):
        become_real()
    acts = acts_of_this_start()
    if not acts:
        become_real()
    Proxy(acts).run()


main()
