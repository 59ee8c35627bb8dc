"""Two images are brought into one frame to a fraction of a pixel, whichever is finer, and from a rough transform."""

import cv2
import numpy as np
import pytest

from nearsight.geometry.registration import common_shares, image_frame, register, to_grey_levels

skimage_data = pytest.importorskip("skimage.data")
CORNERS = np.array([[[0.0, 0], [1, 0], [1, 1], [0, 1]]])


@pytest.fixture(scope="module")
def photo():
    return cv2.resize(skimage_data.astronaut(), (480, 480), interpolation=cv2.INTER_AREA)


def centred(matrix):
    """A transform of points, pixel centres at .5, as OpenCV wants it."""
    to_centres = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    return to_centres @ matrix @ np.linalg.inv(to_centres)


def moved(photo, matrix, size=(480, 480)):
    return cv2.warpPerspective(photo, centred(matrix), size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def largest_error(found, right, side):
    corners = CORNERS * side
    return np.abs(cv2.perspectiveTransform(corners, found) - cv2.perspectiveTransform(corners, right)).max()


TURN = np.deg2rad(7)
TRANSFORMS = {
    "shift": np.array([[1, 0, 11.3], [0, 1, -7.6], [0, 0, 1]]),
    "turn": np.array([[np.cos(TURN), -np.sin(TURN), 40], [np.sin(TURN), np.cos(TURN), -20], [0, 0, 1]]),
    "larger": np.array([[1.4, 0, -60], [0, 1.4, -80], [0, 0, 1]]),
    "smaller": np.array([[0.6, 0.02, 90], [0, 0.6, 70], [0, 0, 1]]),
    "aslant": np.array([[0.95, 0.05, 10], [0.02, 0.9, 20], [1e-4, 5e-5, 1]]),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_rough_transform_is_corrected(photo, name):
    right = TRANSFORMS[name]
    other = moved(photo, right)
    rough = np.array([[1.006, 0.004, 3], [-0.003, 0.995, -2.5], [0, 0, 1]]) @ right
    before = largest_error(rough, right, 480)
    found = register(photo, other, rough)
    assert before > 3
    assert largest_error(found.matrix, right, 480) < 0.6
    assert found.query_is_reference == (np.linalg.det(right[:2, :2]) >= 1)
    inside = found.inside > 0.99
    assert inside.mean() > 0.2
    apart = np.abs(to_grey_levels(found.reference) - to_grey_levels(found.aligned))[inside]
    assert np.median(apart) < 3


def test_the_coarser_image_is_the_frame_and_the_finer_one_is_reduced(photo):
    small = cv2.resize(photo, (160, 160), interpolation=cv2.INTER_AREA)
    found = register(photo, small, np.diag([1 / 3, 1 / 3, 1.0]))
    assert not found.query_is_reference
    assert found.reference.shape == (160, 160, 3)
    assert found.reduction == pytest.approx(3, abs=0.05)
    assert np.median(np.abs(found.aligned - small)) <= 1


def test_what_is_not_common_is_outside(photo):
    found = register(photo, photo, np.array([[1.0, 0, 100], [0, 1, 0], [0, 0, 1]]), rounds=0)
    assert not found.inside[:, 381:].any()
    assert found.inside[5:-5, 5:375].all()


def test_a_transform_that_nothing_supports_stays_as_it_was(photo):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, photo.shape, np.uint8)
    rough = np.array([[1.0, 0, 5], [0, 1, 5], [0, 0, 1]])
    assert largest_error(register(photo, noise, rough).matrix, rough, 480) < 480 * 0.12


def test_smooth_images_are_aligned_by_all_pixels():
    rows, columns = np.mgrid[:300, :300].astype(np.float32)

    def hills(dx, dy):
        levels = 128 + 60 * np.sin((columns + dx) / 45) * np.cos((rows + dy) / 55)
        return np.repeat(levels[..., None], 3, axis=2).astype(np.uint8)

    right = np.array([[1.0, 0, 4], [0, 1, 3], [0, 0, 1]])
    found = register(hills(0, 0), hills(-4, -3), np.eye(3))
    assert largest_error(found.matrix, right, 300) < 1.0
    left = register(hills(0, 0), hills(-4, -3), np.eye(3), smooth=False)
    assert largest_error(left.matrix, right, 300) > 3


def test_perspective_of_less_than_a_pixel_is_corrected_too(photo):
    """An affine transform leaves most blocks within a pixel, and yet the edges are off."""
    right = np.array([[1, 0, 0], [0, 1, 0], [1.2e-5, -8e-6, 1]])
    found = register(photo, moved(photo, right), np.eye(3))
    assert largest_error(np.eye(3), right, 480) > 2
    assert largest_error(found.matrix, right, 480) < 0.35


def test_what_lies_outside_of_an_outline_does_not_count(photo):
    right = TRANSFORMS["turn"]
    other = moved(photo, right)
    outline = np.array([[90.0, 100], [370, 80], [400, 390], [80, 370]])
    query = photo[::-1].copy()
    inside = cv2.fillConvexPoly(np.zeros(query.shape[:2], np.uint8), outline.astype(np.int32), 1) > 0
    query[inside] = photo[inside]
    rough = np.array([[1.006, 0.003, 1], [-0.002, 0.999, -2], [0, 0, 1]]) @ right
    found = register(query, other, rough, within=outline)
    moved_outline = [cv2.perspectiveTransform(outline[None], each) for each in (found.matrix, right)]
    assert np.abs(moved_outline[0] - moved_outline[1]).max() < 0.3
    assert not found.inside[~inside].any()
    assert found.inside.sum() == pytest.approx(inside.sum(), rel=0.1)
    swapped = register(other, query, np.linalg.inv(rough), within=moved_outline[1][0])
    assert swapped.inside.sum() == pytest.approx(inside.sum(), rel=0.1)


def test_common_shares_are_areas_of_polygons():
    half, whole = np.array([[0.0, 0], [50, 0], [50, 80], [0, 80]]), np.array([[0.0, 0], [200, 0], [200, 160], [0, 160]])
    twice = np.diag([2.0, 2, 1])
    assert common_shares(half, whole, twice) == pytest.approx((1, 0.5))
    assert common_shares(half, half + np.array([150, 0]), twice) == (0, 0)
    assert image_frame(np.zeros((160, 200, 3), np.uint8)).tolist() == whole.tolist()
