import math

import cv2
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from nearsight.features._sift_patches import compute_sift, cut_sift_patches, dominant_orientations
from nearsight.features.sift import Sift
from tests.features.views import photograph


def luma():
    return cv2.cvtColor(photograph(), cv2.COLOR_RGB2GRAY)


def test_patches_are_those_of_scipy():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 384, (1500, 2)).astype(np.float32)  # more than OpenCV takes at once
    sides, angles = (rng.uniform(*range_, 1500).astype(np.float32) for range_ in ((8, 41), (0, 360)))
    found, image = cut_sift_patches(luma(), points, sides, angles, 23), luma().astype(float)
    for at in range(0, 1500, 100):
        places = []
        for row in range(23):
            for column in range(23):
                right, down = ((each - 11) * sides[at] / 23 for each in (column, row))
                turn = math.radians(angles[at])
                x = points[at, 0] + math.cos(turn) * right - math.sin(turn) * down
                y = points[at, 1] + math.sin(turn) * right + math.cos(turn) * down
                places.append((y - 0.5, x - 0.5))
        expected = map_coordinates(image, np.transpose(places), order=1, mode="nearest").reshape(23, 23)
        # OpenCV interpolates in steps of 1/32 pixel
        assert np.abs(found[at] - expected).mean() < 1.5
        assert found[at] == pytest.approx(expected, abs=12)


def test_large_patches_are_means_of_areas():
    # every second pixel is black, every second white: half of that is grey, whichever pixels are sampled
    board = (np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8)
    point = np.array([[128.0, 128.0]], np.float32)
    for side in (64, 128, 200):
        cut = cut_sift_patches(board, point, np.array([side], np.float32), np.zeros(1, np.float32), 32)
        assert cut == pytest.approx(np.full((1, 32, 32), 127.5), abs=1)


def test_sift_of_sifts_own_points_is_its_own():
    own = Sift(root=False).features(photograph())
    assert np.array_equal(compute_sift(luma(), own.points, own.scales, own.angles), own.descriptors)


def test_sift_is_taken_of_any_size_and_place():
    rng = np.random.default_rng(0)
    small = luma()[:9, :40]
    points = rng.uniform(0, 1, (50, 2)).astype(np.float32) * [40, 9]
    sizes = np.geomspace(0.5, 2000, 50).astype(np.float32)
    rows = compute_sift(small, points.astype(np.float32), sizes, np.zeros(50, np.float32))
    assert rows.shape == (50, 128)
    assert np.isfinite(rows).all()


def test_directions_are_those_of_sift():
    own = Sift().features(photograph())
    _, which, times = np.unique(own.points, axis=0, return_inverse=True, return_counts=True)
    alone = times[which.ravel()] == 1  # at a place of several strong directions either may be the first
    found = dominant_orientations(luma(), own.points, own.scales / 2)
    apart = np.abs((found - own.angles + 180) % 360 - 180)[alone]
    assert alone.sum() > 500
    assert np.median(apart) < 6
    assert np.quantile(apart, 0.8) < 15


@pytest.mark.parametrize("degrees", [0, 30, 90, 200, 315])
def test_an_edge_has_the_direction_in_which_it_brightens(degrees):
    y, x = np.mgrid[:100, :100] - 49.5
    turn = math.radians(degrees)
    ramp = np.clip(128 + 2 * (math.cos(turn) * x + math.sin(turn) * y), 0, 255).astype(np.uint8)
    found = dominant_orientations(ramp, np.array([[50.0, 50.0]], np.float32), np.array([3.0], np.float32))
    assert abs((found[0] - degrees + 180) % 360 - 180) < 3
