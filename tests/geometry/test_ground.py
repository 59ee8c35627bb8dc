"""What lies on a plain ground is found by its four sides, and compared without the ground."""

import cv2
import numpy as np
import pytest

from nearsight.geometry.ground import compare_on_ground, find_outline
from nearsight.geometry.overlap import AGREES, DIFFERS, ComparedImage, compare_overlap

skimage_data = pytest.importorskip("skimage.data")
TABLE, PAPER = (60, 70, 90), (225, 222, 215)
SHEET = np.array([[90.0, 70], [560, 50], [590, 430], [70, 440]])
PRINT = np.array([[130.0, 100], [520, 85], [540, 395], [120, 400]])


@pytest.fixture(scope="module")
def photo():
    return skimage_data.coffee()


def frame(image):
    height, width = image.shape[:2]
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def put(ground, image, corners):
    """An image with its corners there, pixel centres at .5, on a ground; and the transform to its own points."""
    matrix = cv2.getPerspectiveTransform(frame(image).astype(np.float32), corners.astype(np.float32))
    centres = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    moved = centres @ matrix @ np.linalg.inv(centres)
    size = ground.shape[1], ground.shape[0]
    covered = cv2.warpPerspective(np.ones(image.shape[:2], np.float32), moved, size)[..., None]
    laid = cv2.warpPerspective(image, moved, size, borderMode=cv2.BORDER_REPLICATE)
    return np.rint(ground * (1 - covered) + laid * covered).astype(np.uint8), np.linalg.inv(matrix)


def table(colour=TABLE):
    noise = np.random.default_rng(1).normal(0, 2, (480, 640, 1))
    return np.clip(np.float32(colour) + noise, 0, 255).astype(np.uint8)


EVERYWHERE = np.ones((480, 640), bool)


def outside(corners, size=(480, 640)):
    return cv2.fillConvexPoly(np.zeros(size, np.uint8), np.rint(corners).astype(np.int32), 1) == 0


def test_the_corners_of_a_print_are_found(photo):
    image, _ = put(table(), photo, PRINT)
    assert find_outline(image, outside(PRINT), EVERYWHERE) == pytest.approx(PRINT, abs=3)


def test_a_paper_around_the_print_is_ground_too(photo):
    paper, _ = put(table(), np.full((40, 50, 3), PAPER, np.uint8), SHEET)
    image, _ = put(paper, photo, PRINT)
    assert find_outline(image, outside(PRINT), EVERYWHERE) == pytest.approx(PRINT, abs=3)


def test_where_the_content_has_the_colour_of_the_ground_its_sides_say_where_it_ends(photo):
    picture = photo.copy()
    picture[:120, 200:320] = TABLE
    image, _ = put(table(), picture, PRINT)
    assert find_outline(image, outside(PRINT), EVERYWHERE) == pytest.approx(PRINT, abs=4)


def test_what_is_plain_and_agrees_is_no_ground(photo):
    image, _ = put(table(), photo, PRINT)
    assert find_outline(image, np.zeros((480, 640), bool), EVERYWHERE) is None


def test_without_a_plain_ground_there_is_no_outline(photo):
    differs = outside(np.array([[100, 80], [500, 80], [500, 320], [100, 320]]), photo.shape[:2])
    assert find_outline(photo, differs, differs | True) is None
    wall = np.random.default_rng(2).integers(0, 255, (48, 64, 3), np.uint8).repeat(10, axis=0).repeat(10, axis=1)
    assert find_outline(put(wall, photo, PRINT)[0], outside(PRINT), EVERYWHERE) is None


def test_what_is_no_quadrilateral_has_no_outline(photo):
    picture = cv2.resize(photo, (640, 480), interpolation=cv2.INTER_AREA)
    round_ = cv2.ellipse(np.zeros((480, 640), np.uint8), (320, 240), (260, 210), 0, 0, 360, 1, -1)
    image = np.where(round_[..., None] > 0, picture, table())
    assert find_outline(image, round_ == 0, EVERYWHERE) is None


def test_what_is_small_has_no_outline(photo):
    corners = np.array([[200.0, 150], [400, 150], [400, 300], [200, 300]])
    image, _ = put(table(), photo, corners)
    assert find_outline(image, outside(corners), EVERYWHERE) is None


@pytest.mark.parametrize("placed", ["query", "hit"])
def test_the_content_agrees_without_its_ground_and_the_shares_are_its_own(photo, placed):
    height, width = photo.shape[:2]
    part = photo[60 : height - 40, 50 : width - 70]
    image, to_part = put(table(), part, PRINT)
    to_photo = np.array([[1, 0, 50], [0, 1, 60], [0, 0, 1.0]]) @ to_part
    images = ComparedImage(image), ComparedImage(photo)
    matrix = to_photo
    if placed == "hit":
        images, matrix = images[::-1], np.linalg.inv(to_photo)
    first = compare_overlap(*images, matrix)
    assert (first.states == DIFFERS).sum() > 50
    found = list(compare_on_ground(*images, first))
    assert [each.ground for each in found] == [placed, placed]
    best = min(found, key=lambda each: each.misfit)
    assert not (best.states == DIFFERS).any()
    assert (best.states == AGREES).sum() > 100
    shares = (best.query_share, best.hit_share)[:: 1 if placed == "query" else -1]
    assert shares == pytest.approx((1, part.shape[0] * part.shape[1] / height / width), abs=0.03)
