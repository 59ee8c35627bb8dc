"""Visual words by word: which pictures hold each, and how alike a query is to them. A helper, not a method.

What is kept of n pictures: `ids (n,) uint32` rising; for P features, sorted by word and then by picture, `docs (P,)
uint32` (the place of its picture among the ids), `bits (P, B) uint8`, `angles (P,)` and `scales (P,) uint8`; the
distinct `words (W,) uint32`, rising, and where the features of each start, `starts (W + 1,) int64`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.types import Arrays, Ids, Kernel
from nearsight.visual_words import Records, records

Doubles = NDArray[np.float64]

_CHUNK = 1 << 18
_BLOCK = 1 << 20
TURNS, STEPS = 16, 16
"""Bins of differences in angle (a full turn) and in scale (of 16 octaves) for weak geometric consistency."""


def postings(ids: Ids, rows: Sequence[Records], *, once: bool) -> Arrays:
    """What is kept of pictures with rising ids; with `once`, only the first feature of each word of each picture."""
    lengths = [len(row) for row in rows]
    every = np.concatenate([*rows, np.empty(0, rows[0].dtype if rows else records(0))])
    docs = np.repeat(np.arange(len(rows), dtype=np.uint32), lengths)
    order = np.argsort(every["word"], kind="stable")
    every, docs = every[order], docs[order]
    if once:
        first = _changes(every["word"], docs)
        every, docs = every[first], docs[first]
    words, starts = _starts(every["word"])
    kept = {name: np.ascontiguousarray(every[name]) for name in ("bits", "angle", "scale")}
    return {"ids": ids.astype(np.uint32), "docs": docs, "words": words, "starts": starts, **kept}


def joined(parts: Sequence[Arrays], without: Ids) -> Arrays:
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
    words, starts = _starts(word[at])
    kept = {name: np.concatenate([part[name] for part in parts])[at] for name in ("bits", "angle", "scale")}
    return {"ids": ids[order], "docs": docs[at].astype(np.uint32), "words": words, "starts": starts, **kept}


def frequencies(part: Arrays, stays: NDArray[np.bool_]) -> NDArray[np.int64]:
    """In how many of the pictures that stay each word is, `(W,)`."""
    counts = np.zeros(len(part["words"]), np.int64)
    for word, docs, _ in _pairs(part):
        counts += np.bincount(word[stays[docs]], minlength=len(counts))
    return counts


def lengths(part: Arrays, kernel: Kernel, idf: Doubles) -> Doubles:
    """The length of each picture by the kernel, `(n,)`; `idf (W,)` of the part's words."""
    squares = np.zeros(len(part["ids"]))
    for word, docs, counts in _pairs(part):
        squares += np.bincount(docs, (idf[word] * _burst(kernel, counts)) ** 2, minlength=len(squares))
    return np.sqrt(squares)


@dataclass(frozen=True)
class Asked:
    """A query: its records by word, the weight of each, and its length."""

    rows: Records
    weights: Doubles
    idf: Doubles
    length: float


def asked(row: Records, kernel: Kernel, idf: Doubles) -> Asked:
    """A query with the idf of each record's word `(n,)`."""
    if kernel.once:
        _, first = np.unique(row["word"], return_index=True)
        row, idf = row[first], idf[first]
    _, place, counts = np.unique(row["word"], return_inverse=True, return_counts=True)
    each = _burst(kernel, counts)[place] / counts[place]
    length = float(np.sqrt((idf**2 * _burst(kernel, counts)[place] ** 2 / counts[place]).sum()))
    return Asked(row, each * idf**2, idf, length)


def scores(query: Asked, part: Arrays, kernel: Kernel, *, consistent: bool = False) -> Doubles:
    """The sum over matching features for each picture, `(n,)`; the lengths are not divided out.

    With `consistent`, only pairs count whose differences in angle, and in scale, are those of most of the picture's
    pairs: the largest sum over a bin and its neighbours, of angles or of scales, whichever is smaller.

    Raises
    ------
    ValueError
        where records of query and pictures differ in their bits
    """
    total = len(part["ids"])
    mine, theirs = (8 * rows["bits"].shape[1] for rows in (query.rows, part))
    if total and mine != theirs:
        raise ValueError(f"the records of these pictures have {theirs} bits; got a query of {mine}")
    at = np.searchsorted(part["words"], query.rows["word"])
    last = len(part["words"]) - 1
    here = np.flatnonzero(part["words"][np.minimum(at, last)] == query.rows["word"] if last >= 0 else [])
    table = kernel.weights(8 * part["bits"].shape[1])
    made = np.zeros(total * (TURNS + STEPS) if consistent else total)
    for mine, theirs, starts in _spans(part, at[here], here):
        docs, weights = part["docs"][theirs], query.weights[mine]
        if len(table) > 1:
            weights = weights * table[differing(query.rows["bits"][mine], part["bits"][theirs])]
        if kernel.burst and not kernel.once:
            weights = weights * _runs(docs, starts) ** -0.5
        if not consistent:
            made += np.bincount(docs, weights, minlength=total)
            continue
        turns = (query.rows["angle"][mine] - part["angle"][theirs]) // (256 // TURNS)
        steps = (query.rows["scale"][mine].astype(np.int32) - part["scale"][theirs] + 256 + 16) // 32 % STEPS
        made[: total * TURNS] += np.bincount(docs.astype(np.int64) * TURNS + turns, weights, minlength=total * TURNS)
        made[total * TURNS :] += np.bincount(docs.astype(np.int64) * STEPS + steps, weights, minlength=total * STEPS)
    if consistent:
        halves = made[: total * TURNS].reshape(total, TURNS), made[total * TURNS :].reshape(total, STEPS)
        made = np.minimum(*(_peak(half) for half in halves))
    return made


def differing(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.intp]:
    """How many bits differ between rows of bytes `(m, B)`, `(m,)`."""
    wide = np.uint64 if first.shape[1] % 8 == 0 else np.uint8
    mine: NDArray[Any] = np.ascontiguousarray(first).view(wide)
    theirs: NDArray[Any] = np.ascontiguousarray(second).view(wide)
    counted: NDArray[np.intp] = np.bitwise_count(mine ^ theirs).sum(axis=1, dtype=np.intp)
    return counted


def _spans(
    part: Arrays, at: NDArray[np.intp], mine: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]]:
    """Pairs of the query's records and the part's features of the same word, some at a time.

    Places of both, and where the features of each record start among them.
    """
    begins, counts = part["starts"][at], part["starts"][at + 1] - part["starts"][at]
    ends, first = np.cumsum(counts), 0
    while first < len(at):
        done = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + _CHUNK, "right")))
        some = counts[first:last]
        starts = np.cumsum(some) - some
        within = np.arange(int(some.sum())) - np.repeat(starts, some)
        yield np.repeat(mine[first:last], some), np.repeat(begins[first:last], some) + within, starts
        first = last


def _pairs(part: Arrays) -> Iterator[tuple[NDArray[np.intp], NDArray[np.uint32], NDArray[np.intp]]]:
    """Each pair of a word (its place) and a picture with how many features it has, some at a time."""
    starts = part["starts"]
    first = 0
    while first < len(part["words"]):
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + _BLOCK, "right")) - 1)
        docs = part["docs"][starts[first] : starts[last]]
        word = np.repeat(np.arange(first, last), np.diff(starts[first : last + 1]))
        new = _changes(word, docs)
        yield word[new], docs[new], np.diff(np.append(new, len(docs)))
        first = last


def _changes(word: NDArray[np.integer], docs: NDArray[np.integer]) -> NDArray[np.intp]:
    """Where a new pair of word and picture begins."""
    if not len(word):
        return np.empty(0, np.intp)
    return np.flatnonzero(np.append(True, (word[1:] != word[:-1]) | (docs[1:] != docs[:-1])))


def _runs(docs: NDArray[np.integer], starts: NDArray[np.intp]) -> Doubles:
    """How many features of the same word and picture stand together with each."""
    opens = np.append(True, docs[1:] != docs[:-1])
    opens[starts[starts < len(docs)]] = True
    new = np.flatnonzero(opens)
    counts = np.diff(np.append(new, len(docs)))
    return np.repeat(counts, counts).astype(np.float64)


def _burst(kernel: Kernel, counts: NDArray[np.integer]) -> Doubles:
    """What so many features of one word count together."""
    return np.sqrt(counts) if kernel.burst else counts.astype(np.float64)


def _peak(histograms: Doubles) -> Doubles:
    """The largest sum of a bin and its two neighbours; the bins go round."""
    around = histograms + np.roll(histograms, 1, axis=1) + np.roll(histograms, -1, axis=1)
    return np.asarray(around.max(axis=1, initial=0))


def _starts(word: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    words, first = np.unique(word, return_index=True)
    return words.astype(np.uint32), np.append(first, len(word)).astype(np.int64)
