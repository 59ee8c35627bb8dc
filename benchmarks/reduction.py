"""How the reduction of 1280 values to 128 was made that `combined_hash` uses.

    python -m benchmarks.reduction mobilenetv2.onnx src/nearsight/hashes/combined_hash.npy

No image is needed: the network's own classifier says which directions of its penultimate layer matter. They are the
128 strongest right singular vectors of its matrix (classes x 1280) without the mean row, in whole numbers of -127..127.
The sign of each is such that its largest part is positive.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WIDTH, KEPT = 1280, 128
_GRAPH, _INITIALIZER, _DIMS, _RAW = 7, 5, 1, 9


def fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Number and value of each field of a Protocol Buffers message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        length = {1: 8, 5: 4}.get(kind)
        if length is None:
            length, at = _varint(message, at)
        yield key >> 3, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        shift, at = shift + 7, at + 1
        if byte < 128:
            return value, at


def classifier(path: Path) -> NDArray[np.float32]:
    """The matrix `(classes, 1280)` of an ONNX file: the only one of that width."""
    (graph,) = (value for number, value in fields(path.read_bytes()) if number == _GRAPH)
    assert isinstance(graph, bytes)
    for number, tensor in fields(graph):
        if number == _INITIALIZER and isinstance(tensor, bytes):
            found = list(fields(tensor))
            shape = [value for key, value in found if key == _DIMS]
            if shape[1:] in ([WIDTH], [WIDTH, 1, 1]):
                (raw,) = (value for key, value in found if key == _RAW)
                assert isinstance(raw, bytes)
                return np.frombuffer(raw, np.float32).reshape(-1, WIDTH)
    raise SystemExit(f"{path} has no classifier of {WIDTH} values")


def reduction(matrix: NDArray[np.float32]) -> NDArray[np.int8]:
    """The directions `(128, 1280)`."""
    values = matrix.astype(np.float64)
    directions = np.linalg.svd(values - values.mean(0), full_matrices=False)[2][:KEPT]
    largest = directions[np.arange(KEPT), np.abs(directions).argmax(1)]
    directions *= np.sign(largest)[:, None]
    return np.asarray(np.round(directions * (127 / np.abs(directions).max())), np.int8)


if __name__ == "__main__":
    np.save(sys.argv[2], reduction(classifier(Path(sys.argv[1]))), allow_pickle=False)
