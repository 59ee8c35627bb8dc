"""How well local features are found again, and told apart, in two images of one plane.

The homography `(3, 3)` maps points of the first image to the second, in pixels with their centres at .5. Features are
circles; two of them correspond where the circles, laid over each other in the first image, have an overlap error (1 -
the area of both / the area of either) below `max_overlap_error`. As in the paper, both are first scaled so that the
first has a radius of 30 pixels: else large circles would overlap more easily than small ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nearsight.types import LocalFeatures, Metric

__all__ = ["correspondences", "matching_score", "repeatability"]

_RADIUS = 30.0
_BLOCK = 256

_Doubles = NDArray[np.float64]
_Pairs = NDArray[np.int64]


def repeatability(
    first: LocalFeatures, second: LocalFeatures, homography: _Doubles, max_overlap_error: float = 0.4
) -> float:
    """Share of the features that have a counterpart, of as many as could: 0 to 1; 0 where one image has none.

    1. Features count that lie in the part of the plane which both images show.
    2. Pairs that correspond are taken by rising overlap error, each feature once.
    3. Their number is divided by the smaller of both numbers of features.

    Parameters
    ----------
    first, second : the features of two images
    homography : `(3, 3)`, from points of the first image to those of the second
    max_overlap_error : the overlap error below which features correspond, above 0 to 1

    References
    ----------
    K. Mikolajczyk, T. Tuytelaars, C. Schmid, A. Zisserman, J. Matas, F. Schaffalitzky, T. Kadir and L. Van Gool, A
    Comparison of Affine Region Detectors, IJCV 65(1/2), 2005, doi:10.1007/s11263-005-3848-x.

    Notes
    -----
    Departures: features are circles, and a circle is mapped to the circle of the same area, not to an ellipse.

    Examples
    --------
    >>> at = np.float32([[10.5, 10.5], [60.5, 40.5]])
    >>> one = LocalFeatures(at, np.float32([8, 8]), np.zeros(2, np.float32), np.eye(2, dtype=np.float32), (100, 80))
    >>> other = LocalFeatures(2 * at, np.float32([16, 40]), one.angles, one.descriptors, (200, 160))
    >>> repeatability(one, other, np.diag([2.0, 2.0, 1.0]))
    0.5
    """
    shown = _select_shared_features(first, second, homography, max_overlap_error)
    return len(_pair_by_overlap(shown, max_overlap_error)) / shown.max_pairs if shown.max_pairs else 0.0


def matching_score(
    first: LocalFeatures, second: LocalFeatures, homography: _Doubles, metric: Metric, max_overlap_error: float = 0.4
) -> float:
    """Share of the features whose nearest descriptor is that of their counterpart: 0 to 1.

    A feature of the first image is matched with that of the second whose descriptor is nearest, both in the part that
    both images show; that is right where their overlap error is below `max_overlap_error`. The number of features of
    the second that are matched rightly is divided by the smaller of both numbers of features.

    Parameters
    ----------
    first, second : the features of two images
    homography : `(3, 3)`, from points of the first image to those of the second
    metric : what compares the descriptors
    max_overlap_error : the overlap error below which features correspond, above 0 to 1
    """
    shown = _select_shared_features(first, second, homography, max_overlap_error)
    if not shown.max_pairs:
        return 0.0
    distances = metric.distances(first.descriptors[shown.first_ids], second.descriptors[shown.second_ids])
    nearest = distances.argmin(axis=1)
    apart = np.linalg.norm(shown.first_points - shown.second_points[nearest], axis=1)
    right = _overlap_error(apart, _RADIUS * shown.second_radii[nearest] / shown.first_radii) < max_overlap_error
    return len(np.unique(nearest[right])) / shown.max_pairs


def correspondences(
    first: LocalFeatures, second: LocalFeatures, homography: _Doubles, max_overlap_error: float = 0.4
) -> _Pairs:
    """Pairs `(M, 2) int64` of places in both lists of features, by rising overlap error, each feature at most once."""
    return _pair_by_overlap(_select_shared_features(first, second, homography, max_overlap_error), max_overlap_error)


class _SharedFeatures(NamedTuple):
    """Features that lie where both images look: which of either list, and their circles in the first image."""

    first_ids: _Pairs
    second_ids: _Pairs
    first_points: _Doubles
    first_radii: _Doubles
    second_points: _Doubles
    second_radii: _Doubles

    @property
    def max_pairs(self) -> int:
        """How many pairs there could be."""
        return min(len(self.first_ids), len(self.second_ids))


def _select_shared_features(
    first: LocalFeatures, second: LocalFeatures, homography: _Doubles, max_overlap_error: float
) -> _SharedFeatures:
    if not 0 < max_overlap_error <= 1:
        raise ValueError(f"max_overlap_error is above 0 and at most 1; got {max_overlap_error}")
    matrix = np.asarray(homography, np.float64)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or not np.linalg.det(matrix):
        raise ValueError(f"a homography is an invertible (3, 3) matrix; got {matrix.tolist()}")
    there, _ = _project_circles(first.points, first.scales / 2, matrix)
    back, radii = _project_circles(second.points, second.scales / 2, np.asarray(np.linalg.inv(matrix), np.float64))
    mine, theirs = (
        np.flatnonzero(((places >= 0) & (places <= other.size)).all(axis=1))
        for places, other in ((there, second), (back, first))
    )
    points, own = first.points[mine].astype(np.float64), first.scales[mine].astype(np.float64) / 2
    return _SharedFeatures(mine, theirs, points, own, back[theirs], radii[theirs])


def _pair_by_overlap(shared: _SharedFeatures, max_overlap_error: float) -> _Pairs:
    rows, columns, errors = _overlapping_pairs(shared, max_overlap_error)
    order = np.argsort(errors, kind="stable")
    taken: dict[int, int] = {}
    used = set[int]()
    for one, other in zip(
        shared.first_ids[rows[order]].tolist(), shared.second_ids[columns[order]].tolist(), strict=True
    ):
        if one not in taken and other not in used:
            taken[one] = other
            used.add(other)
    return np.array(list(taken.items()), np.int64).reshape(-1, 2)


def _project_circles(points: NDArray[Any], radii: NDArray[Any], matrix: _Doubles) -> tuple[_Doubles, _Doubles]:
    """Where points come to lie, and the radii of circles there; not a number beyond the horizon."""
    places = np.column_stack([points.astype(np.float64), np.ones(len(points))]) @ matrix.T
    depth = np.where(places[:, 2] * np.sign(matrix[2, 2] or 1) > 0, places[:, 2], np.nan)
    growth = np.abs(np.linalg.det(matrix) / depth**3)
    return places[:, :2] / depth[:, None], radii * np.sqrt(growth)


def _overlapping_pairs(shared: _SharedFeatures, max_overlap_error: float) -> tuple[_Pairs, _Pairs, _Doubles]:
    """Places among those shown, and the overlap error, of every pair whose error is below `max_overlap_error`."""
    empty = np.empty(0, np.int64)
    found = [(empty, empty, np.empty(0))]
    for start in range(0, len(shared.first_ids), _BLOCK):
        block = slice(start, start + _BLOCK)
        apart = np.linalg.norm(shared.first_points[block, None] - shared.second_points[None], axis=2)
        errors = _overlap_error(apart, _RADIUS * shared.second_radii / shared.first_radii[block, None])
        rows, columns = np.nonzero(errors < max_overlap_error)
        found.append((rows + start, columns, errors[rows, columns]))
    first, second, least = (np.concatenate(each) for each in zip(*found, strict=True))
    return first, second, least


def _overlap_error(distances: _Doubles, radii: _Doubles) -> _Doubles:
    """1 - intersection / union of a circle of radius 30 and circles of these radii, so far apart."""
    one, other = _RADIUS, np.maximum(radii, 1e-9)
    far = np.clip(distances, np.maximum(np.abs(one - other), 1e-9), one + other)
    first = np.arccos(np.clip((far**2 + one**2 - other**2) / (2 * far * one), -1, 1))
    second = np.arccos(np.clip((far**2 + other**2 - one**2) / (2 * far * other), -1, 1))
    both = one**2 * (first - np.sin(2 * first) / 2) + other**2 * (second - np.sin(2 * second) / 2)
    return np.asarray(1 - both / (np.pi * (one**2 + other**2) - both))
