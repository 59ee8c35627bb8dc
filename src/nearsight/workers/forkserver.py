"""The process that workers are forked from, as its parent sees it; `forkserver_process.py` is its own side."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from typing import Any

from nearsight.errors import NearsightError
from nearsight.workers.worker import WorkerJob

# It ends at once: taking down the libraries in order takes 50 ms, which whoever closes the pool would wait for.
_PROGRAM = (
    "import os, sys; sys.path[:] = {path!r}; from nearsight.workers.forkserver_process import run_fork_server; "
    "run_fork_server({fd}); os._exit(0)"
)
_ONE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM", "MALLOC_ARENA_MAX")

# Memory that an image leaves goes to the next one instead of to the kernel and back: decoding takes a third less time.
_KEEP = {"MALLOC_MMAP_THRESHOLD_": str(64 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}


class ForkServer:
    """The process that workers are forked from; it is started at once and waited for at the first worker."""

    def __init__(self, job: WorkerJob[Any, Any]) -> None:
        self._message = pickle.dumps(job)
        self._pipe: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._launch()

    def fork(self, memory: int) -> tuple[int, Connection]:
        """A new worker's process id, and our end of its pipe."""
        pipe = self._ready_pipe()
        ours, theirs = make_pipe()
        try:
            pipe.send(("fork", memory))
            send_handle(pipe, theirs.fileno(), 0)
            return pipe.recv(), ours
        except (EOFError, OSError) as error:
            ours.close()
            raise NearsightError("the process that starts the decode workers is gone") from error
        finally:
            theirs.close()

    def reap(self, pid: int) -> int:
        """The exit code of a worker that has closed its pipe; minus the signal that ended it."""
        if self._pipe is None:
            return 0
        try:
            self._pipe.send(("reap", pid))
            code: int = self._pipe.recv()
        except (EOFError, OSError):
            return 0
        return code

    def close(self) -> None:
        """End the process, which ends the workers that are left."""
        if self._pipe is None or self._process is None:
            return
        self._pipe.close()
        if self._starting:  # still at its imports, and without workers
            self._process.kill()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pipe = self._process = None

    def _launch(self) -> None:
        ours, theirs = make_pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-P", "-c", _PROGRAM.format(path=sys.path, fd=theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # decoders write to these as they like
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is the parent's to handle
                env=os.environ | dict.fromkeys(_ONE, "1") | _KEEP,
            )
        ours.send_bytes(self._message)
        self._starting, self._pipe = True, ours

    def _ready_pipe(self) -> Connection:
        if self._pipe is None:
            raise NearsightError("the pool is closed")
        if self._starting:
            try:
                problem = self._pipe.recv()
            except (EOFError, OSError):
                problem = f"{sys.executable} ended before it began"
            if problem:
                raise NearsightError(f"the decode workers cannot start:\n{problem}")
            self._starting = False
        return self._pipe


def make_pipe() -> tuple[Connection, socket.socket]:
    """Our end of a new two-way pipe, and the other end, to be given away and closed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return Connection(ours.detach()), theirs
