"""Visual words by word: which images hold each, and how alike a query is to them. A helper, not a method.

What is kept of n images: `ids (n,) uint32` rising; for P features, sorted by word and then by image, `docs (P,)
uint32` (the place of its image among the ids), `bits (P, B) uint8`, `angles (P,)` and `scales (P,) uint8`; the
distinct `words (W,) uint32`, rising, and where the features of each start, `starts (W + 1,) int64`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from nearsight.types import Arrays, Doubles, Ids, Kernel
from nearsight.visual_words import Records, record_dtype

_faiss_kernels: Any = faiss  # its stubs leave these functions out
_CHUNK = 1 << 18
_BLOCK = 1 << 20
_MIN_LIST_LENGTH = 64
"""Features of a word, on average, below which a call for each word takes longer than all at once."""
ANGLE_BINS, SCALE_BINS = 16, 16
"""Bins of differences in angle (a full turn) and in scale (of 16 octaves) for weak geometric consistency."""


def build_postings(ids: Ids, bags: Sequence[Records], *, once: bool) -> Arrays:
    """The postings of images with rising ids; with `once`, only the first feature of each word of each image."""
    lengths = [len(row) for row in bags]
    every = np.concatenate([*bags, np.empty(0, bags[0].dtype if bags else record_dtype(0))])
    docs = np.repeat(np.arange(len(bags), dtype=np.uint32), lengths)
    order = np.argsort(every["word"], kind="stable")
    every, docs = every[order], docs[order]
    if once:
        first = _group_starts(every["word"], docs)
        every, docs = every[first], docs[first]
    words, starts = _posting_offsets(every["word"])
    kept = {name: np.ascontiguousarray(every[name]) for name in ("bits", "angle", "scale")}
    return {"ids": ids.astype(np.uint32), "docs": docs, "words": words, "starts": starts, **kept}


def merge_postings(parts: Sequence[Arrays], without: Ids) -> Arrays:
    """Several parts as one, without some ids."""
    ids = np.concatenate([part["ids"] for part in parts])
    stays = ~np.isin(ids, without)
    order = np.flatnonzero(stays)[np.argsort(ids[stays], kind="stable")]
    places = np.full(len(ids), -1, np.int64)
    places[order] = np.arange(len(order))
    offsets = np.cumsum([0, *(len(part["ids"]) for part in parts)])
    docs = np.concatenate([places[part["docs"] + start] for part, start in zip(parts, offsets, strict=False)])
    word = np.concatenate([np.repeat(part["words"], np.diff(part["starts"])) for part in parts])
    at = np.flatnonzero(docs >= 0)
    at = at[np.lexsort((docs[at], word[at]))]
    words, starts = _posting_offsets(word[at])
    kept = {name: np.concatenate([part[name] for part in parts])[at] for name in ("bits", "angle", "scale")}
    return {"ids": ids[order], "docs": docs[at].astype(np.uint32), "words": words, "starts": starts, **kept}


def document_frequencies(part: Arrays, live: NDArray[np.bool_]) -> NDArray[np.int64]:
    """In how many of the images that stay each word is, `(W,)`."""
    counts = np.zeros(len(part["words"]), np.int64)
    for word, docs, _ in _posting_term_counts(part):
        counts += np.bincount(word[live[docs]], minlength=len(counts))
    return counts


def posting_bag_norms(part: Arrays, kernel: Kernel, idf: Doubles) -> Doubles:
    """The length of each image by the kernel, `(n,)`; `idf (W,)` of the part's words."""
    squares = np.zeros(len(part["ids"]))
    for word, docs, counts in _posting_term_counts(part):
        squares += np.bincount(docs, (idf[word] * _burst_weights(kernel, counts)) ** 2, minlength=len(squares))
    return np.sqrt(squares)


@dataclass(frozen=True)
class WeightedBag:
    """A query: its records by word, the weight of each, and its length."""

    bag: Records
    weights: Doubles
    idf: Doubles
    norm: float


def weight_query_postings(bag: Records, kernel: Kernel, idf: Doubles) -> WeightedBag:
    """A query with the idf of each record's word `(n,)`."""
    if kernel.aggregates_words:
        _, first = np.unique(bag["word"], return_index=True)
        bag, idf = bag[first], idf[first]
    _, place, counts = np.unique(bag["word"], return_inverse=True, return_counts=True)
    each = _burst_weights(kernel, counts)[place] / counts[place]
    length = float(np.sqrt((idf**2 * _burst_weights(kernel, counts)[place] ** 2 / counts[place]).sum()))
    return WeightedBag(bag, each * idf**2, idf, length)


def score_postings(query: WeightedBag, part: Arrays, kernel: Kernel, *, consistent: bool = False) -> Doubles:
    """The sum over matching features for each image, `(n,)`; the lengths are not divided out.

    With `consistent`, only pairs count whose differences in angle, and in scale, are those of most of the image's
    pairs: the largest sum over a bin and its neighbours, of angles or of scales, whichever is smaller.

    Raises
    ------
    ValueError
        where records of query and images differ in their bits
    """
    total = len(part["ids"])
    mine, theirs = (8 * rows["bits"].shape[1] for rows in (query.bag, part))
    if total and mine != theirs:
        raise ValueError(f"the records of these images have {theirs} bits; got a query of {mine}")
    at = np.searchsorted(part["words"], query.bag["word"])
    last = len(part["words"]) - 1
    here = np.flatnonzero(part["words"][np.minimum(at, last)] == query.bag["word"] if last >= 0 else [])
    table = kernel.weights(8 * part["bits"].shape[1]).astype(np.float64)
    made = np.zeros(total * (ANGLE_BINS + SCALE_BINS) if consistent else total)
    for span in _posting_batches(part, at[here], here):
        docs, weights = span.gather("docs", np.intp), span.repeat_per_match(query.weights)
        if len(table) > 1:
            weights = weights * table[span.differing_bits(query.bag["bits"])]
        if kernel.burst and not kernel.aggregates_words:
            weights = weights * _burst_counts(docs, span.starts) ** -0.5
        if not consistent:
            made += np.bincount(docs, weights, minlength=total)
            continue
        turns = (span.repeat_per_match(query.bag["angle"]) - span.gather("angle", np.uint8)) // (256 // ANGLE_BINS)
        steps = (
            (span.repeat_per_match(query.bag["scale"]).astype(np.int32) - span.gather("scale", np.int32) + 256 + 16)
            // 32
            % SCALE_BINS
        )
        made[: total * ANGLE_BINS] += np.bincount(docs * ANGLE_BINS + turns, weights, minlength=total * ANGLE_BINS)
        made[total * ANGLE_BINS :] += np.bincount(docs * SCALE_BINS + steps, weights, minlength=total * SCALE_BINS)
    if consistent:
        halves = (
            made[: total * ANGLE_BINS].reshape(total, ANGLE_BINS),
            made[total * ANGLE_BINS :].reshape(total, SCALE_BINS),
        )
        made = np.minimum(*(_posting_peak_sums(half) for half in halves))
    return made


@dataclass(frozen=True)
class _MatchBatch:
    """Some of the query's records, and the features of the same word for each: those from `begins` to `ends`."""

    part: Arrays
    query_indices: NDArray[np.intp]
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How many features each record meets."""
        return self.ends - self.begins

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where the features of each record start among all of these."""
        return np.cumsum(self.counts) - self.counts

    def repeat_per_match(self, values: NDArray[Any]) -> NDArray[Any]:
        """What belongs to the query's records, for each feature that they meet."""
        return np.repeat(values[self.query_indices], self.counts)

    def gather(self, name: str, dtype: Any) -> NDArray[Any]:  # noqa: ANN401 - as NumPy takes it
        """What is kept of the features that are met."""
        kept = self.part[name]
        pieces = [kept[begin:end] for begin, end in zip(self.begins.tolist(), self.ends.tolist(), strict=True)]
        return np.concatenate(pieces or [kept[:0]], dtype=dtype, casting="unsafe")

    def differing_bits(self, bits: NDArray[np.uint8]) -> NDArray[np.integer]:
        """How many bits differ between each record and the features that it meets; long lists by faiss's kernel."""
        if len(self.query_indices) * _MIN_LIST_LENGTH > self.counts.sum():
            return count_differing_bits(
                np.repeat(bits[self.query_indices], self.counts, axis=0), self.gather("bits", np.uint8)
            )
        kept, mine, found = (
            self.part["bits"],
            np.ascontiguousarray(bits[self.query_indices]),
            np.empty(self.counts.sum(), np.int32),
        )
        for at, (begin, end, start) in enumerate(zip(self.begins, self.ends, self.starts, strict=True)):
            _faiss_kernels.hammings(
                *map(_faiss_kernels.swig_ptr, (mine[at : at + 1], kept[begin:end])),
                1,
                int(end - begin),
                mine.shape[1],
                _faiss_kernels.swig_ptr(found[start:]),
            )
        return found


def count_differing_bits(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.intp]:
    """How many bits differ between rows of bytes `(m, B)`, `(m,)`."""
    wide = np.uint64 if first.shape[1] % 8 == 0 else np.uint8
    mine: NDArray[Any] = np.ascontiguousarray(first).view(wide)
    theirs: NDArray[Any] = np.ascontiguousarray(second).view(wide)
    counted: NDArray[np.intp] = np.bitwise_count(mine ^ theirs).sum(axis=1, dtype=np.intp)
    return counted


def _posting_batches(part: Arrays, at: NDArray[np.intp], query_indices: NDArray[np.intp]) -> Iterator[_MatchBatch]:
    """The query's records `query_indices` with the features of their words, at the places `at`; some at a time."""
    begins, ends = part["starts"][at], part["starts"][at + 1]
    met, first = np.cumsum(ends - begins), 0
    while first < len(at):
        done = met[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(met, done + _CHUNK, "right")))
        yield _MatchBatch(part, query_indices[first:last], begins[first:last], ends[first:last])
        first = last


def _posting_term_counts(part: Arrays) -> Iterator[tuple[NDArray[np.intp], NDArray[np.uint32], NDArray[np.intp]]]:
    """Each pair of a word (its place) and an image with how many features it has, some at a time."""
    starts = part["starts"]
    first = 0
    while first < len(part["words"]):
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + _BLOCK, "right")) - 1)
        docs = part["docs"][starts[first] : starts[last]]
        word = np.repeat(np.arange(first, last), np.diff(starts[first : last + 1]))
        new = _group_starts(word, docs)
        yield word[new], docs[new], np.diff(np.append(new, len(docs)))
        first = last


def _group_starts(word: NDArray[np.integer], docs: NDArray[np.integer]) -> NDArray[np.intp]:
    """Where a new pair of word and image begins."""
    if not len(word):
        return np.empty(0, np.intp)
    return np.flatnonzero(np.append(True, (word[1:] != word[:-1]) | (docs[1:] != docs[:-1])))


def _burst_counts(docs: NDArray[np.integer], starts: NDArray[np.integer]) -> Doubles:
    """How many features of the same word and image stand together with each."""
    opens = np.append(True, docs[1:] != docs[:-1])
    opens[starts[starts < len(docs)]] = True
    new = np.flatnonzero(opens)
    counts = np.diff(np.append(new, len(docs)))
    return np.repeat(counts, counts).astype(np.float64)


def _burst_weights(kernel: Kernel, counts: NDArray[np.integer]) -> Doubles:
    """What so many features of one word count together."""
    return np.sqrt(counts) if kernel.burst else counts.astype(np.float64)


def _posting_peak_sums(histograms: Doubles) -> Doubles:
    """The largest sum of a bin and its two neighbours; the bins go round."""
    around = histograms + np.roll(histograms, 1, axis=1) + np.roll(histograms, -1, axis=1)
    return np.asarray(around.max(axis=1, initial=0))


def _posting_offsets(word: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    words, first = np.unique(word, return_index=True)
    return words.astype(np.uint32), np.append(first, len(word)).astype(np.int64)
