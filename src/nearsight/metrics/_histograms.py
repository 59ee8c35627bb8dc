"""Histograms as shares of their sum; helpers, not methods."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


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
