"""Candidates for copies among all images at once: those that are nearest as wholes, also turned and mirrored.

1. The GIST vectors are projected to their principal directions, which shortens distances a little and never stretches
   them.
2. The vectors of an image's eight turns are permutations of its own (`Gist.turned`): no file is read again.
3. Of each image the nearest others are found: exactly, or in the nearest cells of a large collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.clustering import kmeans, nearest_vectors
from nearsight.descriptors.gist import Gist
from nearsight.pipeline import Pipeline
from nearsight.storage.snapshot import Snapshot
from nearsight.storage.step_cache import StepCache
from nearsight.types import Doubles, Floats, Ids

__all__ = ["whole_candidates"]

N_DIRECTIONS, N_SAMPLES = 128, 2000
"""Principal directions of the vectors, and images whose turns they are computed from."""
BLOCK, STEP = 8192, 32_768
"""Images that are looked up at a time, in eight turns each; and those of a step, whose result is kept."""
DEPTH, N_NEAREST = 12, 3
"""Other images that are found for each, and how many of these are candidates in any case."""
MAX_DISTANCE, NEAR_DISTANCE = 1.8, 0.35
"""Distance of GIST vectors beyond which even the nearest is none, and up to which all that are found are."""
CELL_SIZE, PROBES = 400, ((200_000, 6), (1 << 62, 3))
"""Images of a cell on the average, and up to so many images the cells that each turn is looked up in."""
EXACT_BELOW = 15_000
"""A smaller collection has one cell."""

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class _Cells:
    """Projected vectors of a collection by cell: `vectors (N, D)` and `ids (N,)` sorted by cell, from `starts`."""

    centroids: Floats
    starts: NDArray[np.int64]
    vectors: Floats
    ids: Ids


def whole_candidates(
    queries: Snapshot,
    database: Snapshot,
    pipeline: Pipeline,
    report: Report = lambda done, total: None,
    steps: StepCache | None = None,
) -> Ids:
    """Pairs `(P, 2) int64` of ids of two generations, or of one: an image, and one that may be a copy of it.

    An image is no candidate for itself. `report` is called with the images that were looked up, and with all; what was
    found for some of them is kept in `steps`.
    """
    descriptor = pipeline.descriptor
    assert isinstance(descriptor, Gist)
    ids = queries.ids(pipeline)
    lookup = _Lookup(descriptor, database, pipeline, same=queries is database)
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(ids), STEP):
        some = ids[start : start + STEP]

        def find(some: Ids = some, start: int = start) -> dict[str, Ids]:
            pairs, done = list[Ids](), start
            for each, vectors in _blocks(queries, pipeline, some):
                pairs.append(lookup.nearest(each, vectors))
                done += len(each)
                report(done, len(ids))
            return {"pairs": np.concatenate(pairs)}

        found.append((find() if steps is None else steps.compute(f"whole-{start}", find))["pairs"])
        report(min(start + STEP, len(ids)), len(ids))
    return np.concatenate(found)


class _Lookup:
    """The projected vectors of a collection, made when something is looked up in them."""

    def __init__(self, descriptor: Gist, database: Snapshot, pipeline: Pipeline, *, same: bool) -> None:
        self._descriptor, self._database, self._pipeline, self._same = descriptor, database, pipeline, same

    @cached_property
    def _basis(self) -> Floats:
        return _principal_directions(self._descriptor, self._database.sample(self._pipeline, N_SAMPLES)[1])

    @cached_property
    def _cells(self) -> _Cells:
        return _project_into_cells(self._database, self._pipeline, self._basis)

    @cached_property
    def _bases(self) -> Floats:
        """What projects a vector as each of its turns `(size, turns x directions)`: a turn only moves its values."""
        turns = self._descriptor.turned(np.eye(self._descriptor.size, dtype=np.float32))
        return np.concatenate(list(turns @ self._basis), axis=1)

    def nearest(self, ids: Ids, vectors: Floats) -> Ids:
        """The candidates of some images `(P, 2)`."""
        projected = vectors @ self._bases
        turned = projected.reshape(len(ids), -1, self._basis.shape[1]).swapaxes(0, 1)
        return _nearest_of_block(ids, turned, self._cells, same=self._same)


def _blocks(snapshot: Snapshot, pipeline: Pipeline, ids: Ids) -> Iterator[tuple[Ids, Floats]]:
    """About `BLOCK` images at a time, with their vectors."""
    waiting, count = list[tuple[Ids, NDArray[Any]]](), 0
    for some, vectors in snapshot.iter_vectors(pipeline, ids):
        waiting.append((some, vectors))
        count += len(some)
        if count >= BLOCK:
            yield _join(waiting)
            waiting, count = [], 0
    if waiting:
        yield _join(waiting)


def _join(pieces: Sequence[tuple[Ids, NDArray[Any]]]) -> tuple[Ids, Floats]:
    ids, vectors = zip(*pieces, strict=True)
    return np.concatenate(ids), np.concatenate(vectors).astype(np.float32)


def _principal_directions(descriptor: Gist, sample: Floats) -> Floats:
    """Orthonormal directions `(size, n)` that hold most of the length of these vectors and of their turns."""
    if not len(sample):
        return np.eye(descriptor.size, 1, dtype=np.float32)
    moments: Doubles = np.zeros((descriptor.size, descriptor.size))
    for turn in descriptor.turned(sample).astype(np.float64):
        moments += turn.T @ turn
    _, directions = np.linalg.eigh(moments)
    return np.ascontiguousarray(directions[:, : -N_DIRECTIONS - 1 : -1], np.float32)


def _project_into_cells(database: Snapshot, pipeline: Pipeline, basis: Floats) -> _Cells:
    """All vectors of a collection, projected, in one cell or in many."""
    ids = database.ids(pipeline)
    projected, order, at = np.empty((len(ids), basis.shape[1]), np.float32), np.empty(len(ids), np.int64), 0
    for some, vectors in _blocks(database, pipeline, ids):
        projected[at : at + len(some)], order[at : at + len(some)] = vectors @ basis, some
        at += len(some)
    if len(ids) < EXACT_BELOW:
        return _Cells(projected[:1], np.array([0, len(ids)]), projected, order)
    count = len(ids) // CELL_SIZE
    step = max(1, len(ids) // (64 * count))
    centroids = kmeans(np.ascontiguousarray(projected[::step]), count)
    cells = nearest_vectors(projected, centroids, 1)[1][:, 0]
    by_cell = np.argsort(cells, kind="stable")
    starts = np.searchsorted(cells[by_cell], np.arange(count + 1))
    return _Cells(centroids, starts, projected[by_cell], order[by_cell])


def _nearest_of_block(ids: Ids, turned: Floats, cells: _Cells, *, same: bool) -> Ids:
    """The candidates of some images `(P, 2)`, given their projected turns `(8, n, D)`."""
    n_turns, count, _ = turned.shape
    flat = turned.reshape(n_turns * count, -1)
    owners = np.tile(np.arange(count), n_turns)
    probes = next(count for most, count in PROBES if len(cells.ids) <= most)
    probed = nearest_vectors(flat, cells.centroids, min(probes, len(cells.centroids)))[1]
    by_cell = np.argsort(probed, axis=None, kind="stable")
    bounds = np.searchsorted(probed.ravel()[by_cell], np.arange(len(cells.centroids) + 1))
    squares, others, whose = [np.empty(0, np.float32)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for cell in range(len(cells.centroids)):
        start, end = cells.starts[cell], cells.starts[cell + 1]
        asked = by_cell[bounds[cell] : bounds[cell + 1]] // probed.shape[1]
        if start == end or not len(asked):
            continue
        near, places = nearest_vectors(flat[asked], cells.vectors[start:end], int(min(DEPTH + 1, end - start)))
        # Of each turn the nearest, with the image itself; further ones only where they are very near.
        kept = (near <= NEAR_DISTANCE**2) | (np.arange(near.shape[1]) <= N_NEAREST)
        squares.append(near[kept])
        others.append(cells.ids[start + places[kept]])
        whose.append(np.repeat(owners[asked], kept.sum(axis=1)))
    return _choose_nearest(ids, *map(np.concatenate, (whose, others, squares)), same=same)  # type: ignore[arg-type]


def _choose_nearest(ids: Ids, whose: NDArray[np.int64], others: Ids, squares: Floats, *, same: bool) -> Ids:
    """Of all that was found for each image, the nearest ones, each once."""
    left = (squares <= MAX_DISTANCE**2) & (ids[whose] != others if same else True)
    whose, others, squares = whose[left], others[left], squares[left]
    order = np.lexsort((squares, others, whose))
    whose, others, squares = whose[order], others[order], squares[order]
    first = np.r_[True, (whose[1:] != whose[:-1]) | (others[1:] != others[:-1])][: len(whose)]
    whose, others, squares = whose[first], others[first], squares[first]
    order = np.lexsort((others, squares, whose))
    whose, others, squares = whose[order], others[order], squares[order]
    ranks = np.arange(len(whose)) - np.searchsorted(whose, whose)
    chosen = (ranks < N_NEAREST) | ((ranks < DEPTH) & (squares <= NEAR_DISTANCE**2))
    return np.stack([ids[whose[chosen]], others[chosen]], axis=1)
