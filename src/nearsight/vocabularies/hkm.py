"""Hierarchical k-means: the vocabulary tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.clustering import kmeans, nearest_centroids, release_pages
from nearsight.types import Arrays, Floats, TrainProgress, Vocabulary

_CHUNK = 256


@dataclass(frozen=True)
class Hkm(Vocabulary):
    """Words are the leaves of a tree of clusters, each split into a few by k-means; a descriptor descends the tree.

    1. k-means splits the sample into `branch` clusters, each of these into as many, and so on, `depth` times; a
       cluster of fewer than eight descriptors for each of its parts into fewer.
    2. A descriptor goes to the nearest of the first clusters, then to the nearest of that one's parts, down to a leaf:
       `branch * depth` distances, where k-means measures `branch ** depth`.
    3. Where several words are asked for, as many clusters are kept at each level, those nearest of the parts of all.

    Parameters
    ----------
    branch : parts of a cluster, 2 or more
    depth : levels, 1 or more

    Returns
    -------
    Words `(N, several) int32`

    Raises
    ------
    ValueError
        where a parameter is out of its range, or nothing is there to learn from

    References
    ----------
    D. Nistér and H. Stewénius, Scalable Recognition with a Vocabulary Tree, CVPR 2006, doi:10.1109/CVPR.2006.264.

    Notes
    -----
    Departures: the paper also scores with the clusters inside the tree; here only leaves are words.

    Examples
    --------
    >>> sample = np.repeat(np.float32([[0, 0], [0, 1], [9, 0], [9, 1]]), 20, axis=0)
    >>> words = Hkm(branch=2, depth=2)
    >>> fitted = words.train(sample, lambda done, total: None)
    >>> len(set(words.assign(sample[::20], fitted)[:, 0].tolist()))
    4
    """

    branch: int = 10
    depth: int = 4

    def __post_init__(self) -> None:
        if self.branch < 2 or self.depth < 1:
            raise ValueError(f"branch is 2 or more and depth 1 or more; got {self.branch} and {self.depth}")
        if self.n_words > np.iinfo(np.int32).max:
            raise ValueError(f"branch ** depth is the number of words, below 2 ** 31; got {self.n_words}")

    @property
    def n_words(self) -> int:
        """The leaves of a full tree."""
        return int(self.branch**self.depth)

    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """`centres (K, D)` of the leaves, `centres_l (n, D)` of level l above them, and `parts_l (m, branch) int32`.

        These are the numbers, among the clusters of level l, of the parts of each of the m above; -1 is none.
        """
        if not len(sample):
            raise ValueError("a vocabulary is trained on descriptors; these images have none")
        fitted: dict[str, NDArray[Any]] = {}
        clusters = [np.arange(len(sample))]
        for level in range(self.depth):
            centres: list[Floats] = []
            inside: list[NDArray[np.int64]] = []
            parts = np.full((len(clusters), self.branch), -1, np.int32)
            done = level * len(sample)
            for number, rows in enumerate(clusters):
                report(done, self.depth * len(sample))
                own, split = self._split_cluster(sample[rows] if level else sample)
                parts[number, : len(own)] = len(centres) + np.arange(len(own))
                centres.extend(own)
                inside.extend(rows[part] for part in split)
                done += len(rows)
                release_pages(sample)
            fitted |= {f"centres_{level}": np.stack(centres), f"parts_{level}": parts}
            clusters = inside
        return fitted | {"centres": fitted.pop(f"centres_{self.depth - 1}")}

    def _split_cluster(self, rows: Floats) -> tuple[Floats, list[NDArray[np.int64]]]:
        """The centres of a cluster's parts, and which of its rows each has; parts without rows are left out."""
        centres = kmeans(rows, max(1, min(self.branch, len(rows) // 8)))
        nearest = nearest_centroids(rows, centres)
        kept = np.unique(nearest)
        return centres[kept], [np.flatnonzero(nearest == part) for part in kept]

    def assign(self, descriptors: Floats, fitted: Arrays, several: int = 1) -> NDArray[np.int32]:
        """Down the tree, with the `several` nearest clusters of each level."""
        rows, step = np.asarray(descriptors, np.float32), max(1, _CHUNK // several)
        words = np.full((len(rows), several), -1, np.int32)
        for start in range(0, len(rows), step):
            piece = rows[start : start + step]
            found = np.zeros((len(piece), 1), np.int32)
            for level in range(self.depth):
                centres = fitted["centres" if level == self.depth - 1 else f"centres_{level}"]
                parts = np.where(found[:, :, None] < 0, -1, fitted[f"parts_{level}"][found])
                found = _nearest_candidates(piece, centres, parts.reshape(len(piece), -1), several)
            words[start : start + step, : found.shape[1]] = found
        return words


def _nearest_candidates(
    descriptors: Floats, centres: NDArray[Any], candidates: NDArray[Any], n_words: int
) -> NDArray[np.int32]:
    """Of the centres `candidates (n, M)` which each row may choose, the nearest, nearest first; -1 is none."""
    away = centres[candidates] - descriptors[:, None]
    squares = np.where(candidates < 0, np.inf, np.einsum("nmd,nmd->nm", away, away))
    order = np.argsort(squares, axis=1, kind="stable")[:, :n_words]
    return np.asarray(np.take_along_axis(candidates, order, 1), np.int32)
