"""Which images of a collection may be copies of each other: near as wholes, or sharing small features."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.applications.duplicates.part_candidates import part_candidates
from nearsight.applications.duplicates.screening import MIN_CORRELATION, correlate_pairs
from nearsight.applications.duplicates.whole_candidates import whole_candidates
from nearsight.pipeline import Pipeline
from nearsight.storage.snapshot import Snapshot
from nearsight.storage.step_cache import StepCache
from nearsight.types import Floats, Ids
from nearsight.wording import plural

__all__ = ["WHOLE_WEIGHT", "Candidates", "ReportStep", "find_candidates", "strongest"]

ReportStep = Callable[[str, int, int], None]
"""Called with a step, what is done of it, and how much there is; 0 where that is not known."""
WHOLE_WEIGHT = 40.0
"""What a perfect correlation of two whole images counts, in shared features: the best connected image is a head."""
VERSION = 1
"""It rises when other pairs are found."""
MAX_CANDIDATES = 50
"""Candidates of an image at most, the strongest; a pair is left out where it is among those of neither. Pages of a book
share letters: each would be compared with all others."""


@dataclass(frozen=True)
class Candidates:
    """For each image those that may be copies of it, and how much speaks for each; and what was left out."""

    neighbours: Mapping[int, Mapping[int, float]]
    left_out: str = ""

    def __len__(self) -> int:
        return sum(map(len, self.neighbours.values())) // 2


def find_candidates(
    snapshot: Snapshot,
    whole: Pipeline,
    part: Pipeline,
    ids: Ids,
    firsts: Ids,
    watch: ReportStep,
    index_dir: Path | None = None,
) -> Candidates:
    """The candidates among the first of all images of equal content.

    With `index_dir`, each step is kept there: a run that was killed goes on, and another one over the same images has
    them at once.

    Parameters
    ----------
    whole, part : the pipelines of the senses `copy` and `part`
    ids, firsts : `(n,)`, those of all images, rising, and for each the first of equal content
    """
    trained = snapshot.trained_pipeline(part)
    steps = None if index_dir is None else StepCache(index_dir, _state(snapshot, whole, trained))
    found = whole_candidates(
        snapshot, snapshot, whole, lambda done, total: watch("looking for copies", done, total), steps
    )
    watch("looking for parts", 0, 0)
    shared = part_candidates(
        snapshot, snapshot, trained, lambda done, total: watch("looking for parts", done, total), steps
    )
    watch("looking at candidates", 0, 0)
    wholes, _ = _sum_by_pair(found, np.ones(len(found), np.float32), ids, firsts)

    def correlate() -> dict[str, Floats]:
        return {"correlations": correlate_pairs(snapshot, snapshot, wholes)}

    name = f"correlations-{zlib.crc32(wholes.tobytes()):08x}"
    correlations = (correlate() if steps is None else steps.compute(name, correlate))["correlations"]
    near = correlations >= MIN_CORRELATION
    strengths = WHOLE_WEIGHT * (correlations[near] - MIN_CORRELATION) / (1 - MIN_CORRELATION)
    both = np.concatenate([wholes[near], shared.pairs]), np.concatenate([strengths, shared.n_words])
    pairs, weights = _sum_by_pair(*both, ids, firsts)
    left_out = []
    if shared.left_out:
        left_out.append(f"{100 * shared.left_out:.2g} % of the small features, which too many images have")
    kept = strongest(pairs, weights)
    if not kept.all():
        left_out.append(f"{plural(int((~kept).sum()), 'pair')} of images that have many likelier candidates")
    neighbours: dict[int, dict[int, float]] = {}
    for (one, other), weight in zip(pairs[kept].tolist(), weights[kept].tolist(), strict=True):
        neighbours.setdefault(one, {})[other] = neighbours.setdefault(other, {})[one] = weight
    return Candidates(neighbours, "; ".join(left_out))


def _state(snapshot: Snapshot, *pipelines: Pipeline) -> str:
    """A name for the images of a collection, their vectors, and the code that finds candidates among them."""
    parts = [str(VERSION), *(f"{each.key} {zlib.crc32(snapshot.ids(each).tobytes())}" for each in pipelines)]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _sum_by_pair(pairs: Ids, weights: NDArray[Any], ids: Ids, firsts: Ids) -> tuple[Ids, Floats]:
    """Each pair `(P, 2)` of the first images of equal content once, the lower id first, with the sum of its weights."""
    if not len(pairs) or not len(ids):
        return np.empty((0, 2), np.int64), np.empty(0, np.float32)
    places = np.minimum(np.searchsorted(ids, pairs), len(ids) - 1)
    known = (ids[places] == pairs).all(axis=1)
    both = np.sort(np.searchsorted(ids, firsts[places]), axis=1).astype(np.uint64)
    known &= both[:, 0] != both[:, 1]
    keys, which = np.unique((both[known, 0] << np.uint64(32)) | both[known, 1], return_inverse=True)
    first, second = (keys >> np.uint64(32)).astype(np.int64), (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    summed = np.bincount(which, weights[known], len(keys)).astype(np.float32)
    return np.stack([ids[first], ids[second]], axis=1), summed


def strongest(pairs: Ids, weights: Floats) -> NDArray[np.bool_]:
    """Which of the pairs `(P, 2)` are among the strongest of either image."""
    images, strengths = pairs.T.ravel(), np.tile(weights, 2)
    order = np.lexsort((-strengths, images))
    kept = np.zeros(len(images), bool)
    kept[order] = np.arange(len(order)) - np.searchsorted(images[order], images[order]) < MAX_CANDIDATES
    return np.asarray(kept.reshape(2, -1).any(axis=0))
