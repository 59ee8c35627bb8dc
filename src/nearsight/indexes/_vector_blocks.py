"""Rows in blocks, found again by their ids without a table of all ids in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.types import Ids

_CHUNK_BYTES = 1 << 20
_VIEW_BYTES = 16 << 20


class VectorBlock:
    """Ids `(n,) int64` and their rows `(n, D)`, which may be a read-only memory map; both are kept without a copy."""

    def __init__(self, ids: Ids, vectors: NDArray[Any]) -> None:
        self.ids, self.vectors = ids, vectors
        self._order = None if bool((ids[1:] > ids[:-1]).all()) else np.argsort(ids, kind="stable")

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _sorted_ids(self) -> Ids:
        return self.ids if self._order is None else self.ids[self._order]

    def find_positions(self, ids: Ids) -> NDArray[np.intp]:
        """Positions, in the order of `ids` (sorted), of those of them that this block holds."""
        inside = (
            ids[slice(*np.searchsorted(ids, (self._sorted_ids[0], self._sorted_ids[-1] + 1)))] if len(self) else ids[:0]
        )
        at = np.searchsorted(self._sorted_ids, inside)
        at = at[self._sorted_ids[at] == inside]
        return np.asarray(at if self._order is None else self._order[at])


class BlockedVectors:
    """Several blocks, one after another. A position counts over all of them."""

    def __init__(self, blocks: Sequence[VectorBlock] = ()) -> None:
        self.blocks = tuple(blocks)
        self.starts = np.cumsum([0, *map(len, self.blocks)], dtype=np.int64)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def find_positions(self, ids: Ids) -> NDArray[np.intp]:
        """Sorted positions of those of the sorted `ids` that are here."""
        if not len(ids):
            return np.empty(0, np.intp)
        found = [start + block.find_positions(ids) for start, block in zip(self.starts, self.blocks, strict=False)]
        return np.sort(np.concatenate(found)) if found else np.empty(0, np.intp)

    def ids(self, positions: NDArray[np.intp]) -> Ids:
        """The ids at sorted positions."""
        parts = [block.ids[at] for block, at in self._split_by_block(positions)]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def iter_vectors(self, positions: NDArray[np.intp]) -> Iterator[NDArray[Any]]:
        """The rows at sorted positions, in order, about a megabyte at a time."""
        for block, at in self._split_by_block(positions):
            step = _vectors_per_chunk(_CHUNK_BYTES, block)
            for first in range(0, len(at), step):
                piece = at[first : first + step]
                whole = piece[-1] - piece[0] + 1 == len(piece)
                yield block.vectors[piece[0] : piece[-1] + 1] if whole else block.vectors[piece]

    def iter_all(self) -> Iterator[NDArray[Any]]:
        """All rows, in order, where they lie, without a copy; about sixteen megabytes at a time."""
        for block in self.blocks:
            step = _vectors_per_chunk(_VIEW_BYTES, block)
            for first in range(0, len(block), step):
                yield np.asarray(block.vectors[first : first + step])

    def _split_by_block(self, positions: NDArray[np.intp]) -> Iterator[tuple[VectorBlock, NDArray[np.intp]]]:
        """Each block that holds some of the sorted positions, with their places in it."""
        bounds = np.searchsorted(positions, self.starts)
        for number in np.flatnonzero(bounds[1:] > bounds[:-1]):
            yield self.blocks[number], positions[bounds[number] : bounds[number + 1]] - self.starts[number]


@dataclass(frozen=True)
class SearchScope:
    """The vectors to search: those at the sorted positions `selected`, or all but those at the positions `excluded`."""

    blocks: BlockedVectors
    excluded: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))
    selected: NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return len(self.blocks) if self.selected is None else len(self.selected)

    def iter_vectors(self) -> Iterator[NDArray[Any]]:
        """All of them, in order, some at a time."""
        return self.blocks.iter_all() if self.selected is None else self.blocks.iter_vectors(self.selected)

    def to_positions(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        """The positions of the rows at some places among them."""
        return places if self.selected is None else self.selected[places]


def _vectors_per_chunk(max_bytes: int, block: VectorBlock) -> int:
    """How many rows of a block have `max_bytes` bytes, at least one."""
    return max(1, max_bytes // max(1, int(block.vectors.shape[1]) * int(block.vectors.dtype.itemsize)))
