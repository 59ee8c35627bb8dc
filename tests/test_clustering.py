"""k-means against scikit-learn, and rows that lie in a file."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from nearsight.clustering import KMEANS_SEED, N_ITERATIONS, kmeans, nearest_centroids
from tests.indexes.test_inverted_lists import clustered

ROWS = clustered(3000, 32, seed=6)


@pytest.mark.parametrize("count", [1, 8, 20])
def test_the_centroids_are_those_of_another_implementation(count):
    """From the same start, after as many rounds."""
    mine = kmeans(ROWS, count)
    start = ROWS[np.sort(np.random.default_rng(KMEANS_SEED).choice(len(ROWS), count, replace=False))].astype(np.float64)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        theirs = KMeans(count, init=start, n_init=1, max_iter=N_ITERATIONS, tol=0, algorithm="lloyd").fit(ROWS)
    assert mine.shape == (count, 32)
    assert np.abs(mine - theirs.cluster_centers_).max() < 1e-4


def test_rows_go_to_the_nearest():
    centroids = kmeans(ROWS, 20)
    assert np.array_equal(nearest_centroids(ROWS, centroids), ((ROWS[:, None] - centroids) ** 2).sum(2).argmin(1))


def test_no_centroid_is_left_alone():
    assert (np.bincount(nearest_centroids(ROWS, kmeans(ROWS, 200)), minlength=200) > 0).mean() > 0.97


def test_the_same_from_a_file_and_from_memory(tmp_path):
    ROWS.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", np.float32, "r", 0, ROWS.shape)
    assert np.array_equal(kmeans(mapped, 20), kmeans(ROWS, 20))
    assert np.array_equal(nearest_centroids(mapped, ROWS[:7]), nearest_centroids(ROWS, ROWS[:7]))


def test_a_mapped_sample_is_not_held(tmp_path):
    """The file is 40 MB; of its pages only a few are there after a pass."""
    rows = np.random.default_rng(0).random((40_000, 256), np.float32)
    rows.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", np.float32, "r", 0, rows.shape)
    nearest_centroids(mapped, rows[:4])
    assert _resident(tmp_path / "rows") < 4_000  # kB
    assert mapped.sum() > 0
    assert _resident(tmp_path / "rows") > 30_000


def _resident(path):
    """Kilobytes of a mapped file that are in this process's memory."""
    with open("/proc/self/smaps") as smaps:
        lines = iter(smaps)
        for line in lines:
            if line.rstrip().endswith(str(path)):
                return next(int(each.split()[1]) for each in lines if each.startswith("Rss:"))
    raise AssertionError(f"{path} is not mapped")


def test_equal_rows_leave_no_centroid_without_a_place():
    rows = np.repeat(np.float32([[0, 1], [5, 5]]), 30, axis=0)
    centroids = kmeans(rows, 6)
    assert np.isfinite(centroids).all()
    assert np.abs(centroids[nearest_centroids(rows, centroids)] - rows).max() < 0.02


def test_no_rows_are_assigned_to_nothing():
    assert nearest_centroids(np.empty((0, 4), np.float32), np.zeros((2, 4), np.float32)).shape == (0,)
