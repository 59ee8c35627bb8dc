import math

import cv2
import numpy as np
import pytest

from nearsight.descriptors._foreground import foreground
from nearsight.descriptors.zernike import Zernike
from nearsight.metrics.l2 import L2
from tests.descriptors.shapes import POLYGONS, all_drawn, drawn, nearest_is_the_same_shape, polygon


def pairs(order):
    return [(n, m) for n in range(order + 1) for m in range(n, -1, -2) if (n, m) != (1, 1)]


def radial(n, m, rho):
    total = 0.0
    for s in range((n - m) // 2 + 1):
        top = (-1) ** s * math.factorial(n - s)
        bottom = math.factorial(s) * math.factorial((n + m) // 2 - s) * math.factorial((n - m) // 2 - s)
        total = total + top / bottom * rho ** (n - 2 * s)
    return total


def by_pixels(mask, order):
    """The sum over the pixels of the mask, one wave at a time."""
    ys, xs = np.nonzero(mask)
    x, y = xs - xs.mean(), ys - ys.mean()
    radius = np.hypot(x, y).max() + 0.5
    rho, theta = np.hypot(x, y) / radius, np.arctan2(y, x)
    waves = (radial(n, m, rho) * np.exp(-1j * m * theta) for n, m in pairs(order))
    return [abs((n + 1) / np.pi * wave.sum() / radius**2) for (n, m), wave in zip(pairs(order), waves, strict=True)]


def by_integral(corners, order):
    """The integral over the inside of a polygon, by the midpoints of a fine grid in polar coordinates."""
    line = corners.astype(np.float32).reshape(-1, 1, 2)
    moments = cv2.moments(line)
    middle = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
    radius = np.linalg.norm(corners - middle, axis=1).max()
    rho, theta = (np.arange(150) + 0.5) / 150, 2 * np.pi * (np.arange(360) + 0.5) / 360
    rho, theta = (grid.ravel() for grid in np.meshgrid(rho, theta))
    places = middle + radius * np.stack([rho * np.cos(theta), rho * np.sin(theta)], 1)
    inside = np.array([cv2.pointPolygonTest(line, place.tolist(), False) >= 0 for place in places])
    areas = rho * inside / 150 * 2 * np.pi / 360
    return [abs((n + 1) / np.pi * (radial(n, m, rho) * np.exp(-1j * m * theta) * areas).sum()) for n, m in pairs(order)]


@pytest.mark.parametrize("order", [2, 8, 12])
def test_equals_the_sum_over_pixels(photos, order):
    for image in [*photos[:3], drawn("F", 20)]:
        row = Zernike(order=order).describe([image])[0]
        assert row == pytest.approx(by_pixels(foreground(image), order), abs=1e-5)


@pytest.mark.parametrize("name", ["triangle", "L", "ellipse", "star"])
def test_equals_the_integral_over_the_polygon(name):
    row = Zernike().describe([drawn(name, 20, 110)])[0]
    assert row == pytest.approx(by_integral(polygon(name, 20, 110), 8), abs=0.03)


def test_twenty_four_values_of_order_eight():
    assert Zernike().size == len(pairs(8)) == 24
    disc = cv2.circle(np.full((256, 256, 3), 255, np.uint8), (128, 128), 110, (0, 0, 0), -1)
    row = Zernike().describe([disc])[0]
    assert row[0] == pytest.approx(1, abs=0.03)
    assert row[1:] == pytest.approx(np.zeros(23), abs=0.1)


def test_the_symmetry_of_a_shape_shows_in_its_repetitions():
    row = dict(zip(pairs(8), Zernike().describe([drawn("cross", 17)])[0], strict=True))
    assert all(value < 0.02 for (n, m), value in row.items() if m % 4)
    assert row[(4, 4)] > 0.2


@pytest.mark.parametrize("side", [256, 128])
def test_turned_scaled_and_mirrored_is_nearer_than_another(side):
    images, kinds = all_drawn()
    images = [*images, *(np.ascontiguousarray(image[:, ::-1]) for image in images)]
    kinds = np.tile(kinds, 2)
    rows = Zernike().describe([cv2.resize(each, (side, side), interpolation=cv2.INTER_AREA) for each in images])
    distances = L2().distances(rows, rows)
    same = kinds[:, None] == kinds
    assert nearest_is_the_same_shape(distances, kinds).all()
    assert np.where(same, distances, 0).max() < 0.4 * np.where(same, np.inf, distances).min()


@pytest.mark.parametrize("name", POLYGONS)
def test_the_colours_do_not_matter(name):
    rows = Zernike().describe([drawn(name), drawn(name, ink=(250, 250, 240), ground=(10, 30, 80))])
    assert rows[0] == pytest.approx(rows[1], abs=0.03)


@pytest.mark.parametrize("order", [1, 13])
def test_wrong_parameters(order):
    with pytest.raises(ValueError, match="order"):
        Zernike(order=order)
