"""One query, from the picture that is asked with to hits that say why."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from nearsight.collection.plan import SENSES, Plan
from nearsight.collection.query import Asked, asked
from nearsight.collection.rows import Picture
from nearsight.collection.snapshot import Snapshot
from nearsight.errors import UsageError
from nearsight.files import Files
from nearsight.images.decode import Limits
from nearsight.types import NO_ID, Explanation, Hits, Ids, Image, Match, Query

T = TypeVar("T")
FOUND = "found"
NOTHING = "nothing like it here"


@dataclass(frozen=True)
class Hit:
    """One picture that was found.

    `score` in 0..1; `distance` in the unit of `metric`; `alike` and `verdict` are the method's judgement, `why` a
    sentence; `explanation` holds the matched points where there are some.
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


@dataclass
class QueryRows:
    """What a refiner may read while one query is answered."""

    snapshot: Snapshot
    plan: Plan
    question: Any
    total: int
    allow: Ids | None = None
    verified: dict[int, Match] = field(default_factory=dict)
    memo: dict[Any, Any] = field(default_factory=dict)

    def derived(self, ident: int, make: Callable[[Image], T]) -> T:
        """`make` of a stored thumbnail."""
        made: T = self.snapshot.derived(ident, make)
        return made

    def row(self, ident: int) -> NDArray[Any]:
        """The stored row of a picture."""
        return self.snapshot.row(self.plan, ident)

    def search(self, rows: Any, k: int) -> Hits:  # noqa: ANN401 - rows (Q, D), or a list of records
        """The k best hits of each row, among those that may be found."""
        return self.snapshot.index(self.plan).search(rows, k, self.allow)


def search(
    snapshot: Snapshot,
    paths: Callable[[list[int]], dict[int, bytes]],
    plan: Plan,
    query: Query,
    k: int,
    *,
    files: Files,
    limits: Limits,
    allow: Ids | None = None,
) -> Results:
    """The k best hits of a plan for a query, among `allow` where given; `paths` gives the paths of ids.

    Raises
    ------
    UsageError
        where the query holds something that the plan cannot serve
    PictureError
        where the query's picture cannot be read
    """
    if k < 1:
        raise UsageError(f"k is the number of hits, at least 1; got {k}")
    plan = snapshot.ready(plan)
    question = asked(query, plan, snapshot, files, limits)
    rows = QueryRows(snapshot, plan, question.rows[0], snapshot.total, allow)
    hits = candidates(snapshot, plan, question, k, allow)
    distances = dict(zip(hits.ids[0].tolist(), (0 - hits.scores[0]).tolist(), strict=True))
    hits = refined(plan, question, hits, rows)
    ids = hits.ids[0][hits.ids[0] != NO_ID][:k]
    distances |= _lacking(rows, distances, ids)
    reasons = _reasons(snapshot, plan, question.image, ids, distances, rows)
    names = paths(ids.tolist())
    found = []
    for rank, ident in enumerate(ids.tolist(), 1):
        words = "" if plan.descriptor.ragged else plan.descriptor.shared(question.rows[0], snapshot.row(plan, ident))
        found.append(_hit(rank, ident, names[ident], distances[ident], plan, reasons[rank - 1], words))
    return Results(plan.recipe, _verdict(found), tuple(found), snapshot.total)


def _lacking(rows: QueryRows, distances: Mapping[int, float], ids: Ids) -> dict[int, float]:
    """The distances of hits that only refiners have found; as far as can be, where the index does not find them."""
    new = np.sort(np.array([ident for ident in ids.tolist() if ident not in distances], np.int64))
    if not len(new):
        return {}
    found = rows.snapshot.index(rows.plan).search([rows.question], len(new), new)
    return dict.fromkeys(new.tolist(), 1.0) | dict(
        zip(found.ids[0].tolist(), (0 - found.scores[0]).tolist(), strict=True)
    )


def refined(plan: Plan, question: Asked, hits: Hits, rows: QueryRows) -> Hits:
    """What the refiners of a plan make of hits `(1, n)`, one after the other."""
    for refiner in plan.refiners:
        assert question.image is not None
        hits = refiner.refine(question.image, hits, rows)
    return hits


def candidates(snapshot: Snapshot, plan: Plan, question: Asked, k: int, allow: Ids | None) -> Hits:
    """The best hits over all views of the query: each id once, with its best score."""
    depth = min(max([k, *(refiner.depth for refiner in plan.refiners)]), max(1, snapshot.total))
    hits = snapshot.index(plan).search(question.rows, depth, allow)
    counts = hits.ids != NO_ID
    counts[question.sure :] &= hits.scores[question.sure :] > hits.scores[: question.sure].max()
    ids, scores = hits.ids[counts], hits.scores[counts]
    order = np.lexsort((ids, -scores))
    _, first = np.unique(ids[order], return_index=True)
    best = order[np.sort(first)][:depth]
    return Hits(ids[best][None], scores[best][None])


def _reasons(
    snapshot: Snapshot, plan: Plan, image: Image | None, ids: Ids, distances: Mapping[int, float], rows: QueryRows
) -> list[Explanation]:
    """Why, for each hit: the last refiner's word; without refiners, what its distance means in this collection.

    A hit that a refiner turned down, or has not come to, scores below every hit that it accepted.
    """
    unjudged = SENSES[plan.name].said if plan.name in SENSES else ""
    if image is None or unjudged:
        return [Explanation(unjudged or "the nearest to these colours") for _ in ids]
    if not plan.refiners:
        background = snapshot.background(plan)
        return [background.explain(distances[ident]) for ident in ids.tolist()]
    reasons: list[Explanation] = []
    for ident, *given in zip(ids.tolist(), *(each.explain(image, ids, rows) for each in plan.refiners), strict=True):
        said = [reason for reason in given if reason is not None]
        reason = said[-1] if said else Explanation("not among the hits that were looked at closely", "", False)
        if reason.similarity is None:
            reason = replace(reason, similarity=_similarity(plan, distances[ident]) / 2)
        reasons.append(reason)
    return reasons


def _similarity(plan: Plan, distance: float) -> float:
    return float(plan.metric.similarity(np.array([distance], np.float32))[0])


def _hit(rank: int, ident: int, path: bytes, distance: float, plan: Plan, reason: Explanation, words: str) -> Hit:
    return Hit(
        rank=rank,
        id=ident,
        path=os.fsdecode(path),
        score=_similarity(plan, distance) if reason.similarity is None else reason.similarity,
        distance=distance,
        metric=plan.metric_name,
        verdict=reason.verdict,
        alike=reason.alike,
        why="; ".join(part for part in (reason.sentence, words) if part),
        explanation=reason,
    )


def _verdict(hits: Sequence[Hit]) -> str:
    if any(hit.alike for hit in hits):
        return FOUND
    return NOTHING if all(hit.alike is False for hit in hits) else ""


def worded(found: Sequence[tuple[Picture, float, str]], total: int) -> Results:
    """The answer to a query of words alone: pictures with their BM25 scores and what holds the words, best first."""
    best = max([1e-9, *(score for _, score, _ in found)])
    hits = [_worded_hit(rank, each, score, score / best, why) for rank, (each, score, why) in enumerate(found, 1)]
    return Results("words", FOUND if hits else NOTHING, tuple(hits), total)


def listed(found: Sequence[Picture], where: str, total: int) -> Results:
    """The answer to a filter alone: pictures in the order of their paths."""
    reason = Explanation(f"it is so that {where}", "passes the filter", True, 1.0)
    hits = [_said_hit(rank, each, 0.0, "filter", reason) for rank, each in enumerate(found, 1)]
    return Results("where", FOUND if hits else NOTHING, tuple(hits), total)


def _worded_hit(rank: int, picture: Picture, score: float, share: float, why: str) -> Hit:
    reason = Explanation(why, "holds the words", True, max(0.0, share))
    return _said_hit(rank, picture, score, "bm25", reason)


def _said_hit(rank: int, picture: Picture, distance: float, metric: str, reason: Explanation) -> Hit:
    assert reason.similarity is not None
    return Hit(
        rank=rank,
        id=picture.id,
        path=os.fsdecode(picture.path),
        score=reason.similarity,
        distance=distance,
        metric=metric,
        verdict=reason.verdict,
        alike=True,
        why=reason.sentence,
        explanation=reason,
    )
