import cv2
import numpy as np
import pytest
import skimage.data
from scipy.optimize import linprog
from scipy.spatial.distance import cdist

from nearsight.descriptors.colour_histogram import ColourHistogram
from nearsight.metrics.emd import Emd


def lab_middles(space, bins):
    """The middle of each bin, from an image of one pixel at a time."""
    middles = []
    for i, j, k in np.ndindex(*bins):
        x, y, z = (i + 0.5) / bins[0], (j + 0.5) / bins[1], (k + 0.5) / bins[2]
        if space == "lab":
            middles.append((100 * x, 256 * y - 128, 256 * z - 128))
            continue
        pixel = np.float32([[[360 * x, y, z] if space == "hsv" else [x, y, z]]])
        rgb = cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB) if space == "hsv" else pixel
        middles.append(cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab)[0, 0].tolist())
    return np.array(middles, float)


def by_linear_programme(q, r, middles):
    width = len(q)
    constraints = np.vstack([np.kron(np.eye(width), np.ones(width)), np.kron(np.ones(width), np.eye(width))])
    found = linprog(cdist(middles, middles).ravel(), A_eq=constraints, b_eq=np.r_[q / q.sum(), r / r.sum()])
    assert found.success
    return found.fun


def sparse(count, width, seed=0, filled=0.6):
    rng = np.random.default_rng(seed)
    return np.float32(rng.random((count, width)) * (rng.random((count, width)) < filled)) + np.float32(1e-5)


@pytest.mark.parametrize("space", ["rgb", "hsv", "lab"])
@pytest.mark.parametrize("bins", [(2, 2, 2), (3, 2, 4)])
def test_equals_the_linear_programme(space, bins):
    rows = sparse(5, int(np.prod(bins)))
    expected = [[by_linear_programme(q, r, lab_middles(space, bins)) for r in rows.astype(float)] for q in rows[:3]]
    assert Emd(space=space, bins=bins).distances(rows[:3], rows) == pytest.approx(np.array(expected), rel=1e-5)


def test_along_one_line_it_is_the_area_between_the_sums():
    rows = sparse(12, 40)
    totals = rows.astype(float) / rows.sum(1, keepdims=True, dtype=float)
    sums = np.cumsum(totals, axis=1)
    expected = cdist(sums, sums, "cityblock") * 100 / 40
    assert Emd(space="lab", bins=(40, 1, 1)).distances(rows, rows) == pytest.approx(expected, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("filled", [0.05, 0.3, 1.0])
def test_equal_weights_and_many_bins_are_solved_too(filled):
    metric = Emd(space="lab", bins=(64, 1, 1))
    rng = np.random.default_rng(0)
    rows = np.float32(rng.random((6, 64)) < filled) + np.float32(np.eye(64)[:6])
    sums = np.cumsum(rows / rows.sum(1, keepdims=True, dtype=float), axis=1)
    assert metric.distances(rows, rows) == pytest.approx(cdist(sums, sums, "cityblock") * 100 / 64, rel=1e-5, abs=1e-4)


def test_the_bound_is_never_above_and_exact_for_single_colours():
    metric = Emd(bins=(8, 2, 2))
    rows = np.vstack([sparse(20, 32, filled=0.2), np.eye(32, dtype=np.float32)[:8], np.zeros((2, 32), np.float32)])
    distances, bounds = metric.distances(rows, rows), metric.lower_bound(rows, rows)
    assert (bounds <= distances).all()
    assert bounds[20:28, 20:28] == pytest.approx(distances[20:28, 20:28], rel=1e-3)
    assert (bounds > 0).mean() > 0.5


def test_symmetric_with_the_triangle():
    metric, rows = Emd(bins=(8, 2, 2)), sparse(12, 32, filled=0.3)
    apart = metric.distances(rows, rows)
    assert apart == pytest.approx(apart.T, rel=1e-5)
    assert not np.diag(apart).any()
    assert (apart[:, :, None] <= apart[:, None, :] + apart.T[None] + 1e-3).all()
    assert metric.distances(rows * 7, rows) == pytest.approx(apart, rel=1e-4, abs=1e-3)


def test_a_darker_copy_is_nearer_than_another_image():
    names = ("astronaut", "coffee", "chelsea", "rocket", "immunohistochemistry")
    photos = [np.ascontiguousarray(getattr(skimage.data, name)()[::4, ::4, :3]) for name in names]
    histogram = ColourHistogram()
    darker = histogram.describe([(photo * 0.9).astype(np.uint8) for photo in photos])
    apart = Emd().distances(darker, histogram.describe(photos))
    assert (apart.argmin(axis=1) == np.arange(len(photos))).all()


def test_a_similar_colour_is_near_where_bins_cannot_tell():
    colours = [(200, 30, 30), (200, 60, 20), (20, 30, 200)]
    rows = ColourHistogram(space="rgb", bins=(8, 8, 8)).describe([np.full((4, 4, 3), c, np.uint8) for c in colours])
    near, far = Emd(space="rgb", bins=(8, 8, 8)).distances(rows[:1], rows[1:])[0]
    assert near < far / 3


def test_rows_of_zeros_and_rows_of_other_bins():
    rows = np.float32([[0] * 8, [1] + [0] * 7])
    metric = Emd(space="rgb", bins=(2, 2, 2))
    middles = lab_middles("rgb", (2, 2, 2))
    diagonal = np.linalg.norm(middles.max(0) - middles.min(0))
    assert metric.distances(rows, rows) == pytest.approx(np.array([[0, diagonal], [diagonal, 0]]), rel=1e-5)
    with pytest.raises(ValueError, match=r"\(N, 256\)"):
        Emd().distances(rows, rows)
    with pytest.raises(ValueError, match="0 or larger"):
        metric.distances(rows, -rows)


@pytest.mark.parametrize("wrong", [{"space": "hsl"}, {"bins": (8, 8)}, {"bins": (8, 8, 0)}, {"bins": (8, 8, 65)}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Emd(**wrong)
