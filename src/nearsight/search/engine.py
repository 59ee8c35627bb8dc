"""One query, from its vectors to hits that say why: candidates of the index, feedback, re-ranking, explanation."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import DamagedError, ModelError, UsageError
from nearsight.files import FileSystem
from nearsight.geometry.matching import match_words
from nearsight.pipeline import Pipeline
from nearsight.search.encode import EncodedQuery, encode_query
from nearsight.search.explain import distance_to_score, explain_hits
from nearsight.search.heat_map import HeatMapInputs, explains_places
from nearsight.search.results import FOUND, NO_MATCH, NOTHING, TOO_PLAIN, Hit, Results
from nearsight.storage.snapshot import Snapshot, SnapshotReader
from nearsight.types import NO_ID, Explanation, Hits, Ids, Image, ImageId, Query, Reranker
from nearsight.types.metric import Metric
from nearsight.types.values import Match

MAX_DIFFERING_BITS, MIN_SHARED_DETAILS = 0.3, 3
"""Share of the bits in which two features of one word differ at most, and how many such pairs are worth a look."""
FEEDBACK_DEPTH = 1000
"""So many hits of the query, and of all that is similar, are ordered by relevance feedback."""


T = TypeVar("T")


@dataclass
class QueryContext:
    """What a re-ranker may read of the collection while one query is answered (`types.RerankContext`)."""

    snapshot: Snapshot
    pipeline: Pipeline
    query: EncodedQuery
    reader: SnapshotReader
    query_vector: Any
    n_images: int
    allow: Ids | None = None
    verified: dict[int, Match] = field(default_factory=dict)
    identical: frozenset[int] = frozenset()
    """The images whose files are the query's, byte for byte."""
    memo: dict[Any, Any] = field(default_factory=dict)
    sources: Sequence[tuple[Pipeline, EncodedQuery]] = ()
    """The candidate sources, and the query as each of them takes it."""
    report: Callable[[Reranker, Hits], None] | None = None
    ranked: tuple[Hits, float] | None = None
    """While a re-ranker judges candidates of other senses: the hits so far, and the score that it raises them above."""

    @property
    def metric(self) -> Metric:
        """What the index ranks by."""
        return self.pipeline.metric

    def from_thumbnail(self, image_id: int, make: Callable[[Image], T]) -> T:
        """`make` of a stored thumbnail."""
        made: T = self.snapshot.from_thumbnail(image_id, make)
        return made

    def query_pixels(self, side: int) -> Image:
        """The query at a longest side; its thumbnail where it is an image of the collection whose file is gone."""
        if self.query.render is not None:
            return self.query.render(side)
        loaded = None if self.query.image_id is None else self.reader.pixels(self.query.image_id, side)
        assert self.query.image is not None
        return self.query.image if loaded is None else loaded

    def pixels(self, image_id: int, side: int) -> Image | None:
        """The file of one image at a longest side; None where it cannot be opened as it was indexed."""
        return self.reader.pixels(image_id, side)

    def may_share_details(self, image_id: int) -> bool:
        """Whether a source of local features, where there is one, has a few of the query's in this image."""
        for source, query in self.sources:
            if source.descriptor.variable_length:
                with suppress(DamagedError):
                    hit = self.snapshot.vector(source, image_id)
                    shared = (len(match_words(view, hit, MAX_DIFFERING_BITS)) for view in query.vectors)
                    return any(count >= MIN_SHARED_DETAILS for count in shared)
        return True

    def has_same_pixels(self, image_id: int) -> bool:
        """Whether an image's file, and the query as a whole, decode to the same pixels at full size."""
        if self.query.image_id is None:
            digest = self.query.digest_pixels() if self.query.digest_pixels else None
        else:
            digest = self.reader.pixel_digest(self.query.image_id)
        return digest is not None and digest == self.reader.pixel_digest(image_id)

    def vector(self, image_id: int) -> NDArray[Any]:
        """The stored vector of an image."""
        return self.snapshot.vector(self.pipeline, image_id)

    def vectors(self, ids: Ids) -> NDArray[Any]:
        """The stored vectors `(n, D)` of several images."""
        return self.snapshot.vectors(self.pipeline, ids)

    def sample(self, count: int) -> tuple[Ids, NDArray[Any]]:
        """Ids and vectors of some images, evenly spread."""
        return self.snapshot.sample(self.pipeline, count)

    def search(self, vectors: Any, k: int) -> Hits:  # noqa: ANN401 - vectors (Q, D), or a list of records
        """The k best hits of each vector, among those that may be found."""
        return self.snapshot.index(self.pipeline).search(vectors, k, self.allow)


@dataclass(frozen=True)
class Ranking:
    """One query answered by one pipeline: the order of the hits `(1, n)`, no padding; the distances of some."""

    pipeline: Pipeline
    query: EncodedQuery
    hits: Hits
    context: QueryContext
    distances: Mapping[int, float]
    judges: Sequence[Reranker] | None = None
    """The re-rankers whose verdicts count so far; None where the order is final."""

    def to_results(self, k: int, reader: SnapshotReader) -> Results:
        """The first k as the answer to the query. Raises OutdatedError."""
        ids, snapshot = self.hits.ids[0][:k], self.context.snapshot
        hits = tuple(self.to_hits(ids, reader.paths(ids, snapshot)))
        verdict = overall_verdict(hits)
        if self.judges is not None and verdict != FOUND:  # what is not found yet may be
            verdict = ""
        return Results(self.pipeline.recipe, verdict, hits, snapshot.total)

    def to_hits(self, ids: Ids, paths: Mapping[int, bytes]) -> list[Hit]:
        """These ids as hits, each with its explanation, in this order."""
        distances = dict(self.distances) | self._other_distances(ids)
        snapshot = self.context.snapshot
        reasons = explain_hits(self.pipeline, self.query, ids, distances, self.context, snapshot, judges=self.judges)
        return [
            self._hit(rank, image_id, paths[image_id], distances[image_id], reason)
            for rank, (image_id, reason) in enumerate(zip(ids.tolist(), reasons, strict=True), 1)
        ]

    def _hit(self, rank: int, image_id: int, path: bytes, distance: float, reason: Explanation) -> Hit:
        score = reason.similarity
        return Hit(
            rank=rank,
            id=image_id,
            path=os.fsdecode(path),
            score=distance_to_score(self.pipeline, distance) if score is None else score,
            distance=distance,
            metric=self.pipeline.metric_name,
            verdict=reason.verdict,
            alike=reason.alike,
            why="; ".join(part for part in (reason.sentence, self._overlap(image_id)) if part),
            explanation=reason,
            heat_map=self._heat_map(image_id),
        )

    def _heat_map(self, image_id: int) -> HeatMapInputs | None:
        if self.query.described is None or self.pipeline.rerankers or not explains_places(self.pipeline):
            return None
        vectors = (np.array(vector) for vector in (self.query.vectors[0], self.context.vector(image_id)))
        return HeatMapInputs(self.pipeline.descriptor, self.query.described, *vectors)

    def _overlap(self, image_id: int) -> str:
        descriptor = self.pipeline.descriptor
        if descriptor.variable_length:
            return ""
        return descriptor.explain_overlap(self.query.vectors[0], self.context.vector(image_id))

    def _other_distances(self, ids: Ids) -> dict[int, float]:
        """The distances of other hits than the index found at first; the largest where it does not find them."""
        new = np.sort(np.array([image_id for image_id in ids.tolist() if image_id not in self.distances], np.int64))
        if not len(new):
            return {}
        found = self.context.snapshot.index(self.pipeline).search(self.query.vectors[:1], len(new), new)
        pairs = zip(found.ids[0].tolist(), (0 - found.scores[0]).tolist(), strict=True)
        return dict.fromkeys(new.tolist(), 1.0) | dict(pairs)


def rank(
    reader: SnapshotReader,
    snapshot: Snapshot,
    pipeline: Pipeline,
    query: Query,
    k: int,
    *,
    allow: Ids | None = None,
    watch: Callable[[Results], None] | None = None,
) -> Ranking:
    """At least k hits, where there are so many, in the order of a pipeline. `watch` is that of `Collection.answer`.

    Raises
    ------
    UsageError : the query has a part that the pipeline cannot serve
    ImageError : the query's image cannot be read
    """
    pipeline = snapshot.trained_pipeline(pipeline)
    encoded = encode_query(query, pipeline, snapshot, reader.files)
    context = QueryContext(snapshot, pipeline, encoded, reader, encoded.vectors[0], snapshot.total, allow)
    feedback = query.like or query.unlike
    hits = candidates(snapshot, pipeline, encoded, max(k, FEEDBACK_DEPTH) if feedback else k, allow)
    distances = dict(zip(hits.ids[0].tolist(), (0 - hits.scores[0]).tolist(), strict=True))
    if feedback:
        from nearsight.search.feedback import apply_feedback

        hits, context.query_vector = apply_feedback(
            encoded, hits, query, snapshot, pipeline, allow=allow, depth=FEEDBACK_DEPTH
        )
    if any(reranker.gives_verdict for reranker in pipeline.rerankers):
        if watch is not None and not encoded.label:
            start = Ranking(pipeline, encoded, _without(hits, query.unlike), context, distances, judges=())
            watch(start.to_results(k, reader))
            context.report = _reporter(start, query, reader, watch, k=k)
        context.identical = _identical_ids(encoded, reader, allow)
    context.sources = _encode_sources(snapshot, pipeline, query, reader.files)
    for at, reranker in enumerate(pipeline.rerankers):
        assert encoded.image is not None
        own = hits
        hits = reranker.rerank(encoded.image, own, context)
        if at == 0 and context.sources:
            others = _other_candidates(context, max(1, reranker.depth // 2))
            hits = _insert_verified(reranker, encoded.image, own, hits, others, context)
    if context.identical:
        hits = _put_first(hits, context.identical)
    return Ranking(pipeline, encoded, _without(hits, query.unlike), context, distances)


def _without(hits: Hits, ids: Sequence[ImageId]) -> Hits:
    """The hits without these ids and without padding."""
    left = ~np.isin(hits.ids[0], [*ids, NO_ID])
    return Hits(hits.ids[:, left], hits.scores[:, left])


def _reporter(
    ranking: Ranking, query: Query, reader: SnapshotReader, watch: Callable[[Results], None], *, k: int
) -> Callable[[Reranker, Hits], None]:
    """What a re-ranker of this ranking calls while it judges: `watch` gets the results, if judging ended now."""
    context = ranking.context

    def report(judge: Reranker, hits: Hits) -> None:
        if context.ranked is not None:
            hits = _insert_raised(context.ranked[0], hits, context.ranked[1])
        hits = _without(_put_first(hits, context.identical), query.unlike)
        watch(replace(ranking, hits=hits, judges=(judge,)).to_results(k, reader))

    return report


def _insert_raised(ranked: Hits, judged: Hits, bar: float) -> Hits:
    """The ranked hits, and where they belong those of the judged ones that score above `bar`."""
    up = judged.scores[0] > bar
    others = ~np.isin(ranked.ids[0], judged.ids[0, up])
    ids, scores = (
        np.concatenate([getattr(judged, name)[0, up], getattr(ranked, name)[0, others]]) for name in ("ids", "scores")
    )
    order = np.argsort(-scores, kind="stable")
    return Hits(ids[None, order], scores[None, order])


def _identical_ids(query: EncodedQuery, reader: SnapshotReader, allow: Ids | None) -> frozenset[int]:
    """The images whose files are the query's, as far as they may be found."""
    sha256 = query.sha256 if query.image_id is None else reader.content_of(query.image_id)
    found = [] if sha256 is None else reader.ids_by_content(sha256)
    return frozenset(found if allow is None else np.intersect1d(found, allow).tolist())


def _put_first(hits: Hits, ids: frozenset[int]) -> Hits:
    """The hits with these ids before all others, wherever the index ranks them."""
    first = np.array(sorted(ids), np.int64)
    others = ~np.isin(hits.ids[0], first)
    top = hits.scores[0][np.isfinite(hits.scores[0])].max(initial=0) + 1
    scores = np.concatenate([np.full(len(first), top, np.float32), hits.scores[0][others]])
    return Hits(np.concatenate([first, hits.ids[0][others]])[None], scores[None])


def candidates(snapshot: Snapshot, pipeline: Pipeline, query: EncodedQuery, k: int, allow: Ids | None) -> Hits:
    """The best hits over all views of the query: each id once, with its best score."""
    depth = min(max([k, *(reranker.depth for reranker in pipeline.rerankers)]), max(1, snapshot.total))
    hits = snapshot.index(pipeline).search(query.vectors, depth, allow)
    counts = hits.ids != NO_ID
    counts[query.n_primary :] &= hits.scores[query.n_primary :] > hits.scores[: query.n_primary].max()
    ids, scores = hits.ids[counts], hits.scores[counts]
    order = np.lexsort((ids, -scores))
    _, first = np.unique(ids[order], return_index=True)
    best = order[np.sort(first)][:depth]
    return Hits(ids[best][None], scores[best][None])


def _encode_sources(
    snapshot: Snapshot, pipeline: Pipeline, query: Query, files: FileSystem
) -> list[tuple[Pipeline, EncodedQuery]]:
    """The candidate sources of a pipeline, and the query as each of them takes it.

    Local features do not see through mirrors: a source of them is asked in the views of the re-ranker. One that cannot
    answer is left out, and says why when it is asked by itself.
    """
    found = list[tuple[Pipeline, EncodedQuery]]()
    for each in pipeline.candidate_sources:
        with suppress(ModelError, DamagedError, UsageError):
            views = pipeline.rerankers[:1] if each.descriptor.variable_length else ()
            source = snapshot.trained_pipeline(replace(each, rerankers=views))
            found.append((source, encode_query(query, source, snapshot, files)))
    return found


def _other_candidates(context: QueryContext, count: int) -> list[int]:
    """What the candidate sources find first, each so many; nothing where one cannot answer."""
    found: dict[int, None] = {}
    for source, query in context.sources:
        with suppress(ModelError, DamagedError, UsageError):
            hits = candidates(context.snapshot, source, query, count, context.allow)
            found |= dict.fromkeys(hits.ids[0, :count].tolist())
    return list(found)


def _insert_verified(
    reranker: Reranker, image: Image, own: Hits, ranked: Hits, others: Sequence[int], context: QueryContext
) -> Hits:
    """The re-ranked hits, and where they belong those of `others`, so far not looked at, that the re-ranker raises.

    All others are given to it with the best score of its own: what it raises them to can be compared.
    """
    looked_at = set(own.ids[0, : reranker.depth].tolist())
    new = np.array([image_id for image_id in others if image_id not in looked_at], np.int64)
    if not len(new):
        return ranked
    bar = float(own.scores[0][np.isfinite(own.scores[0])].max(initial=0))
    context.ranked = ranked, bar
    judged = [
        reranker.rerank(image, Hits(part[None], np.full((1, len(part)), bar, np.float32)), context)
        for part in np.split(new, range(reranker.depth, len(new), reranker.depth))
    ]
    context.ranked = None
    ids, scores = (np.concatenate([getattr(each, name)[0] for each in judged])[None] for name in ("ids", "scores"))
    return _insert_raised(ranked, Hits(ids, scores), bar)


def overall_verdict(hits: Sequence[Hit]) -> str:
    """What the answer as a whole is: whether any hit that was judged is alike."""
    if not hits:
        return NO_MATCH
    if any(hit.alike for hit in hits):
        return FOUND
    if {hit.verdict for hit in hits if hit.verdict} == {TOO_PLAIN}:
        return TOO_PLAIN
    return NOTHING if any(hit.alike is False for hit in hits) else ""
