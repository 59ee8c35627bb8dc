"""What the catalogue alone can answer: words and filters, on their own or as a limit to a visual search."""

from __future__ import annotations

import numpy as np

from nearsight.errors import UsageError
from nearsight.search.engine import Results
from nearsight.search.said import listed, worded
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.filters import parse_filter
from nearsight.storage.full_text import FullTextIndex, explain_text_match
from nearsight.storage.records import ImageRecord
from nearsight.types import Ids, Query


class Lookup:
    """The words and filters of one open catalogue; whoever calls sees to it that it stays at one generation."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue, self._words = catalogue, FullTextIndex(catalogue)

    def allowed(self, query: Query) -> Ids | None:
        """The sorted ids that the words and the filter of a query leave; None where there are neither."""
        if not (query.words or query.where):
            return None
        return np.array(sorted(ident for ident, _ in self._found(query, -1)), np.int64)

    def results(self, query: Query, k: int) -> Results:
        """The answer to words or a filter alone: by relevance, or without words by path.

        Raises
        ------
        UsageError
            where there are neither, or k is below 1
        """
        if not (query.words or query.where):
            raise UsageError("nothing to search by: give an image, colours, words or a filter")
        if k < 1:
            raise UsageError(f"k is the number of hits, at least 1; got {k}")
        found = [(self._catalogue.image(ident), score) for ident, score in self._found(query, k)]
        total = self._catalogue.count_images()
        if not query.words:
            return listed(sorted((image for image, _ in found), key=lambda each: each.path)[:k], query.where, total)
        return worded([(each, score, self._why(each, query.words)) for each, score in found[:k]], total)

    def _why(self, image: ImageRecord, words: str) -> str:
        return explain_text_match(image, self._catalogue.notes(image.path), words, self._catalogue.labels(image.path))

    def _found(self, query: Query, most: int) -> list[tuple[int, float]]:
        """Ids with scores, best first; `most` is heeded where there is no filter."""
        if not query.where:
            return self._words.search(query.words, most)
        allowed = self._catalogue.filter_ids(parse_filter(query.where))
        if not query.words:
            return [(ident, 1.0) for ident in allowed]
        among = set(allowed)
        return [(ident, score) for ident, score in self._words.search(query.words, -1) if ident in among]
