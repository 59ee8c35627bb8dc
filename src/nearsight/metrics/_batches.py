"""Distances a block of rows at a time, and rows as shares of their sum; helpers, not methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nearsight.types import Floats

# What numpy allocates beyond about 256 KB comes as fresh pages each time, which takes longer than the sums themselves.
_BLOCK_VALUES = 16_000


def distances_in_blocks(
    measure: Callable[[NDArray[Any]], NDArray[Any]],
    queries: NDArray[Any],
    rows: NDArray[Any],
    *,
    block_values: int = _BLOCK_VALUES,
) -> Floats:
    """`measure(block) (Q, n)` of all blocks side by side, `(Q, N) float32`; a block has about `block_values` values.

    Raises
    ------
    ValueError
        where the queries and the rows are not matrices of one width
    """
    check_widths(queries, rows)
    distances = np.empty((len(queries), len(rows)), np.float32)
    step = max(1, block_values // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        distances[:, start : start + step] = measure(rows[start : start + step])
    return distances


def check_widths(queries: NDArray[Any], rows: NDArray[Any]) -> None:
    """Raise ValueError where the queries and the rows are not matrices of one width."""
    if queries.ndim != 2 or rows.ndim != 2 or queries.shape[1] != rows.shape[1]:
        raise ValueError(f"queries are (Q, D) and rows (N, D) of one D; got {queries.shape} and {rows.shape}")


def check_nonnegative(rows: NDArray[Any]) -> None:
    """Raise ValueError where a value is negative or no number."""
    if not rows.min(initial=0) >= 0:
        raise ValueError(f"histograms hold values of 0 or larger; got {float(rows.min())}")


def normalise_histograms(rows: NDArray[Any], dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Rows `(N, D)` divided by their sums, `(N, D + 1)`: a row of zeros has all of its share in the last column.

    So rows of zeros are the same as each other and as far as can be from all others.
    """
    check_nonnegative(rows)
    totals = rows.sum(axis=1, keepdims=True, dtype=dtype)
    empty = totals == 0
    found = np.empty((len(rows), rows.shape[1] + 1), dtype)
    np.divide(rows, np.where(empty, np.ones(1, dtype), totals), out=found[:, :-1], dtype=dtype)
    found[:, -1:] = empty
    return found
