"""What two images have in common is compared cell by cell: changed areas are found where they are, and nothing else."""

import cv2
import numpy as np
import pytest

from nearsight.evaluation.attacks import ATTACKS
from nearsight.geometry.cells import screen_overlap
from nearsight.geometry.overlap import (
    AGREES,
    DIFFERS,
    ComparedImage,
    compare_overlap,
)

skimage_data = pytest.importorskip("skimage.data")


@pytest.fixture(scope="module")
def photo():
    return skimage_data.astronaut()


@pytest.fixture(scope="module")
def other():
    return cv2.resize(skimage_data.chelsea(), (512, 512), interpolation=cv2.INTER_AREA)


def compared(first, second, matrix=None):
    return compare_overlap(ComparedImage(first), ComparedImage(second), np.eye(3) if matrix is None else matrix)


def test_an_image_agrees_with_itself_everywhere(photo):
    found = compared(photo, photo)
    assert (found.states == AGREES).sum() > 700
    assert not (found.states == DIFFERS).any()
    assert (found.query_share, found.hit_share) == pytest.approx((1, 1), abs=1e-3)
    assert found.misfit == 0
    assert found.n_tones > 12
    assert not found.inverted


def test_another_image_hardly_agrees(photo, other):
    found = compared(photo, other)
    assert (found.states == DIFFERS).sum() > 5 * (found.states == AGREES).sum()


@pytest.mark.parametrize("kind", ["jpeg20", "half", "gamma0.6", "saturation-80", "blur", "noise", "contrast-50"])
def test_what_is_done_to_all_of_an_image_is_no_difference(photo, kind):
    altered = np.asarray(ATTACKS[kind](photo))
    scale = photo.shape[1] / altered.shape[1]
    found = compared(altered, photo, np.diag([scale, scale, 1.0]))
    assert not (found.states == DIFFERS).any()
    assert (found.states == AGREES).sum() > 200
    assert found.misfit < 0.02


@pytest.mark.parametrize("kind", [None, "jpeg30", "bright+20"])
def test_a_changed_area_is_found_where_it_is(photo, other, kind):
    changed = photo.copy()
    changed[128:192, 256:352] = other[128:192, 256:352]
    changed = changed if kind is None else np.asarray(ATTACKS[kind](changed))
    states = compared(changed, photo).states
    differs = states == DIFFERS
    assert differs[8:12, 16:22].mean() > 0.8
    differs[7:13, 15:23] = False
    assert not differs.any()


def test_another_colour_is_a_difference_of_colour_alone(photo):
    changed = photo.copy()
    changed[300:400, 100:200] = changed[300:400, 100:200][..., [2, 0, 1]]
    found = compared(changed, photo)
    assert found.recoloured.sum() > 10
    rows, columns = np.nonzero(found.states == DIFFERS)
    assert rows.min() >= 18
    assert rows.max() <= 24
    assert columns.min() >= 6
    assert columns.max() <= 12


def test_a_negative_is_said(photo):
    found = compared(255 - photo, photo)
    assert found.inverted
    assert not (found.states == DIFFERS).any()


def test_the_common_part_is_a_share_of_both(photo):
    crop = photo[100:400, 50:350]
    found = compared(crop, photo, np.array([[1.0, 0, 50], [0, 1, 100], [0, 0, 1]]))
    assert found.query_share == pytest.approx(1, abs=0.01)
    assert found.hit_share == pytest.approx(300 * 300 / 512**2, abs=0.01)
    assert not (found.states == DIFFERS).any()


def test_two_moments_of_one_scene_fit_less_than_one_photograph(photo):
    rows, columns = np.mgrid[:512, :512].astype(np.float32)
    waves = columns + 1.5 * np.sin(rows / 11), rows + 1.5 * np.sin(columns / 13)
    moved = cv2.remap(photo, *waves, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    assert compared(moved, photo).misfit > 0.03
    assert compared(np.asarray(ATTACKS["jpeg30"](photo)), photo).misfit < 0.005


def test_print_has_few_tones(photo):
    page = np.full((400, 300, 3), 240, np.uint8)
    for row in range(12):
        cv2.putText(page, "a line of text", (20, 30 + 30 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (20, 20, 20), 2)
    assert compared(page, page).n_tones < 6


def test_images_that_are_too_small_are_not_compared():
    assert compared(np.zeros((10, 10, 3), np.uint8), np.zeros((10, 10, 3), np.uint8)) is None


def test_a_glance_tells_copies_from_others(photo, other):
    small, strange = (cv2.resize(each, (176, 176), interpolation=cv2.INTER_AREA) for each in (photo, other))
    dark = np.asarray(ATTACKS["gamma1.6"](small))
    agreeing, told = screen_overlap(dark, small, np.eye(3))
    assert agreeing > 0.9 * told > 100
    agreeing, told = screen_overlap(small, strange, np.eye(3))
    assert agreeing < 0.25 * told
    agreeing, told = screen_overlap(255 - small, small, np.eye(3))
    assert agreeing > 0.9 * told
    blurred = cv2.GaussianBlur(small, (0, 0), 3)
    either, both = (screen_overlap(blurred, small, np.eye(3), both=both)[1] for both in (False, True))
    assert both < either


@pytest.mark.parametrize("kind", ["noise", "contrast+50", "gamma0.6", "saturation+80"])
def test_noise_and_clipped_tones_leave_nothing_unexplained(photo, kind):
    bright = np.clip(photo.astype(np.float32) * 1.5 + 20, 0, 255).astype(np.uint8)
    assert ((bright == 0) | (bright == 255)).mean() > 0.2
    found = compared(ATTACKS[kind](bright), bright)
    assert not (found.states == DIFFERS).any()
    assert found.misfit < 0.011


def test_nothing_is_said_of_a_seam_one_cell_wide_and_of_what_is_deeper_it_is(photo):
    """The ground shows through along the edge of an image that lies on it."""
    page = np.full((700, 700, 3), 40, np.uint8)
    page[100:612, 80:592] = photo
    page[100:612, 80:92] = 40
    onto_photo = np.array([[1, 0, -80], [0, 1, -100], [0, 0, 1.0]])
    assert not (compared(page, photo, onto_photo).states == DIFFERS).any()
    page[100:612, 80:140] = 40
    assert (compared(page, photo, onto_photo).states == DIFFERS).sum() > 40


def test_letters_over_a_plain_ground_do_not_pass_for_sharpness():
    """A thing on a plain ground: most of what is fine in the written-on copy is the letters."""
    rng = np.random.default_rng(6)
    image = np.full((256, 384, 3), 200, np.uint8)
    texture = cv2.GaussianBlur(rng.normal(0, 1, (110, 110)), (0, 0), 1.0) * 150
    image[70:180, 130:240] = np.clip(120 + texture, 0, 255).astype(np.uint8)[..., None]
    found = compared(ATTACKS["text"](image), image)
    assert found.misfit < 0.002
    assert (found.states == AGREES).sum() > 10


def test_of_letters_the_strokes_are_what_changed(photo):
    lettered = compared(ATTACKS["text"](photo), photo)
    assert 0.3 * lettered.changed_share < lettered.changed_pixels < 0.8 * lettered.changed_share
    covered = photo.copy()
    covered[160:320, 160:320] = 255 - covered[160:320, 160:320]
    filled = compared(covered, photo)
    assert filled.changed_pixels > 0.6 * filled.changed_share > 0
    assert compared(photo, photo).changed_pixels == 0


def test_a_print_photographed_again_is_registered_by_a_projective_transform(photo):
    """Both corners of one side come nearer: no affine transform leaves little."""
    corners = np.array([[0, 0], [512, 0], [512, 512], [0, 512]], np.float32)
    seen = corners + np.array([[0, 0], [-8, 5], [-8, -5], [0, 0]], np.float32)
    soft = cv2.GaussianBlur(photo, (0, 0), 3)
    warped = cv2.warpPerspective(soft, cv2.getPerspectiveTransform(corners, seen), (512, 512), borderValue=(200,) * 3)
    affine = np.vstack([cv2.getAffineTransform(corners[:3], seen[:3]), [0, 0, 1]])
    images = ComparedImage(photo), ComparedImage(warped)
    plain, corrected = (compare_overlap(*images, affine, projective=each) for each in (False, True))
    assert corrected.misfit <= plain.misfit
    assert corrected.misfit < 0.01
    moved = cv2.perspectiveTransform(corners[None], corrected.matrix)[0]
    assert np.abs(moved - seen).max() < 3


def test_noise_is_as_much_where_there_is_little_structure_and_what_moved_is_not(photo):
    rng = np.random.default_rng(4)
    soft = cv2.GaussianBlur(photo, (0, 0), 1.2)
    noisy = soft + cv2.GaussianBlur(rng.normal(0, 10, photo.shape), (0, 0), 1.2)
    field = [cv2.GaussianBlur(rng.normal(0, 1, photo.shape[:2]), (0, 0), 12) for _ in range(2)]
    down, across = np.mgrid[: photo.shape[0], : photo.shape[1]]
    places = [np.float32(at + 0.4 * each / each.std()) for at, each in zip((across, down), field, strict=True)]
    moved = cv2.remap(soft, *places, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    found = [compared(np.clip(np.rint(each), 0, 255).astype(np.uint8), photo) for each in (noisy, moved)]
    assert not any((each.states == DIFFERS).any() for each in found)
    assert found[0].misfit_slope < 0.002 < 0.01 < found[1].misfit_slope
    assert found[0].misfit > 2 * found[0].misfit_slope  # that much of it is noise


def test_of_few_cells_no_slope_is_known(photo):
    assert compared(photo[:100, :100], photo[:100, :100]).misfit_slope == np.inf
