from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from nearsight.evaluation.attacks import ATTACKS
from nearsight.geometry.alignment import downscale_to_align, trim_border
from nearsight.rerankers.verify import Verify
from nearsight.types import NO_ID, Hits

skimage_data = pytest.importorskip("skimage.data")
NAMES = ("astronaut", "coffee", "chelsea", "rocket", "hubble_deep_field", "immunohistochemistry")


@pytest.fixture(scope="module")
def images():
    return [getattr(skimage_data, name)() for name in NAMES]


class Collection:
    """The bundled images, ten thousand others that nobody asks for, and a count of what was read."""

    n_images = 10_000

    def __init__(self, images):
        self.memo, self.read = {}, []
        self.thumbnails = [downscale_to_align(image, 256) for image in images]

    def from_thumbnail(self, image_id, make):
        self.read.append(image_id)
        return make(self.thumbnails[image_id])


@pytest.fixture
def rows(images):
    return Collection(images)


def hits(*ids):
    scores = np.where(np.array(ids) == NO_ID, -np.inf, -np.arange(len(ids)) * 0.25 - 3)
    return Hits(np.array([ids], np.int64), scores[None].astype(np.float32))


SEEN_THROUGH = sorted(set(ATTACKS) - {"small-jpeg3", "small-jpeg5", "crop80"})


@pytest.mark.parametrize("name", SEEN_THROUGH)
def test_altered_copies_are_accepted_and_nothing_else(name, images):
    wanted = 1 if name != "crop70" else 0
    rows = Collection(images)
    query = ATTACKS[name](images[wanted])
    ids = np.arange(len(images))
    found = Verify().explain(query, ids, rows)
    mirror = name in ("mirror", "strong3")
    verdicts = ["not a copy"] * len(ids)
    verdicts[wanted] = "mirrored copy" if mirror else "copy"
    assert [reason.verdict for reason in found] == verdicts


def test_homography_and_points_lead_to_the_hit(images, rows):
    height, width = images[0].shape[:2]
    query = images[0][height // 4 : height, : width // 2]
    found = Verify().explain(query, np.array([0]), rows)[0]
    assert found.homography == pytest.approx(np.array([[0.5, 0, 0], [0, 0.75, 0.25], [0, 0, 1]]), abs=0.01)
    moved = found.query_points @ found.homography[:2, :2].T + found.homography[:2, 2]
    assert moved == pytest.approx(found.hit_points, abs=0.03)
    assert found.query_points.min() >= 0
    assert found.query_points.max() <= 1
    assert found.alike is True
    assert 0.5 <= found.similarity <= 1
    assert "scale 0.61, turned 0 degrees" in found.sentence
    assert "10,000 images" in found.sentence


def test_mirrored_coordinates_are_those_of_the_query_as_given(images, rows):
    found = Verify().explain(np.ascontiguousarray(images[0][:, ::-1]), np.array([0]), rows)[0]
    assert found.verdict == "mirrored copy"
    assert found.homography == pytest.approx(np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1]]), abs=0.01)
    assert found.query_points * [-1, 1] + [1, 0] == pytest.approx(found.hit_points, abs=0.03)


def test_without_mirror_a_mirrored_copy_is_none(images, rows):
    method = Verify(mirror=False)
    query = np.ascontiguousarray(images[0][:, ::-1])
    assert len(method.query_views(query)) == 1
    assert method.explain(query, np.array([0]), rows)[0].verdict == "not a copy"


def test_views_are_the_image_and_its_mirror_image(images):
    given, turned = Verify().query_views(images[0])
    assert np.array_equal(given, images[0])
    assert np.array_equal(turned, images[0][:, ::-1])


def test_guesses_are_the_six_other_turns_and_what_is_in_a_frame(images):
    guesses = Verify().speculative_views(images[0])
    kept = {view.tobytes() for view in (*Verify().query_views(images[0]), *guesses)}
    assert len(kept) == 8
    assert images[0].transpose(1, 0, 2).tobytes() in kept
    framed = np.pad(images[0], ((20, 20), (30, 30), (0, 0)), constant_values=250)
    inner = Verify(turns=False, mirror=False).speculative_views(framed)
    assert len(inner) == 1
    assert np.array_equal(inner[0], images[0])
    assert Verify(turns=False, trim=False).speculative_views(framed) == []


@pytest.mark.parametrize("image", [np.zeros((1, 1, 3), np.uint8), np.full((40, 40, 3), 9, np.uint8)])
def test_a_plain_image_has_nothing_in_its_frame(image):
    assert trim_border(image) is None


def test_beyond_doubt_the_pixels_decide(images, rows):
    exact, nearly = images[0], ATTACKS["jpeg50"](images[0])
    seen = SimpleNamespace(n_images=2, memo={}, from_thumbnail=lambda ident, make: make((exact, nearly)[ident]))
    assert Verify().rerank(nearly, hits(0, 1), seen).ids.tolist() == [[1, 0]]
    seen.memo.clear()
    assert Verify().rerank(exact, hits(1, 0), seen).ids.tolist() == [[0, 1]]


def test_copies_move_to_the_front_and_the_others_keep_their_order(images, rows):
    given = hits(3, 1, 4, 0, 2, NO_ID)
    before = given.ids.copy(), given.scores.copy()
    refined = Verify().rerank(ATTACKS["rotate15"](images[0]), given, rows)
    assert refined.ids.tolist() == [[0, 3, 1, 4, 2, NO_ID]]
    assert (np.diff(refined.scores[0]) < 0).all()
    assert refined.scores[0, 1:].tolist() == [-3.0, -3.25, -3.5, -4.0, -np.inf]
    assert refined.scores.dtype == np.float32
    assert all(np.array_equal(*pair) for pair in zip(before, (given.ids, given.scores), strict=True))


def test_stronger_evidence_goes_first(images):
    cropped = ATTACKS["crop60"](images[0])
    rows = Collection([images[1], cropped, images[0]])
    refined = Verify().rerank(images[0], hits(0, 1, 2), rows)
    assert refined.ids.tolist() == [[2, 1, 0]]


def test_only_the_first_n_are_looked_at(images, rows):
    method = Verify(n=2)
    refined = method.rerank(images[0], hits(1, 2, 0), rows)
    assert refined.ids.tolist() == [[1, 2, 0]]
    assert sorted(rows.read) == [1, 2]
    found = method.explain(images[0], np.array([0, 1, NO_ID]), rows)
    assert [reason and reason.verdict for reason in found] == [None, "not a copy", None]


def test_evidence_is_gathered_once_per_query(images, rows):
    method = Verify()
    method.rerank(images[0], hits(0, 1), rows)
    method.explain(images[0], np.array([1, 0]), rows)
    assert sorted(rows.read) == [0, 1]


def test_a_larger_collection_asks_for_more():
    random = np.random.default_rng(0)
    blocks = random.integers(0, 256, (5, 8, 3), dtype=np.uint8)
    image = np.kron(blocks, np.ones((16, 16, 1), np.uint8))
    alarms = []
    for total in (10, 10**9):
        rows = Collection([image])
        rows.n_images = total
        method = Verify()
        method.explain(image, np.array([0]), rows)
        alarms.append(rows.memo[method][0].log_nfa)
    assert alarms[1] - alarms[0] == pytest.approx(8)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (40, 40), (600, 2)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_blank_images_are_no_copies_and_no_error(shape, value, images):
    blank = np.full((*shape, 3), value, np.uint8)
    rows = Collection([blank, images[0]])
    for query in (blank, images[1]):
        refined = Verify().rerank(query, hits(0, 1), rows)
        assert refined.ids.tolist() == [[0, 1]]
        reasons = Verify().explain(query, np.array([0, 1]), rows)
        assert all(reason.verdict == "not a copy" and reason.similarity is None for reason in reasons)


def test_no_hits_are_no_error(images, rows):
    refined = Verify().rerank(images[0], hits(NO_ID, NO_ID), rows)
    assert refined.ids.tolist() == [[NO_ID, NO_ID]]
    assert np.isneginf(refined.scores).all()


def test_a_shared_page_is_no_copy(images):
    pages = [ATTACKS["screenshot"](image) for image in images]
    rows = Collection(pages[1:])
    found = Verify().explain(pages[0], np.arange(len(pages) - 1), rows)
    assert all(reason.verdict == "not a copy" for reason in found)


def test_the_same_twice(images):
    query = ATTACKS["print-scan"](images[2])
    first, second = (Verify().explain(query, np.arange(6), Collection(images)) for _ in range(2))
    assert [reason.sentence for reason in first] == [reason.sentence for reason in second]
    assert np.array_equal(first[2].homography, second[2].homography)


@pytest.mark.parametrize("parameters", [{"n": 0}, {"alarms": 0.0}, {"alarms": 2.0}])
def test_parameters_out_of_range_are_refused(parameters):
    with pytest.raises(ValueError, match="got"):
        Verify(**parameters)


def smooth(seed, side=160):
    """An image without a single corner."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (3, 4, 3), np.uint8)
    return cv2.resize(small, (side, side * 3 // 4), interpolation=cv2.INTER_CUBIC)


def saved(image, quality):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def test_smooth_images_are_copies_of_themselves_without_points():
    images = [smooth(seed) for seed in range(8)]
    rows = SimpleNamespace(n_images=8, memo={}, from_thumbnail=lambda ident, make: make(images[ident]))
    for ident, image in enumerate(images):
        for query, verdict in (
            (image, "copy"),
            (saved(image, 70), "copy"),
            (cv2.resize(image, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA), "copy"),
            (np.ascontiguousarray(image[:, ::-1]), "mirrored copy"),
        ):
            rows.memo.clear()
            hits = Hits(np.arange(8)[None], -np.arange(8, dtype=np.float32)[None])
            assert Verify().rerank(query, hits, rows).ids[0, 0] == ident
            reasons = Verify().explain(query, np.arange(8), rows)
            assert [each.alike for each in reasons] == [other == ident for other in range(8)]
            assert reasons[ident].verdict == verdict
            assert reasons[ident].similarity > 0.99
            x, y, w = reasons[ident].homography @ [0.2, 0.3, 1]
            wanted = (0.8, 0.3) if verdict == "mirrored copy" else (0.2, 0.3)
            assert (x / w, y / w) == pytest.approx(wanted, abs=0.02)


def test_an_image_that_differs_in_one_part_is_not_the_same_as_a_whole():
    image = smooth(3)
    other = image.copy()
    other[40:60, 50:70] = 255 - other[40:60, 50:70]
    rows = SimpleNamespace(n_images=1, memo={}, from_thumbnail=lambda ident, make: make(other))
    (reason,) = Verify().explain(image, np.array([0]), rows)
    assert "the same image as a whole" not in reason.sentence


def tiles(seed):
    """An image of 12 x 16 plain squares, with many corners."""
    small = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    return np.kron(small, np.ones((10, 10, 1), np.uint8))


@pytest.mark.parametrize("image", [smooth(4), tiles(5)], ids=["without points", "with points"])
def test_a_symmetric_image_is_a_copy_of_itself_and_not_a_mirrored_one(image):
    symmetric = np.ascontiguousarray(np.hstack([image, image[:, ::-1]]))
    rows = SimpleNamespace(n_images=1, memo={}, from_thumbnail=lambda ident, make: make(symmetric))
    (reason,) = Verify().explain(symmetric, np.array([0]), rows)
    assert reason.verdict == "copy"
    x, y, w = reason.homography @ [0.2, 0.3, 1]
    assert (x / w, y / w) == pytest.approx((0.2, 0.3), abs=0.02)
