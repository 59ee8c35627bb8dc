"""Why a hit is of a kind: the places of both images, which sum to its score, and where nothing can be said."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.errors import ModelMissingError, UsageError
from nearsight.images.thumbnail import SIDE
from nearsight.models import store
from nearsight.pipeline import available_senses, build_pipeline
from nearsight.search.heat_map import explains_places
from tests.models.network import convolving

FIRST = "feature_map(model=cells, output=map, side=192)"
AVERAGE, SPOC, CROW = (f"{FIRST} | {pooling} | flat" for pooling in ("average", "spoc", "crow"))
MAXIMA = f"{FIRST} | rmac | flat"
WEIGHTS = np.random.default_rng(3).normal(size=(16, 3, 8, 8)).astype(np.float32)


@pytest.fixture
def photos(tmp_path, monkeypatch, random_image):
    """Twelve images, and a small network of sixteen values for each 8 x 8 pixels."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NEARSIGHT_MODELS", str(convolving(tmp_path / "models", WEIGHTS)))
    (tmp_path / "photos").mkdir()
    for seed in range(12):
        random_image(tmp_path / "photos" / f"{seed}.jpg", seed, side=160)
    with ns.index(tmp_path / "photos", recipe=[AVERAGE, SPOC, CROW, MAXIMA, f"{FIRST} | average"]) as opened:
        yield opened


@pytest.mark.parametrize("recipe", [AVERAGE, SPOC, CROW])
def test_the_places_of_both_images_sum_to_the_score(photos, recipe):
    for hit in photos.search(photos.root / "3.jpg", recipe=recipe, k=12):
        found = photos.explain(hit)
        assert found.query_shares.shape == found.hit_shares.shape == (20, 20)
        assert found.query_shares.sum() == pytest.approx(1 - hit.distance, abs=1e-5)
        assert found.hit_shares.sum() == pytest.approx(1 - hit.distance, abs=1e-5)
        assert found.sentence == hit.why


def test_a_box_is_what_asked(photos):
    hit = photos.search(photos.root / "3.jpg", recipe=AVERAGE, box=(16, 32, 112, 96))[2]
    found = photos.explain(hit)
    assert found.query_shares.shape == (8, 12)
    assert found.query_shares.sum() == pytest.approx(1 - hit.distance, abs=1e-5)


def test_marks_move_the_answer_and_leave_each_score_and_its_places(photos):
    names = {hit.path: hit.id for hit in photos.search(photos.root / "3.jpg", recipe=AVERAGE)}
    marked = photos.search(photos.root / "3.jpg", recipe=AVERAGE, like=[names["7.jpg"]], unlike=[names["9.jpg"]])
    for hit in marked:
        assert photos.explain(hit).query_shares.sum() == pytest.approx(1 - hit.distance, abs=1e-5)


def test_without_its_file_a_hit_s_thumbnail_is_looked_at(photos):
    hit = photos.search(photos.root / "3.jpg", recipe=AVERAGE, k=2)[1]
    whole = photos.explain(hit)
    (photos.root / hit.path).unlink()
    found = photos.explain(hit)
    assert np.array_equal(found.query_shares, whole.query_shares)
    assert found.hit_shares.sum() == pytest.approx(1 - hit.distance, abs=0.02)
    assert not np.array_equal(found.hit_shares, whole.hit_shares)
    assert SIDE > 160  # so its places are as many


def test_a_stored_image_asks_with_its_thumbnail_or_with_what_is_given(photos):
    with Image.open(photos.root / "3.jpg") as opened:
        pixels = np.asarray(opened.convert("RGB"))
    ident = next(each.id for each in photos.images() if each.path == b"3.jpg")
    hit = photos.search(like=ident, recipe=AVERAGE, k=3)[2]
    assert photos.explain(hit).query_shares.sum() == pytest.approx(1 - hit.distance, abs=0.02)
    exact = photos.explain(hit, query=pixels)
    assert exact.query_shares.sum() == pytest.approx(1 - hit.distance, abs=1e-5)


def test_what_is_no_sum_of_places_says_nothing(photos):
    asked = photos.root / "3.jpg"
    for results in (
        photos.search(asked, recipe=MAXIMA),
        photos.search(asked, recipe=[AVERAGE, SPOC]),
        photos.search(asked, recipe=f"{FIRST} | average | flat(metric=l2)"),
        photos.search(asked, recipe=f"{AVERAGE} | aqe"),
        photos.search(where="width > 1"),
    ):
        assert len(results)
        for hit in results:
            assert hit.heat_map is None
            assert photos.explain(hit) is hit.explanation
    assert not explains_places(build_pipeline("gist | flat(metric=cosine)"))


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine without any model."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "empty"))
    monkeypatch.delenv("NEARSIGHT_MODELS", raising=False)


def test_without_the_model_the_sense_says_what_to_type_and_the_others_work(bare, photographs):
    with pytest.raises(ModelMissingError, match="nearsight models add mobilenetv2 FILE"):
        ns.index(photographs, by=["category"])
    with pytest.raises(ModelMissingError, match="nearsight models add mobilenetv2 FILE"):
        ns.match(photographs / "coffee.png", photographs / "china.jpg", by="category")
    assert available_senses() == ["copy", "part", "colour", "scene", "object", "sketch"]
    with ns.index(photographs, by=["copy", "colour"]) as photos:
        assert photos.search(photographs / "coffee.png")[0].path == "coffee.png"
        with pytest.raises(UsageError, match="--by category"):
            photos.search(photographs / "coffee.png", by="category")


@pytest.fixture
def mobilenetv2():
    try:
        store.require_model("mobilenetv2")
    except ModelMissingError as problem:
        pytest.skip(str(problem))


def test_a_kind_is_found_by_the_network_and_lies_where_the_thing_is(mobilenetv2, data, tmp_path):
    """Elephants among buses and flowers of Corel-1k: other elephants come first."""
    folder = tmp_path / "kinds"
    folder.mkdir()
    for first in (300, 500, 600):
        for number in range(first, first + 12):
            shutil.copy(data / "corel1k" / f"{number}.jpg", folder)
    with ns.index(folder, by=["category"]) as photos:
        found = photos.search(data / "corel1k" / "550.jpg", by="category", k=10)
        assert all(hit.path.startswith("5") for hit in found)
        told = photos.explain(found[0])
    assert told.query_shares.sum() == pytest.approx(1 - found[0].distance, abs=1e-5)
    assert told.hit_shares.sum() == pytest.approx(1 - found[0].distance, abs=1e-4)
    assert "category" in available_senses()


def test_two_images_are_compared_by_category(mobilenetv2, data):
    a, b, c = (data / "corel1k" / f"{number}.jpg" for number in (700, 705, 400))
    near, far = ns.match(a, b, by="category"), ns.match(a, c, by="category")
    assert near.alike is None
    assert near.similarity > far.similarity + 0.1
    cosine = 2 * near.similarity - 1
    assert near.sentence.startswith(f"cosine {cosine:.3f}")
    assert near.query_shares.sum() == pytest.approx(cosine, abs=1e-5)
    assert near.hit_shares.sum() == pytest.approx(cosine, abs=1e-5)
