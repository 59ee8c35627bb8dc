"""Multidimensional scaling: points in a plane whose distances are those between images, as nearly as can be.

Only distances are needed, so it serves every metric, also those that belong to no vector space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from nearsight.types import Floats

N_NEIGHBOURS = 10
"""How many neighbours of each image on the map `trustworthiness` looks at."""


@dataclass(frozen=True)
class PlanarEmbedding:
    """Points in a plane, and how much of the distances is to be seen in them.

    `points (N, 2) float64` in the unit of the distances, around 0, the axis of the larger spread first. `explained` in
    0..1: the share of the two axes in the eigenvalues of the landmarks (in their sizes: some are negative where no
    space has such distances), 1 where all distances are 0. `stress` and `trustworthiness` as the functions of these
    names, over all distances that were given.
    """

    points: NDArray[np.float64]
    explained: float
    stress: float
    trustworthiness: float


def landmark_mds(distances: Floats) -> PlanarEmbedding:
    """Landmark multidimensional scaling into a plane; the classical one where all images are landmarks.

    1. The squared distances among the landmarks, made symmetric, are centred twice: `B = -1/2 H D2 H`, where
       `H = I - 1/n` (Torgerson's eq.; the `B` of a plane holds the inner products of its points).
    2. The two largest eigenvalues `l` of `B` and their vectors `v` give the axes; an eigenvalue that is not above 0
       gives an axis of zeros.
    3. Each image lies at `-1/2 (d2 - m) v / sqrt(l)`, where `d2` are its squared distances to the landmarks and `m`
       the landmarks' mean (de Silva and Tenenbaum's triangulation). A landmark lies where step 2 puts it.
    4. All points are centred and turned to their principal axes; the point farthest along an axis is on its positive
       side.

    Parameters
    ----------
    distances : `(n, N)`, from each of n landmarks to each of N images, the first n of which are the landmarks

    Raises
    ------
    ValueError
        where there is no landmark, there are more landmarks than images, or a distance is negative or no number

    References
    ----------
    W. S. Torgerson, Multidimensional Scaling: I. Theory and Method, Psychometrika 17(4), 1952, doi:10.1007/BF02288916.
    V. de Silva and J. B. Tenenbaum, Sparse Multidimensional Scaling Using Landmark Points, technical report, Stanford
    University, 2004. For images: Y. Rubner, L. J. Guibas and C. Tomasi, The Earth Mover's Distance,
    Multi-Dimensional Scaling, and Color-Based Image Retrieval, DARPA Image Understanding Workshop, 1997.

    Notes
    -----
    Departures: the caller chooses the landmarks. The report's other choice, each landmark as far as can be from those
    before, takes what is odd in a collection of images and explains the rest worse than a fair sample does.

    scikit-learn's ClassicalMDS is the case where all are landmarks. It would be a second way to what the first steps
    give anyway, and gives less: no vectors to triangulate by, no share of the axes, and no numbers where an eigenvalue
    is below 0, as they are for distances that no plane has.

    Examples
    --------
    >>> corners = np.array([[0, 0], [4, 0], [4, 3], [0, 3]])
    >>> found = landmark_mds(scipy.spatial.distance.cdist(corners, corners))
    >>> scipy.spatial.distance.cdist(found.points, found.points)[0].round(3).tolist()
    [0.0, 4.0, 5.0, 3.0]
    """
    count = _validate_distances(distances)
    among = distances[:, :count].astype(np.float64)
    squares = np.square((among + among.T) / 2)
    np.fill_diagonal(squares, 0)
    mean = squares.mean(axis=0)
    axes, explained = _principal_axes((mean + mean[:, None] - squares - mean.mean()) / 2)
    points = np.empty((distances.shape[1], 2))
    points[:count] = (mean - squares) @ axes / 2
    for start in range(count, len(points), 4096):
        some = distances[:, start : start + 4096].astype(np.float64)
        points[start : start + 4096] = (mean - np.square(some).T) @ axes / 2
    points = _rotate_to_principal_axes(points)
    return PlanarEmbedding(points, explained, stress(distances, points), trustworthiness(distances, points))


def _principal_axes(products: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """`v / sqrt(l)` of the two largest eigenvalues `(n, 2)`, zeros where one is not above 0; their share in all."""
    with threadpool_limits(1):  # more threads take longer here, beside other work many times
        values, vectors = scipy.linalg.eigh(products)
    sizes = np.abs(values)
    axes, held = np.zeros((len(values), 2)), 0.0
    for axis, at in enumerate(np.argsort(-values, kind="stable")[:2].tolist()):
        if values[at] > sizes.max() * len(values) * np.finfo(np.float64).eps:
            axes[:, axis] = vectors[:, at] / np.sqrt(values[at])
            held += float(values[at])
    return axes, held / float(sizes.sum()) if held else 1.0


def _validate_distances(distances: Floats) -> int:
    """How many landmarks there are."""
    if distances.ndim != 2 or not 1 <= distances.shape[0] <= distances.shape[1]:
        raise ValueError(f"distances are (n, N), of n landmarks, 1 to N, to N images; got {distances.shape}")
    if not (distances >= 0).all() or not np.isfinite(distances).all():
        raise ValueError("distances are finite and 0 or larger")
    return len(distances)


def _rotate_to_principal_axes(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points around 0, along their principal axes."""
    points = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(points.T @ points)
    turned = points @ vectors[:, ::-1]
    farthest = turned[np.abs(turned).argmax(axis=0), [0, 1]]
    return np.asarray(turned * np.where(farthest < 0, -1, 1))


def stress(distances: Floats, points: NDArray[np.float64]) -> float:
    """Kruskal's stress-1 at the best scale of the map: 0 shows every distance in proportion.

    `sqrt(sum (d - s e)^2 / sum d^2)` over the distances d `(n, N)` and those on the map e, with the best s. It is
    also the sine of the angle between the two lists of distances.

    References
    ----------
    J. B. Kruskal, Multidimensional Scaling by Optimizing Goodness of Fit to a Nonmetric Hypothesis, Psychometrika
    29(1), 1964, doi:10.1007/BF02289565.
    """
    both = here = there = 0.0
    for row, point in zip(distances, points, strict=False):
        shown = scipy.spatial.distance.cdist(point[None], points)[0]
        both, here, there = both + float(row @ shown), here + float(shown @ shown), there + float(row @ row)
    if there == 0 or here == 0:
        return 0.0 if there == here else 1.0
    return float(np.sqrt(max(0.0, 1 - both * both / (here * there))))


def trustworthiness(distances: Floats, points: NDArray[np.float64], n_neighbours: int = N_NEIGHBOURS) -> float:
    """Whether those near on the map are near: 1 where the nearest on the map are the nearest, .5 by chance.

    `1 - 2 / (n k (2 N - 3 k - 1)) sum (r - k)` over the k neighbours of each landmark on the map that are not among
    its k nearest; r is the neighbour's rank by distance, those as far counting as one. k is at most a third of the
    images.

    Parameters
    ----------
    distances : `(n, N)`, as `landmark_mds` takes them
    points : `(N, 2)`
    n_neighbours : k

    References
    ----------
    J. Venna and S. Kaski, Neighborhood Preservation in Nonlinear Projection Methods: An Experimental Study, ICANN
    2001, doi:10.1007/3-540-44668-0_68.
    """
    count, total = len(distances), len(points)
    k = min(n_neighbours, (total - 1) // 3)
    if k < 1:
        return 1.0
    late = 0
    for at in range(count):
        shown = scipy.spatial.distance.cdist(points[at : at + 1], points)[0]
        shown[at] = np.inf
        near = np.argpartition(shown, k)[:k]
        ranks = 1 + np.searchsorted(np.sort(np.delete(distances[at], at)), distances[at, near])
        late += int(np.maximum(ranks - k, 0).sum())
    return 1 - 2 * late / (count * k * (2 * total - 3 * k - 1))
