import cmath

import cv2
import numpy as np
import pytest

from nearsight.descriptors.fourier_contour import FourierContour
from nearsight.metrics.l2 import L2
from tests.descriptors.shapes import POLYGONS, all_drawn, drawn, nearest_is_the_same_shape, polygon


def by_definition(corners, harmonics, count=1000):
    """Moduli of the circles of a polygon itself, with plain loops over points at equal steps along it."""
    sides = [complex(*corner) for corner in corners]
    lengths = [abs(sides[i] - sides[i - 1]) for i in range(len(sides))]
    points = []
    for step in range(count):
        along, i = sum(lengths) * step / count, 0
        while along > lengths[i]:
            along, i = along - lengths[i], i + 1
        points.append(sides[i - 1] + (sides[i] - sides[i - 1]) * along / lengths[i])
    moduli = []
    for k in [*range(-harmonics, 0), *range(1, harmonics + 1)]:
        moduli.append(abs(sum(z * cmath.exp(-2j * cmath.pi * k * t / count) for t, z in enumerate(points))))
    return np.array(moduli) / np.linalg.norm(moduli)


@pytest.mark.parametrize("name", POLYGONS)
def test_equals_the_transform_of_the_polygon(name):
    row = FourierContour(harmonics=6).describe([drawn(name, 20, 110)])[0]
    assert row == pytest.approx(by_definition(polygon(name, 20, 110), 6), abs=0.02)


def test_an_ellipse_is_mainly_two_circles():
    row = FourierContour(harmonics=5).describe([drawn("ellipse", 30, 100)])[0]
    assert set(np.flatnonzero(row > 0.1)) == {4, 5}
    assert row[4:6].argmax() == 1


@pytest.mark.parametrize("side", [256, 128])
def test_turned_scaled_and_mirrored_is_nearer_than_another(side):
    images, kinds = all_drawn()
    images = [*images, *(np.ascontiguousarray(image[:, ::-1]) for image in images)]
    kinds = np.tile(kinds, 2)
    small = [cv2.resize(each, (side, side), interpolation=cv2.INTER_AREA) for each in images]
    rows = FourierContour().describe(small)
    distances = L2().distances(rows, rows)
    same = kinds[:, None] == kinds
    assert nearest_is_the_same_shape(distances, kinds).all()
    assert np.where(same, distances, 0).max() < 0.2 * np.where(same, np.inf, distances).min()


def test_holes_and_small_pieces_do_not_count():
    plain = drawn("bar", 0, 100)
    pierced = cv2.circle(plain.copy(), (128, 128), 6, (235, 230, 220), -1)
    rows = FourierContour().describe([plain, pierced])
    assert rows[0] == pytest.approx(rows[1], abs=1e-3)


def test_a_single_pixel_is_all_zeros():
    assert not FourierContour().describe([np.zeros((1, 1, 3), np.uint8)]).any()


@pytest.mark.parametrize("harmonics", [0, 65])
def test_wrong_parameters(harmonics):
    with pytest.raises(ValueError, match="harmonics"):
        FourierContour(harmonics=harmonics)
