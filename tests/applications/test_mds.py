"""Multidimensional scaling against scikit-learn, a slow loop, and points whose places are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness as by_sklearn

from nearsight.applications.mds import landmark_mds, stress, trustworthiness

RNG = np.random.default_rng(3)
PLANE = RNG.normal(size=(120, 2)) * [5, 2]
SPACE = RNG.normal(size=(150, 12)) * np.arange(12, 0, -1)


def between(points, count=None):
    return cdist(points[:count], points).astype(np.float32)


@pytest.mark.parametrize("count", [3, 10, 120])
def test_points_of_a_plane_are_found_again(count):
    turned = np.c_[PLANE, np.zeros((120, 3))] @ ortho_group.rvs(5, random_state=1)
    found = landmark_mds(between(turned, count))
    assert cdist(found.points, found.points) == pytest.approx(cdist(PLANE, PLANE), abs=1e-3)
    assert procrustes(PLANE, found.points)[2] < 1e-10
    assert found.explained == pytest.approx(1, abs=1e-5)
    assert found.stress < 1e-3
    assert found.trustworthiness == pytest.approx(1)


def test_with_all_as_landmarks_it_is_classical():
    """Classical scaling of straight distances is the projection to the principal components."""
    pca = PCA(2, svd_solver="full").fit(SPACE)
    found = landmark_mds(between(SPACE))
    assert np.abs(found.points) == pytest.approx(np.abs(pca.transform(SPACE)), abs=1e-3)
    assert found.explained == pytest.approx(pca.explained_variance_ratio_.sum(), abs=1e-6)


def test_a_landmark_lies_where_classical_scaling_of_the_landmarks_puts_it():
    some, every = landmark_mds(between(SPACE[:40])), landmark_mds(between(SPACE, 40))
    assert procrustes(some.points, every.points[:40])[2] < 1e-10
    assert every.explained == pytest.approx(some.explained)


def test_images_beside_the_landmarks_are_triangulated():
    """The report's own formula, one image at a time, by the pseudo-inverse of the landmarks' places."""
    count = 30
    squares = cdist(SPACE[:count], SPACE) ** 2
    centre = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-centre @ squares[:, :count] @ centre / 2)
    places = vectors[:, -2:] * np.sqrt(values[-2:])
    inverse = np.linalg.pinv(places)
    slow = np.array([-inverse @ (each - squares[:, :count].mean(axis=1)) / 2 for each in squares.T])
    assert procrustes(slow, landmark_mds(between(SPACE, count)).points)[2] < 1e-9


def test_distances_that_are_not_symmetric_count_in_both_directions():
    uneven = between(PLANE) + np.triu(np.full((120, 120), 0.25, np.float32), 1)
    even = (uneven + uneven.T) / 2
    assert landmark_mds(uneven).points == pytest.approx(landmark_mds(even).points, abs=1e-6)


def test_it_is_the_same_each_time_and_axes_have_a_side():
    first, again = landmark_mds(between(SPACE, 50)), landmark_mds(between(SPACE, 50))
    assert (first.points == again.points).all()
    assert (first.points[np.abs(first.points).argmax(axis=0), [0, 1]] > 0).all()
    assert first.points[:, 0].std() > first.points[:, 1].std()
    assert first.points[:, 0] @ first.points[:, 1] == pytest.approx(0, abs=1e-6)
    assert first.points.mean(axis=0) == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.parametrize(
    ("points", "extent"),
    [([[1.0, 2]], 0), ([[0.0, 0], [3, 4]], 5), ([[7.0, 7]] * 4, 0), ([[0.0, 0], [1, 0], [2, 0], [9, 0]], 9)],
)
def test_few_or_equal_images(points, extent):
    found = landmark_mds(between(np.array(points)))
    assert found.points.shape == (len(points), 2)
    assert np.ptp(found.points, axis=0) == pytest.approx([extent, 0], abs=1e-6)
    assert found.stress == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((0, 3)), np.zeros((3, 2)), np.zeros(3), np.array([[-1.0]]), np.array([[np.nan]]), np.array([[np.inf]])],
)
def test_what_are_no_distances_is_refused(wrong):
    with pytest.raises(ValueError, match="distances are"):
        landmark_mds(wrong)


def test_trustworthiness_is_that_of_scikit_learn():
    for points in (RNG.normal(size=(150, 2)), landmark_mds(between(SPACE)).points):
        wanted = by_sklearn(cdist(SPACE, SPACE), points, n_neighbors=10, metric="precomputed")
        assert trustworthiness(between(SPACE), points) == pytest.approx(wanted, abs=1e-9)


def test_trustworthiness_of_landmarks_counts_all_images_as_neighbours():
    points, count, k, late = landmark_mds(between(SPACE, 20)).points, 20, 10, 0
    for at in range(count):
        truth = sorted((float(each), other) for other, each in enumerate(between(SPACE, 20)[at]) if other != at)
        rank = {other: place for place, (_, other) in enumerate(truth, 1)}
        shown = sorted((float(np.hypot(*(points[at] - each))), other) for other, each in enumerate(points))
        late += sum(max(0, rank[other] - k) for _, other in shown[1 : k + 1])
    wanted = 1 - 2 * late / (count * k * (2 * 150 - 3 * k - 1))
    assert trustworthiness(between(SPACE, 20), points) == pytest.approx(wanted)


def test_neighbours_that_are_all_as_far_are_no_mistake():
    same = np.ones((40, 40), np.float32) - np.eye(40, dtype=np.float32)
    assert trustworthiness(same, RNG.normal(size=(40, 2))) == 1


def test_stress_is_that_of_the_best_scale():
    points, distances = RNG.normal(size=(150, 2)), between(SPACE, 60)
    shown = cdist(points[:60], points)
    scales = np.linspace(0, 40, 4001)
    wanted = min(
        np.sqrt(((distances - scale * shown) ** 2).sum() / (distances.astype(float) ** 2).sum()) for scale in scales
    )
    assert stress(distances, points) == pytest.approx(wanted, abs=1e-4)


def test_the_map_shows_neighbours_better_than_chance():
    by_chance = trustworthiness(between(SPACE), RNG.normal(size=(150, 2)))
    assert by_chance == pytest.approx(0.5, abs=0.1)
    assert landmark_mds(between(SPACE)).trustworthiness > by_chance + 0.2
    assert landmark_mds(between(SPACE, 30)).trustworthiness > by_chance + 0.2
