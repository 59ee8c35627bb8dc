"""Workers that may hang, crash or run out of memory on a hostile file, without anyone else noticing.

The design is that of multiprocessing's forkserver, with two differences, which is why it is not that one: the
workers' program never imports the user's `__main__` (a script without `if __name__ == "__main__"` works), and it does
import the job before it forks (a killed worker is replaced in milliseconds, not in the second that imports take).
Nothing is forked from this process, which may have threads. There is no thread here either: one `wait` on all pipes.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Generic, TypeVar

from nearsight.clock import Clock, SystemClock
from nearsight.errors import NearsightError, Reason
from nearsight.workers.forkserver import ForkServer
from nearsight.workers.worker import FINISHING, Failure, WorkerJob

__all__ = ["Failure", "WorkerJob", "WorkerLimits", "WorkerPool"]

T = TypeVar("T")
R = TypeVar("R")

BATCH_SIZE = 16
"""Tasks a message, once a run is under way. It starts with one each, so that the first result comes soon."""

MAX_BATCHES_AHEAD = 4
"""Batches a worker that may be under way or waiting for their turn: what bounds memory."""

MAX_QUEUED_BYTES = 1 << 15
"""Bytes of a batch that is sent to a worker still busy with another; a pipe holds that much without anyone reading."""


@dataclass(frozen=True)
class WorkerLimits:
    """What a worker may use.

    Parameters
    ----------
    seconds : of the wall clock for `prepare` of one task, and for `finish` of a batch as often as it has items
    memory : bytes above what the worker holds after its imports
    recycle_after : tasks, after which a worker is replaced by a new one
    """

    seconds: float = 10.0
    memory: int = 640 << 20
    recycle_after: int = 2000


DEFAULT_WORKER_LIMITS = WorkerLimits()


@dataclass(eq=False)
class _PendingTask:
    """One task on its way. `done` says that `result` is final."""

    task: Any
    attempts: int = 0
    done: bool = False
    result: Any = None


@dataclass(eq=False)
class _Batch:
    """Tasks that go to a worker in one message."""

    entries: list[_PendingTask]
    is_retry: bool = False

    @cached_property
    def message(self) -> bytes:
        return pickle.dumps([entry.task for entry in self.entries], protocol=5)


@dataclass(eq=False)
class _WorkerHandle:
    """One worker, as seen from here. `batches` are those it was given, the first one under way."""

    pid: int
    pipe: Connection
    batches: deque[_Batch] = field(default_factory=deque)
    current: int | None = None
    deadline: float | None = None
    ready: bool = False
    n_done: int = 0


class WorkerPool(Generic[T, R]):
    """A pool of isolated workers for one job. Use it as a context manager; it serves one `run` at a time."""

    def __init__(
        self,
        job: WorkerJob[T, R],
        workers: int,
        limits: WorkerLimits = DEFAULT_WORKER_LIMITS,
        clock: Clock | None = None,
    ) -> None:
        if workers < 1:
            raise ValueError(f"a pool has at least 1 worker; got {workers}")
        self._count, self._limits, self._clock = workers, limits, clock or SystemClock()
        self._fork_server = ForkServer(job)
        self._workers: list[_WorkerHandle] = []
        self._batches: deque[_Batch] = deque()
        self._retries: deque[_Batch] = deque()
        self._n_batches = 0

    def __enter__(self) -> WorkerPool[T, R]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all workers at once, whatever they do."""
        for worker in list(self._workers):
            self._kill(worker)
        self._fork_server.close()

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers at this moment."""
        return [worker.pid for worker in self._workers]

    def run(self, tasks: Iterable[T]) -> Iterator[tuple[T, R | Failure]]:
        """Each task with its result, or with the failure that explains why there is none, in the order of the tasks.

        Tasks are taken as they are needed. A task whose worker died, ran out of time or of memory is tried once more,
        alone in a new worker; only then is it a Failure. The others of its batch are done again.
        """
        source, window = iter(tasks), deque[_PendingTask]()
        self._n_batches = 0
        try:
            while True:
                self._fill(source, window)
                self._dispatch()
                if not window:
                    return
                if not window[0].done:
                    self._wait_for_messages()
                    continue
                entry = window.popleft()
                yield entry.task, entry.result
                if (
                    len(window) % BATCH_SIZE == 0
                ):  # whoever takes the results may be slow: keep the workers busy meanwhile
                    self._wait_for_messages(0)
        finally:
            self._reset()

    # -------------------- giving out work

    def _fill(self, source: Iterator[T], window: deque[_PendingTask]) -> None:
        """Take tasks into batches, as far as the window has room."""
        while (
            len(self._batches) < self._count
            and len(window) + BATCH_SIZE <= self._count * MAX_BATCHES_AHEAD * BATCH_SIZE
        ):
            size = min(BATCH_SIZE, 1 << min(self._n_batches // self._count, 8))
            entries = [_PendingTask(task) for task in islice(source, size)]
            if not entries:
                return
            window.extend(entries)
            self._batches.append(_Batch(entries))
            self._n_batches += 1

    def _dispatch(self) -> None:
        while len(self._workers) < self._count and self._needs_more_workers():
            self._workers.append(self._start())
        for worker in list(self._workers):
            if not worker.batches:
                self._assign_idle(worker)
            elif self._batches and not self._retries and self._may_queue(worker, self._batches[0]):
                self._send(worker, self._batches.popleft())

    def _needs_more_workers(self) -> bool:
        """Whether there is work that the workers there are would not begin at once."""
        return len(self._batches) + len(self._retries) > sum(not worker.batches for worker in self._workers)

    def _assign_idle(self, worker: _WorkerHandle) -> None:
        if worker.n_done and (self._retries or worker.n_done >= self._limits.recycle_after):
            worker = self._replace(worker)
        if self._retries:
            self._send(worker, self._retries.popleft())
        elif self._batches:
            self._send(worker, self._batches.popleft())

    def _may_queue(self, worker: _WorkerHandle, batch: _Batch) -> bool:
        """Whether a busy worker may queue this batch too, so that it never waits for us."""
        under_way = worker.batches[0]
        enough = worker.n_done + len(under_way.entries) >= self._limits.recycle_after
        return (
            len(worker.batches) == 1 and not (under_way.is_retry or enough) and len(batch.message) <= MAX_QUEUED_BYTES
        )

    def _send(self, worker: _WorkerHandle, batch: _Batch) -> None:
        worker.batches.append(batch)
        with suppress(BrokenPipeError, ConnectionResetError):  # it is dead: `_wait_for_messages` will see that
            worker.pipe.send_bytes(batch.message)

    # -------------------- taking results

    def _wait_for_messages(self, timeout: float | None = None) -> None:
        """Waits for the next message, death or deadline, or at most `timeout` seconds; deals with all that are due."""
        deadlines = [worker.deadline for worker in self._workers if worker.deadline is not None]
        if timeout is None and deadlines:
            timeout = max(0.0, min(deadlines) - self._clock.monotonic())
        ready = wait([worker.pipe for worker in self._workers], timeout)
        for worker in list(self._workers):
            if worker.pipe in ready:
                self._receive(worker)
            elif worker.deadline is not None and self._clock.monotonic() >= worker.deadline:
                self._kill(worker)
                self._requeue(worker, Failure(Reason.TIMEOUT, f"no end after {self._limits.seconds:g} seconds"))

    def _receive(self, worker: _WorkerHandle) -> None:
        try:
            message = worker.pipe.recv_bytes()
        except (EOFError, OSError):
            self._on_exit(worker)
            return
        if not message:
            worker.ready = True
        elif len(message) == 4:
            self._on_start(worker, struct.unpack("<i", message)[0])
        else:
            self._on_results(worker, pickle.loads(message))  # noqa: S301 - from our own worker

    def _on_start(self, worker: _WorkerHandle, index: int) -> None:
        worker.current = index
        times = len(worker.batches[0].entries) if index == FINISHING else 1
        worker.deadline = self._clock.monotonic() + self._limits.seconds * times

    def _on_results(self, worker: _WorkerHandle, results: list[Any]) -> None:
        worker.current = worker.deadline = None
        entries = worker.batches.popleft().entries
        worker.n_done += len(entries)
        for entry, result in zip(entries, results, strict=True):
            if isinstance(result, Failure) and result.reason is Reason.OUT_OF_MEMORY:
                self._retry(entry, result)
            else:
                entry.done, entry.result = True, result

    def _on_exit(self, worker: _WorkerHandle) -> None:
        """A worker has died by itself."""
        self._workers.remove(worker)
        worker.pipe.close()
        code = self._fork_server.reap(worker.pid)
        if not worker.ready:
            raise NearsightError(
                "the program that reads images could not be started; close other programs, or use fewer --workers"
            )
        self._requeue(worker, Failure(Reason.CRASHED, f"the decoder {_describe_exit(code)}"))

    def _requeue(self, worker: _WorkerHandle, failure: Failure) -> None:
        """Blames the task that was under way, or the whole batch where that is not known; requeue the others."""
        while len(worker.batches) > 1:
            self._batches.appendleft(worker.batches.pop())
        if not worker.batches:
            return
        entries = worker.batches.pop().entries
        if worker.current is None or worker.current == FINISHING:
            blamed, others = entries, []
        else:
            blamed, others = [entries.pop(worker.current)], entries
        for entry in blamed:
            self._retry(entry, failure)
        if others:
            self._batches.appendleft(_Batch(others))

    def _retry(self, entry: _PendingTask, failure: Failure) -> None:
        entry.attempts += 1
        if entry.attempts > 1:
            entry.done, entry.result = True, failure
        else:
            self._retries.append(_Batch([entry], is_retry=True))

    # -------------------- starting, ending

    def _start(self) -> _WorkerHandle:
        return _WorkerHandle(*self._fork_server.fork(self._limits.memory))

    def _replace(self, worker: _WorkerHandle) -> _WorkerHandle:
        place = self._workers.index(worker)
        self._kill(worker)
        self._workers.insert(place, new := self._start())
        return new

    def _kill(self, worker: _WorkerHandle) -> None:
        self._workers.remove(worker)
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
        worker.pipe.close()

    def _reset(self) -> None:
        """Forgets what was under way, so that no old result meets a new run."""
        self._batches.clear()
        self._retries.clear()
        for worker in [worker for worker in self._workers if worker.batches]:
            self._kill(worker)


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"died of {signal.Signals(-code).name}"
    except ValueError:
        return f"died of signal {-code}"
