import cv2
import numpy as np
import pytest

from nearsight.descriptors._foreground import foreground, outlines, resample_outline
from tests.descriptors.shapes import POLYGONS, drawn, polygon


def overlap(found, expected):
    return (found & expected).sum() / (found | expected).sum()


@pytest.mark.parametrize("name", POLYGONS)
@pytest.mark.parametrize(("ink", "ground"), [((180, 30, 40), (235, 230, 220)), ((250, 250, 250), (20, 40, 30))])
def test_a_drawn_shape_is_found(name, ink, ground):
    expected = cv2.fillPoly(np.zeros((256, 256), np.uint8), [np.rint(polygon(name, 20)).astype(np.int32)], 1) == 1
    assert overlap(foreground(drawn(name, 20, ink=ink, ground=ground)), expected) > 0.9


def test_a_sky_above_and_a_meadow_below_are_both_ground():
    image = np.zeros((120, 160, 3), np.uint8)
    image[:60], image[60:] = (120, 170, 240), (60, 150, 50)
    image[40:80, 60:110] = (200, 40, 40)
    expected = (image == (200, 40, 40)).all(axis=2)
    assert overlap(foreground(image), expected) > 0.95


def test_a_graded_and_noisy_ground_is_ground():
    rng = np.random.default_rng(0)
    ramp = np.linspace(90, 150, 160)[None, :, None] + rng.normal(0, 4, (120, 160, 3))
    image = np.clip(ramp, 0, 255).astype(np.uint8)
    image[40:80, 60:110] = (230, 40, 40)
    expected = (image == (230, 40, 40)).all(axis=2)
    assert overlap(foreground(image), expected) > 0.95


def test_specks_go_and_holes_stay():
    image = np.full((120, 160, 3), 255, np.uint8)
    image[30:90, 40:100] = image[10:13, 140:143] = 0
    image[50:70, 60:80] = 255
    mask = foreground(image)
    assert not mask[:20, 130:150].any()
    assert not mask[53:67, 63:77].any()
    assert len(outlines(mask)) == 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (40, 30)])
def test_where_nothing_stands_out_it_is_everything(shape):
    assert foreground(np.full((*shape, 3), (12, 200, 77), np.uint8)).all()
    noise = np.random.default_rng(0).integers(120, 124, (*shape, 3), np.uint8)
    assert foreground(noise).all()


def test_the_same_again(photos):
    for photo in photos:
        assert np.array_equal(foreground(photo), foreground(photo.copy()))


def test_points_lie_evenly_on_the_outline():
    y, x = np.mgrid[:200, :200]
    disc = (x - 90) ** 2 + (y - 110) ** 2 < 70**2
    (line,) = outlines(disc)
    points = resample_outline(line, 64)
    assert np.abs(points - (90 + 110j)) == pytest.approx(np.full(64, 69.5), abs=0.7)
    steps = np.abs(np.diff(points, append=points[:1]))
    assert steps == pytest.approx(np.full(64, 2 * np.pi * 69.5 / 64), rel=0.05)


def test_pieces_and_holes_go_around_opposite_ways():
    mask = np.zeros((60, 60), bool)
    mask[5:55, 5:55] = True
    mask[20:40, 20:40] = False
    areas = [np.imag(np.conj(line) * np.roll(line, -1)).sum() / 2 for line in outlines(mask)]
    assert areas == pytest.approx([49**2, -(21**2) + 2], abs=2)
