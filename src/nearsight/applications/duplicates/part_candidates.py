"""Candidates for copies among all images at once: those that share several small features.

1. A feature's keys are its visual word with each band of its signature's bits: features of copies differ in few bits,
   so that some band is mostly the same.
2. The keys of all images are sorted; images with an equal key share that word.
3. Two images that share several words are candidates. Keys of too many images tell nothing and are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.pipeline import Pipeline
from nearsight.storage.snapshot import Snapshot
from nearsight.storage.step_cache import StepCache
from nearsight.types import Ids
from nearsight.visual_words import Records, record_dtype

__all__ = ["PartCandidates", "part_candidates"]

BANDS = ((4_000_000, 8, 3), (1 << 62, 4, 2))
"""Up to so many features, the bands that their bits are cut into, and the words that two images share at least."""
MAX_RUN, MAX_PAIRS = 64, 16_000_000
"""Images with one key, at most: of more it is left out; and pairs that the keys of a part make at most: where there are
more, the keys of most images are left out."""
MAX_SORTED = 8_000_000
"""Features that are sorted at a time; of more, a part of the words comes after the other."""
_LOW = 0xFFFFFFFF


@dataclass(frozen=True)
class PartCandidates:
    """Pairs `(P, 2) int64` of ids that share so many words `(P,)`, and the share of the keys that were left out."""

    pairs: Ids
    n_words: NDArray[np.int64]
    left_out: float


def part_candidates(
    queries: Snapshot,
    database: Snapshot,
    pipeline: Pipeline,
    report: Callable[[int, int], None] = lambda done, total: None,
    steps: StepCache | None = None,
) -> PartCandidates:
    """Images of two generations, or pairs of one, that share several words of the sense `part`.

    `report` is called with the parts of the features that were sorted, and with all; the result is kept in `steps`.
    """
    sides = (database,) if queries is database else (queries, database)
    all_ids = [side.ids(pipeline) for side in sides]
    n_queries = None if queries is database else len(all_ids[0])
    total = sum(len(records) for side in sides for _, records in side.iter_records(pipeline))
    _, bands, fewest = next(each for each in BANDS if total <= each[0])
    n_parts = max(1, -(-total // MAX_SORTED))
    found, counts, dropped = np.empty(0, np.uint64), np.empty(0, np.int64), 0
    for part in range(n_parts):

        def share(part: int = part) -> dict[str, NDArray[Any]]:
            records, owners = _features_of_part(sides, all_ids, pipeline, part, n_parts)
            pairs, left_out = _shared_words(records, owners, bands, n_queries)
            new, often = np.unique(pairs, return_counts=True)
            return {"pairs": new, "counts": often, "dropped": np.array(left_out)}

        shared = share() if steps is None else steps.compute(f"part-{part}-of-{n_parts}", share)
        found, counts = _add_counts(found, counts, shared["pairs"], shared["counts"])
        dropped += int(shared["dropped"])
        report(part + 1, n_parts)
    kept, ids = counts >= fewest, np.concatenate(all_ids)
    first, second = (found[kept] >> np.uint64(32)).astype(np.int64), (found[kept] & np.uint64(_LOW)).astype(np.int64)
    pairs_of_ids = np.stack([ids[first], ids[second]], axis=1)
    return PartCandidates(pairs_of_ids, counts[kept], dropped / max(1, total * bands))


def _features_of_part(
    sides: Sequence[Snapshot], all_ids: Sequence[Ids], pipeline: Pipeline, part: int, n_parts: int
) -> tuple[Records, NDArray[np.uint32]]:
    """The features whose words belong to a part, and for each the place of its image among all, rising."""
    features, owners, offset = list[Records](), [np.empty(0, np.uint32)], 0
    for side, ids in zip(sides, all_ids, strict=True):
        for whose, records in side.iter_records(pipeline):
            own = records["word"] % n_parts == part
            features.append(records[own][["word", "bits"]])
            owners.append((offset + np.searchsorted(ids, whose[own])).astype(np.uint32))
        offset += len(ids)
    places = np.concatenate(owners)
    order = np.argsort(places, kind="stable")
    together = np.concatenate(features) if features else np.empty(0, record_dtype(64))
    return together[order], places[order]


def _shared_words(
    records: Records, owners: NDArray[np.uint32], bands: int, n_queries: int | None
) -> tuple[NDArray[np.uint64], int]:
    """Pairs of images `(n,)`, once for each word that they share, and how many keys were left out."""
    width, dropped = records["bits"].shape[1] // bands, 0
    words, shared = records["word"].astype(np.uint64), [np.empty((0, 2), np.uint64)]
    for band in range(bands):
        keys = words.copy()
        for byte in range(band * width, (band + 1) * width):
            keys = (keys << np.uint64(8)) | records["bits"][:, byte]
        order = np.argsort(keys, kind="stable")
        sorted_keys = keys[order]
        starts = np.flatnonzero(np.r_[True, sorted_keys[1:] != sorted_keys[:-1]][: len(keys)])
        lengths = np.diff(np.r_[starts, len(keys)])
        longest = _longest_run(lengths, MAX_PAIRS // bands)
        dropped += int(lengths[lengths > longest].sum())
        for length in np.unique(lengths[(lengths > 1) & (lengths <= longest)]).tolist():
            places = order[starts[lengths == length][:, None] + np.arange(length)]
            shared.append(_pairs_of_runs(owners[places].astype(np.uint64), words[places[:, 0]], n_queries))
    pairs, words_of_pairs = np.concatenate(shared).T
    order = np.lexsort((words_of_pairs, pairs))
    pairs, words_of_pairs = pairs[order], words_of_pairs[order]
    new = np.r_[True, (pairs[1:] != pairs[:-1]) | (words_of_pairs[1:] != words_of_pairs[:-1])][: len(pairs)]
    return pairs[new], dropped


def _longest_run(lengths: NDArray[np.int64], max_pairs: int) -> int:
    """How many images a key may have, so that all keys of as many or fewer make at most so many pairs."""
    counts = np.bincount(lengths[lengths <= MAX_RUN], minlength=MAX_RUN + 1)
    every = np.arange(MAX_RUN + 1)
    made = np.cumsum(counts * (every * (every - 1) // 2))
    return int(every[made <= max_pairs].max(initial=1))


def _pairs_of_runs(owners: NDArray[np.uint64], words: NDArray[np.uint64], n_queries: int | None) -> NDArray[np.uint64]:
    """All pairs of the images `(runs, length)`, rising, that have a key, each with its word: `(n, 2)`."""
    first, second = np.triu_indices(owners.shape[1], 1)
    one, other = owners[:, first].ravel(), owners[:, second].ravel()
    kept = one != other
    if n_queries is not None:
        kept &= (one < n_queries) & (other >= n_queries)
    pairs = np.stack([(one << np.uint64(32)) | other, np.repeat(words, len(first))], axis=1)
    return np.asarray(pairs[kept], np.uint64)


def _add_counts(
    pairs: NDArray[np.uint64], counts: NDArray[np.int64], fresh: NDArray[np.uint64], often: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Pairs with how often each was met, and more of them."""
    met, place = np.unique(np.concatenate([pairs, fresh]), return_inverse=True)
    return met, np.bincount(place, np.concatenate([counts, often]), len(met)).astype(np.int64)
