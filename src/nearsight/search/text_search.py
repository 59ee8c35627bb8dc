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
from nearsight.wording import plural


class TextSearch:
    """The words and filters of one open catalogue; whoever calls sees to it that it stays at one generation."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue, self._full_text = catalogue, FullTextIndex(catalogue)

    def matching_ids(self, query: Query) -> Ids:
        """The sorted ids that the words and the filter of a query leave."""
        if not query.where:
            return self._full_text.matching_ids(query.words)
        passing = np.array(self._passing_ids(query), np.int64)
        return np.intersect1d(passing, self._full_text.matching_ids(query.words)) if query.words else passing

    def search(self, query: Query) -> Results:
        """The answer to words or a filter alone: by relevance, or without words by path."""
        if not query.words:
            return self._filtered(query)
        passing = self._passing_ids(query) if query.where else None
        found = self._full_text.search(query.words, query.k, passing)
        best = max([1e-9, *(score for _, score in found)])
        hits = []
        for rank, (image_id, score) in enumerate(found, 1):
            record = self._catalogue.image(image_id)
            reason = Explanation(self._why(record, query.words), "text match", True, max(0.0, score / best))
            hits.append(self._hit(rank, record, score, "bm25", reason))
        return self._results("words", hits, query)

    def empty_because(self, query: Query) -> str:
        """What leaves no image: the words, the filter, or both together."""
        words, where = f'the words "{query.words}"', f"the filter: {query.where}"
        holding = len(self._full_text.matching_ids(query.words)) if query.words else 0
        if query.words and not holding:
            return f"no image holds {words}"
        if not query.words or not self._passing_ids(query):
            return f"no image passes {where}"
        held = "1 image holds" if holding == 1 else f"{plural(holding, 'image')} hold"
        return f"{held} {words}, but none of them passes {where}"

    def _filtered(self, query: Query) -> Results:
        reason = Explanation(f"matches the filter: {query.where}", "matches the filter", True, 1.0)
        found = self._catalogue.first_filtered(parse_filter(query.where), query.k)
        records = [self._catalogue.image(image_id) for image_id in found]
        hits = [self._hit(rank, each, 0.0, "filter", reason) for rank, each in enumerate(records, 1)]
        return self._results("where", hits, query)

    def _passing_ids(self, query: Query) -> list[int]:
        return self._catalogue.filter_ids(parse_filter(query.where))

    def _why(self, record: ImageRecord, words: str) -> str:
        notes, labels = self._catalogue.notes(record.path), self._catalogue.labels(record.path)
        return explain_text_match(record, notes, words, labels, Details(self._catalogue).of(record.id))

    def _results(self, recipe: str, hits: Sequence[Hit], query: Query) -> Results:
        total = self._catalogue.count_images()
        if hits:
            return Results(recipe, FOUND, tuple(hits), total)
        return Results(recipe, NO_MATCH, (), total, empty_because=self.empty_because(query))

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
