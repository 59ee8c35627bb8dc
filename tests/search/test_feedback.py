"""Marks on hits against rows averaged by hand, and over a collection that they teach something."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.errors import UsageError

COLOURS = {"red": (220, 40, 30), "blue": (30, 60, 220)}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Reds, blues, and one that is half of each."""
    folder = tmp_path_factory.mktemp("marked") / "images"
    folder.mkdir()
    random = np.random.default_rng(0)
    for colour, levels in COLOURS.items():
        for number in range(6):
            pixels = np.clip(np.array(levels) + random.normal(0, 25, (64, 80, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{colour}{number}.png")
    half = np.concatenate([np.full((64, 40, 3), COLOURS["red"]), np.full((64, 40, 3), COLOURS["blue"])], axis=1)
    Image.fromarray(half.astype(np.uint8)).save(folder / "half.png")
    recipes = ["tiny | flat(metric=cosine)", "phash", "colour_histogram"]
    with ns.index(folder, by=["copy"], recipe=recipes) as opened:
        yield opened


def ids(photos):
    return {each.path.decode(): each.id for each in photos.images()}


def rows_of(photos):
    names = sorted(ids(photos))
    rows = ns.describe([photos.root / name for name in names], "tiny").astype(np.float64)
    return dict(zip(names, rows / np.linalg.norm(rows, axis=1, keepdims=True), strict=True))


def test_marks_order_as_the_moved_row_does(photos):
    rows = rows_of(photos)
    asked = (rows["half.png"] + (rows["red0.png"] + rows["red3.png"]) / 2 - 0.25 * rows["blue1.png"]) / 1.75
    right = sorted((name for name in rows if name != "blue1.png"), key=lambda name: -float(rows[name] @ asked))
    found = photos.search(
        photos.root / "half.png", recipe="tiny | flat(metric=cosine)", like=["red0.png", "red3.png"], unlike="blue1.png"
    )
    assert [hit.path for hit in found] == right


@pytest.mark.parametrize(
    "recipe", ["tiny | flat(metric=cosine)", "colour_histogram", "colour_histogram | flat | aqe(n=2)"]
)
def test_more_of_the_marked_kind_comes_first_and_what_was_refused_goes(photos, recipe):
    by_path = ids(photos)
    for wanted, refused in (("red", "blue"), ("blue", "red")):
        found = photos.search(
            photos.root / "half.png",
            recipe=recipe,
            like=[by_path[f"{wanted}{number}.png"] for number in (1, 2)],
            unlike=[by_path[f"{refused}{number}.png"] for number in (1, 2)],
        )
        paths = [hit.path for hit in found if hit.path != "half.png"]
        assert all(path.startswith(wanted) for path in paths[:6]), paths
        assert not {f"{refused}1.png", f"{refused}2.png"} & set(paths)


def test_marks_serve_hashes_and_an_image_of_the_collection(photos):
    by_path = ids(photos)
    first = photos.search(like=by_path["red1.png"], recipe="phash")
    assert first[0].path == "red1.png"
    both = photos.search(like=[by_path["red1.png"], by_path["blue5.png"]], recipe="phash", unlike=["half.png"])
    assert {both[0].path, both[1].path} == {"red1.png", "blue5.png"}
    assert "half.png" not in {hit.path for hit in both}


def test_marks_serve_a_sense_that_verifies(photos):
    found = photos.search(photos.root / "red1.png", by="copy", unlike=["red2.png"])
    assert found[0].path == "red1.png"
    assert "red2.png" not in {hit.path for hit in found}


def test_distances_stay_those_of_the_query(photos):
    asked = {"recipe": "tiny | flat(metric=cosine)", "k": 13}
    plain = {hit.path: hit.distance for hit in photos.search(photos.root / "half.png", **asked)}
    for hit in photos.search(photos.root / "half.png", **asked, like=["red0.png"]):
        assert hit.distance == pytest.approx(plain[hit.path], abs=1e-6)


def test_wrong_marks_are_said(photos):
    with pytest.raises(UsageError, match="no image with id 999"):
        photos.search(photos.root / "half.png", recipe="phash", like=[999])
    with pytest.raises(UsageError, match=r"no image at nowhere\.png"):
        photos.search(photos.root / "half.png", recipe="phash", unlike=["nowhere.png"])
    with pytest.raises(UsageError, match="relevance feedback refines a query"):
        photos.search(words="red", unlike=["red1.png"])


def test_marks_refine_what_colours_find(photos):
    """Nobody asks with a marked image where colours ask: it draws the answer, and stays among the hits."""
    red = {"#c03c32": 1.0}
    plain = [hit.path for hit in photos.search(colours=red, recipe="colour_histogram", k=13)]
    drawn = photos.search(colours=red, recipe="colour_histogram", k=13, like=["blue0.png", "blue3.png"])
    found = [hit.path for hit in drawn]
    first = min(plain.index(f"blue{number}.png") for number in range(6))
    assert min(found.index(f"blue{number}.png") for number in range(6)) < first
    assert sorted(found) == sorted(plain)
    left = photos.search(colours=red, recipe="colour_histogram", k=13, unlike=[plain[0]])
    assert plain[0] not in [hit.path for hit in left]
    distances = {hit.path: hit.distance for hit in photos.search(colours=red, recipe="colour_histogram", k=13)}
    assert all(hit.distance == pytest.approx(distances[hit.path], abs=1e-6) for hit in drawn)
