"""A worker: it receives batches of tasks, does its job on them within its memory limit, and sends the results."""

from __future__ import annotations

import os
import pickle
import resource
import struct
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from nearsight.errors import ImageError, Reason, Technical

T = TypeVar("T", contravariant=True)
R = TypeVar("R", covariant=True)

FINISHING = -1
"""What is sent instead of an item's number when `finish` begins."""

_NO_MEMORY = -4  # cv2.error.code of "insufficient memory"


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


def limit_threads() -> None:
    """The environment has told OpenMP and BLAS; OpenCV also listens to this."""
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)


def _limit_memory(allowance: int) -> None:
    with open("/proc/self/statm", "rb") as statm:
        held = int(statm.read().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = held + allowance
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def run_worker(parent: Connection, job: WorkerJob[Any, Any], memory: int) -> None:
    """Do the job on each batch that comes through the pipe, until it closes. `memory` is the limit in bytes."""
    if isinstance(job, StartableJob):
        job.start()
        limit_threads()
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
