"""A process with everything imported, which forks a child for each act that is to be killed, traced or harmed.

A child begins within a millisecond, so thousands of them are affordable; it sees no thread and no open file but its
own pipe, to which it writes one JSON line for everything that it reports. What it may do is in `acts.py` and
`reading.py`.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = "import sys; sys.path[:] = {path!r}; from tests.faults.forks import serve; serve({fd})"
ONE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
LARGEST = 100_000


@dataclass
class Ending:
    """How a child ended: its exit code (minus the signal), and what it reported."""

    code: int
    lines: list[dict] = field(default_factory=list)
    late: bool = False

    def last(self, name, default=None):
        """The last value that was reported under a name."""
        return next((line[name] for line in reversed(self.lines) if name in line), default)

    @property
    def killed(self):
        return self.code == -signal.SIGKILL

    @property
    def result(self):
        """What the act returned; fails where it did not end well."""
        assert self.code == 0, (self.code, self.lines[-1:])
        assert not self.lines[-1].get("error"), self.lines[-1]
        return self.lines[-1]["result"]

    @property
    def error(self):
        """The class and the message of what it raised, or None."""
        return self.last("error")


class Child:
    """A forked child, as its maker sees it."""

    def __init__(self, forks, pid, pipe):
        self.forks, self.pid, self.pipe = forks, pid, pipe
        self.lines, self._rest = [], b""

    def read(self, seconds):
        """Wait for the next lines, at most so long; False at the end."""
        if not select.select([self.pipe], [], [], max(0.0, seconds))[0]:
            return True
        data = os.read(self.pipe, 1 << 20)
        *whole, self._rest = (self._rest + data).split(b"\n")
        self.lines += [json.loads(line) for line in whole]
        return bool(data)

    def wait(self, count, seconds=60.0):
        """Read on until it has reported so many lines."""
        deadline = time.monotonic() + seconds
        while len(self.lines) < count:
            assert self.read(deadline - time.monotonic()), self.lines[-1:]
            assert time.monotonic() < deadline, (count, self.lines[-1:])

    def kill(self):
        """SIGKILL to it and to all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def end(self, seconds=120.0):
        """Wait for it; one that takes too long is killed."""
        deadline, late = time.monotonic() + seconds, False
        while self.read(deadline - time.monotonic()):
            if time.monotonic() >= deadline:
                late, deadline = True, time.monotonic() + 10
                self.kill()
        os.close(self.pipe)
        return Ending(self.forks.reap(self.pid), self.lines, late)


class Forks:
    """The process that forks. Use it as a context manager, from one thread."""

    def __enter__(self):
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM.format(path=sys.path, fd=theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=os.environ | dict.fromkeys(ONE, "1") | {"PYTHONDONTWRITEBYTECODE": "1"},
            )
        assert self.channel.recv(LARGEST) == b"ready"
        return self

    def __exit__(self, *problem):
        self.channel.close()
        self.process.wait(20)

    def start(self, act, *arguments, tracer=None):
        """Fork a child that does `act(report, *arguments)`; it begins when `tracer(pid)` has returned."""
        ours, theirs = os.pipe()
        gate, go = os.pipe()
        message = json.dumps([act, [str(each) if isinstance(each, Path) else each for each in arguments]])
        socket.send_fds(self.channel, [message.encode()], [theirs, gate])
        os.close(theirs)
        os.close(gate)
        pid = int(self.channel.recv(LARGEST))
        try:
            if tracer is not None:
                tracer(pid)
            os.write(go, b"g")
        finally:
            os.close(go)
        return Child(self, pid, ours)

    def run(self, act, *arguments, tracer=None, seconds=120.0):
        """Fork, and wait for the end."""
        return self.start(act, *arguments, tracer=tracer).end(seconds)

    def reap(self, pid):
        self.channel.send(json.dumps(["reap", pid]).encode())
        return int(self.channel.recv(LARGEST))


def serve(descriptor):
    """The program of the process that forks."""
    from tests.faults import acts, reading

    acts.warm()
    channel = socket.socket(fileno=descriptor)
    channel.send(b"ready")
    while True:
        message, handles, *_ = socket.recv_fds(channel, LARGEST, 2)
        if not message:
            return
        act, arguments = json.loads(message)
        if act == "reap":
            status = os.waitpid(arguments, 0)[1]
            channel.send(str(os.waitstatus_to_exitcode(status)).encode())
        elif pid := os.fork():
            for handle in handles:
                os.close(handle)
            channel.send(str(pid).encode())
        else:
            channel.close()
            _act(getattr(acts, act, None) or getattr(reading, act), arguments, *handles)


def _act(act, arguments, out, gate):
    os.setsid()
    _let_trace()

    def report(**values):
        os.write(out, json.dumps(values).encode() + b"\n")

    code = 1
    try:
        os.read(gate, 1)
        report(result=act(report, *arguments))
        code = 0
    except BaseException as problem:
        names = [kind.__name__ for kind in type(problem).__mro__]
        report(error=[type(problem).__name__, str(problem), names], code=getattr(problem, "exit_code", 1))
    finally:
        os._exit(code)


def _let_trace():
    import ctypes

    ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1 & 0xFFFFFFFFFFFFFFFF), 0, 0, 0)


def copied(source, target):
    """A fresh copy of a folder."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)
    return Path(target)
