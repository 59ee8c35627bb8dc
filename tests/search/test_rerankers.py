"""Refiners of rows in recipes: what they say of each hit, what they need, and that nothing of them goes stale."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.errors import RecipeError
from nearsight.registry import methods

REFINERS = ("aqe(n=2)", "augment(n=2)", "diffuse(k=3)", "reciprocal(k1=4, k2=2)", "background", "aqe | diffuse")


def write(folder, numbers):
    for number in numbers:
        blobs = np.random.default_rng(number % 7).integers(0, 200, (6, 8, 3))
        blobs = blobs + np.random.default_rng(1000 + number).integers(0, 56, (6, 8, 3))
        Image.fromarray(blobs.astype(np.uint8)).resize((80, 60), Image.Resampling.BICUBIC).save(
            folder / f"{number}.png"
        )


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Images in seven kinds of three."""
    folder = tmp_path_factory.mktemp("refined") / "images"
    folder.mkdir()
    write(folder, range(21))
    with ns.index(folder, recipe="tiny") as opened:
        yield opened


def test_refiners_of_rows_need_rows_that_they_can_average(photos):
    for recipe, wrong in (
        ("phash | flat | aqe", "rows of numbers"),
        ("hog | flat | diffuse", "flat.metric=l2. can; l1 cannot"),
        ("sift | asmk | inverted | augment", "rows of numbers"),
    ):
        with pytest.raises(RecipeError, match=wrong):
            photos.search(photos.root / "3.png", recipe=recipe)


@pytest.mark.parametrize(
    "refiner", ["aqe(n=2)", "augment(n=2)", "diffuse(k=3)", "reciprocal(k1=4, k2=2)", "background"]
)
def test_a_search_by_a_recipe_with_refiners_says_what_each_hit_owes_them(photos, refiner):
    plain = photos.search(photos.root / "3.png", recipe="tiny", k=100)
    found = photos.search(photos.root / "3.png", recipe=f"tiny | flat | {refiner} | diffuse(k=3)", k=100)
    assert {hit.path for hit in found} == {hit.path for hit in plain}
    assert {hit.id: hit.distance for hit in found} == pytest.approx({hit.id: hit.distance for hit in plain}, abs=1e-5)
    assert {hit.id: hit.alike for hit in found} == {hit.id: hit.alike for hit in plain}
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert "by diffusion among 21 hits" in found[0].why
    alone = photos.search(photos.root / "3.png", recipe=f"tiny | flat | {refiner}", k=100)
    assert alone[0].why != plain[0].why
    filtered = photos.search(photos.root / "3.png", recipe=f"tiny | flat | {refiner}", where="name like '1%'")
    assert {hit.path[0] for hit in filtered} == {"1"}


def test_those_that_give_verdicts_are_those_that_look_at_images():
    assert {"verify", "spatial"} <= {name for name, each in methods("rerankers").items() if each.gives_verdict}


def test_after_additions_and_removals_answers_are_those_of_a_collection_made_anew(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    write(folder, range(14))
    ns.index(folder, recipe="tiny").close()
    write(folder, range(14, 28))
    for number in (1, 9, 20):
        (folder / f"{number}.png").unlink()
    with (
        ns.index(folder, recipe="tiny") as grown,
        ns.index(folder, recipe="tiny", collection=tmp_path / "anew") as anew,
    ):
        for refiner in REFINERS:
            one, other = (
                {hit.path: hit.score for hit in each.search(folder / "3.png", recipe=f"tiny | flat | {refiner}", k=100)}
                for each in (grown, anew)
            )
            assert len(one) == 25
            assert one == pytest.approx(other, abs=1e-5), refiner
            assert next(iter(one)) == next(iter(other))
