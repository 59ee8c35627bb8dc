"""The other side of the pipes: the fork server, and the workers that are forked from it.

The fork server imports everything once, runs no thread and touches no file, so forking it is safe and takes
milliseconds: a worker that was killed is replaced at once. It is a separate program (`pool.py` says why), and ends when
its parent ends, because its pipe closes; the kernel kills a worker whose fork server is gone.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import resource
import signal
import struct
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from nearsight.errors import ImageError, Reason, Technical

T = TypeVar("T", contravariant=True)
R = TypeVar("R", covariant=True)

FINISHING = -1
"""What is sent instead of an item's number when `finish` begins."""

_NO_MEMORY = -4  # cv2.error.code of "insufficient memory"
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Failure:
    """Why a task has no result."""

    reason: Reason
    detail: str = ""


class TaskJob(Protocol[T, R]):
    """Work on one task at a time. A job is pickled once, so it holds parameters only: no open files, no threads."""

    def prepare(self, task: T) -> R:
        """Do the work on one task, which may hang or crash: its time is limited. ImageError names what is wrong."""
        ...


@runtime_checkable
class BatchJob(Protocol[T, R]):
    """A job whose last part is faster for many tasks at once."""

    def prepare(self, task: T) -> Any:  # noqa: ANN401 - whatever `finish` takes
        """Do the first part of the work on one task, as a `TaskJob` does.

        Up to 16 of its results are held at a time, so they should be small: reduced pixels, not whole images.
        """
        ...

    def finish(self, items: list[Any]) -> Sequence[R]:
        """The work that is faster for many items at once; one result for each."""
        ...


WorkerJob: TypeAlias = TaskJob[T, R] | BatchJob[T, R]


@runtime_checkable
class StartableJob(Protocol):
    """A job that loads something first: in each worker, with neither its time nor its memory limited."""

    def start(self) -> None:
        """Load whatever the job needs."""
        ...


def run_fork_server(fd: int) -> None:
    """Receive the job, then fork a worker on each request; the main function of the program."""
    parent = Connection(fd)
    try:
        try:
            job = pickle.loads(parent.recv_bytes())  # noqa: S301 - from our own parent
            _limit_threads()
            parent.send("")
        except Exception:
            parent.send(traceback.format_exc(limit=-3))
            return
        _serve_requests(parent, job)
    except (EOFError, OSError):
        return  # the parent is gone


def _serve_requests(parent: Connection, job: WorkerJob[Any, Any]) -> None:
    """Fork and reap workers on request; kill them when the parent is gone."""
    children: set[int] = set()
    ended: dict[int, int] = {}
    try:
        while True:
            order, value = parent.recv()
            for pid in children - {value}:
                _reap_worker(pid, children, ended, os.WNOHANG)
            if order == "fork":
                children.add(pid := _fork_worker(parent, job, memory=value))
                parent.send(pid)
            else:
                _reap_worker(value, children, ended)
                parent.send(ended.pop(value, 0))
    finally:
        for pid in list(children):
            os.kill(pid, signal.SIGKILL)
            _reap_worker(pid, children, ended)


def _reap_worker(pid: int, children: set[int], ended: dict[int, int], options: int = 0) -> None:
    if pid not in children:
        return
    gone, status = os.waitpid(pid, options)
    if gone:
        children.discard(pid)
        ended[pid] = os.waitstatus_to_exitcode(status)


def _fork_worker(parent: Connection, job: WorkerJob[Any, Any], *, memory: int) -> int:
    handle, server_pid = recv_handle(parent), os.getpid()
    pid = os.fork()
    if pid:
        os.close(handle)
        return pid
    try:
        os.close(parent.fileno())
        _confine_worker(server_pid)
        _run_worker(Connection(handle), job, memory)
    except BaseException:  # noqa: S110 - nobody is left to tell
        pass
    os._exit(0)


def _limit_threads() -> None:
    """The environment has told OpenMP and BLAS; OpenCV also listens to this."""
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)


def _confine_worker(parent_pid: int) -> None:
    """No core files; dies with the fork server; leaves Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def _limit_memory(allowance: int) -> None:
    with open("/proc/self/statm", "rb") as statm:
        held = int(statm.read().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = held + allowance
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _run_worker(parent: Connection, job: WorkerJob[Any, Any], memory: int) -> None:
    if isinstance(job, StartableJob):
        job.start()
        _limit_threads()
    _limit_memory(memory)
    parent.send_bytes(b"")  # ready
    while True:
        try:
            tasks = pickle.loads(parent.recv_bytes())  # noqa: S301 - from our own parent
        except EOFError:
            return
        parent.send_bytes(_pickle_results(_run_batch(parent, job, tasks)))


def _pickle_results(results: list[Any]) -> bytes:
    try:
        return pickle.dumps(results, protocol=5)
    except Exception as error:
        return pickle.dumps([_to_failure(error)] * len(results), protocol=5)


def _run_batch(parent: Connection, job: WorkerJob[Any, Any], tasks: list[Any]) -> list[Any]:
    slots: list[Any] = [_prepare_task(parent, job, number, task) for number, task in enumerate(tasks)]
    alive = [number for number, slot in enumerate(slots) if not isinstance(slot, Failure)]
    if alive and isinstance(job, BatchJob):
        parent.send_bytes(struct.pack("<i", FINISHING))
        for number, result in zip(alive, _finish_items(job, [slots[number] for number in alive]), strict=True):
            slots[number] = result
    return slots


def _prepare_task(parent: Connection, job: WorkerJob[Any, Any], index: int, task: Any) -> Any:  # noqa: ANN401 - the job's own
    parent.send_bytes(struct.pack("<i", index))
    try:
        return job.prepare(task)
    except Exception as error:
        return _to_failure(error)


def _finish_items(job: BatchJob[Any, Any], items: list[Any]) -> list[Any]:
    try:
        results = list(job.finish(items))
        if len(results) != len(items):
            raise ValueError(f"finish made {len(results)} results of {len(items)} items")
        return results
    except Exception as error:
        if len(items) == 1:
            return [_to_failure(error)]
    return [result for item in items for result in _finish_items(job, [item])]  # whose fault it is shows one by one


def _to_failure(error: Exception) -> Failure:
    if isinstance(error, ImageError):
        return Failure(error.reason, error.detail)
    if isinstance(error, MemoryError) or getattr(error, "code", None) == _NO_MEMORY:
        return Failure(Reason.OUT_OF_MEMORY)
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({os.path.basename(place[0].filename)}:{place[0].lineno})" if place else ""
    text = "".join(letter if letter.isprintable() else " " for letter in str(error)[:200])
    return Failure(Reason.CRASHED, Technical(f"{type(error).__name__}: {text}{where}"))
