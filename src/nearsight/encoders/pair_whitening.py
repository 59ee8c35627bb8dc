"""Whitening trained on pairs of images of the same thing: what differs within pairs counts little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.encoders._normalisation import (
    check_not_constant,
    check_width,
    l2_normalise,
    largest_eigenpairs,
    trained_array,
)
from nearsight.types import Arrays, Encoder, TrainProgress

_FLAT = 1e-9
"""The variance, as a part of the largest, below which a direction holds nothing but rounding."""
_FLOOR = 1e-9
_Doubles: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class PairWhitening(Encoder):
    """Vectors projected on directions in which pairs of the same thing are close and other images far apart.

    1. m is the mean of the rows, Q their principal directions, of n pairs at most n / 2 of them; y = Q (x - m).
    2. The covariance within the n pairs is S = sum (y_i - y_j)(y_i - y_j)' / n, plus a billionth of its mean variance
       in every direction.
    3. P = L^-1, where L L' = S (Cholesky): what differs within pairs becomes the same in all directions.
    4. The eigenvectors of P (sum y y') P' of the largest eigenvalues, times P Q, are the `dim` directions.
    5. A row less m is multiplied by these and divided by its length; a row of zeros stays one.

    It is trained by `nearsight train FOLDER --recipe ... --pairs FILE --out FILE` and used with `--trained FILE`: a
    collection alone does not say which of its images show the same thing.

    Parameters
    ----------
    dim : values kept, at most those that rows have

    Returns
    -------
    Rows `(N, dim) float32` of length 1

    Raises
    ------
    ValueError
        where `dim` is below 1, there is no pair of two different rows, or rows are not as wide as those that it was
        trained on

    References
    ----------
    K. Mikolajczyk and J. Matas, Improving Descriptors for Fast Tree Matching by Optimal Linear Projection, ICCV 2007,
    doi:10.1109/ICCV.2007.4408871. F. Radenović, G. Tolias and O. Chum, Fine-Tuning CNN Image Retrieval with No Human
    Annotation, IEEE TPAMI 41(7), 2019, doi:10.1109/TPAMI.2018.2846566, equations 8 and 9.

    Notes
    -----
    Departures: step 1 keeps fewer directions than there are values where pairs are few, and leaves out those in which
    rows do not differ, so that S has an inverse; the rows whose mean is taken off are those of the pairs, each as often
    as it stands in one.

    Examples
    --------
    >>> one, other = [[4, 0], [5, 9], [5, -2], [4, 6]], [[-4, 3], [-5, -5], [-5, 4], [-4, -1]]
    >>> rows = np.float32([*one, *other])  # each two, one below the other, show the same
    >>> whitening = PairWhitening(dim=1)
    >>> fitted = whitening.train(rows, lambda done, total: None)
    >>> whitening.encode(rows, fitted).astype(float).round(2).ravel().tolist()
    [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0]
    """

    input_kind = "rows"
    trains_on_pairs = True
    metric = "cosine"

    dim: int = 128

    def __post_init__(self) -> None:
        if self.dim < 1:
            raise ValueError(f"dim is how many values are kept, 1 or more; got {self.dim}")

    @property
    def sample_size(self) -> int:
        """All pairs that there are, up to so many."""
        return 100_000

    def train(self, sample: NDArray[Any], report: TrainProgress) -> Arrays:
        """`mean (D,)`, `axes (dim, D)` and `variances (dim,)` along them; rows 2i and 2i + 1 show the same thing."""
        if sample.ndim != 2 or len(sample) < 2:
            raise ValueError(f"directions are trained on pairs of vectors, (2n, D), n 1 or more; got {sample.shape}")
        values = np.asarray(sample[: len(sample) // 2 * 2], np.float64)
        check_not_constant(values)
        mean = values.mean(axis=0)
        turn = _pair_principal_axes(values - mean, len(values) // 4)
        report(1, 2)
        turned = (values - mean) @ turn.T
        apart = turned[::2] - turned[1::2]
        within = apart.T @ apart / len(apart)
        level = np.trace(within) / len(within)
        if level <= _FLAT * np.square(turned).mean():
            raise ValueError(f"this is trained on how pairs differ; the vectors of these {len(apart)} are the same")
        lower = scipy.linalg.cholesky(within + _FLOOR * level * np.eye(len(within)), lower=True)
        projected = scipy.linalg.solve_triangular(lower, turned.T, lower=True)
        squares, vectors = largest_eigenpairs(projected @ projected.T, self.dim)
        axes = scipy.linalg.solve_triangular(lower, vectors.T, lower=True, trans="T").T @ turn
        axes *= np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], 1))
        report(2, 2)
        found = {"mean": mean, "axes": axes, "variances": squares / (len(values) - 1)}
        return {name: made.astype(np.float32) for name, made in found.items()}

    def size(self, width: int, fitted: Arrays) -> int:
        """As many as it was asked for, or as rows have."""
        return len(fitted["axes"])

    def encode(self, described: Sequence[Any] | NDArray[Any], fitted: Arrays) -> Any:  # noqa: ANN401
        """Rows `(N, dim) float32` of rows `(N, D)`."""
        rows = np.asarray(described, np.float32)
        check_width(rows, trained_array(fitted, "axes").shape[1])
        made = (rows - trained_array(fitted, "mean")) @ trained_array(fitted, "axes").T
        return l2_normalise(np.where(rows.any(axis=1, keepdims=True), made, 0))


def _pair_principal_axes(centred: _Doubles, max_axes: int) -> _Doubles:
    """The principal directions `(d, D)` in which rows `(N, D)` differ, of the largest variance, at least one.

    Of wide rows they are made of the eigenvectors of the products of rows, of which there are fewer.
    """
    wide = len(centred) < centred.shape[1]
    squares, vectors = largest_eigenpairs(centred @ centred.T if wide else centred.T @ centred, max(1, max_axes))
    if wide:
        vectors = vectors @ centred / np.sqrt(np.maximum(squares, np.finfo(np.float64).tiny))[:, None]
    return np.asarray(vectors[squares > _FLAT * squares[0]])
