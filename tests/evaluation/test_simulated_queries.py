import cv2
import numpy as np
import pytest

from nearsight.errors import UsageError
from nearsight.evaluation.attacks import ATTACKS
from nearsight.evaluation.simulated_queries import PAPER, QUERY_KINDS, SIMULATED_QUERIES, select_simulations

skimage_data = pytest.importorskip("skimage.data")


@pytest.fixture(scope="module")
def cat():
    return skimage_data.chelsea()


@pytest.mark.parametrize("name", SIMULATED_QUERIES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 2), (64, 48)])
def test_every_kind_takes_every_image(name, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    before = image.copy()
    made = SIMULATED_QUERIES[name](image)
    assert made.dtype == np.uint8
    assert made.shape == image.shape
    assert np.array_equal(image, before)
    assert not np.shares_memory(made, image)


@pytest.mark.parametrize("name", SIMULATED_QUERIES)
def test_same_image_same_bytes(name, cat):
    assert np.array_equal(SIMULATED_QUERIES[name](cat), SIMULATED_QUERIES[name](cat.copy()))
    assert np.array_equal(SIMULATED_QUERIES[name](cat), cat) == (name == "stored")


def test_a_shifted_scan_holds_the_pixels_elsewhere_and_paper_beside_them(cat):
    height, width = cat.shape[:2]
    dx, dy = round(0.05 * width), round(0.05 * height)
    made = SIMULATED_QUERIES["scan-shift"](cat)
    inner = cat[dy : height - dy, dx : width - dx]
    seen = cv2.matchTemplate(made, inner, cv2.TM_SQDIFF)
    top, left = np.unravel_index(seen.argmin(), seen.shape)
    assert np.array_equal(made[top : top + inner.shape[0], left : left + inner.shape[1]], inner)
    assert top in (0, 2 * dy)
    assert left in (0, 2 * dx)
    bare = made[-dy:] if top == 0 else made[:dy]
    assert (bare == PAPER).all()


def test_a_turned_scan_turns_back():
    image = cv2.GaussianBlur(skimage_data.coffee(), (0, 0), 3)
    height, width = image.shape[:2]
    made = SIMULATED_QUERIES["scan-turn"](image)
    inside = (slice(height // 4, -height // 4), slice(width // 4, -width // 4))
    errors = {}
    for degrees in (-3, 3, 0):
        back = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
        again = cv2.warpAffine(made, back, (width, height))
        errors[degrees] = np.abs(again[inside].astype(float) - image[inside]).mean()
    assert min(errors[3], errors[-3]) < 1.5
    assert errors[0] > 3 * min(errors.values())


def test_a_scan_is_small_in_every_way(cat):
    made = SIMULATED_QUERIES["scan"](cat)
    middle = tuple(slice(side // 3, -side // 3) for side in cat.shape[:2])
    found = cv2.matchTemplate(made, cat[middle], cv2.TM_CCOEFF_NORMED)
    top, left = np.unravel_index(found.argmax(), found.shape)
    assert found.max() > 0.85
    assert abs(top - cat.shape[0] // 3) <= 0.06 * cat.shape[0]
    assert abs(left - cat.shape[1] // 3) <= 0.06 * cat.shape[1]


def test_a_drawing_is_dark_lines_on_paper_where_the_edges_are():
    image = np.full((300, 300, 3), 230, np.uint8)
    cv2.circle(image, (150, 150), 80, (20, 60, 120), -1)
    for name, off in (("drawn", 4), ("drawn-rough", 16)):
        drawn = SIMULATED_QUERIES[name](image)
        assert np.ptp(drawn, axis=2).max() == 0
        dark = np.argwhere(drawn[:, :, 0] < 100)
        assert 0.005 < len(dark) / image[:, :, 0].size < 0.12
        radius = np.hypot(*(dark - 149.5).T)
        assert np.abs(np.median(radius) - 80) < off
        assert (np.abs(radius - 80) < 3 * off).all()
        assert (drawn[150, 150] == PAPER).all()
    assert (SIMULATED_QUERIES["drawn"](np.full((40, 50, 3), 90, np.uint8)) == PAPER).all()


def test_a_rough_drawing_has_fewer_pieces_than_a_careful_one(cat):
    careful, rough = (SIMULATED_QUERIES[name](cat)[:, :, 0] < 100 for name in ("drawn", "drawn-rough"))
    pieces = [cv2.connectedComponents(lines.astype(np.uint8))[0] for lines in (careful, rough)]
    assert pieces[1] < 0.3 * pieces[0]


def test_a_memory_keeps_few_strong_colours_and_rough_places(cat):
    made = SIMULATED_QUERIES["memory"](cat)
    small = [cv2.resize(image, (8, 6), interpolation=cv2.INTER_AREA).astype(float) for image in (cat, made)]
    assert np.corrcoef(small[0].ravel(), small[1].ravel())[0, 1] > 0.75
    detail = [np.abs(image - cv2.GaussianBlur(image, (0, 0), 2).astype(float)).mean() for image in (cat, made)]
    assert detail[1] < 0.4 * detail[0]
    assert np.ptp(made, axis=2).mean() > np.ptp(cat, axis=2).mean()


def test_a_memory_shows_more_of_the_surroundings():
    image = np.full((400, 400, 3), 200, np.uint8)
    image[100:300, 100:300] = 30, 30, 160
    made = SIMULATED_QUERIES["memory"](image)
    area = [(each[:, :, 0] < 115).mean() for each in (image, made)]
    assert 0.6 < area[1] / area[0] < 0.92


def test_kinds_are_named_by_the_beginning_of_their_names():
    assert select_simulations("scan,drawn,salt,memory") == ["scan", "drawn", "salt-pepper", "memory"]
    assert select_simulations("crop") == [name for name in ATTACKS if name.startswith("crop")]
    assert select_simulations("all") == list(QUERY_KINDS)
    assert select_simulations("grey, grey") == ["grey"]
    with pytest.raises(UsageError, match='no kind of query "grfy"; there are: jpeg75, '):
        select_simulations("grfy")
    with pytest.raises(UsageError, match="no kind of query is named"):
        select_simulations(" ,")
