"""The distance of combined hashes: byte by byte, with a weight for each part."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats, Metric
from nearsight.types.metric import check_widths

HUE_STEPS = 128
"""Hues go round in this many steps; a larger byte stands for no hue."""

_HUES, _TONES, _CONTENT = 3, 8, 136
_BLOCK = 1 << 18
_HALVING_DISTANCE = 2000
_STEPS = np.arange(256)
_HUE_DIFFERENCES = np.where(_STEPS < HUE_STEPS, np.minimum(_STEPS, HUE_STEPS - _STEPS), HUE_STEPS // 2).astype(np.uint8)


@dataclass(frozen=True)
class WeightedBytes(Metric):
    """The distance of two combined hashes: differences of their bytes, each part with a weight set by hand.

    1. The first 3 bytes are hues of 128 steps of 2.8 degrees: they differ by the shorter way round, 0 to 64. A byte of
       128 or more stands for no hue: it differs from a hue by 64, the most there is, and not from another such byte.
    2. The next 5 are shares of tones, the next 128 say what the image shows, and those after them are of key
       points: they differ by the absolute difference, 0 to 255.
    3. The differences of a part are summed, multiplied by its weight, and the parts are added.

    Parameters
    ----------
    hues : weight of the key hues, 0 or larger
    tones : weight of the zones of tone, 0 or larger
    content : weight of what the network says, 0 or larger
    points : weight of the key points, 0 or larger

    Returns
    -------
    `(Q, N) float32`, 0 or larger; the similarity is 1 / (1 + distance / 2000)

    Raises
    ------
    ValueError
        where a weight is out of its range, or the queries and the rows are not uint8 matrices of one width

    References
    ----------
    The hash of 136 bytes of a visual search by convolutional networks: its bytes are compared one by one, and each of
    its three parts has a factor set by hand. For distances on a circle: N. I. Fisher, Statistical Analysis of
    Circular Data, Cambridge University Press, 1993, doi:10.1017/CBO9780511564345.

    Notes
    -----
    Departures: the original does not say how hues are compared; here they go round.

    Examples
    --------
    >>> a, b = np.zeros((2, 1, 136), np.uint8)
    >>> a[0, 0], b[0, 0], b[0, 10] = 2, 126, 7
    >>> WeightedBytes(hues=1).distances(a, b).tolist(), WeightedBytes(hues=0).distances(a, b).tolist()
    ([[11.0]], [[7.0]])
    """

    hues: float = 1.0
    tones: float = 1.0
    content: float = 1.0
    points: float = 1.0

    symbol = "bytes"

    def __post_init__(self) -> None:
        for name in ("hues", "tones", "content", "points"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is a weight of 0 or larger; got {getattr(self, name)}")

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        return np.asarray(_reduce_differences(self._write_distances, queries, rows, np.float32), np.float32)

    @property
    def margin(self) -> tuple[float, float]:
        """What the hues, which `first` leaves out, add at most; and rounding."""
        return 1e-6, self.hues / self.content * _HUES * HUE_STEPS / 2 if self._equal_weights else 0

    def approximate(self, queries: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
        """The sums of all but the hues, `(Q, N) int32`, where the other parts weigh the same; else the distances."""
        return (
            _reduce_differences(_sum_all_but_hues, queries, rows, np.int32)
            if self._equal_weights
            else self.distances(queries, rows)
        )

    @property
    def _equal_weights(self) -> bool:
        return 0 < self.content == self.tones == self.points

    def to_euclidean(self, rows: NDArray[Any]) -> Floats:
        """The weighted bytes, hues as points on a circle; straight distances order nearly alike."""
        _check_weighted_bytes(rows[:0], rows)
        angles = rows[:, :_HUES] * np.float32(2 * np.pi / HUE_STEPS)
        circle = np.hstack([np.cos(angles), np.sin(angles)]) * np.float32(self.hues * HUE_STEPS / np.pi / 2)
        circle[np.tile(rows[:, :_HUES] >= HUE_STEPS, 2)] = 0
        weights = np.full(rows.shape[1], self.points, np.float32)
        weights[:_TONES], weights[_TONES:_CONTENT] = self.tones, self.content
        return np.hstack([circle, rows[:, _HUES:] * weights[_HUES:]]).astype(np.float32)

    def similarity(self, distances: Floats) -> Floats:
        """1 / (1 + distance / 2000)."""
        return np.asarray(1 / (1 + distances / _HALVING_DISTANCE), np.float32)

    def _write_distances(self, differences: NDArray[np.uint8], distances: Floats) -> None:
        """Write the distances `(n,)` of the absolute differences `(n, D)` of bytes."""
        head = cv2.transpose(differences[:, :_TONES])
        hues = _sum_weighted_bytes(cv2.LUT(head[:_HUES], _HUE_DIFFERENCES), 0)
        np.multiply(hues, np.float32(self.hues), out=distances, dtype=np.float32)
        parts = ((self.tones, head[_HUES:], 0), (self.content, differences[:, _TONES:_CONTENT], 1))
        for weight, values, axis in (*parts, (self.points, differences[:, _CONTENT:], 1)):
            if values.size:
                distances += np.multiply(_sum_weighted_bytes(values, axis), np.float32(weight), dtype=np.float32)


class _Scratch(threading.local):
    """Memory that each thread uses again: what is allocated anew takes longer than the sums."""

    def __init__(self) -> None:
        self._buffer = np.empty((2, 0), np.uint8)

    def matrices(self, count: int, width: int) -> NDArray[np.uint8]:
        """Two matrices, `(2, count, width)`, of whatever bytes are there."""
        size = count * width
        if self._buffer.shape[1] < size:
            self._buffer = np.empty((2, max(size, _BLOCK)), np.uint8)
        return self._buffer[:, :size].reshape(2, count, width)


_scratch = _Scratch()


def _reduce_differences(
    reduce: Callable[[NDArray[np.uint8], NDArray[Any]], None],
    queries: NDArray[Any],
    rows: NDArray[Any],
    dtype: type[np.float32] | type[np.int32],
) -> NDArray[Any]:
    """What `reduce` writes for the absolute differences of each query and some rows at a time, `(Q, N)`."""
    _check_weighted_bytes(queries, rows)
    answers = np.empty((len(queries), len(rows)), dtype)
    step = max(1, _BLOCK // max(1, rows.shape[1]))
    repeated, scratch = _scratch.matrices(min(step, len(rows)), rows.shape[1])
    for query, answer in zip(queries, answers, strict=True):
        repeated[:] = query
        for start in range(0, len(rows), step):
            block = np.ascontiguousarray(rows[start : start + step])
            count = len(block)
            reduce(cv2.absdiff(block, repeated[:count], dst=scratch[:count]), answer[start : start + count])
    return answers


def _sum_all_but_hues(differences: NDArray[np.uint8], sums: NDArray[Any]) -> None:
    """Straight into their places."""
    cv2.reduce(differences[:, _HUES:], 1, cv2.REDUCE_SUM, dst=sums[:, None], dtype=cv2.CV_32S)


def _sum_weighted_bytes(values: NDArray[np.uint8], axis: int) -> NDArray[Any]:
    """Sums of bytes along an axis, `(n,)`."""
    return np.asarray(cv2.reduce(values, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S)).ravel()


def _check_weighted_bytes(queries: NDArray[Any], rows: NDArray[Any]) -> None:
    check_widths(queries, rows)
    if queries.dtype != np.uint8 or rows.dtype != np.uint8:
        raise ValueError(f"weighted_bytes compares bytes, uint8; got {queries.dtype} and {rows.dtype}")
