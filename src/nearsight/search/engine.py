"""One query, from the image that is asked with to hits that say why."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np

from nearsight.errors import DamagedError, ModelError, UsageError
from nearsight.files import FileSystem
from nearsight.images.decode import Limits
from nearsight.pipeline import Pipeline
from nearsight.search.context import QueryRows
from nearsight.search.explain import reasons, similarity
from nearsight.search.feedback import DEPTH, marked
from nearsight.search.heat_map import Trace, traceable
from nearsight.search.query import Asked, asked
from nearsight.storage.snapshot import Snapshot
from nearsight.types import NO_ID, Explanation, Hits, Ids, Image, Query, Reranker

FOUND = "found"
NOTHING = "nothing like it here"


@dataclass(frozen=True)
class Hit:
    """One image that was found.

    `score` in 0..1; `distance` in the unit of `metric`; `alike` and `verdict` are the method's judgement, `why` a
    sentence; `explanation` holds the matched points where there are some. Where there is a `trace`,
    `Collection.explain` says which places of both images make the score.
    """

    rank: int
    id: int
    path: str
    score: float
    distance: float
    metric: str
    verdict: str
    alike: bool | None
    why: str
    explanation: Explanation = field(repr=False)
    trace: Trace | None = field(default=None, repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """What `search --json` prints for a hit."""
        names = ("rank", "id", "path", "score", "distance", "metric", "verdict", "why")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Results(Sequence[Hit]):
    """The hits of one query, best first. `verdict` is "found", "nothing like it here", or empty (not judged)."""

    recipe: str
    verdict: str
    hits: tuple[Hit, ...]
    total: int

    @overload
    def __getitem__(self, at: int) -> Hit: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Hit, ...]: ...
    def __getitem__(self, at: int | slice) -> Hit | tuple[Hit, ...]:
        return self.hits[at]

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)


@dataclass(frozen=True)
class Searched:
    """One query answered by one plan: the order of the hits `(1, n)`, without padding; some of their distances."""

    plan: Pipeline
    question: Asked
    hits: Hits
    rows: QueryRows
    distances: Mapping[int, float]

    def told(self, ids: Ids, paths: Mapping[int, bytes]) -> list[Hit]:
        """These ids as hits, each with its reason, in this order."""
        distances = dict(self.distances) | self._lacking(ids)
        why = reasons(self.plan, self.question.image, ids, distances, self.rows, self.question.said)
        made = []
        for rank, (ident, reason) in enumerate(zip(ids.tolist(), why, strict=True), 1):
            words = self._shared(ident)
            hit = _hit(rank, ident, paths[ident], distances[ident], self.plan, reason, words)
            made.append(replace(hit, trace=self._trace(ident)))
        return made

    def _trace(self, ident: int) -> Trace | None:
        if self.question.seen is None or not traceable(self.plan):
            return None
        asked, held = (np.array(row) for row in (self.question.rows[0], self.rows.vector(ident)))
        return Trace(self.plan.descriptor, self.question.seen, asked, held)

    def _shared(self, ident: int) -> str:
        descriptor = self.plan.descriptor
        return (
            ""
            if descriptor.variable_length
            else descriptor.explain_overlap(self.question.rows[0], self.rows.vector(ident))
        )

    def _lacking(self, ids: Ids) -> dict[int, float]:
        """The distances of other hits than the index found at first; as far as can be, where it does not find them."""
        new = np.sort(np.array([ident for ident in ids.tolist() if ident not in self.distances], np.int64))
        if not len(new):
            return {}
        found = self.rows.snapshot.index(self.plan).search(self.question.rows[:1], len(new), new)
        return dict.fromkeys(new.tolist(), 1.0) | dict(
            zip(found.ids[0].tolist(), (0 - found.scores[0]).tolist(), strict=True)
        )


def search(
    snapshot: Snapshot,
    paths: Callable[[list[int]], dict[int, bytes]],
    plan: Pipeline,
    query: Query,
    k: int,
    *,
    files: FileSystem,
    limits: Limits,
    allow: Ids | None = None,
) -> Results:
    """The k best hits of a plan for a query, among `allow` where given; `paths` gives the paths of ids.

    Raises
    ------
    UsageError
        where the query holds something that the plan cannot serve
    ImageError
        where the query's image cannot be read
    """
    if k < 1:
        raise UsageError(f"k is the number of hits, at least 1; got {k}")
    made = ranked(snapshot, plan, query, k, files=files, limits=limits, allow=allow)
    ids = made.hits.ids[0][:k]
    found = made.told(ids, paths(ids.tolist()))
    return Results(made.plan.recipe, verdict(found), tuple(found), snapshot.total)


def ranked(
    snapshot: Snapshot,
    plan: Pipeline,
    query: Query,
    k: int,
    *,
    files: FileSystem,
    limits: Limits,
    allow: Ids | None = None,
) -> Searched:
    """At least k hits, where there are so many, in the order of a plan; raises as `search` does."""
    plan = snapshot.trained_pipeline(plan)
    question = asked(query, plan, snapshot, files, limits)
    rows = QueryRows(snapshot, plan, question.rows[0], snapshot.total, allow)
    marks = query.like or query.unlike
    hits = candidates(snapshot, plan, question, max(k, DEPTH) if marks else k, allow)
    distances = dict(zip(hits.ids[0].tolist(), (0 - hits.scores[0]).tolist(), strict=True))
    if marks:
        hits = marked(question, hits, query, rows)
    for at, refiner in enumerate(plan.rerankers):
        assert question.image is not None
        own = hits
        hits = refiner.rerank(question.image, own, rows)
        if at == 0 and plan.candidate_sources:
            others = _beside(snapshot, plan, query, files, limits, allow)
            hits = _with_others(refiner, question.image, own, hits, others, rows)
    left = ~np.isin(hits.ids[0], [*query.unlike, NO_ID])
    return Searched(plan, question, Hits(hits.ids[:, left], hits.scores[:, left]), rows, distances)


def candidates(snapshot: Snapshot, plan: Pipeline, question: Asked, k: int, allow: Ids | None) -> Hits:
    """The best hits over all views of the query: each id once, with its best score."""
    depth = min(max([k, *(refiner.depth for refiner in plan.rerankers)]), max(1, snapshot.total))
    hits = snapshot.index(plan).search(question.rows, depth, allow)
    counts = hits.ids != NO_ID
    counts[question.sure :] &= hits.scores[question.sure :] > hits.scores[: question.sure].max()
    ids, scores = hits.ids[counts], hits.scores[counts]
    order = np.lexsort((ids, -scores))
    _, first = np.unique(ids[order], return_index=True)
    best = order[np.sort(first)][:depth]
    return Hits(ids[best][None], scores[best][None])


def _beside(
    snapshot: Snapshot, plan: Pipeline, query: Query, files: FileSystem, limits: Limits, allow: Ids | None
) -> list[int]:
    """What the plans beside one find first; one that cannot answer finds nothing, and says why when asked by itself."""
    found: dict[int, None] = {}
    for each in plan.candidate_sources:
        with suppress(ModelError, DamagedError, UsageError):
            other = snapshot.trained_pipeline(replace(each, rerankers=()))
            question = asked(query, other, snapshot, files, limits)
            hits = candidates(snapshot, other, question, plan.rerankers[0].depth, allow)
            found |= dict.fromkeys(hits.ids[0].tolist())
    return list(found)


def _with_others(
    refiner: Reranker, image: Image, own: Hits, refined: Hits, others: Sequence[int], rows: QueryRows
) -> Hits:
    """The refined hits, and where they belong those of `second_points`, so far not looked at, that the refiner finds alike.

    All others are given to it with the best score of its own: what it raises them to can be compared.
    """
    looked = set(own.ids[0, : refiner.depth].tolist())
    new = np.array([ident for ident in others if ident not in looked], np.int64)
    if not len(new):
        return refined
    best = own.scores[0][np.isfinite(own.scores[0])].max(initial=0)
    raised = [
        refiner.rerank(image, Hits(part[None], np.full((1, len(part)), best, np.float32)), rows)
        for part in np.split(new, range(refiner.depth, len(new), refiner.depth))
    ]
    ids, scores = (np.concatenate([getattr(each, name)[0] for each in raised]) for name in ("ids", "scores"))
    alike = np.array([bool(why and why.alike) for why in refiner.explain(image, ids, rows)])
    left = ~np.isin(refined.ids[0], ids[alike])
    every = np.concatenate([ids[alike], refined.ids[0, left]]), np.concatenate([scores[alike], refined.scores[0, left]])
    order = np.argsort(-every[1], kind="stable")
    return Hits(every[0][None, order], every[1][None, order])


def _hit(rank: int, ident: int, path: bytes, distance: float, plan: Pipeline, reason: Explanation, words: str) -> Hit:
    return Hit(
        rank=rank,
        id=ident,
        path=os.fsdecode(path),
        score=similarity(plan, distance) if reason.similarity is None else reason.similarity,
        distance=distance,
        metric=plan.metric_name,
        verdict=reason.verdict,
        alike=reason.alike,
        why="; ".join(part for part in (reason.sentence, words) if part),
        explanation=reason,
    )


def verdict(hits: Sequence[Hit]) -> str:
    """What the answer as a whole is."""
    if any(hit.alike for hit in hits):
        return FOUND
    return NOTHING if all(hit.alike is False for hit in hits) else ""
