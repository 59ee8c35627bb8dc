"""Principal component analysis: fewer values a row, those along which rows differ most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearsight.clustering import iter_chunks
from nearsight.encoders._normalisation import (
    check_not_constant,
    check_width,
    l2_normalise,
    largest_eigenpairs,
    trained_array,
)
from nearsight.types import Arrays, Encoder, Floats, LocalFeatures, TrainProgress

_SEED = 20090708
_WIDE = 4096
"""The widest rows whose covariance is formed, and the most rows that wider ones are trained on."""
_PIECE = 2048
_FLAT = 1e-9
"""The variance, as a part of the largest, below which a direction holds nothing but rounding."""
_TRAINED_NAMES = ("mean", "axes", "variances")
_Doubles: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Pca(Encoder):
    """Vectors, or descriptors of features, projected on the directions of largest variance in a sample.

    1. The mean m of the sample is taken off (with `centre`).
    2. Of its covariance C = sum (x - m)(x - m)' / (N - 1) the eigenvectors of the largest eigenvalues are kept:
       `dim` of them, but at most N - 1 and no more than rows have values or the sample has directions. Each is turned
       so that its largest value is positive.
    3. The value along each is divided by eigenvalue^(`whiten` / 2): nothing for 0, full whitening for 1.
    4. With `rotate`, the values are turned by a random orthonormal matrix, always the same: what follows then finds
       as much in each value as in any other.
    5. Rows are divided by their lengths (with `normalise`); a row of zeros, which says that nothing was found, stays
       one. Descriptors of features keep their lengths.

    Parameters
    ----------
    dim : values kept
    whiten : how much of the deviation along each direction is divided out, 0 (nothing) to 1 (all); .5 is half
    rotate : turn the values at random
    centre : take the sample's mean off
    normalise : divide rows by their lengths

    Returns
    -------
    Rows `(N, dim) float32`, or features with descriptors `(n, dim) float32`

    Raises
    ------
    ValueError
        where a parameter is out of its range, the sample has fewer than two different rows, or rows are not as wide
        as those that it was trained on

    References
    ----------
    H. Hotelling, Analysis of a Complex of Statistical Variables into Principal Components, Journal of Educational
    Psychology 24(6), 1933, doi:10.1037/h0071325. H. Jégou and O. Chum, Negative Evidences and Co-occurences in Image
    Retrieval: The Benefit of PCA and Whitening, ECCV 2012, doi:10.1007/978-3-642-33709-3_55.

    Notes
    -----
    Departures: of rows wider than 4,096 values, at most 4,096 of the sample are used, and the eigenvectors come from
    their products with each other, which gives the same. Directions with less than a billionth of the largest
    variance are left out, since whitening would enlarge rounding.

    Examples
    --------
    >>> rows = np.float32([[0, 0, 1], [2, 2, 1], [4, 4, 1.1]])
    >>> pca = Pca(dim=1, normalise=False)
    >>> fitted = pca.train(rows, lambda done, total: None)
    >>> pca.encode(rows[::2], fitted).astype(float).round(2).tolist()
    [[-2.83], [2.83]]
    """

    input_kind = "both"

    dim: int = 128
    whiten: float = 0.0
    rotate: bool = False
    centre: bool = True
    normalise: bool = True

    def __post_init__(self) -> None:
        if self.dim < 1:
            raise ValueError(f"dim is how many values are kept, 1 or more; got {self.dim}")
        if not 0 <= self.whiten <= 1:
            raise ValueError(f"whiten is 0 (nothing is divided out) to 1 (all is); got {self.whiten}")

    @property
    def metric(self) -> str:
        """The cosine of rows of length 1, in whose order those of no length come where they belong."""
        return "cosine" if self.normalise else "l2"

    @property
    def sample_size(self) -> int:
        """Enough for directions that hold for other rows too."""
        return max(100_000, 20 * self.dim)

    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """`mean (D,)`, `axes (dim, D)` with whitening and turn in them, `variances (dim,)` along the directions."""
        if sample.ndim != 2 or len(sample) < 2:
            raise ValueError(f"directions are trained on 2 vectors or more, (N, D); got {sample.shape}")
        if sample.shape[1] > _WIDE:
            sample = sample[np.linspace(0, len(sample) - 1, min(len(sample), _WIDE)).astype(int)]
        check_not_constant(sample)
        mean = _pca_mean(sample) if self.centre else np.zeros(sample.shape[1])
        report(1, 2)
        find_axes = _axes_from_gram if len(sample) < sample.shape[1] else _axes_from_covariance
        sums, axes = find_axes(sample, mean, min(self.dim, len(sample) - 1))
        kept = sums > _FLAT * sums[0]
        variances, axes = sums[kept] / (len(sample) - self.centre), axes[kept]
        axes *= np.sign(np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1))
        axes /= variances[:, None] ** (self.whiten / 2)
        if self.rotate:
            axes = random_pca_rotation(len(axes)) @ axes
        return {
            name: values.astype(np.float32)
            for name, values in zip(_TRAINED_NAMES, (mean, axes, variances), strict=True)
        }

    def size(self, width: int, fitted: Arrays) -> int:
        """As many as it was asked for, or as the sample had."""
        return len(fitted["axes"])

    def encode(self, described: Sequence[Any] | NDArray[Any], fitted: Arrays) -> Any:  # noqa: ANN401
        """Of features, features with shorter descriptors; of rows, shorter rows."""
        if isinstance(described, np.ndarray):
            return self._project_vectors(described, fitted)
        return [self._project_features(features, fitted) for features in described]

    def _project_vectors(self, vectors: Floats, trained: Arrays) -> Floats:
        made = _project_pca(vectors, trained)
        return l2_normalise(np.where(vectors.any(axis=1, keepdims=True), made, 0)) if self.normalise else made

    def _project_features(self, features: LocalFeatures, trained: Arrays) -> LocalFeatures:
        return replace(features, descriptors=_project_pca(features.descriptors, trained))


def random_pca_rotation(size: int) -> _Doubles:
    """A random orthonormal matrix `(size, size)`, drawn evenly from all, with a fixed seed."""
    first, second = np.linalg.qr(np.random.default_rng(_SEED).standard_normal((size, size)))
    return np.asarray(first * np.sign(np.diag(second)))


def _project_pca(vectors: NDArray[Any], trained: Arrays) -> Floats:
    mean, axes = trained_array(trained, "mean"), trained_array(trained, "axes")
    check_width(vectors, axes.shape[1])
    return np.asarray((vectors.astype(np.float32) - mean) @ axes.T, np.float32)


def _pca_chunks(sample: Floats) -> Iterator[_Doubles]:
    return (piece.astype(np.float64) for piece in iter_chunks(sample, _PIECE))


def _pca_mean(sample: Floats) -> _Doubles:
    return np.asarray(sum(piece.sum(axis=0) for piece in _pca_chunks(sample)) / len(sample))


def _axes_from_covariance(sample: Floats, mean: _Doubles, n_axes: int) -> tuple[_Doubles, _Doubles]:
    """Sums of squares along the directions, falling, and these, one a row: from the products of columns `(D, D)`."""
    products = np.zeros((sample.shape[1], sample.shape[1]))
    for piece in _pca_chunks(sample):
        away = piece - mean
        products += away.T @ away
    return largest_eigenpairs(products, n_axes)


def _axes_from_gram(sample: Floats, mean: _Doubles, n_axes: int) -> tuple[_Doubles, _Doubles]:
    """The same from the products of rows `(N, N)`: where XX'u = s u, v = X'u / |X'u| has X'X v = s v."""
    products = np.zeros((len(sample), len(sample)))
    for columns in _column_slices(sample):
        away = sample[:, columns] - mean[columns]
        products += away @ away.T
    sums, sides = largest_eigenpairs(products, n_axes)
    axes = np.empty((len(sides), sample.shape[1]))
    for columns in _column_slices(sample):
        axes[:, columns] = sides @ (sample[:, columns] - mean[columns])
    return sums, axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), np.finfo(np.float64).tiny)


def _column_slices(sample: Floats) -> list[slice]:
    return [slice(start, start + _PIECE) for start in range(0, sample.shape[1], _PIECE)]
