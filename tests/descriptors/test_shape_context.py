import cmath
import math

import cv2
import numpy as np
import pytest

from nearsight.descriptors._foreground import foreground, outlines, resample_outline
from nearsight.descriptors.shape_context import ShapeContext
from nearsight.metrics.l1 import L1
from tests.descriptors.shapes import all_drawn, drawn, nearest_is_the_same_shape


def by_definition(points, rings, sectors):
    """Mean and deviation of the contexts of points on one closed line, with plain loops."""
    count = len(points)
    unit = np.mean([abs(a - b) for i, a in enumerate(points) for j, b in enumerate(points) if i != j])
    edges = [math.exp(math.log(1 / 8) + ring * math.log(16) / rings) for ring in range(1, rings)]
    contexts = np.zeros((count, rings, sectors))
    for i, a in enumerate(points):
        along = points[(i + 1) % count] - points[i - 1]
        for j, b in enumerate(points):
            if i != j:
                ring = sum(abs(b - a) / unit > edge for edge in edges)
                turn = cmath.phase((b - a) / along) / (2 * math.pi)
                contexts[i, ring, round(turn * sectors) % sectors] += 1 / (count - 1)
    return np.concatenate([contexts.mean(axis=0).ravel(), contexts.std(axis=0).ravel()])


@pytest.mark.parametrize(("points", "rings", "sectors"), [(100, 5, 12), (31, 3, 7)])
@pytest.mark.parametrize("name", ["star", "F"])
def test_equals_the_definition(name, points, rings, sectors):
    image = drawn(name, 20)
    line = resample_outline(outlines(foreground(image))[0], points)
    row = ShapeContext(points=points, rings=rings, sectors=sectors).describe([image])[0]
    assert np.abs(row - by_definition(line, rings, sectors)).sum() < 0.02


def test_a_disc_looks_the_same_from_all_its_points():
    disc = cv2.circle(np.full((250, 250, 3), 255, np.uint8), (120, 130), 100, (0, 0, 0), -1)
    row = ShapeContext(rings=1, sectors=2).describe([disc])[0]
    assert row[:2] == pytest.approx([0.5, 0.5], abs=0.03)
    coarse = ShapeContext(rings=4, sectors=1).describe([disc])[0]
    assert coarse[:4].sum() == pytest.approx(1, abs=1e-5)
    assert coarse[4:] == pytest.approx(np.zeros(4), abs=0.02)


@pytest.mark.parametrize("side", [256, 128])
def test_turned_and_scaled_is_nearer_than_another(side):
    images, kinds = all_drawn()
    small = [cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) for image in images]
    rows = ShapeContext().describe(small)
    distances = L1().distances(rows, rows)
    same = kinds[:, None] == kinds
    assert nearest_is_the_same_shape(distances, kinds).all()
    assert np.where(same, distances, 0).max() < np.where(same, np.inf, distances).min()


def test_a_mirrored_letter_is_another_one():
    rows = ShapeContext().describe([drawn("F"), drawn("F", 33), drawn("F")[:, ::-1]])
    turned, mirrored = L1().distances(rows[:1], rows[1:])[0]
    assert mirrored > 2 * turned


def test_holes_count():
    plain = drawn("ellipse", 0, 110)
    pierced = cv2.circle(plain.copy(), (128, 128), 30, (235, 230, 220), -1)
    rows = ShapeContext().describe([plain, drawn("ellipse", 50, 90), pierced])
    same, other = L1().distances(rows[:1], rows[1:])[0]
    assert other > 2 * same


@pytest.mark.parametrize("wrong", [{"points": 7}, {"rings": 0}, {"sectors": 37}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ShapeContext(**wrong)
