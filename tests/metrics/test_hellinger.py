import math

import numpy as np
import pytest
from scipy.spatial import distance

from nearsight.metrics.hellinger import Hellinger
from nearsight.metrics.jensen_shannon import JensenShannon


def by_definition(q, r):
    q, r = ([value / sum(row) for value in row] for row in (q, r))
    return math.sqrt(sum((math.sqrt(a) - math.sqrt(b)) ** 2 for a, b in zip(q, r, strict=True)) / 2)


def histograms(count, width, seed=0):
    rng = np.random.default_rng(seed)
    return np.float32(rng.random((count, width)) * (rng.random((count, width)) < 0.7) + 1e-4)


@pytest.mark.parametrize("width", [1, 7, 300])
def test_equals_the_definition(width):
    queries, rows = histograms(4, width), histograms(120, width, seed=1)
    expected = [[by_definition(q, r) for r in rows.tolist()] for q in queries.tolist()]
    assert Hellinger().distances(queries, rows) == pytest.approx(np.array(expected), abs=1e-6)


def test_equals_the_euclidean_distance_of_roots():
    q, r = histograms(2, 50).astype(float)
    roots = [np.sqrt(row / row.sum()) for row in (q, r)]
    expected = distance.euclidean(*roots) / math.sqrt(2)
    assert Hellinger().distances(q[None], r[None])[0, 0] == pytest.approx(expected, rel=1e-6)


def test_obeys_the_triangle_and_lies_between_known_bounds():
    rows = histograms(30, 24)
    apart = Hellinger().distances(rows, rows)
    assert (apart[:, :, None] <= apart[:, None, :] + apart.T[None] + 1e-6).all()
    totals = rows.astype(float) / rows.sum(1, keepdims=True, dtype=float)
    variation = distance.cdist(totals, totals, "cityblock") / 2
    assert (apart**2 <= variation + 1e-6).all()
    assert (variation <= math.sqrt(2) * apart + 1e-6).all()
    assert (JensenShannon().distances(rows, rows) >= apart - 1e-6).all()


def test_nothing_in_common_is_at_one_and_lengths_do_not_count():
    rows = np.float32([[1, 3, 0, 0], [0, 0, 2, 2], [10, 30, 0, 0], [0, 0, 0, 0]])
    expected = np.float32([[0, 1, 0, 1], [1, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 0]])
    assert Hellinger().distances(rows, rows) == pytest.approx(expected, abs=1e-7)
    assert Hellinger().similarity(np.float32([0, 0.25, 1])).tolist() == [1, 0.75, 0]


@pytest.mark.parametrize("wrong", [-1, np.nan])
def test_histograms_are_not_negative(wrong):
    with pytest.raises(ValueError, match="0 or larger"):
        Hellinger().distances(np.float32([[wrong, 2]]), np.float32([[1, 2]]))
