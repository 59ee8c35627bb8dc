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
from nearsight.workers.forkserver import Nursery
from nearsight.workers.worker import FINISHING, Failure, Job

__all__ = ["Failure", "Job", "Pool", "WorkerLimits"]

T = TypeVar("T")
R = TypeVar("R")

BATCH = 16
"""Tasks a message, once a run is under way. It starts with one each, so that the first result comes soon."""

AHEAD = 4
"""Batches a worker that may be under way or waiting for their turn: what bounds memory."""

QUEUED = 1 << 15
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


DEFAULT = WorkerLimits()


@dataclass(eq=False)
class _Entry:
    """One task on its way. `done` says that `result` is final."""

    task: Any
    tries: int = 0
    done: bool = False
    result: Any = None


@dataclass(eq=False)
class _Lot:
    """Tasks that go to a worker in one message."""

    entries: list[_Entry]
    alone: bool = False

    @cached_property
    def message(self) -> bytes:
        return pickle.dumps([entry.task for entry in self.entries], protocol=5)


@dataclass(eq=False)
class _Worker:
    """One worker, as seen from here. `lots` are those it was given, the first one under way."""

    pid: int
    pipe: Connection
    lots: deque[_Lot] = field(default_factory=deque)
    current: int | None = None
    deadline: float | None = None
    ready: bool = False
    served: int = 0


class Pool(Generic[T, R]):
    """A pool of isolated workers for one job. Use it as a context manager; it serves one `run` at a time."""

    def __init__(
        self,
        job: Job[T, R],
        workers: int,
        limits: WorkerLimits = DEFAULT,
        clock: Clock | None = None,
    ) -> None:
        if workers < 1:
            raise ValueError(f"a pool has at least 1 worker; got {workers}")
        self._count, self._limits, self._clock = workers, limits, clock or SystemClock()
        self._nursery = Nursery(job)
        self._workers: list[_Worker] = []
        self._lots: deque[_Lot] = deque()
        self._alone: deque[_Lot] = deque()
        self._sent = 0

    def __enter__(self) -> Pool[T, R]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all workers at once, whatever they do."""
        for worker in list(self._workers):
            self._kill(worker)
        self._nursery.close()

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers at this moment."""
        return [worker.pid for worker in self._workers]

    def run(self, tasks: Iterable[T]) -> Iterator[tuple[T, R | Failure]]:
        """Each task with its result, or with the failure that explains why there is none, in the order of the tasks.

        Tasks are taken as they are needed. A task whose worker died, ran out of time or of memory is tried once more,
        alone in a new worker; only then is it a Failure. The others of its batch are done again.
        """
        source, window = iter(tasks), deque[_Entry]()
        self._sent = 0
        try:
            while True:
                self._fill(source, window)
                self._dispatch()
                if not window:
                    return
                if not window[0].done:
                    self._listen()
                    continue
                entry = window.popleft()
                yield entry.task, entry.result
                if len(window) % BATCH == 0:  # whoever takes the results may be slow: keep the workers busy meanwhile
                    self._listen(0)
        finally:
            self._abandon()

    # -------------------- giving out work

    def _fill(self, source: Iterator[T], window: deque[_Entry]) -> None:
        """Takes tasks into lots, as many as the window leaves room for."""
        while len(self._lots) < self._count and len(window) + BATCH <= self._count * AHEAD * BATCH:
            size = min(BATCH, 1 << min(self._sent // self._count, 8))
            entries = [_Entry(task) for task in islice(source, size)]
            if not entries:
                return
            window.extend(entries)
            self._lots.append(_Lot(entries))
            self._sent += 1

    def _dispatch(self) -> None:
        while len(self._workers) < self._count and self._more_than_idle():
            self._workers.append(self._start())
        for worker in list(self._workers):
            if not worker.lots:
                self._give_idle(worker)
            elif self._lots and not self._alone and self._may_queue(worker, self._lots[0]):
                self._give(worker, self._lots.popleft())

    def _more_than_idle(self) -> bool:
        """Whether there is work that the workers there are would not begin at once."""
        return len(self._lots) + len(self._alone) > sum(not worker.lots for worker in self._workers)

    def _give_idle(self, worker: _Worker) -> None:
        if worker.served and (self._alone or worker.served >= self._limits.recycle_after):
            worker = self._replaced(worker)
        if self._alone:
            self._give(worker, self._alone.popleft())
        elif self._lots:
            self._give(worker, self._lots.popleft())

    def _may_queue(self, worker: _Worker, lot: _Lot) -> bool:
        """Whether a busy worker may have this lot too, so that it need not wait for us when it is through."""
        under_way = worker.lots[0]
        enough = worker.served + len(under_way.entries) >= self._limits.recycle_after
        return len(worker.lots) == 1 and not (under_way.alone or enough) and len(lot.message) <= QUEUED

    def _give(self, worker: _Worker, lot: _Lot) -> None:
        worker.lots.append(lot)
        with suppress(BrokenPipeError, ConnectionResetError):  # it is dead: `_listen` will see that
            worker.pipe.send_bytes(lot.message)

    # -------------------- taking results

    def _listen(self, pause: float | None = None) -> None:
        """Waits for the next message, death or deadline, or at most `pause` seconds; deals with all that are due."""
        deadlines = [worker.deadline for worker in self._workers if worker.deadline is not None]
        if pause is None and deadlines:
            pause = max(0.0, min(deadlines) - self._clock.elapsed())
        ready = wait([worker.pipe for worker in self._workers], pause)
        for worker in list(self._workers):
            if worker.pipe in ready:
                self._hear(worker)
            elif worker.deadline is not None and self._clock.elapsed() >= worker.deadline:
                self._kill(worker)
                self._lost(worker, Failure(Reason.TIMEOUT, f"no end after {self._limits.seconds:g} seconds"))

    def _hear(self, worker: _Worker) -> None:
        try:
            message = worker.pipe.recv_bytes()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if not message:
            worker.ready = True
        elif len(message) == 4:
            self._begun(worker, struct.unpack("<i", message)[0])
        else:
            self._finished(worker, pickle.loads(message))  # noqa: S301 - from our own worker

    def _begun(self, worker: _Worker, number: int) -> None:
        worker.current = number
        times = len(worker.lots[0].entries) if number == FINISHING else 1
        worker.deadline = self._clock.elapsed() + self._limits.seconds * times

    def _finished(self, worker: _Worker, results: list[Any]) -> None:
        worker.current = worker.deadline = None
        entries = worker.lots.popleft().entries
        worker.served += len(entries)
        for entry, result in zip(entries, results, strict=True):
            if isinstance(result, Failure) and result.reason is Reason.OUT_OF_MEMORY:
                self._again(entry, result)
            else:
                entry.done, entry.result = True, result

    def _bury(self, worker: _Worker) -> None:
        """A worker has died by itself."""
        self._workers.remove(worker)
        worker.pipe.close()
        code = self._nursery.reap(worker.pid)
        if not worker.ready:
            raise NearsightError(f"a decode worker ended before it began ({_ending(code)})")
        self._lost(worker, Failure(Reason.CRASHED, f"the decoder {_ending(code)}"))

    def _lost(self, worker: _Worker, failure: Failure) -> None:
        """Blames the task that was under way, or all of the lot where that is not known; gives the others back."""
        while len(worker.lots) > 1:
            self._lots.appendleft(worker.lots.pop())
        if not worker.lots:
            return
        entries = worker.lots.pop().entries
        if worker.current is None or worker.current == FINISHING:
            blamed, others = entries, []
        else:
            blamed, others = [entries.pop(worker.current)], entries
        for entry in blamed:
            self._again(entry, failure)
        if others:
            self._lots.appendleft(_Lot(others))

    def _again(self, entry: _Entry, failure: Failure) -> None:
        entry.tries += 1
        if entry.tries > 1:
            entry.done, entry.result = True, failure
        else:
            self._alone.append(_Lot([entry], alone=True))

    # -------------------- starting, ending

    def _start(self) -> _Worker:
        return _Worker(*self._nursery.fork(self._limits.memory))

    def _replaced(self, worker: _Worker) -> _Worker:
        place = self._workers.index(worker)
        self._kill(worker)
        self._workers.insert(place, new := self._start())
        return new

    def _kill(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
        worker.pipe.close()

    def _abandon(self) -> None:
        """Forgets what was under way, so that no old result meets a new run."""
        self._lots.clear()
        self._alone.clear()
        for worker in [worker for worker in self._workers if worker.lots]:
            self._kill(worker)


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"died of {signal.Signals(-code).name}"
    except ValueError:
        return f"died of signal {-code}"
