"""The inverted file of visual words: which images hold each word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.indexes._inverted_lists import compact_parts
from nearsight.indexes.flat import check_new_ids
from nearsight.kernels._postings import (
    build_postings,
    document_frequencies,
    merge_postings,
    posting_bag_norms,
    score_postings,
    weight_query_postings,
)
from nearsight.kernels._similarity import inverse_document_frequency
from nearsight.types import NO_ID, Arrays, Doubles, Hits, Ids, Index, Kernel, Metric
from nearsight.visual_words import Records


@dataclass(frozen=True)
class Inverted(Index):
    """Compares the query only with images that share visual words with it.

    1. For each word, the features that have it are listed by image, with their bits, angle and scale.
    2. The lists of the query's words are read; each pair of features adds its weight by the kernel to its image.
    3. The sums are divided by the lengths of query and image. An image that shares nothing is not found.

    A search costs as much as the lists of the query's words are long. How often each word is held (for idf) is
    counted over the images that are there when the index is opened.

    Parameters
    ----------
    metric : the kernel; None for the encoder's natural one
    consistent : only features that turned and grew alike vote together (weak geometric consistency)

    Returns
    -------
    Hits of `ids (Q, k) int64` and `scores (Q, k) float32`; a score is minus the distance

    Raises
    ------
    ValueError
        where the metric is no kernel, k is below 1, an id is added twice, or records differ in their bits

    References
    ----------
    J. Sivic and A. Zisserman, Video Google: A Text Retrieval Approach to Object Matching in Videos, ICCV 2003,
    doi:10.1109/ICCV.2003.1238663. H. Jégou, M. Douze and C. Schmid, Hamming Embedding and Weak Geometric
    Consistency for Large Scale Image Search, ECCV 2008, doi:10.1007/978-3-540-88682-2_24.

    Notes
    -----
    Departures: for weak consistency, differences in angle and in scale lie in 16 bins each, and a bin counts with its
    two neighbours.

    Examples
    --------
    >>> from nearsight.kernels.tf_idf import TfIdf
    >>> from nearsight.visual_words import record_dtype
    >>> rows = [np.zeros(2, record_dtype(0)) for _ in range(3)]
    >>> for row, words in zip(rows, ([1, 2], [2, 3], [4, 5])):
    ...     row["word"] = words
    >>> full = Inverted().empty(TfIdf()).add(np.array([7, 8, 9]), rows)
    >>> full.search(rows[:1], k=2).ids.tolist()
    [[7, 8]]
    """

    metric: Metric | None = None
    consistent: bool = False

    cache_params = ("metric",)
    variable_length = True
    summary = "the images that share visual words with the query are compared"

    def supports_metric(self, metric: Metric) -> bool:
        """Kernels of visual words."""
        return isinstance(self.metric or metric, Kernel)

    def encode(self, ids: Ids, rows: Any, metric: Metric, fitted: Arrays) -> Arrays:  # noqa: ANN401 - lists of records
        """The features of these images by word."""
        if len(ids) and int(ids.max()) >> 32:
            raise ValueError(f"ids of an inverted file are below 2^32; got {int(ids.max())}")
        order = np.argsort(ids, kind="stable")
        return build_postings(
            ids[order], [rows[at] for at in order.tolist()], once=self._require_kernel(metric).aggregates_words
        )

    def merge(self, kept: Sequence[Arrays], without: Ids) -> Arrays:
        """Several parts as one, without some ids."""
        return merge_postings(kept, without)

    def empty(self, metric: Metric, fitted: Arrays | None = None, kept: Sequence[Arrays] = ()) -> InvertedSearcher:
        """An index without images."""
        return InvertedSearcher(self, self._require_kernel(metric), tuple(kept))

    def _require_kernel(self, metric: Metric) -> Kernel:
        wanted = self.metric or metric
        if not isinstance(wanted, Kernel):
            raise ValueError(f"an inverted file ranks by a kernel of visual words, such as tf_idf; got {wanted!r}")
        return wanted


@dataclass(frozen=True, eq=False)
class InvertedSearcher:
    """The parts of an inverted file, and which of their images are there: `live_ids` ids, sorted."""

    index: Inverted
    kernel: Kernel
    parts: tuple[Arrays, ...] = ()
    live_ids: Ids = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.live_ids)

    def add(self, ids: Ids, bags: Any) -> InvertedSearcher:  # noqa: ANN401 - lists of records
        """With these images too; the records of those that a part covers are not read.

        Raises
        ------
        ValueError
            where an id is in the index already or comes twice, or is not in 0 to 2^32 - 1
        """
        check_new_ids(ids, self.live_ids)
        covered = np.isin(ids, np.concatenate([np.empty(0, np.uint32), *(part["ids"] for part in self.parts)]))
        parts, new = list(self.parts), np.flatnonzero(~covered)
        if len(new):
            made = self.index.encode(ids[new], [bags[at] for at in new.tolist()], self.kernel, {})
            parts = compact_parts(self.index, [*parts, made], np.empty(0, np.int64))
        return replace(self, parts=tuple(parts), live_ids=np.union1d(self.live_ids, ids))

    def remove(self, ids: Ids) -> InvertedSearcher:
        """Without these."""
        return replace(self, live_ids=np.setdiff1d(self.live_ids, ids))

    def search(self, queries: Any, k: int, allow: Ids | None = None) -> Hits:  # noqa: ANN401 - lists of records
        """The k most alike images of each query; those that share nothing with it are none."""
        if k < 1:
            raise ValueError(f"k is 1 or larger; got {k}")
        ids = np.full((len(queries), k), NO_ID, np.int64)
        found = np.full((len(queries), k), -np.inf, np.float32)
        for at, query in enumerate(queries):
            best, scored = self._top_k(query, k, allow)
            ids[at, : len(best)], found[at, : len(best)] = best, scored - 1
        return Hits(ids, found)

    def _top_k(self, query: Records, k: int, allow: Ids | None) -> tuple[Ids, Doubles]:
        """Ids and similarities above 0, best first; equal ones by id."""
        given = weight_query_postings(query, self.kernel, self._idf(query["word"]))
        ids, made = [np.empty(0, np.int64)], [np.empty(0)]
        for part, lengths_of, stays in zip(self.parts, self._norms, self._live_masks, strict=True):
            product = given.norm * lengths_of
            alike = score_postings(given, part, self.kernel, consistent=self.index.consistent)
            alike /= np.where(product > 0, product, np.inf)
            alike[~stays] = 0
            at = np.flatnonzero(alike)
            if allow is not None:
                at = at[np.isin(part["ids"][at], allow)]
            ids.append(part["ids"][at].astype(np.int64))
            made.append(alike[at])
        every, alike = np.concatenate(ids), np.concatenate(made).astype(np.float32)
        if len(alike) > k:
            near = np.flatnonzero(alike >= np.partition(alike, len(alike) - k)[len(alike) - k])
            every, alike = every[near], alike[near]
        order = np.lexsort((every, -alike))[:k]
        return every[order], alike[order]

    def _idf(self, words: NDArray[np.uint32]) -> Doubles:
        counts = np.zeros(len(words))
        for part, held in zip(self.parts, self._document_frequencies, strict=True):
            place = np.searchsorted(part["words"], words)
            known = np.flatnonzero(part["words"][np.minimum(place, len(held) - 1)] == words if len(held) else [])
            counts[known] += held[place[known]]
        return inverse_document_frequency(self.kernel, counts, len(self.live_ids))

    @cached_property
    def _live_masks(self) -> list[NDArray[np.bool_]]:
        """Which images of each part are there."""
        return [np.isin(part["ids"], self.live_ids) for part in self.parts]

    @cached_property
    def _document_frequencies(self) -> list[NDArray[np.int64]]:
        """How many images of each part hold each of its words."""
        if not self.kernel.idf:
            return [np.zeros(len(part["words"]), np.int64) for part in self.parts]
        return [document_frequencies(part, stays) for part, stays in zip(self.parts, self._live_masks, strict=True)]

    @cached_property
    def _norms(self) -> list[Doubles]:
        """The length of each image of each part."""
        return [posting_bag_norms(part, self.kernel, self._idf(part["words"])) for part in self.parts]
