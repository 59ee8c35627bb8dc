import cv2
import numpy as np
import pytest

from nearsight.descriptors._foreground import foreground
from nearsight.descriptors.hu_moments import HuMoments
from nearsight.metrics.l2 import L2
from tests.descriptors.shapes import POLYGONS, TRANSFORMS, all_drawn, drawn, nearest_is_the_same_shape


def central(mask, p, q):
    """The normalised central moment of a mask."""
    ys, xs = np.nonzero(mask)
    x, y = xs - xs.mean(), ys - ys.mean()
    return (x**p * y**q).sum() / len(xs) ** (1 + (p + q) / 2)


def by_definition(mask):
    n20, n02, n11, n30, n03, n21, n12 = (
        central(mask, p, q) for p, q in ((2, 0), (0, 2), (1, 1), (3, 0), (0, 3), (2, 1), (1, 2))
    )
    a, b, c, d = n30 - 3 * n12, 3 * n21 - n03, n30 + n12, n21 + n03
    return [
        n20 + n02,
        (n20 - n02) ** 2 + 4 * n11**2,
        a**2 + b**2,
        c**2 + d**2,
        a * c * (c**2 - 3 * d**2) + b * d * (3 * c**2 - d**2),
        (n20 - n02) * (c**2 - d**2) + 4 * n11 * c * d,
        b * c * (c**2 - 3 * d**2) - a * d * (3 * c**2 - d**2),
    ]


def unscaled(row):
    sizes = (10 ** np.abs(row.astype(float)) - 1) / 30
    return np.sign(row) * sizes ** np.array([1, 2, 2, 2, 4, 3, 4])


def test_equals_hus_formulas_and_opencv(photos):
    for image in [*photos, drawn("F", 20), drawn("star", 10)]:
        mask = foreground(image)
        row = unscaled(HuMoments().describe([image])[0])
        sevenfold = by_definition(mask)
        assert row == pytest.approx(sevenfold, rel=1e-4, abs=1e-12)
        assert row == pytest.approx(cv2.HuMoments(cv2.moments(np.uint8(mask)))[:, 0], rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("side", [256, 128])
def test_the_same_shape_turned_and_scaled_is_nearer_than_another(side):
    images, kinds = all_drawn()
    small = [cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) for image in images]
    rows = HuMoments().describe(small)
    distances = L2().distances(rows, rows)
    assert nearest_is_the_same_shape(distances, kinds).all()


@pytest.mark.parametrize("name", POLYGONS)
def test_similarity_changes_nothing(name):
    rows = HuMoments().describe([drawn(name, *transform) for transform in TRANSFORMS])
    assert np.abs(rows - rows[0]).max() < 0.15


def test_a_mirror_changes_the_sign_of_the_last():
    rows = HuMoments().describe([drawn("F", 20), drawn("F", 20)[:, ::-1]])
    assert rows[1] == pytest.approx(rows[0] * (1, 1, 1, 1, 1, 1, -1), abs=0.02)
    assert abs(rows[0, 6]) > 0.2
