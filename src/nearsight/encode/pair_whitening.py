"""Whitening learnt from pairs of rows of the same thing. A helper: encoders are fitted without pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, eigh, solve_triangular

from nearsight.types import Arrays, Floats


def of_pairs(rows: Floats, pairs: NDArray[np.int64], dim: int) -> Arrays:
    """Directions in which pairs of the same thing lie close and everything else far, as `pca` takes them.

    1. m is the mean of the rows. The covariance of the pairs is S = sum (x_i - x_j)(x_i - x_j)' / n over the n pairs.
    2. P = L^-1, where L L' = S (Cholesky): what differs within pairs becomes the same in all directions.
    3. The eigenvectors of P (sum (x - m)(x - m)') P' of the largest eigenvalues, times P, are the directions.

    Parameters
    ----------
    rows : `(N, D)`, all that is known
    pairs : `(n, 2)` numbers of rows that show the same thing, n at least D
    dim : directions that are kept, at most D

    Returns
    -------
    `mean (D,)`, `axes (dim, D)` and `variances (dim,)` along them, float32: `Pca(dim).encode(rows, of_pairs(...))`

    Raises
    ------
    ValueError
        where pairs are not `(n, 2)`, or too few or too alike to tell all directions apart

    References
    ----------
    K. Mikolajczyk and J. Matas, Improving Descriptors for Fast Tree Matching by Optimal Linear Projection, ICCV 2007,
    doi:10.1109/ICCV.2007.4408871. F. Radenović, G. Tolias and O. Chum, Fine-Tuning CNN Image Retrieval with No Human
    Annotation, IEEE TPAMI 41(7), 2019, doi:10.1109/TPAMI.2018.2846566, equations 8 and 9.
    """
    if pairs.ndim != 2 or pairs.shape[1] != 2 or len(pairs) < rows.shape[1]:
        raise ValueError(f"pairs are (n, 2) numbers of rows, n at least {rows.shape[1]}; got {pairs.shape}")
    values = rows.astype(np.float64)
    mean = values.mean(axis=0)
    apart = values[pairs[:, 0]] - values[pairs[:, 1]]
    try:
        lower = cholesky(apart.T @ apart / len(apart), lower=True)
    except np.linalg.LinAlgError:
        raise ValueError("these pairs do not differ in all directions: give more of them, or shorter rows") from None
    projected = solve_triangular(lower, (values - mean).T, lower=True)
    size = len(mean)
    squares, vectors = eigh(projected @ projected.T, subset_by_index=(size - min(dim, size), size - 1))
    axes = solve_triangular(lower, vectors[:, ::-1], lower=True, trans="T").T
    axes *= np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], 1))
    found = {"mean": mean, "axes": axes, "variances": squares[::-1] / max(1, len(rows) - 1)}
    return {name: made.astype(np.float32) for name, made in found.items()}
