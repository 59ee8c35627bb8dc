"""The distances of small images: ssd, warp and shift."""

import math

import numpy as np
import pytest
import skimage.data
import sklearn.datasets

from nearsight.descriptors.tiny import Tiny
from nearsight.metrics.l2 import L2
from nearsight.metrics.shift import Shift
from nearsight.metrics.ssd import Ssd
from nearsight.metrics.warp import Warp


def at(image, y, x):
    """The colour at a place between pixels, edges drawn out."""
    side = len(image)
    y, x = (min(max(place, 0), side - 1) for place in (y, x))
    top, left = math.floor(y), math.floor(x)
    down, right = min(top + 1, side - 1), min(left + 1, side - 1)
    upper = (1 - (x - left)) * image[top, left] + (x - left) * image[top, right]
    lower = (1 - (x - left)) * image[down, left] + (x - left) * image[down, right]
    return (1 - (y - top)) * upper + (y - top) * lower


def warped(image, scale, down, right):
    middle = (len(image) - 1) / 2
    ys, xs = ([middle + (place - middle - move) / scale for place in range(len(image))] for move in (down, right))
    return np.array([[at(image, y, x) for x in xs] for y in ys])


def slow_warps(image, reach, scales, mirror):
    yield image
    for base in [image, image[:, ::-1]] if mirror else [image]:
        for scale in scales:
            for down in range(-reach, reach + 1):
                for right in range(-reach, reach + 1):
                    yield warped(base, scale, down, right)


def slow_shift(fitted, row, window):
    side, total = len(row), 0.0
    for y in range(side):
        for x in range(side):
            near = [
                np.square(fitted[v, u] - row[y, x]).sum()
                for v in range(max(0, y - window), min(side, y + window + 1))
                for u in range(max(0, x - window), min(side, x + window + 1))
            ]
            total += min(near)
    return total


def photographs():
    names = ("astronaut", "coffee", "chelsea", "rocket", "immunohistochemistry")
    images = [np.ascontiguousarray(getattr(skimage.data, name)()[::2, ::2, :3]) for name in names]
    return images + [sklearn.datasets.load_sample_image(name)[::2, ::2] for name in ("china.jpg", "flower.jpg")]


def random_rows(count, side, channels, seed=0):
    return np.random.default_rng(seed).random((count, side * side * channels), np.float32)


@pytest.mark.parametrize("width", [1, 12, 3072])
def test_ssd_is_the_squared_euclidean_distance(width):
    queries, rows = (np.random.default_rng(seed).random((7, width), np.float32) for seed in (0, 1))
    expected = [[math.dist(q, r) ** 2 for r in rows.tolist()] for q in queries.tolist()]
    assert Ssd().distances(queries, rows) == pytest.approx(np.array(expected), rel=1e-5)
    assert (Ssd().distances(queries, rows).argsort() == L2().distances(queries, rows).argsort()).all()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mirror", [False, True])
def test_warp_and_shift_equal_slow_loops(channels, mirror):
    side, scales = 6, (0.8, 1.0, 1.3)
    queries, rows = random_rows(2, side, channels), random_rows(5, side, channels, seed=1)
    rows[0] = warped(queries[0].reshape(side, side, channels), 0.8, 1, 0)[:, :: -1 if mirror else 1].ravel()
    warp = Warp(reach=1, scales=scales, mirror=mirror).distances(queries, rows)
    shift = Shift(reach=1, scales=scales, mirror=mirror, window=1).distances(queries, rows)
    for q, query in enumerate(queries.reshape(-1, side, side, channels).astype(float)):
        tried = list(slow_warps(query, 1, scales, mirror))
        for r, row in enumerate(rows.reshape(-1, side, side, channels).astype(float)):
            apart = [np.square(one - row).sum() for one in tried]
            assert warp[q, r] == pytest.approx(min(apart), rel=1e-4, abs=1e-5)
            assert shift[q, r] == pytest.approx(slow_shift(tried[np.argmin(apart)], row, 1), rel=1e-4, abs=1e-5)
    assert warp[0, 0] < 1e-5


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("colour", [True, False])
def test_shift_never_above_warp_never_above_ssd(normalise, colour):
    images = photographs()
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    images += [images[0][:, ::-1], images[1][8:, 5:], noise, np.full((9, 9, 3), 50, np.uint8)]
    rows = Tiny(normalise=normalise, colour=colour).describe(images)
    ssd, warp, shift = (metric.distances(rows, rows) for metric in (Ssd(), Warp(), Shift()))
    assert (shift <= warp).all()
    assert (warp <= ssd).all()
    assert (shift < warp).mean() > 0.5
    assert (warp < ssd).mean() > 0.5
    assert not np.diag(ssd).any()
    assert (shift >= 0).all()


def test_what_each_of_them_sees_through():
    photo = photographs()[0]
    moved, mirrored = photo[12:, 10:], np.ascontiguousarray(photo[:, ::-1])
    rows = Tiny().describe([photo, moved, mirrored])
    ssd, warp, shift = (metric.distances(rows[:1], rows)[0] for metric in (Ssd(), Warp(), Shift()))
    assert warp[1] < 0.5 * ssd[1]
    assert shift[1] < 0.5 * warp[1]
    assert warp[2] < 1e-4 < ssd[2]


def test_blocks_and_bytes_do_not_matter():
    rows = np.random.default_rng(0).integers(0, 256, (300, 3 * 18 * 18), np.uint8)
    for metric in (Ssd(), Warp(), Shift()):
        whole = metric.distances(rows[:2], rows)
        assert metric.distances(rows[:2], rows[270:272]) == pytest.approx(whole[:, 270:272], rel=1e-6)
        assert metric.distances(np.float32(rows[:2]), np.float32(rows)) == pytest.approx(whole, rel=1e-6)
        assert metric.distances(rows[:0], rows).shape == (0, 300)
        assert metric.distances(rows, rows[:0]).shape == (300, 0)


def test_rows_that_are_no_square_are_refused():
    with pytest.raises(ValueError, match="got 24 values"):
        Warp().distances(np.zeros((1, 24), np.float32), np.zeros((2, 24), np.float32))


@pytest.mark.parametrize(
    "wrong", [{"reach": 9}, {"reach": -1}, {"scales": ()}, {"scales": (0.1,)}, {"scales": 1.0}, {"window": 9}]
)
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Shift(**wrong)
