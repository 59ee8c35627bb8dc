"""Jobs of served collections: one at a time for each, observed and cancelled by id."""

from __future__ import annotations

import logging
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any, ClassVar

from nearsight.api.duplicates import duplicates
from nearsight.api.indexing import index
from nearsight.applications.duplicates.find import DEFAULT_VERDICTS, require_verdicts
from nearsight.applications.duplicates.keeping import parse_keep_rule
from nearsight.errors import NearsightError
from nearsight.files import LocalFileSystem
from nearsight.ingest.run import IngestProgress, IngestSummary
from nearsight.pipeline import build_pipelines
from nearsight.server.collections import ServedCollection, hide_paths
from nearsight.server.errors import RefusedError, not_found_error
from nearsight.server.recent import RecentCache
from nearsight.server.review import Review
from nearsight.storage.lock import writer_lock

MAX_JOBS = 100
RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"


class _CancelledError(Exception):
    """Raised inside a run to end it."""


@dataclass(eq=False)
class Job(ABC):
    """One run over a collection. `state` is running, done, failed or cancelled."""

    served: ServedCollection
    id: str = field(default_factory=lambda: secrets.token_hex(8), kw_only=True)
    state: str = field(default=RUNNING, kw_only=True)
    progress: IngestProgress = field(default_factory=lambda: IngestProgress("waiting", 0, 0), kw_only=True)
    error: str | None = field(default=None, kw_only=True)
    cancel_requested: Event = field(default_factory=Event, kw_only=True)
    ended: Event = field(default_factory=Event, kw_only=True)

    kind: ClassVar[str]

    @abstractmethod
    def work(self) -> None:
        """Do what is to be done; `watch` is called with the progress."""

    def watch(self, progress: IngestProgress) -> None:
        """Record the progress; end the run if it is cancelled."""
        self.progress = progress
        if self.cancel_requested.is_set():
            raise _CancelledError

    def run(self) -> None:
        """Run to the end; never raises, `state` and `error` say how it ended."""
        try:
            self.work()
            self.state = DONE
        except _CancelledError:
            self.state = CANCELLED
        except NearsightError as problem:
            self._fail(str(problem))
        except Exception:
            logging.getLogger("uvicorn.error").exception("a job failed")
            self._fail("an error of nearsight itself; the log of the server has more of it")
        finally:
            self.ended.set()

    def as_dict(self) -> dict[str, Any]:
        """Return the job as JSON."""
        return {
            "id": self.id,
            "collection": self.served.slug,
            "kind": self.kind,
            "by": [],
            "state": self.state,
            "progress": vars(self.progress),
            "summary": None,
            "error": self.error,
        }

    def _fail(self, problem: str) -> None:
        self.state, self.error = FAILED, hide_paths(problem, [self.served])


@dataclass(eq=False)
class IndexJob(Job):
    """A run that brings a collection up to date, and indexes it by further senses."""

    by: tuple[str, ...] = ()
    summary: IngestSummary | None = None

    kind = "index"

    def work(self) -> None:
        """Index the folder."""
        with self.served.use() as collection:
            root = collection.root
        with index(root, self.by, collection=self.served.index_dir, watch=self.watch) as collection:
            self.summary = collection.summary

    def as_dict(self) -> dict[str, Any]:
        """Return the job as JSON, with what changed."""
        summary = None if self.summary is None else vars(self.summary)
        return {**super().as_dict(), "by": list(self.by), "summary": summary}


@dataclass(eq=False)
class DuplicatesJob(Job):
    """A run that looks for the copies of a collection, and leaves them to be reviewed."""

    verdicts: tuple[str, ...] = DEFAULT_VERDICTS
    keep: str = "largest"

    kind = "duplicates"

    def work(self) -> None:
        """Bring the collection up to date, and find its copies."""
        with self.served.use() as collection:
            root = collection.root
        found = duplicates(
            root,
            verdicts=self.verdicts,
            keep=self.keep,
            decided=True,
            collection=self.served.index_dir,
            watch=self.watch,
        )
        self.served.review = Review(found)


class Jobs:
    """The jobs of all collections: running ones, and the last ones that ended."""

    def __init__(self) -> None:
        self._known: RecentCache[str, Job] = RecentCache(MAX_JOBS)
        self._running: dict[str, Job] = {}
        self._lock = Lock()

    def start_indexing(self, served: ServedCollection, by: Sequence[str]) -> Job:
        """Start to index, as `start` does. RecipeError if a sense or a recipe is wrong."""
        build_pipelines(by)
        return self.start(IndexJob(served, tuple(by)))

    def start_finding(self, served: ServedCollection, verdicts: Sequence[str], keep: str) -> Job:
        """Start to look for duplicates, as `start` does. UsageError if a verdict or the rule is wrong."""
        require_verdicts(verdicts)
        parse_keep_rule(keep)
        return self.start(DuplicatesJob(served, tuple(verdicts), keep))

    def start(self, job: Job) -> Job:
        """Start a job. RefusedError (409) if one is running, LockedError if another process is writing."""
        served = job.served
        with self._lock:
            if self.running_job(served.slug) is not None:
                raise RefusedError(
                    409, f"conflict: another job runs on {served.name}", "wait for the job, or cancel it"
                )
            with writer_lock(served.index_dir, LocalFileSystem()):
                pass
            self._running[served.slug] = job
        self._known.put(job.id, job)
        Thread(target=job.run, name=f"job-{job.id}", daemon=True).start()
        return job

    def running_job(self, slug: str) -> Job | None:
        """Return the running job of a collection, or None."""
        job = self._running.get(slug)
        return job if job is not None and not job.ended.is_set() else None

    def __getitem__(self, job_id: str) -> Job:
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
