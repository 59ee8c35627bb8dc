"""The distance of combined hashes: byte by byte, with a weight for each part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.metrics.blocks import check_widths
from nearsight.types import Floats, Metric

TURN = 128
"""Hues go round in this many steps; a larger byte stands for no hue."""

_HUES, _TONES, _CONTENT = 3, 8, 136
_ROWS = 3000
_HALF = 2000
_STEPS = np.arange(256)
_ROUND = np.where(_STEPS < TURN, np.minimum(_STEPS, TURN - _STEPS), TURN // 2).astype(np.uint8)


@dataclass(frozen=True)
class WeightedBytes(Metric):
    """How far two combined hashes are apart: differences of their bytes, each part with a weight set by hand.

    1. The first 3 bytes are hues of 128 steps of 2.8 degrees: they differ by the shorter way round, 0 to 64. A byte of
       128 or more stands for no hue: it differs from a hue by 64, the most there is, and not from another such byte.
    2. The next 5 are shares of tones, the next 128 say what the picture shows, and those after them are of key
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
        _check(queries, rows)
        distances = np.empty((len(queries), len(rows)), np.float32)
        for query, answer in zip(queries, distances, strict=True):
            repeated = np.tile(query, (min(_ROWS, len(rows)), 1))
            scratch = np.empty_like(repeated)  # used again: what is allocated anew takes longer than the sums
            for start in range(0, len(rows), _ROWS):
                block = np.ascontiguousarray(rows[start : start + _ROWS])
                count = len(block)
                apart = cv2.absdiff(block, repeated[:count], dst=scratch[:count])
                answer[start : start + count] = self._weighed(apart)
        return distances

    def flattened(self, rows: NDArray[Any]) -> Floats:
        """The weighted bytes, hues as points on a circle; straight distances order nearly alike."""
        _check(rows[:0], rows)
        angles = rows[:, :_HUES] * np.float32(2 * np.pi / TURN)
        circle = np.hstack([np.cos(angles), np.sin(angles)]) * np.float32(self.hues * TURN / np.pi / 2)
        circle[np.tile(rows[:, :_HUES] >= TURN, 2)] = 0
        weights = np.full(rows.shape[1], self.points, np.float32)
        weights[:_TONES], weights[_TONES:_CONTENT] = self.tones, self.content
        return np.hstack([circle, rows[:, _HUES:] * weights[_HUES:]]).astype(np.float32)

    def similarity(self, distances: Floats) -> Floats:
        """1 / (1 + distance / 2000)."""
        return np.asarray(1 / (1 + distances / _HALF), np.float32)

    def _weighed(self, differences: NDArray[np.uint8]) -> Floats:
        """Distances `(n,)` of the absolute differences `(n, D)` of bytes."""
        head = cv2.transpose(differences[:, :_TONES])
        apart = np.float32(self.hues) * _added(cv2.LUT(head[:_HUES], _ROUND), 0)
        if differences.shape[1] > _HUES:
            apart += np.float32(self.tones) * _added(head[_HUES:], 0)
        for weight, start, end in ((self.content, _TONES, _CONTENT), (self.points, _CONTENT, None)):
            if differences.shape[1] > start:
                apart += np.float32(weight) * _added(differences[:, start:end], 1)
        return apart


def _added(values: NDArray[np.uint8], axis: int) -> Floats:
    """Sums of bytes along an axis, as floats."""
    sums = cv2.reduce(values, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
    return np.asarray(sums.ravel(), np.float32)


def _check(queries: NDArray[Any], rows: NDArray[Any]) -> None:
    check_widths(queries, rows)
    if queries.dtype != np.uint8 or rows.dtype != np.uint8:
        raise ValueError(f"weighted_bytes compares bytes, uint8; got {queries.dtype} and {rows.dtype}")
