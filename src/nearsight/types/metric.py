"""How rows are compared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nearsight.types.method import Method
from nearsight.types.values import Floats


class Metric(Method, ABC):
    """A distance between rows, in its natural unit: smaller is nearer."""

    symbol: ClassVar[str] = ""

    @property
    def is_expensive(self) -> bool:
        """Whether a distance takes so long (more than .02 ms) that no more than needed should be measured."""
        return False

    @property
    def margin(self) -> tuple[float, float]:
        """How far what `first` gives may be from what its order is: relative and absolute, twice its largest error."""
        return 1e-5, 1e-6

    @property
    def has_euclidean_form(self) -> bool:
        """Whether `to_euclidean` returns vectors; cells need them."""
        return type(self).to_euclidean is not Metric.to_euclidean

    @abstractmethod
    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32` between `queries (Q, D)` and `rows (N, D)`."""

    def approximate(self, queries: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
        """Quick numbers `(Q, N)` that rise as the distances do, up to `margin`; those where none are quicker."""
        return self.distances(queries, rows)

    def to_euclidean(self, rows: NDArray[Any]) -> Floats | None:
        """Vectors `(N, E) float32` whose Euclidean distances order nearly as this metric does.

        Cells are clustered in this space. None where no such vectors are known: only an exact index can then be used.
        """
        return None

    def lower_bound(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats | None:
        """A lower bound of the distances, `(Q, N)`, where one is far cheaper than they are; otherwise None."""
        return None

    def similarity(self, distances: Floats) -> Floats:
        """The distances on a scale of 0 (as far as can be) to 1 (the same), same shape, falling; 1 / (1 + distance)."""
        return np.asarray(1 / (1 + distances), np.float32)


class Kernel(Metric):
    """How the visual words of two images are compared. Their rows are records of features (`visual_words`).

    The similarity is a sum over all pairs of features i, j of the same word w, divided by the lengths of both images:

        s(q, d) = sum_w idf(w)^2 b(|q_w|) b(|d_w|) sum_ij weight[bits that differ between i and j] / (|q| |d|)
        |q|^2 = sum_w (idf(w) |q_w| b(|q_w|))^2

    and the distance is 1 - s. idf(w) = log(images / images with w) or 1; b(n) = 1 / sqrt(n) or 1.
    """

    idf: bool
    """Whether words that many images hold count less."""
    burst: bool
    """Whether words that one image holds often count less."""
    is_expensive = True
    aggregates_words: ClassVar[bool]
    """Whether each word of an image counts once: |q_w| is 1, and all its features have the same bits."""

    @abstractmethod
    def weights(self, bits: int) -> Floats:
        """The weight `(bits + 1,)` of a pair of features of which so many of `bits` bits differ."""

    @abstractmethod
    def distances(self, queries: Any, rows: Any) -> Floats:  # noqa: ANN401 - lists of records
        """Distances `(Q, N) float32` between lists of Q and N images' records; idf is that of the N."""


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
