"""Several senses and recipes in one search."""

from __future__ import annotations

import numpy as np
import pytest

import nearsight as ns
from nearsight.errors import UsageError
from nearsight.search.results import FOUND, NOTHING

RECIPES = ("colour_histogram", "tiny")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    from importlib.resources import files

    from tests.conftest import PHOTOGRAPHS

    folder = tmp_path_factory.mktemp("fused") / "images"
    folder.mkdir()
    for package, name in PHOTOGRAPHS:
        (folder / name).write_bytes(files(package).joinpath(name).read_bytes())
    with ns.index(folder, by=["copy", "colour"], recipe=RECIPES) as opened:
        yield opened


def ranks(photos, recipe, image):
    return {hit.id: hit.rank for hit in photos.search(image, recipe=recipe, k=100)}


def test_ranks_are_fused_as_by_hand(photos):
    image = photos.root / "china.jpg"
    each = [ranks(photos, recipe, image) for recipe in RECIPES]
    right = {ident: sum(1 / (60 + some[ident]) for some in each) for ident in each[0]}
    found = photos.search(image, recipe=RECIPES, k=100)
    assert [hit.id for hit in found] == sorted(right, key=lambda ident: (-right[ident], ident))
    assert [hit.score for hit in found] == pytest.approx([right[hit.id] / (2 / 61) for hit in found], abs=1e-6)
    assert found.recipe.endswith("fused by reciprocal")
    assert (found[0].path, found[0].metric) == ("china.jpg", "reciprocal")
    assert (found[0].score, found[0].distance) == pytest.approx((1, 0), abs=1e-6)
    assert all(f"{recipe}: hit " in found[3].why for recipe in RECIPES)


def test_scores_are_fused_as_by_hand(photos):
    image = photos.root / "china.jpg"
    total = {}
    for recipe in RECIPES:
        scores = {hit.id: -hit.distance for hit in photos.search(image, recipe=recipe, k=100)}
        values = np.array(list(scores.values()))
        for ident, score in scores.items():
            total[ident] = total.get(ident, 0) + (score - values.mean()) / values.std() / 2
    found = photos.search(image, recipe=RECIPES, fuse="scores", k=5)
    assert [hit.id for hit in found] == sorted(total, key=lambda ident: -total[ident])[:5]
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert found[0].score == pytest.approx(1, abs=1e-6)


def test_one_way_of_several_that_says_alike_is_enough(photos):
    mirrored = np.ascontiguousarray(np.asarray(_pixels(photos.root / "coffee.png"))[:, ::-1])
    found = photos.search(mirrored, by=["copy", "colour"])
    assert found.verdict == FOUND
    assert (found[0].path, found[0].verdict, found[0].alike) == ("coffee.png", "copy", True)
    assert found[0].explanation.query_points is not None
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    assert photos.search(noise, by=["copy"], recipe="tiny").verdict in (NOTHING, "")
    assert not any(hit.alike for hit in photos.search(noise, by=["copy"], recipe="tiny"))


def _pixels(path):
    from PIL import Image

    with Image.open(path) as image:
        return image.convert("RGB")


def test_the_same_way_twice_is_one(photos):
    image = photos.root / "china.jpg"
    assert photos.search(image, by=["colour", "colour"]) == photos.search(image, by="colour")


def test_filters_hold_for_all_ways(photos):
    found = photos.search(photos.root / "china.jpg", by=["copy", "colour"], where="name like 'c%'")
    assert found
    assert all(hit.path.startswith("c") for hit in found)


def test_what_cannot_be_fused_is_said(photos):
    with pytest.raises(UsageError, match="reciprocal or scores; got"):
        photos.search(photos.root / "china.jpg", by=["copy", "colour"], fuse="average")
    with pytest.raises(UsageError, match="copy takes no colours"):
        photos.search(colours={"#c33": 1}, by=["colour", "copy"])
    with pytest.raises(UsageError, match="not indexed by scene"):
        photos.search(photos.root / "china.jpg", by=["copy", "scene"])
    with pytest.raises(UsageError, match="at least 1; got 0"):
        photos.search(photos.root / "china.jpg", by=["copy", "colour"], k=0)


def test_marks_count_in_all_ways(photos):
    plain = photos.search(photos.root / "china.jpg", recipe=RECIPES)
    found = photos.search(photos.root / "china.jpg", recipe=RECIPES, like=plain[5].id, unlike=plain[1].path)
    assert plain[1].id not in {hit.id for hit in found}
    places = {hit.id: hit.rank for hit in found}
    assert places[plain[5].id] < plain[5].rank
