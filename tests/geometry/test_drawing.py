import numpy as np
import pytest

from nearsight.geometry.drawing import (
    CHANGED,
    COOL,
    GAP,
    HEATMAP_OPACITY,
    HOT,
    OUTLINE,
    WARM,
    draw_matches,
    overlay_heatmap,
)
from nearsight.types import Change, Explanation

GREY = np.full((100, 200, 3), 128, np.uint8)
TALL = np.full((300, 150, 3), 64, np.uint8)


def explained(**parts):
    return Explanation("because", "copy", 0.9, **parts)


def test_without_points_it_is_the_two_images():
    canvas = draw_matches(GREY, TALL, explained())
    assert canvas.shape == (300, 200 + GAP + 150, 3)
    assert np.array_equal(canvas[:100, :200], GREY)
    assert np.array_equal(canvas[:, 200 + GAP :], TALL)
    assert (canvas[100:, :200] == 255).all()
    assert (canvas[:, 200 : 200 + GAP] == 255).all()


def test_dots_stand_at_the_matched_points_in_one_colour():
    points = np.array([[0.25, 0.5]], np.float32), np.array([[0.5, 0.1]], np.float32)
    canvas = draw_matches(GREY, TALL, explained(query_points=points[0], hit_points=points[1]))
    start, end = canvas[50, 49], canvas[29, 200 + GAP + 75]
    assert np.array_equal(start, end)
    assert np.ptp(start.astype(int)) > 100
    assert np.array_equal(canvas[90, 10], [128] * 3)


def test_changed_areas_are_framed_in_both():
    change = Change((0.25, 0.25, 0.75, 0.75), (0.5, 0.5, 0.9, 0.9), 0.2)
    canvas = draw_matches(GREY, TALL, explained(changes=(change,)))
    assert (canvas[50, 49] == CHANGED).all()
    assert (canvas[24, 100] == CHANGED).all()
    assert (canvas[50, 100] == 128).all()
    assert (canvas[200, 200 + GAP + 74] == CHANGED).all()


def covered(colour, grey):
    return np.rint(HEATMAP_OPACITY * np.array(colour) + (1 - HEATMAP_OPACITY) * grey)


def test_shares_lie_over_their_places_from_cool_to_hot():
    shares = np.float32([[0, 0.2], [-0.3, 0.1]])
    warm = overlay_heatmap(GREY, shares)
    corners = warm[0, 0], warm[0, -1], warm[-1, 0], warm[-1, -1]
    for found, colour in zip(corners, (COOL, HOT, COOL, WARM), strict=True):
        assert found == pytest.approx(covered(colour, 128))
    assert np.array_equal(GREY, np.full((100, 200, 3), 128))
    between = warm[0, 100].astype(int)  # half of what the strongest adds
    assert between == pytest.approx(covered(WARM, 128), abs=4)


def test_a_heat_map_lies_over_each_image_and_not_over_the_gap():
    shares = np.float32([[1, 0]])
    canvas = draw_matches(GREY, TALL, explained(query_shares=shares, hit_shares=shares[:, ::-1]))
    assert canvas[50, 0] == pytest.approx(covered(HOT, 128))
    assert canvas[50, 199] == pytest.approx(covered(COOL, 128))
    assert canvas[150, 200 + GAP] == pytest.approx(covered(COOL, 64))
    assert canvas[150, -1] == pytest.approx(covered(HOT, 64))
    assert (canvas[:, 200 : 200 + GAP] == 255).all()
    assert np.array_equal(
        overlay_heatmap(GREY, np.zeros((2, 2), np.float32)), overlay_heatmap(GREY, np.float32([[-1]]))
    )


def test_outline_of_the_query_is_drawn_in_the_hit():
    half = np.array([[0.5, 0, 0.25], [0, 0.5, 0.25], [0, 0, 1.0]])
    canvas = draw_matches(GREY, TALL, explained(homography=half))[:, 200 + GAP :]
    assert np.array_equal(canvas[75, 75], OUTLINE)
    assert np.array_equal(canvas[150, 37], OUTLINE)
    assert np.array_equal(canvas[150, 75], [64] * 3)
    assert np.array_equal(draw_matches(GREY, TALL, explained(homography=half))[:100, :200], GREY)


def test_outline_beyond_the_hit_and_behind_the_camera():
    far = np.diag([1e9, 1e9, 1.0])
    behind = np.array([[1, 0, 0], [0, 1, 0], [-2, 0, 1.0]])
    for homography in (far, behind):
        assert draw_matches(GREY, TALL, explained(homography=homography)).shape == (300, 366, 3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (3000, 40)])
def test_any_size_and_nothing_is_changed(shape):
    image = np.full((*shape, 3), 7, np.uint8)
    points = np.random.default_rng(0).random((2, 5, 2)).astype(np.float32)
    canvas = draw_matches(image, GREY, explained(query_points=points[0], hit_points=points[1], homography=np.eye(3)))
    assert max(canvas.shape[:2]) <= 512 + GAP + 200
    assert (image == 7).all()
    assert (GREY == 128).all()
