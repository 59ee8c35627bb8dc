"""One query, from its vectors to hits that say why: candidates of the index, feedback, re-ranking, explanation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from nearsight.errors import DamagedError, ModelError, UsageError
from nearsight.pipeline import Pipeline
from nearsight.search.encode import EncodedQuery, QueryContext, encode_query, encode_sources
from nearsight.search.heat_map import HeatMapInputs, explains_places
from nearsight.search.results import FOUND, NO_MATCH, NOTHING, TOO_PLAIN, Hit, ImageSummary, Results, image_summary
from nearsight.senses import SENSES
from nearsight.storage.snapshot import Snapshot, SnapshotReader
from nearsight.types import IDENTICAL_FILE, NO_ID, Explanation, Hits, Ids, Image, ImageId, Query, Reranker

FEEDBACK_DEPTH = 1000
"""So many hits of the query, and of all that is similar, are ordered by relevance feedback."""
NOT_JUDGED_YET = "not judged yet"
"""What is said of a hit while others are being judged."""


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
        hits = tuple(self.to_hits(ids, image_summaries(ids, reader, snapshot)))
        verdict = overall_verdict(hits)
        if self.judges is not None and verdict != FOUND:  # what is not found yet may be
            verdict = ""
        return Results(self.pipeline.recipe, verdict, hits, snapshot.total)

    def to_hits(self, ids: Ids, images: Mapping[int, ImageSummary]) -> list[Hit]:
        """These ids as hits, each with its explanation, in this order."""
        distances = dict(self.distances) | self._other_distances(ids)
        reasons = self._explain(ids, distances)
        return [
            self._hit(rank, images[image_id], distances[image_id], reason)
            for rank, (image_id, reason) in enumerate(zip(ids.tolist(), reasons, strict=True), 1)
        ]

    def _explain(self, ids: Ids, distances: Mapping[int, float]) -> list[Explanation]:
        """Why, for each hit: the verdict, and what re-rankers without a verdict add to it.

        The verdict is that of the last re-ranker that gives one. Without such there is none: the sentence says how
        near the hit is, by the distances of random pairs of this collection.
        """
        if self.judges is not None:
            return self._last_verdicts(ids, distances, self.judges, NOT_JUDGED_YET)
        sense, image = SENSES.get(self.pipeline.name), self.query.image
        label = self.query.label or (sense.label if sense else "")
        if image is None or label:
            return [Explanation(label) for _ in ids]
        if all_judges := [reranker for reranker in self.pipeline.rerankers if reranker.gives_verdict]:
            verdicts = self._last_verdicts(ids, distances, all_judges, "not examined")
        else:
            background = self.context.snapshot.background(self.pipeline)
            verdicts = [Explanation(background.describe(distances[image_id])) for image_id in ids.tolist()]
        others = [each.explain(image, ids, self.context) for each in self.pipeline.rerankers if not each.gives_verdict]
        return [_with_ranking(each, [reasons[at] for reasons in others]) for at, each in enumerate(verdicts)]

    def _last_verdicts(
        self, ids: Ids, distances: Mapping[int, float], judges: Sequence[Reranker], unjudged: str
    ) -> list[Explanation]:
        """The last word of the re-rankers that give verdicts; `unjudged` is said of hits on which none has one.

        A hit that one of them rejected, or has not looked at, scores below every hit that it accepted.
        """
        image, context = self.query.image, self.context
        assert image is not None
        found: list[Explanation] = []
        for image_id, *given in zip(ids.tolist(), *(each.explain(image, ids, context) for each in judges), strict=True):
            reasons = [reason for reason in given if reason is not None]
            if image_id in context.identical:
                reasons = [IDENTICAL_FILE]
            reason = reasons[-1] if reasons else Explanation(unjudged)
            if reason.similarity is None:
                reason = replace(reason, similarity=self._distance_to_score(distances[image_id]) / 2)
            found.append(reason)
        return found

    def _distance_to_score(self, distance: float) -> float:
        """A distance on a scale of 0 to 1."""
        return float(self.pipeline.metric.similarity(np.array([distance], np.float32))[0])

    def _hit(self, rank: int, image: ImageSummary, distance: float, reason: Explanation) -> Hit:
        score = reason.similarity
        return Hit(
            **vars(image),
            rank=rank,
            score=self._distance_to_score(distance) if score is None else score,
            distance=distance,
            metric=self.pipeline.metric_name,
            verdict=reason.verdict,
            alike=reason.alike,
            why="; ".join(part for part in (reason.sentence, self._overlap(image.id)) if part),
            explanation=reason,
            heat_map=self._heat_map(image.id),
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


def image_summaries(ids: Ids, reader: SnapshotReader, snapshot: Snapshot) -> dict[int, ImageSummary]:
    """What the catalogue knows of these images in a generation. Raises OutdatedError."""
    return {image.id: image_summary(image, detail) for image, detail in reader.images(ids, snapshot)}


def _with_ranking(verdict: Explanation, given: Sequence[Explanation | None]) -> Explanation:
    """A verdict with the sentence of the last re-ranker that only orders, and its score where the verdict has none."""
    reasons = [reason for reason in given if reason is not None]
    if not reasons:
        return verdict
    similarity = reasons[-1].similarity if verdict.similarity is None else verdict.similarity
    return replace(verdict, sentence=f"{reasons[-1].sentence}; {verdict.sentence}", similarity=similarity)


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
    context.sources = encode_sources(snapshot, pipeline, query, reader.files)
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
