"""What the catalogue alone can answer: words and filters, on their own or as a limit to a visual search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nearsight.search.results import FOUND, NO_MATCH, Hit, Results, image_summary
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.details import Details
from nearsight.storage.filters import parse_filter
from nearsight.storage.full_text import FullTextIndex, explain_text_match
from nearsight.storage.records import ImageRecord
from nearsight.types import Explanation, Ids, Query


class TextSearch:
    """The words and filters of one open catalogue; whoever calls sees to it that it stays at one generation."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue, self._full_text = catalogue, FullTextIndex(catalogue)

    def matching_ids(self, query: Query) -> Ids:
        """The sorted ids that the words and the filter of a query leave."""
        return np.array(sorted(image_id for image_id, _ in self._matches(query, -1)), np.int64)

    def search(self, query: Query) -> Results:
        """The answer to words or a filter alone: by relevance, or without words by path."""
        found = [(self._catalogue.image(image_id), score) for image_id, score in self._matches(query, query.k)]
        if not query.words:
            return self._filtered([record for record, _ in found], query)
        found = found[: query.k]
        best = max([1e-9, *(score for _, score in found)])
        hits = []
        for rank, (record, score) in enumerate(found, 1):
            reason = Explanation(self._why(record, query.words), "text match", True, max(0.0, score / best))
            hits.append(self._hit(rank, record, score, "bm25", reason))
        return self._results("words", hits)

    def _filtered(self, records: Sequence[ImageRecord], query: Query) -> Results:
        reason = Explanation(f"matches the filter: {query.where}", "matches the filter", True, 1.0)
        records = sorted(records, key=lambda each: each.path)[: query.k]
        return self._results(
            "where", [self._hit(rank, each, 0.0, "filter", reason) for rank, each in enumerate(records, 1)]
        )

    def _why(self, record: ImageRecord, words: str) -> str:
        notes, labels = self._catalogue.notes(record.path), self._catalogue.labels(record.path)
        return explain_text_match(record, notes, words, labels)

    def _matches(self, query: Query, limit: int) -> list[tuple[int, float]]:
        """Ids with scores, best first; the limit counts where there is no filter."""
        if not query.where:
            return self._full_text.search(query.words, limit)
        passing = self._catalogue.filter_ids(parse_filter(query.where))
        if not query.words:
            return [(image_id, 1.0) for image_id in passing]
        among = set(passing)
        return [(image_id, score) for image_id, score in self._full_text.search(query.words, -1) if image_id in among]

    def _results(self, recipe: str, hits: Sequence[Hit]) -> Results:
        return Results(recipe, FOUND if hits else NO_MATCH, tuple(hits), self._catalogue.count_images())

    def _hit(self, rank: int, record: ImageRecord, distance: float, metric: str, reason: Explanation) -> Hit:
        assert reason.similarity is not None
        return Hit(
            **vars(image_summary(record, Details(self._catalogue).of(record.id))),
            rank=rank,
            score=reason.similarity,
            distance=distance,
            metric=metric,
            verdict=reason.verdict,
            alike=True,
            why=reason.sentence,
            explanation=reason,
        )
