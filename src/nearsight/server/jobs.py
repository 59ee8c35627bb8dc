"""Indexing jobs of served collections: one at a time for each, observed and cancelled by id."""

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
from nearsight.server.collections import ServedCollection, hide_paths
from nearsight.server.errors import RefusedError, not_found_error
from nearsight.server.recent import RecentCache
from nearsight.storage.lock import writer_lock

MAX_JOBS = 100
RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"


class _CancelledError(Exception):
    """Raised inside a run to end it."""


@dataclass(eq=False)
class IndexJob:
    """One indexing run. `state` is running, done, failed or cancelled."""

    served: ServedCollection
    by: tuple[str, ...]
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: str = RUNNING
    progress: IngestProgress = field(default_factory=lambda: IngestProgress("waiting", 0, 0))
    summary: IngestSummary | None = None
    error: str | None = None
    cancel_requested: Event = field(default_factory=Event)
    ended: Event = field(default_factory=Event)

    def watch(self, progress: IngestProgress) -> None:
        """Record the progress; end the run if it is cancelled."""
        self.progress = progress
        if self.cancel_requested.is_set():
            raise _CancelledError

    def run(self) -> None:
        """Run to the end; never raises, `state` and `error` say how it ended."""
        try:
            self.summary = self._index()
            self.state = DONE
        except _CancelledError:
            self.state = CANCELLED
        except NearsightError as problem:
            self._fail(str(problem))
        except Exception as problem:
            self._fail(f"internal error: {type(problem).__name__}: {problem}")
        finally:
            self.ended.set()

    def as_dict(self) -> dict[str, Any]:
        """Return the job as JSON."""
        return {
            "id": self.id,
            "collection": self.served.slug,
            "by": list(self.by),
            "state": self.state,
            "progress": vars(self.progress),
            "summary": None if self.summary is None else vars(self.summary),
            "error": self.error,
        }

    def _index(self) -> IngestSummary | None:
        with self.served.use() as collection:
            root = collection.root
        with index(root, self.by, collection=self.served.index_dir, watch=self.watch) as collection:
            return collection.summary

    def _fail(self, problem: str) -> None:
        self.state, self.error = FAILED, hide_paths(problem, [self.served])


class Jobs:
    """The jobs of all collections: running ones, and the last ones that ended."""

    def __init__(self) -> None:
        self._known: RecentCache[str, IndexJob] = RecentCache(MAX_JOBS)
        self._running: dict[str, IndexJob] = {}
        self._lock = Lock()

    def start(self, served: ServedCollection, by: Sequence[str]) -> IndexJob:
        """Start a job. RefusedError (409) if one is running, LockedError if another process is writing."""
        build_pipelines(by)
        with self._lock:
            if self.running_job(served.slug) is not None:
                raise RefusedError(
                    409, f"conflict: {served.name} is already being indexed", "wait for the job, or cancel it"
                )
            with writer_lock(served.index_dir, LocalFileSystem()):
                pass
            job = IndexJob(served, tuple(by))
            self._running[served.slug] = job
        self._known.put(job.id, job)
        Thread(target=job.run, name=f"job-{job.id}", daemon=True).start()
        return job

    def running_job(self, slug: str) -> IndexJob | None:
        """Return the running job of a collection, or None."""
        job = self._running.get(slug)
        return job if job is not None and not job.ended.is_set() else None

    def __getitem__(self, job_id: str) -> IndexJob:
        job = self._known.get(job_id)
        if job is None:
            raise not_found_error(f"job {job_id[:60]!r}", "only recent jobs are kept")
        return job

    def cancel(self, seconds: float = 0.0) -> None:
        """Cancel all jobs and wait up to `seconds` for them; committed work is kept."""
        until = time.monotonic() + seconds
        with suppress(RuntimeError):  # a job that starts now ends with the process
            for job in list(self._running.values()):
                job.cancel_requested.set()
        for job in list(self._running.values()):
            job.ended.wait(max(0.0, until - time.monotonic()))
