import math

import cv2
import numpy as np
import pytest

from nearsight.features.dense_sift import DenseSift
from tests.features.views import found_again, photograph


def slowly(image, x, y, side, root):
    """The descriptor of one patch, pixel by pixel; (x, y) is the pixel on which its middle lies."""
    cell = side // 4
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    smooth = cv2.GaussianBlur(luma, (0, 0), cell / 6, borderType=cv2.BORDER_REPLICATE).astype(float)
    height, width = luma.shape
    sums = np.zeros((4, 4, 8))
    for row in range(height):
        for column in range(width):
            right, left = smooth[row, min(column + 1, width - 1)], smooth[row, max(column - 1, 0)]
            below, above = smooth[min(row + 1, height - 1), column], smooth[max(row - 1, 0), column]
            across, up = (right - left) / 2, (above - below) / 2
            at = math.atan2(up, across) % (2 * math.pi) * 8 / (2 * math.pi)
            lower = math.floor(at)
            for down in range(4):
                for over in range(4):
                    far_y = abs(row - (y + (down - 1.5) * cell)) / cell
                    far_x = abs(column - (x + (over - 1.5) * cell)) / cell
                    share = max(0, 1 - far_y) * max(0, 1 - far_x) * math.hypot(across, up)
                    sums[down, over, lower % 8] += share * (1 - (at - lower))
                    sums[down, over, (lower + 1) % 8] += share * (at - lower)
    for down in range(4):
        for over in range(4):
            sums[down, over] *= math.exp(-((down - 1.5) ** 2 + (over - 1.5) ** 2) / (2 * 2**2))
    row = sums.ravel() / np.linalg.norm(sums)
    row = np.minimum(row, 0.2)
    return np.sqrt(row / row.sum()) if root else row / np.linalg.norm(row)


@pytest.mark.parametrize("root", [True, False])
def test_equals_a_slow_loop(root):
    image = photograph(48)[:40]
    found = DenseSift(sizes=(16, 24), step=7, root=root).features(image)
    assert len(found) > 10
    for at in (0, 5, len(found) - 1):
        x, y = found.points[at] - 0.5
        expected = slowly(image, int(x), int(y), int(found.scales[at]), root)
        # OpenCV's directions are right to .3 degrees
        assert found.descriptors[at] == pytest.approx(expected, abs=2e-4)


def test_is_near_to_opencvs_sift_of_the_same_patches():
    # OpenCV has a window of pixels, not of cells, and no smoothing that goes with the size
    image = photograph(128)
    found = DenseSift(sizes=(24,), step=12, root=False).features(image)
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), 0.5)
    places = [cv2.KeyPoint(float(x) - 0.5, float(y) - 0.5, 24 / 6, 0.0) for x, y in found.points]
    _, rows = cv2.SIFT.create().compute(grey, places)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    likeness = (rows * found.descriptors).sum(axis=1)
    assert np.median(likeness) > 0.95
    assert ((rows @ found.descriptors.T).argmax(axis=1) == np.arange(len(rows))).mean() > 0.95


def test_a_quarter_turn_turns_the_cells_and_the_directions():
    image = photograph(97)  # so that the grid is the same from every side
    ours = DenseSift(sizes=(16, 32), step=8, contrast=0)
    first, second = ours.features(image), ours.features(np.ascontiguousarray(np.rot90(image, -1)))
    there = {
        (x, y, side): row for (x, y), side, row in zip(second.points, second.scales, second.descriptors, strict=True)
    }
    assert len(there) == len(first) > 100
    for (x, y), side, row in zip(first.points, first.scales, first.descriptors, strict=True):
        cells = np.rot90(row.reshape(4, 4, 8), -1, axes=(0, 1))
        expected = np.roll(cells, -2, axis=2).ravel()  # directions are counted anti-clockwise
        assert there[97 - y, x, side] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("view", "again", "matched"), [("darker", 0.99, 0.99), ("smaller", 0.7, 0.35)])
def test_patches_are_found_again(view, again, matched):
    repeated, right = found_again(DenseSift(), view, 256)
    assert repeated > again
    assert right > matched


def test_it_is_upright_so_what_is_turned_differs():
    assert found_again(DenseSift(), "a quarter turn", 256)[1] < 0.05


def test_patches_stand_a_step_apart_and_wholly_in_the_image():
    image = np.random.default_rng(0).integers(0, 256, (70, 101, 3), np.uint8)
    found = DenseSift(sizes=(16, 40), step=10).features(image)
    for side, across, down in ((16, 9, 6), (40, 7, 3)):
        own = found.points[found.scales == side]
        assert len(own) == across * down
        assert (own >= side / 2).all()
        assert (own <= np.array([101, 70]) - side / 2).all()
        columns, rows = np.unique(own[:, 0]), np.unique(own[:, 1])
        assert (np.diff(columns) == 10).all()
        assert (np.diff(rows) == 10).all()
        # in the middle: as much is left on both sides, up to a pixel
        assert abs(columns[0] - (101 - columns[-1])) <= 1
        assert abs(rows[0] - (70 - rows[-1])) <= 1


def test_a_budget_widens_the_steps_evenly():
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    found = DenseSift(n=100, sizes=(16, 32), step=4).features(image)
    assert 60 < len(found) <= 100
    steps = {float(step) for side in (16, 32) for step in np.diff(np.unique(found.points[found.scales == side][:, 0]))}
    assert len(steps) == 1


def test_flat_patches_are_left_out():
    image = np.full((64, 128, 3), 90, np.uint8)
    image[:, 64:] = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    found = DenseSift(sizes=(16,)).features(image)
    assert len(found) > 10
    assert (found.points[:, 0] > 64 - 16).all()
    faint = np.tile(np.array([100, 101], np.uint8), (64, 32))[..., None].repeat(3, axis=2)
    assert len(DenseSift(sizes=(16,)).features(np.repeat(faint, 2, axis=1))) == 0
    assert len(DenseSift(sizes=(16,), contrast=0).features(np.repeat(faint, 2, axis=1))) > 0


@pytest.mark.parametrize(
    "wrong", [{"n": 0}, {"step": 0}, {"sizes": ()}, {"sizes": (12,)}, {"sizes": (0,)}, {"contrast": -1.0}]
)
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DenseSift(**wrong)


def test_patches_may_stand_one_pixel_apart():
    image = np.random.default_rng(0).integers(0, 256, (19, 22, 3), np.uint8)
    found = DenseSift(sizes=(16,), step=1, contrast=0).features(image)
    assert len(found) == 3 * 6
    assert (np.diff(np.unique(found.points[:, 0])) == 1).all()
    assert (np.diff(np.unique(found.points[:, 1])) == 1).all()
    with pytest.raises(ValueError, match="step is 1 pixel or more; got 0"):
        DenseSift(step=0)
