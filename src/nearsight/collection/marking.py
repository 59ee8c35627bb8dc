"""Relevance feedback: what was marked as alike or not among the hits has its part in their order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.collection.query import Asked
from nearsight.collection.query_rows import QueryRows
from nearsight.errors import UsageError
from nearsight.rank.feedback import rocchio
from nearsight.types import NO_ID, Hits, Query


def marked(question: Asked, hits: Hits, query: Query, rows: QueryRows) -> Hits:
    """The hits, and those of what was marked as alike, in the order of all marks; without what is not alike.

    Rows of numbers are averaged too, for refiners that ask again.
    """
    index, liked, unliked = rows.snapshot.index(rows.plan), len(query.like), list(query.unlike)
    marks = [_row(ident, rows) for ident in (*query.like, *query.unlike)]
    if np.dtype(rows.plan.descriptor.dtype) == np.float32 and not rows.plan.descriptor.ragged:
        stacked = np.stack(marks)
        moved = rocchio(rows.question, stacked[:liked], stacked[liked:])
        amounts = min(rows.question.min(), stacked.min()) >= 0  # then a part below 0 is none, as of a histogram
        rows.question = np.maximum(moved, 0 if amounts else -np.inf).astype(np.float32)
        asking: Any = np.concatenate([question.rows[: question.sure], stacked])
    else:
        asking = [*question.rows[: question.sure], *marks]
        asking = asking if rows.plan.descriptor.ragged else np.stack(asking)
    found = index.search(asking[question.sure :][:liked], hits.ids.shape[1], rows.allow).ids if liked else hits.ids[:0]
    among = np.setdiff1d(np.union1d(hits.ids, found), [NO_ID, *unliked])
    if not len(among):
        return Hits(hits.ids[:, :0], hits.scores[:, :0])
    every = index.search(asking, len(among), among)
    scores = np.full(every.ids.shape, -1.0)
    for row, ids, some in zip(scores, every.ids, every.scores, strict=True):
        row[np.searchsorted(among, ids[ids != NO_ID])] = some[ids != NO_ID]
    own, others = scores[: question.sure].max(0), scores[question.sure :]
    total = rocchio(own, others[:liked], others[liked:])
    order = np.lexsort((among, -total))
    return Hits(among[None, order], total[None, order].astype(np.float32))


def _row(ident: int, rows: QueryRows) -> NDArray[Any]:
    if not rows.snapshot.holds(rows.plan, ident):
        raise UsageError(f"a mark is the id or the path of a picture of this collection; it has none of id {ident}")
    return rows.row(ident)
