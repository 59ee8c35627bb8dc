"""What one stored image is to others: the verdict of `copy`, for many pairs in worker processes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from nearsight.applications._pair_context import PairContext
from nearsight.errors import Reason
from nearsight.files import LocalFileSystem
from nearsight.images import thumbnail
from nearsight.rerankers._copy_verdict import CopyVerdict
from nearsight.rerankers.verify import Verify
from nearsight.storage.comparison_cache import ComparisonCache
from nearsight.storage.snapshot import SnapshotReader
from nearsight.types import Change, Doubles, Image
from nearsight.workers.pool import Failure, WorkerLimits, WorkerPool

__all__ = ["PairComparer", "PairFailure", "PairVerdict"]

MAX_HITS = 8
"""Images that one task compares with the same image."""
LIMITS = WorkerLimits(seconds=120.0, memory=1 << 30, recycle_after=500)
"""What a worker may use: `seconds` are for one task."""

METHOD = "verify"
"""What the cache knows these comparisons by, with the version of the method, which rises whenever a verdict changes."""

IdPair = tuple[int, int]


@dataclass(frozen=True)
class PairVerdict:
    """What the hit of a pair is to its query.

    `log_alarms` is log10 of the false alarms to expect in one comparison; `homography (3, 3)` maps unit points of the
    query to unit points of the hit, where they share something; `changes` are the areas that differ.
    """

    verdict: CopyVerdict
    sentence: str
    log_alarms: float
    homography: Doubles | None = None
    changes: tuple[Change, ...] = ()

    def to_text(self) -> str:
        """All of it as JSON."""
        place = None if self.homography is None else self.homography.tolist()
        changes = [[each.query_box, each.hit_box, each.share] for each in self.changes]
        return json.dumps([self.verdict, self.sentence, self.log_alarms, place, changes])

    @classmethod
    def from_text(cls, text: str) -> PairVerdict:
        """What `to_text` gave."""
        verdict, sentence, log_alarms, place, changes = json.loads(text)
        homography = None if place is None else np.array(place, np.float64)
        boxes = tuple(Change(tuple(query), tuple(hit), share) for query, hit, share in changes)
        return cls(CopyVerdict(verdict), sentence, log_alarms, homography, boxes)

    def among(self, n_images: int, alarms: float = 0.01) -> PairVerdict:
        """The same in a collection, as `search` says it: nothing of what is too plain to be told from so many."""
        if not self.verdict.alike or self.log_alarms + math.log10(max(n_images, 1)) <= math.log10(alarms):
            return self
        sentence = f"too plain to judge in so many images ({self.sentence})"
        return replace(self, verdict=CopyVerdict.TOO_PLAIN, sentence=sentence)


@dataclass(frozen=True)
class PairFailure:
    """Why two images could not be compared."""

    pair: IdPair
    reason: str


@dataclass(frozen=True)
class CompareJob:
    """A worker's job: one query and some hits, by their ids in two collections, or in one."""

    query_dir: Path
    hit_dir: Path
    _readers: list[SnapshotReader] = field(default_factory=list, repr=False, compare=False)

    def start(self) -> None:
        """Open the collections."""
        files = LocalFileSystem()
        self._readers[:] = [SnapshotReader(self.query_dir, files), SnapshotReader(self.hit_dir, files)]

    def prepare(self, task: tuple[int, Sequence[int]]) -> list[PairVerdict]:
        """The comparison with each hit."""
        query, hits = task
        reader, hit_reader = self._readers
        small, memo = thumbnail.decode(reader.snapshot().thumbnail_bytes(query)), dict[object, object]()
        return [self._compare(reader, hit_reader, query, hit, small, memo) for hit in hits]

    def _compare(
        self,
        reader: SnapshotReader,
        hit_reader: SnapshotReader,
        query: int,
        hit: int,
        small: Image,
        memo: dict[object, object],
    ) -> PairVerdict:
        def query_pixels(side: int) -> Image:
            loaded = reader.pixels(query, side)
            return small if loaded is None else loaded

        def same_pixels() -> bool:
            digest = reader.pixel_digest(query)
            return digest is not None and digest == hit_reader.pixel_digest(hit)

        from_thumbnail = partial(hit_reader.snapshot().from_thumbnail, hit)
        context = PairContext(query_pixels, partial(hit_reader.pixels, hit), from_thumbnail, same_pixels)
        context.memo = memo
        found, log_alarms = Verify().compare(small, hit, context, points=False)
        return PairVerdict(CopyVerdict(found.verdict), found.sentence, log_alarms, found.homography, found.changes)


class PairComparer:
    """Compares pairs of images of two collections, or of one, in workers. A context manager.

    What was found is kept by the contents of both, in the collection of the hits, also by a run that is stopped.
    `failures` are the pairs that could not be compared, `n_compared` counts the others that were not known yet.
    """

    def __init__(
        self, query_dir: Path, hit_dir: Path, contents: tuple[Mapping[int, bytes], Mapping[int, bytes]], workers: int
    ) -> None:
        self._job, self._workers, self._contents = CompareJob(query_dir, hit_dir), workers, contents
        self._cache = ComparisonCache(hit_dir, f"{METHOD} {Verify.version}")
        self._opened = ExitStack()
        self.failures: list[PairFailure] = []
        self.n_compared = 0

    def __enter__(self) -> PairComparer:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()
        self._cache.close()

    @cached_property
    def _pool(self) -> WorkerPool[tuple[int, tuple[int, ...]], list[PairVerdict]]:
        """The workers, which start when they are needed."""
        return self._opened.enter_context(WorkerPool(self._job, self._workers, LIMITS))

    def compare(self, pairs: Iterable[IdPair]) -> Iterator[tuple[IdPair, PairVerdict]]:
        """Each pair of a query and a hit with what was found; those that fail are left out, and kept in `failures`."""
        unknown: dict[tuple[bytes, bytes], list[IdPair]] = {}
        for pair in pairs:
            unknown.setdefault(self._content(pair), []).append(pair)
        for content, text in list(self._cache.find(unknown)):
            yield from ((pair, PairVerdict.from_text(text)) for pair in unknown.pop(content))
        hits: dict[int, list[int]] = {}
        for query, hit in (equal[0] for equal in unknown.values()):
            hits.setdefault(query, []).append(hit)
        tasks = [
            (query, tuple(some[start : start + MAX_HITS]))
            for query, some in hits.items()
            for start in range(0, len(some), MAX_HITS)
        ]
        for (query, some), found in self._pool.run(tasks) if tasks else ():
            made = [(query, hit) for hit in some]
            if isinstance(found, Failure):
                self.failures += [PairFailure(pair, _failure_text(found)) for pair in made]
                continue
            self._cache.put((self._content(pair), each.to_text()) for pair, each in zip(made, found, strict=True))
            self.n_compared += len(made)
            for pair, each in zip(made, found, strict=True):
                yield from ((equal, each) for equal in unknown[self._content(pair)])

    def _content(self, pair: IdPair) -> tuple[bytes, bytes]:
        return self._contents[0][pair[0]], self._contents[1][pair[1]]


def _failure_text(failure: Failure) -> str:
    return f"{Reason(failure.reason).value}: {failure.detail}" if failure.detail else Reason(failure.reason).value
