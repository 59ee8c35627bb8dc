"""Relevance feedback: what was marked as alike or not among the hits has its part in their order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import UsageError
from nearsight.search.context import QueryRows
from nearsight.search.query import Asked
from nearsight.search.rocchio import rocchio
from nearsight.types import NO_ID, Floats, Hits, Ids, Query

DEPTH = 1000
"""So many hits of the query, and of all that is alike, are put in order."""


def marked(question: Asked, hits: Hits, query: Query, rows: QueryRows) -> Hits:
    """The hits, and those of what was marked as alike, in the order of all marks; without what is not alike.

    Rows of numbers are averaged too, for refiners that ask again.
    """
    index, liked, own = rows.snapshot.index(rows.plan), len(query.like), question.sure
    asking: Any = [*question.rows[:own], *(_row(ident, rows) for ident in (*query.like, *query.unlike))]
    if not rows.plan.descriptor.variable_length:
        asking = np.stack(asking)
        if asking.dtype == np.float32:
            rows.query_vector = _moved(rows.query_vector, asking[own : own + liked], asking[own + liked :])
    found = [hits.ids, *([index.search(asking[own : own + liked], DEPTH, rows.allow).ids] if liked else [])]
    among = np.setdiff1d(np.concatenate([each.ravel() for each in found]), [NO_ID, *query.unlike])
    if not len(among):
        return Hits(hits.ids[:, :0], hits.scores[:, :0])
    scores = _scores(among, index.search(asking, len(among), among))
    total = rocchio(scores[:own].max(0), scores[own : own + liked], scores[own + liked :])
    order = np.lexsort((among, -total))
    return Hits(among[None, order], total[None, order].astype(np.float32))


def _moved(asked: Floats, liked: Floats, unliked: Floats) -> Floats:
    """The row that is asked with, moved; of rows without negative values, such as histograms, it has none either."""
    amounts = min(each.min(initial=0) for each in (asked, liked, unliked)) >= 0
    moved = rocchio(asked, liked, unliked)
    return np.asarray(np.maximum(moved, 0) if amounts else moved, np.float32)


def _scores(among: Ids, found: Hits) -> NDArray[np.float64]:
    """The scores `(Q, n)` of images by each row that asks; those that it does not find score as its last."""
    scores = np.empty((len(found.ids), len(among)))
    for row, ids, some in zip(scores, found.ids, found.scores, strict=True):
        real = ids != NO_ID
        row[:] = min(-1.0, float(some[real].min(initial=0)))
        row[np.searchsorted(among, ids[real])] = some[real]
    return scores


def _row(ident: int, rows: QueryRows) -> NDArray[Any]:
    if not rows.snapshot.has_vector(rows.plan, ident):
        raise UsageError(f"a mark is the id or the path of an image of this collection; it has none of id {ident}")
    return rows.vector(ident)
