from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.errors import ImageError, RecipeError, UsageError
from nearsight.search.results import FOUND, NO_MATCH, NOTHING, TOO_PLAIN
from nearsight.types import Query
from tests.conftest import by_default, thirteen


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Only asked: what changes something makes its own."""
    with ns.index(thirteen(tmp_path_factory.mktemp("search") / "photographs"), by=["copy", "colour"]) as opened:
        yield opened


@pytest.mark.parametrize("step", by_default([3], [1]))
def test_every_image_is_its_own_first_hit_in_every_sense(photos, step):
    for each in list(photos.images())[::step]:
        path = each.path.decode()
        for sense in photos.senses:
            results = photos.search(photos.root / path, by=sense, k=3)
            assert results[0].path == path
            assert results[0].score > 0.9
            if sense in ("copy", "part"):
                assert (results[0].verdict, results[0].alike, results.verdict) == ("identical file", True, FOUND)
            else:  # it ranks, and denies nothing
                assert results[0].why.startswith("nearer than all of 78 random pairs of this collection")
                assert {(hit.verdict, hit.alike) for hit in results} == {("", None)}
                assert results.verdict == ""


def test_scores_fall_and_ranks_rise(photos):
    for sense in photos.senses:
        results = photos.search(photos.root / "coffee.png", by=sense)
        assert [hit.rank for hit in results] == list(range(1, len(results) + 1))
        assert len(results) == 13 or sense == "part", "an image without a word of the query is no hit of visual words"
        scores = [hit.score for hit in results]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


def test_an_altered_copy_is_accepted_with_its_points(photos):
    with Image.open(photos.root / "china.jpg") as image:
        crop = image.crop((40, 30, 600, 400)).resize((400, 264))
    hit = photos.search(np.asarray(crop))[0]
    assert (hit.path, hit.verdict, hit.alike) == ("china.jpg", "part", True)
    assert hit.score > 0.99
    reason = hit.explanation
    assert len(reason.query_points) == len(reason.hit_points) > 20
    # the middle of the crop lies where it was cut: ((40 + 600) / 2) / 640, ((30 + 400) / 2) / 427
    x, y, w = reason.homography @ [0.5, 0.5, 1]
    assert (x / w, y / w) == pytest.approx((320 / 640, 215 / 427), abs=0.01)


def test_a_mirrored_copy_is_found_and_called_so(photos):
    with Image.open(photos.root / "coffee.png") as image:
        mirrored = np.asarray(image.convert("RGB"))[:, ::-1].copy()
    hit = photos.search(mirrored)[0]
    assert (hit.path, hit.verdict) == ("coffee.png", "copy")


def test_where_nothing_is_alike_the_answer_says_so(photos):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (200, 200, 3), np.uint8)
    results = photos.search(noise)
    assert results.verdict == NOTHING
    assert not any(hit.alike for hit in results)
    assert all(hit.why for hit in results)
    assert (results.hint.sense, results.hint.looks_for) == ("object", "parts and other views")
    assert results.hint.command.startswith(f"nearsight index {photos.root} --by object")
    assert photos.search(noise, by="colour").hint is None


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 300, 3), (64, 64, 3)])
def test_blank_and_tiny_queries_are_no_error(photos, shape):
    results = photos.search(np.zeros(shape, np.uint8))
    assert not any(hit.alike for hit in results)
    assert results.verdict in (NOTHING, TOO_PLAIN)


def test_a_box_asks_with_a_part(photos):
    whole = photos.search(photos.root / "china.jpg", box=(0, 0, 640, 427))
    part = photos.search(photos.root / "china.jpg", box=(50, 50, 560, 400))
    assert whole[0].path == part[0].path == "china.jpg"
    assert part[0].alike
    left, top, _ = part[0].explanation.homography @ [0, 0, 1]
    assert (left * 640, top * 427) == pytest.approx((50, 50), abs=6)
    for box in [(0, 0, 9999, 10), (10, 10, 10, 20), (20, 20, 10, 30)]:
        with pytest.raises(UsageError, match="640"):
            photos.search(photos.root / "china.jpg", box=box)


def test_the_query_may_be_bytes_a_path_or_pixels(photos):
    path = photos.root / "coffee.png"
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    answers = [[hit.path for hit in photos.search(query)] for query in (path, str(path), path.read_bytes(), pixels)]
    assert all(answer == answers[0] for answer in answers)


def test_asking_for_what_is_not_there_says_what_to_run(photos, tmp_path):
    with pytest.raises(UsageError, match=r"nearsight index .* --by scene"):
        photos.search(photos.root / "coffee.png", by="scene")
    with pytest.raises(UsageError, match=r"nearsight index .* --recipe"):
        photos.search(photos.root / "coffee.png", recipe="dhash")
    with pytest.raises(UsageError, match="did you mean"):
        photos.search(photos.root / "coffee.png", by="copi")
    with pytest.raises(RecipeError):
        photos.search(photos.root / "coffee.png", recipe="gist | nothing")
    with pytest.raises(ImageError, match=r"missing\.jpg: no such file$"):
        photos.search(tmp_path / "missing.jpg")
    with pytest.raises(UsageError):
        photos.search()
    with pytest.raises(UsageError, match="at least 1"):
        photos.search(photos.root / "coffee.png", k=0)
    with pytest.raises(UsageError, match="nearsight index"):
        ns.open(tmp_path)


def test_a_field_that_cannot_be_served_is_an_error(photos):
    from nearsight.search.encode import encode_query

    own, snapshot = photos.root / "coffee.png", photos._reader.snapshot()
    for sense, given in (("colour", {"plus_texts": ("snow",)}), ("copy", {"minus_images": (own,)})):
        with pytest.raises(UsageError, match="takes"):
            encode_query(Query(image=own, **given), photos.pipeline(sense), snapshot, photos._files)


def test_colours_find_the_images_that_have_them(tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    plain = {"red": (200, 40, 40), "green": (40, 170, 60), "blue": (40, 60, 190), "grey": (128, 128, 128)}
    for name, colour in plain.items():
        Image.new("RGB", (80, 60), colour).save(folder / f"{name}.png")
    half = np.full((60, 80, 3), plain["red"], np.uint8)
    half[:, 40:] = plain["blue"]
    Image.fromarray(half).save(folder / "red-blue.png")
    photos = ns.index(folder, by=["copy", "colour"])
    for name, (r, g, b) in plain.items():
        assert photos.search(colours={f"#{r:02x}{g:02x}{b:02x}": 1.0})[0].path == f"{name}.png"
    assert photos.search(colours={"c82828": 0.5, "#283cbe": 0.5}, by="colour")[0].path == "red-blue.png"
    assert [hit.path for hit in photos.search(colours={"#c33": 3})[:2]] == ["red.png", "red-blue.png"]
    (reason,) = {hit.explanation.sentence for hit in photos.search(colours={"#c33": 3})}
    assert reason == "in the order of the distance to these colours"
    with pytest.raises(UsageError, match="search by colour"):
        photos.search(colours={"#c33": 1.0}, by="copy")
    for wrong in ({"red": 1.0}, {"#c33": 0.0}, {"#c33": float("nan")}):
        with pytest.raises(UsageError, match="colour"):
            photos.search(colours=wrong)
    with pytest.raises(UsageError, match="one of them; got an image and colours"):
        photos.search(folder / "red.png", colours={"#c33": 1.0}, by="colour")


def test_words_find_names_and_leave_only_those(photos):
    assert {hit.path for hit in photos.search(words="SUB")} == {"sub/astronaut.png", "sub/brick.png"}
    assert [hit.path for hit in photos.search(words="sub astro")] == ["sub/astronaut.png"]
    assert photos.search(words="sub", k=1)[0].alike
    assert photos.search(words="nowhere").verdict == NO_MATCH
    left = photos.search(photos.root / "coffee.png", words="sub")
    assert {hit.path for hit in left} == {"sub/astronaut.png", "sub/brick.png"}
    assert left.verdict == NOTHING
    assert len(photos.search(photos.root / "coffee.png", words="nowhere")) == 0
    with pytest.raises(UsageError, match="no word"):
        photos.search(words="---")


def test_words_are_cut_as_people_write_them(tmp_path, random_image):
    folder = tmp_path / "p"
    (folder / "Москва 2012").mkdir(parents=True)
    names = ["Москва 2012/IMG_0042.jpg", "RedBike.jpg", "Café_été.jpg", "straße.jpg", 'quote" OR x*.jpg']
    for number, name in enumerate(names):
        random_image(folder / name, number)
    photos = ns.index(folder, recipe="tiny")
    for words, name in zip(("москва 42", "bike", "cafe ete", "Straße", 'quote" or'), names, strict=True):
        asked = words if "42" not in words else "москва 0042"
        assert [hit.path for hit in photos.search(words=asked)] == [name], words
    assert photos.verify() == []


@pytest.mark.parametrize("step", by_default([3], [1]))
def test_an_image_of_the_collection_asks_by_its_id(photos, step):
    for each in list(photos.images())[::step]:
        for sense in photos.senses:
            first = photos.search(like=each.id, by=sense)[0]
            assert (first.id, first.distance) == (each.id, pytest.approx(0, abs=1e-3))
            assert first.alike is (True if sense in ("copy", "part") else None)
    with pytest.raises(UsageError, match="box"):
        photos.search(like=1, box=(0, 0, 5, 5))


def test_another_recipe_over_the_same_rows_needs_no_indexing(photos):
    results = photos.search(photos.root / "coffee.png", recipe="gist | flat(metric=cosine)")
    assert results[0].path == "coffee.png"
    assert results[0].metric == "cosine"
    assert results.recipe.endswith("flat(metric=cosine)")


def test_one_image_and_no_image(tmp_path, random_image):
    folder = tmp_path / "p"
    folder.mkdir()
    empty = ns.index(folder)
    query = random_image(tmp_path / "q.png", 1)
    assert len(empty.search(query)) == 0
    assert len(empty.search(query, by="colour")) == 0
    random_image(folder / "a.png", 1)
    one = ns.index(folder)
    assert one.search(query)[0].alike
    assert one.search(query, by="colour")[0].verdict == ""


def test_readers_see_each_commit(photographs):
    reader = ns.index(photographs, recipe="gist | flat")
    assert len(reader.search(photographs / "coffee.png")) == 13
    (photographs / "moon.png").unlink()
    ns.index(photographs)
    assert len(reader.search(photographs / "coffee.png")) == 12


@pytest.mark.parametrize("step", by_default([3], [1]))
def test_threads_get_the_same_answers(photos, step):
    from concurrent.futures import ThreadPoolExecutor

    paths = [photos.root / each.path.decode() for each in list(photos.images())[::step]] * 2
    alone = [[(h.path, h.score) for h in photos.search(path)] for path in paths]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda path: [(h.path, h.score) for h in photos.search(path)], paths))
    assert together == alone


def test_describe_gives_rows(photographs):
    rows = ns.describe([photographs / "coffee.png", str(photographs / "china.jpg")], "gist")
    assert rows.shape == (2, 960)
    assert rows.dtype == np.float32
    with pytest.raises(RecipeError):
        ns.describe([photographs / "coffee.png"], "flat")


def drawn(image, rng):
    """The lines of an image as somebody draws them who does not hit every place: dark on white, 3 pixels wide."""
    blurred = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), image.shape[1] / 150)
    lines = cv2.dilate(cv2.Canny(blurred, 20, 50), np.ones((3, 3)))
    height, width = lines.shape
    places = np.mgrid[:height, :width][::-1].astype(np.float32)
    for axis in places:
        drift = cv2.GaussianBlur(rng.normal(0, 1, lines.shape).astype(np.float32), (0, 0), width / 20)
        axis += drift * (width / 100 / drift.std())
    return cv2.cvtColor(255 - cv2.remap(lines, *places, cv2.INTER_LINEAR), cv2.COLOR_GRAY2RGB)


def test_a_drawing_finds_what_it_was_drawn_from(photographs, tmp_path):
    rng, found = np.random.default_rng(0), []
    with ns.index(photographs, by=["sketch"]) as photos:
        images = [image.path.decode() for image in photos.images()]
        for name in images:
            with Image.open(photographs / name) as opened:
                opened.thumbnail((640, 640))
                drawing = drawn(np.asarray(opened.convert("RGB")), rng)
            Image.fromarray(drawing).save(tmp_path / "drawing.png")
            hits = photos.search(sketch=tmp_path / "drawing.png", k=20)
            found.append([hit.path for hit in hits].index(name))
            assert hits.verdict == ""
            assert {(hit.alike, hit.verdict, hit.why) for hit in hits} == {
                (None, "", "in the order of the distance to these lines")
            }
    assert np.mean(np.array(found) == 0) > 0.8
    assert max(found) < 3


def test_a_sketch_is_asked_alone_and_where_there_are_lines(photos, tmp_path):
    Image.new("RGB", (50, 50)).save(tmp_path / "drawing.png")
    with pytest.raises(UsageError, match="--by sketch"):
        photos.search(sketch=tmp_path / "drawing.png")
    with pytest.raises(UsageError, match="a sketch is a query of its own"):
        photos.search(photos.root / "coffee.png", sketch=tmp_path / "drawing.png")
