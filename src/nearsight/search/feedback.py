"""Relevance feedback: images marked as similar draw the query towards them, others push it away."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import UsageError
from nearsight.pipeline import Pipeline
from nearsight.search.encode import EncodedQuery
from nearsight.storage.snapshot import Snapshot
from nearsight.types import NO_ID, Doubles, Floats, Hits, Ids, Query

__all__ = ["GAMMA", "apply_feedback", "rocchio"]

GAMMA = 0.25
"""The weight of images that are not similar, relative to the query."""


def rocchio(query: NDArray[Any], similar: NDArray[Any], others: NDArray[Any], gamma: float = GAMMA) -> NDArray[Any]:
    """The query moved towards similar images and away from others, as a mean whose weights sum to 1.

        q' = (q + mean(similar) - gamma mean(others)) / w,  w = 1 + 1 - gamma; a part that is empty is left out

    The rule is linear, so it serves scores as well as vectors: for an inner product, the scores of q' are the same
    mean of the scores of all queries.

    Parameters
    ----------
    query : `(n,)` the query's vector, or its scores of n images
    similar : `(P, n)` the same of images that are similar
    others : `(M, n)` the same of images that are not
    gamma : how much `others` counts, at least 0 and below 1

    Returns
    -------
    `(n,) float64`

    Raises
    ------
    ValueError
        where gamma is out of its range

    References
    ----------
    J. J. Rocchio, Relevance Feedback in Information Retrieval, in G. Salton (ed.), The SMART Retrieval System, 1971.
    Weights: C. D. Manning, P. Raghavan and H. Schütze, Introduction to Information Retrieval, 2008, section 9.1.1.
    """
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma is at least 0 and below 1; got {gamma}")
    moved, weight = query.astype(np.float64), 1.0
    if len(similar):
        moved, weight = moved + similar.astype(np.float64).mean(0), weight + 1
    if len(others):
        moved, weight = moved - gamma * others.astype(np.float64).mean(0), weight - gamma
    return np.asarray(moved / weight)


def apply_feedback(
    encoded: EncodedQuery,
    hits: Hits,
    query: Query,
    snapshot: Snapshot,
    pipeline: Pipeline,
    *,
    allow: Ids | None,
    depth: int,
) -> tuple[Hits, NDArray[Any]]:
    """The hits, and `depth` hits of each similar image, ordered by all feedback; without images that are not similar.

    And the query's vector, for re-rankers that query again: float vectors are averaged with those of the feedback.
    """
    index, n_similar, own = snapshot.index(pipeline), len(query.like), encoded.n_primary
    query_vector = encoded.vectors[0]
    marked = [_feedback_vector(image_id, snapshot, pipeline) for image_id in (*query.like, *query.unlike)]
    vectors: Any = [*encoded.vectors[:own], *marked]
    if not pipeline.descriptor.variable_length:
        vectors = np.stack(vectors)
        if vectors.dtype == np.float32:
            similar, others = vectors[own : own + n_similar], vectors[own + n_similar :]
            query_vector = _move_vector(query_vector, similar, others)
    found = [hits.ids]
    if n_similar:
        found.append(index.search(vectors[own : own + n_similar], depth, allow).ids)
    among = np.setdiff1d(np.concatenate([each.ravel() for each in found]), [NO_ID, *query.unlike])
    if not len(among):
        return Hits(hits.ids[:, :0], hits.scores[:, :0]), query_vector
    scores = _score_table(among, index.search(vectors, len(among), among))
    total = rocchio(scores[:own].max(0), scores[own : own + n_similar], scores[own + n_similar :])
    order = np.lexsort((among, -total))
    return Hits(among[None, order], total[None, order].astype(np.float32)), query_vector


def _move_vector(query: Floats, similar: Floats, others: Floats) -> Floats:
    """The query vector, moved; from vectors without negative values, such as histograms, it has none either."""
    amounts = min(each.min(initial=0) for each in (query, similar, others)) >= 0
    moved = rocchio(query, similar, others)
    return np.asarray(np.maximum(moved, 0) if amounts else moved, np.float32)


def _score_table(among: Ids, found: Hits) -> Doubles:
    """The scores `(Q, n)` of images by each vector; those that it does not find score as its last."""
    scores = np.empty((len(found.ids), len(among)))
    for row, ids, some in zip(scores, found.ids, found.scores, strict=True):
        real = ids != NO_ID
        row[:] = min(-1.0, float(some[real].min(initial=0)))
        row[np.searchsorted(among, ids[real])] = some[real]
    return scores


def _feedback_vector(image_id: Any, snapshot: Snapshot, pipeline: Pipeline) -> NDArray[Any]:  # noqa: ANN401 - an int by now
    if not snapshot.has_vector(pipeline, image_id):
        raise UsageError(f"no image with id {image_id} in this collection")
    return snapshot.vector(pipeline, image_id)
