"""Bringing a collection up to date while it is served: one run at a time for each, watched and cancelled by id."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any

from nearsight.api.indexing import index
from nearsight.errors import NearsightError
from nearsight.files import LocalFileSystem
from nearsight.ingest.run import IngestProgress, IngestSummary
from nearsight.pipeline import build_pipelines
from nearsight.server.collections import Shelved, discreet
from nearsight.server.errors import RefusedError, not_found
from nearsight.server.recent import Recent
from nearsight.storage.lock import writer_lock

KEPT = 100
RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"


class _CancelledError(Exception):
    """Raised in the run that is to end."""


@dataclass(eq=False)
class Job:
    """One run. `state` is running, done, failed or cancelled."""

    shelved: Shelved
    by: tuple[str, ...]
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: str = RUNNING
    progress: IngestProgress = field(default_factory=lambda: IngestProgress("waiting", 0, 0))
    summary: IngestSummary | None = None
    error: str | None = None
    wanted: Event = field(default_factory=Event)
    """Set when it is to be cancelled."""
    ended: Event = field(default_factory=Event)

    def watch(self, progress: IngestProgress) -> None:
        """Take note of the progress; end the run where that is wanted."""
        self.progress = progress
        if self.wanted.is_set():
            raise _CancelledError

    def run(self) -> None:
        """Do all of it. Whatever happens, it ends in a state."""
        try:
            self.summary = self._index()
            self.state = DONE
        except _CancelledError:
            self.state = CANCELLED
        except NearsightError as problem:
            self._fail(str(problem))
        except Exception as problem:
            self._fail(f"an error of nearsight: {type(problem).__name__}: {problem}")
        finally:
            self.ended.set()

    def as_dict(self) -> dict[str, Any]:
        """What is told of it."""
        return {
            "id": self.id,
            "collection": self.shelved.slug,
            "by": list(self.by),
            "state": self.state,
            "progress": vars(self.progress),
            "summary": None if self.summary is None else vars(self.summary),
            "error": self.error,
        }

    def _index(self) -> IngestSummary | None:
        with self.shelved.use() as photos:
            root = photos.root
        with index(root, self.by, collection=self.shelved.home, watch=self.watch) as made:
            return made.summary

    def _fail(self, problem: str) -> None:
        self.state, self.error = FAILED, discreet(problem, [self.shelved])


class Jobs:
    """The runs of all collections: those under way, and the last ones that ended."""

    def __init__(self) -> None:
        self._known: Recent[str, Job] = Recent(KEPT)
        self._running: dict[str, Job] = {}
        self._lock = Lock()

    def start(self, shelved: Shelved, by: Sequence[str]) -> Job:
        """A new run. RefusedError (409) where one is under way, LockedError where another process writes."""
        build_pipelines(by)
        with self._lock:
            if self.running(shelved.slug) is not None:
                raise RefusedError(409, f"{shelved.name} is being indexed already", "wait for it, or cancel it")
            with writer_lock(shelved.home, LocalFileSystem()):
                pass
            job = Job(shelved, tuple(by))
            self._running[shelved.slug] = job
        self._known.put(job.id, job)
        Thread(target=job.run, name=f"job-{job.id}", daemon=True).start()
        return job

    def running(self, slug: str) -> Job | None:
        """The run of a collection that is under way, or None."""
        job = self._running.get(slug)
        return job if job is not None and not job.ended.is_set() else None

    def __getitem__(self, ident: str) -> Job:
        job = self._known.get(ident)
        if job is None:
            raise not_found("such job", "only the last ones are remembered")
        return job

    def cancel(self, seconds: float = 0.0) -> None:
        """End all runs, and wait for that a while: what they have committed stays, whatever becomes of them."""
        until = time.monotonic() + seconds
        with suppress(RuntimeError):  # a run that begins just now is ended with the process
            for job in list(self._running.values()):
                job.wanted.set()
        for job in list(self._running.values()):
            job.ended.wait(max(0.0, until - time.monotonic()))
