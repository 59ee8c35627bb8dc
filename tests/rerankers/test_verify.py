from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest

from nearsight.evaluation.attacks import ATTACKS, right_verdicts
from nearsight.geometry.alignment import downscale_to_align, trim_border
from nearsight.geometry.overlap import ComparedImage, compare_overlap
from nearsight.rerankers._copy_verdict import judge_comparison
from nearsight.rerankers.verify import Verify
from nearsight.types import NO_ID, Hits
from tests.conftest import by_default

skimage_data = pytest.importorskip("skimage.data")
NAMES = ("astronaut", "coffee", "chelsea", "rocket", "hubble_deep_field", "immunohistochemistry")


@pytest.fixture(scope="module")
def images():
    return [getattr(skimage_data, name)() for name in NAMES]


class Collection:
    """The bundled images, ten thousand others that nobody asks for, and a count of what was read."""

    n_images, report = 10_000, None

    def __init__(self, images, query=None, *, files=True):
        self.memo, self.read, self.opened = {}, [], []
        self.images, self.query, self.files = images, query, files

    def from_thumbnail(self, image_id, make):
        self.read.append(image_id)
        return make(downscale_to_align(self.images[image_id], 256))

    def query_pixels(self, side):
        return downscale_to_align(self.query, side)

    def pixels(self, image_id, side):
        self.opened.append(image_id)
        return downscale_to_align(self.images[image_id], side) if self.files else None

    def may_share_details(self, image_id):
        return True

    def has_same_pixels(self, image_id):
        return np.array_equal(self.query, self.images[image_id])

    def search(self, vectors, k):
        raise AssertionError("nothing more to ask for")


def explained(query, images, method=None, **more):
    """What each of the images is to the query."""
    return (method or Verify()).explain(query, np.arange(len(images)), Collection(images, query, **more))


def reranked(query, given, images, method=None):
    rows = Collection(images, query)
    return (method or Verify()).rerank(query, given, rows), rows


def hits(*ids):
    scores = np.where(np.array(ids) == NO_ID, -np.inf, -np.arange(len(ids)) * 0.25 - 3)
    return Hits(np.array([ids], np.int64), scores[None].astype(np.float32))


TOO_HARD = {"small-jpeg3", "strong2", "strong3"}


FEW = 2
"""Images that every altered copy is compared with by default, its own among them."""


@pytest.mark.parametrize("count", [FEW, pytest.param(len(NAMES), marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sorted(set(ATTACKS) - TOO_HARD))
def test_altered_copies_are_called_what_they_are_and_nothing_else_is(name, count, images):
    images, wanted = images[:count], 1 if name != "crop70" else 0
    found = explained(ATTACKS[name](images[wanted]), images)
    alike = [reason.alike is True for reason in found]
    assert alike == [at == wanted for at in range(len(images))]
    assert found[wanted].verdict in right_verdicts(name), found[wanted].sentence


@pytest.mark.parametrize("name", sorted(TOO_HARD))
def test_what_is_too_hard_is_never_another_image(name, images):
    images = images[:FEW]
    found = explained(ATTACKS[name](images[1]), images)
    assert not any(reason.alike for at, reason in enumerate(found) if at != 1)


def test_homography_and_points_lead_to_the_hit(images):
    height, width = images[0].shape[:2]
    query = np.ascontiguousarray(images[0][height // 4 : height, : width // 2])
    found = explained(query, images[:1])[0]
    assert found.homography == pytest.approx(np.array([[0.5, 0, 0], [0, 0.75, 0.25], [0, 0, 1]]), abs=0.004)
    moved = found.query_points @ found.homography[:2, :2].T + found.homography[:2, 2]
    assert moved == pytest.approx(found.hit_points, abs=0.03)
    assert found.query_points.min() >= 0
    assert found.query_points.max() <= 1
    assert (found.alike, found.verdict) == (True, "part")
    assert 0.5 <= found.similarity <= 1
    assert found.sentence.startswith("the query is 37 % of this image")


def test_mirrored_coordinates_are_those_of_the_query_as_given(images):
    found = explained(np.ascontiguousarray(images[0][:, ::-1]), images[:1])[0]
    assert found.verdict == "copy"
    assert "mirrored" in found.sentence
    assert found.homography == pytest.approx(np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1]]), abs=0.01)


def test_without_mirror_a_mirrored_copy_is_none(images):
    method = Verify(mirror=False)
    query = np.ascontiguousarray(images[0][:, ::-1])
    assert len(method.query_views(query)) == 1
    assert explained(query, images[:1], method)[0].verdict == "not a copy"


def test_the_changed_area_is_where_it_was_changed(images):
    changed = images[1].copy()
    height, width = changed.shape[:2]
    changed[height // 2 : height // 2 + 60, width // 4 : width // 4 + 120] = images[2][:60, :120]
    for query, hit in ((changed, images[1]), (images[1], changed)):
        found = explained(query, [hit])[0]
        assert (found.verdict, len(found.changes)) == ("edited copy", 1)
        wanted = (0.25, 0.5, 0.25 + 120 / width, 0.5 + 60 / height)
        assert found.changes[0].query_box == pytest.approx(wanted, abs=0.05)
        assert found.changes[0].hit_box == pytest.approx(wanted, abs=0.05)
        assert found.changes[0].share == pytest.approx(60 * 120 / width / height, abs=0.02)
        assert "in 1 area" in found.sentence
    mirrored = explained(np.ascontiguousarray(changed[:, ::-1]), [images[1]])[0]
    assert mirrored.changes[0].query_box[0] == pytest.approx(1 - wanted[2], abs=0.05)
    assert mirrored.changes[0].hit_box == pytest.approx(wanted, abs=0.05)


def test_a_thing_of_another_colour_is_an_edited_copy(images):
    other = images[1].copy()
    height, width = other.shape[:2]
    part = np.s_[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3]
    other[part] = other[part][..., [2, 0, 1]]
    found = explained(other, [images[1]])[0]
    assert (found.verdict, found.alike) == ("edited copy", True)


MUGS = {"red": (200, 44, 40), "blue": (36, 84, 170), "green": (46, 120, 70), "grey": (61, 61, 61)}


def mug(colour):
    """A thing of one colour before a grey ground that has structure, with a shadow."""
    ground = cv2.GaussianBlur(np.random.default_rng(2).uniform(120, 240, (480, 640)), (0, 0), 6)
    image = np.repeat(ground[..., None], 3, axis=2)
    cv2.ellipse(image, (330, 400), (170, 30), 0, 0, 360, (90, 90, 90), -1)
    cv2.rectangle(image, (220, 130), (400, 400), MUGS[colour], -1)
    cv2.ellipse(image, (420, 260), (60, 80), 0, -90, 90, MUGS[colour], 22)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 1.2), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("attack", ["jpeg75", "jpeg5", "small-jpeg15", "small-jpeg5"])
@pytest.mark.parametrize("asked", MUGS)
def test_a_thing_of_another_colour_is_no_copy_whatever_the_compression(asked, attack):
    found = explained(ATTACKS[attack](mug(asked)), [mug(colour) for colour in MUGS])
    verdicts = dict(zip(MUGS, (reason.verdict for reason in found), strict=True))
    assert verdicts.pop(asked) in ("copy", "too plain to judge")
    assert "copy" not in verdicts.values()
    if attack == "jpeg75":
        assert explained(ATTACKS[attack](mug(asked)), [mug(asked)])[0].verdict == "copy"


def test_where_compression_hides_what_moved_nothing_is_said(images):
    """Fur that is drawn anew, and a sticker: at a low quality the fur could be the same."""
    other = images[2].astype(np.float32)
    other += cv2.GaussianBlur(np.random.default_rng(3).normal(0, 12, other.shape[:2]), (0, 0), 0.8)[..., None] * 2
    other = np.clip(other, 0, 255).astype(np.uint8)
    other[40:120, 60:160] = 200, 30, 30
    found = [explained(ATTACKS[attack](other), [images[2]])[0] for attack in ("jpeg75", "jpeg15")]
    assert not any(reason.alike for reason in found), [reason.sentence for reason in found]


def test_equal_pixels_are_an_identical_image(images):
    assert [each.verdict for each in explained(images[1], images)] == [
        "identical image" if at == 1 else "not a copy" for at in range(len(images))
    ]
    almost = images[1].copy()
    almost[0, 0] ^= 1
    assert explained(almost, [images[1]])[0].verdict == "copy"


def test_a_negative_is_a_copy_and_said_to_be_one(images):
    found = explained(255 - images[1], images)
    assert (found[1].verdict, "negative" in found[1].sentence) == ("copy", True)
    assert not any(each.alike for at, each in enumerate(found) if at != 1)


def test_pages_of_one_form_are_one_template(page_of):
    forms = [page_of(seed, form=True) for seed in range(4)]
    found = explained(forms[0], forms)
    assert [each.verdict for each in found] == ["identical image", *["same template"] * 3]
    assert [each.alike for each in found] == [True, False, False, False]


def test_pages_of_one_book_are_no_copies(page_of):
    pages = [page_of(seed) for seed in range(4)]
    found = explained(pages[0], pages)
    assert [each.alike for each in found] == [True, False, False, False]
    saved_again = explained(saved(pages[0], 60), pages)
    assert [each.alike for each in saved_again] == [True, False, False, False]


def test_without_its_file_a_page_is_not_judged_and_a_photograph_says_so(page_of, images):
    page = page_of(1)
    assert explained(saved(page, 80), [page], files=False)[0].alike is None
    found = explained(ATTACKS["jpeg50"](images[1]), [images[1]], files=False)[0]
    assert (found.alike, "thumbnail" in found.sentence) == (True, True)


@pytest.fixture
def page_of():
    """A page of print by its seed, or a form of which only what is filled in differs."""

    def make(seed, form=False):
        rng = np.random.default_rng(seed)
        page = np.full((1000, 720, 3), (244, 240, 230), np.uint8)

        def word():
            return "".join(rng.choice(list("abcdefghiklmnoprstuvw"), rng.integers(3, 9)))

        if form:
            cv2.rectangle(page, (0, 0), (720, 90), (90, 40, 20), -1)
            for line in range(8):
                top = 130 + 105 * line
                cv2.putText(page, "ABCDEFGH"[line] + " field", (40, top), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (20,) * 3, 1)
                cv2.rectangle(page, (40, top + 12), (680, top + 62), (0,) * 3, 2)
                text = " ".join(word() for _ in range(5))
                cv2.putText(page, text, (55, top + 45), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (110, 30, 30), 1)
        else:
            for line in range(44):
                text = " ".join(word() for _ in range(12))[:62]
                cv2.putText(page, text, (50, 60 + 21 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (35,) * 3, 1, cv2.LINE_AA)
        return page

    return make


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


def test_copies_move_to_the_front_and_the_others_keep_their_order(images):
    given = hits(3, 1, 4, 0, 2, NO_ID)
    before = given.ids.copy(), given.scores.copy()
    refined, _ = reranked(ATTACKS["rotate15"](images[0]), given, images)
    assert refined.ids.tolist() == [[0, 3, 1, 4, 2, NO_ID]]
    assert (np.diff(refined.scores[0]) < 0).all()
    assert refined.scores[0, 1:].tolist() == [-3.0, -3.25, -3.5, -4.0, -np.inf]
    assert refined.scores.dtype == np.float32
    assert all(np.array_equal(*pair) for pair in zip(before, (given.ids, given.scores), strict=True))


def test_a_copy_of_the_whole_goes_before_a_part_of_it(images):
    cropped = ATTACKS["crop60"](images[0])
    refined, _ = reranked(images[0], hits(0, 1, 2), [images[1], cropped, ATTACKS["jpeg30"](images[0])])
    assert refined.ids.tolist() == [[2, 1, 0]]


def test_all_that_was_asked_for_is_examined_and_further_hits_while_they_are_copies(images):
    many = [ATTACKS[name](images[1]) for name in ("jpeg75", "jpeg50", "jpeg30", "half", "jpeg20", "jpeg15", "jpeg10")]
    rows = Collection([*many, images[0], images[2]], images[1])
    rows.n_images, rows.query_vector = 9, np.zeros(1, np.float32)
    rows.search = lambda vectors, k: Hits(np.arange(9)[None, :k], -np.arange(9, dtype=np.float32)[None, :k])
    refined = Verify(n=5).rerank(images[1], hits(0, 1, 2, 3, 4), rows)
    assert set(refined.ids[0, :7].tolist()) == set(range(7))
    assert Counter(rows.read) == dict.fromkeys(range(9), 2)  # as a whole, and for its features


def test_evidence_is_gathered_once_per_query(images):
    method = Verify()
    _, rows = reranked(images[0], hits(0, 1), images, method)
    assert Counter(rows.read) == {0: 2, 1: 2}  # as a whole, and for its features
    method.explain(images[0], np.array([1, 0]), rows)
    assert Counter(rows.read) == {0: 2, 1: 2}


def test_details_are_compared_only_where_there_may_be_some(images):
    crop = images[0][100:300, 150:380]
    for may, verdict in ((True, "part"), (False, "not a copy")):
        rows = Collection(images[:2], crop)
        rows.may_share_details = lambda image_id, may=may: may
        assert Verify().explain(crop, np.array([0]), rows)[0].verdict == verdict
        assert rows.read.count(0) == 1 + may


def test_files_are_opened_only_where_the_thumbnails_agree(images):
    _, rows = reranked(images[0], hits(*range(len(images))), images)
    assert set(rows.opened) == {0}


def test_a_larger_collection_asks_for_more(images):
    alarms = []
    for total in (10, 10**9):
        rows = Collection([ATTACKS["jpeg50"](images[1])], images[1])
        rows.n_images = total
        method = Verify()
        method.explain(images[1], np.array([0]), rows)
        alarms.append(rows.memo[method][0].judgement.log_nfa)
    assert alarms[1] - alarms[0] == pytest.approx(8)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (40, 40), (600, 2), (300, 400)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_blank_images_are_not_judged_and_no_error(shape, value, images):
    blank = np.full((*shape, 3), value, np.uint8)
    for query in (blank, images[1]):
        refined, rows = reranked(query, hits(0, 1), [blank, images[0]])
        assert refined.ids.tolist() == [[0, 1]]
        reasons = Verify().explain(query, np.array([0, 1]), rows)
        expected = "identical image" if query is blank else None
        assert [reason.verdict for reason in reasons if reason.alike] == [expected] * (query is blank)
        unjudged = [reason for reason in reasons if not reason.alike]
        assert all(reason.verdict in ("not a copy", "too plain to judge") for reason in unjudged)
        assert all(reason.similarity is None for reason in unjudged)


def test_no_hits_are_no_error(images):
    refined, _ = reranked(images[0], hits(NO_ID, NO_ID), images)
    assert refined.ids.tolist() == [[NO_ID, NO_ID]]
    assert np.isneginf(refined.scores).all()


def test_a_shared_page_is_no_copy(images):
    pages = [ATTACKS["screenshot"](image) for image in images]
    assert not any(reason.alike for reason in explained(pages[0], pages[1:]))


def test_the_same_twice(images):
    query = ATTACKS["print-scan"](images[2])
    first, second = (explained(query, images) for _ in range(2))
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


@pytest.mark.parametrize("count", by_default([4], [8]))
def test_smooth_images_are_never_another_one(count):
    images = [smooth(seed) for seed in range(count)]
    for ident, image in enumerate(images):
        for query in (image, saved(image, 70), cv2.resize(image, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)):
            reasons = explained(query, images)
            assert not any(each.alike for other, each in enumerate(reasons) if other != ident)
            assert reasons[ident].alike is not False


def tiles(seed):
    """An image of 12 x 16 plain squares, with many corners."""
    small = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    return np.kron(small, np.ones((10, 10, 1), np.uint8))


def test_a_symmetric_image_is_a_copy_of_itself_and_not_a_mirrored_one():
    image = tiles(5)
    symmetric = np.ascontiguousarray(np.hstack([image, image[:, ::-1]]))
    (reason,) = explained(saved(symmetric, 90), [symmetric])
    assert (reason.verdict, "mirrored" in reason.sentence) == ("copy", False)
    x, y, w = reason.homography @ [0.2, 0.3, 1]
    assert (x / w, y / w) == pytest.approx((0.2, 0.3), abs=0.02)


def test_strips_of_any_length_are_compared(images):
    """More pixels along a side than OpenCV can turn."""
    strip = np.ascontiguousarray(np.tile(images[0][200:264], (1, 80, 1)))
    assert strip.shape[1] > 32_767
    for query, hit in ((strip, images[1]), (images[1], strip), (strip, np.ascontiguousarray(strip[:, ::-1]))):
        (reason,) = explained(query, [hit])
        assert reason.verdict


def test_a_print_on_a_ground_shows_a_part_and_the_sentence_says_so(images):
    query = ATTACKS["strong1"](images[1])
    found = explained(query, images[:2])
    assert [reason.verdict for reason in found] == ["not a copy", "part"]
    assert found[1].sentence.startswith("the query shows 68 % of this image on a plain ground, all of ")
    other = explained(images[1], [query])[0]
    assert other.verdict == "contains"
    assert other.sentence.startswith("this image shows 68 % of the query on a plain ground, all of ")


def on_table(image, size=(900, 700), corners=((60, 90), (800, 40), (840, 610), (30, 640))):
    """An image that lies aslant on a plain ground."""
    height, width = image.shape[:2]
    matrix = cv2.getPerspectiveTransform(
        np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32), np.array(corners, np.float32)
    )
    table = cv2.warpPerspective(image, matrix, size, borderValue=(40, 60, 80))
    noise = np.random.default_rng(5).normal(0, 2, table.shape)
    return np.clip(table + noise, 0, 255).astype(np.uint8)


def swaying(image, pixels):
    """The image a moment later: every part of it has moved by about so many pixels, as in a breeze."""
    rng = np.random.default_rng(6)
    field = [cv2.GaussianBlur(rng.normal(0, 1, image.shape[:2]), (0, 0), 12) for _ in range(2)]
    down, across = np.mgrid[: image.shape[0], : image.shape[1]]
    places = [np.float32(at + pixels * each / each.std()) for at, each in zip((across, down), field, strict=True)]
    return cv2.remap(image, *places, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


@pytest.mark.parametrize("name", ["strong1", "print-scan"])
def test_what_moved_before_it_was_printed_is_no_part(images, name):
    for image in images[:2]:
        found = explained(ATTACKS[name](image), [swaying(image, 0.6)])[0]
        assert found.alike is False, found.sentence


def test_a_part_that_was_cut_out_and_laid_on_a_ground_is_a_part(images):
    whole = images[0]
    query = on_table(whole[60:460, 20:480])
    found = explained(query, [whole])[0]
    assert (found.verdict, "on a plain ground" in found.sentence) == ("part", True), found.sentence
    moved = explained(query, [swaying(whole, 0.6)])[0]
    assert moved.alike is False, moved.sentence


def test_on_a_ground_nothing_is_claimed_of_what_differs(images):
    whole = images[0].copy()
    whole[200:300, 150:350] = images[1][200:300, 150:350]
    assert explained(on_table(whole[60:460, 20:480]), [images[0]])[0].alike is False


def test_two_photographs_on_one_table_are_no_copies(images):
    first, second = (on_table(cv2.resize(image, (600, 450))) for image in images[:2])
    assert explained(first, [second])[0].alike is False


def test_a_thing_cut_out_on_white_is_no_part_of_another_scene(images):
    thing = (
        cv2.ellipse(np.zeros(images[0].shape[:2], np.uint8), (256, 256), (215, 235), 0, 0, 360, 1, -1)[..., None] > 0
    )
    query = np.where(thing, images[0], 255).astype(np.uint8)
    scene = np.where(thing, images[0], cv2.resize(images[1], (512, 512))).astype(np.uint8)
    assert [reason.alike for reason in explained(query, [scene, images[0]])] == [False, False]


def test_pages_with_one_photograph_and_other_words_show_no_part_of_each_other(page_of, images):
    pages = [page_of(seed) for seed in range(2)]
    for page in pages:
        page[150:750, 60:660] = cv2.resize(images[0], (600, 600))
    found = explained(ATTACKS["strong1"](pages[0]), [pages[1]])[0]
    assert found.alike is False, found.sentence


def test_a_coarse_copy_whose_cells_agree_only_as_far_as_its_noise_allows_is_not_judged(images):
    small = cv2.resize(images[1], None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    _, saved = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 12])
    query = np.ascontiguousarray(cv2.imdecode(saved, cv2.IMREAD_COLOR)[:, :, ::-1])
    factor = images[1].shape[1] / query.shape[1]
    found = compare_overlap(ComparedImage(query), ComparedImage(images[1]), np.diag([factor, factor, 1.0]))
    assert found is not None
    assert found.quality <= 15
    loose = replace(found, correlation=0.93)
    assert judge_comparison(loose, 8).verdict == "copy"  # as all blocks agree
    judged = judge_comparison(replace(loose, blocks=None), 8)
    assert judged.verdict == "too plain to judge"
    assert "hides" in judged.sentence
    assert judge_comparison(replace(found, blocks=None, correlation=0.97), 8).verdict == "copy"


@pytest.mark.parametrize("pair", [(1, 3), (0, 2), (2, 5)])
def test_a_page_with_another_photograph_is_one_template(images, pair):
    query, hit = (ATTACKS["screenshot"](cv2.resize(images[at], (384, 256))) for at in pair)
    assert explained(query, [hit])[0].verdict == "same template"
    same = explained(query, [query])[0]
    assert same.alike
