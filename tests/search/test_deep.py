"""Recipes that begin with a network's map: learnt, indexed and asked, with boxes, words and geometry."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.encoders.average import Average
from nearsight.encoders.pca import Pca
from nearsight.encoders.regions import Regions
from nearsight.encoders.vlad import Vlad
from nearsight.errors import ModelMissingError
from nearsight.features.feature_map import FeatureMap
from nearsight.images.decode import wrap_pixels
from nearsight.ingest import train_encoders
from nearsight.models import store
from nearsight.pipeline import build_pipeline
from tests.models.network import convolving

FIRST = "feature_map(model=cells, output=map, side=192)"
WEIGHTS = np.random.default_rng(3).normal(size=(16, 3, 8, 8)).astype(np.float32)


@pytest.fixture
def photos(tmp_path, monkeypatch, random_image):
    """Twenty images, and a small network of sixteen values for each 8 x 8 pixels."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NEARSIGHT_MODELS", str(convolving(tmp_path / "models", WEIGHTS)))
    (tmp_path / "photos").mkdir()
    for seed in range(20):
        random_image(tmp_path / "photos" / f"{seed}.jpg", seed, side=160)
    return tmp_path / "photos"


ROWS = [
    f"{FIRST} | average | flat",
    f"{FIRST} | rmac | pca(dim=8, whiten=1) | flat",
    f"{FIRST} | regions | pca(dim=8, whiten=1) | average(unit=true) | flat",
    f"{FIRST} | windows | average(unit=true) | flat",
    f"{FIRST} | unit | pca(dim=8) | vlad(k=4) | flat",
    f"{FIRST} | unit | netvlad(k=4) | pca(dim=8) | flat",
    f"{FIRST} | pca(dim=8) | fisher(k=4) | flat",
]
WORDS = (
    "feature_map(model=cells, output=map, side=192, n=200, scales=[1.0, 0.7]) | unit | pca(dim=12, whiten=.5) "
    "| asmk(words=kmeans(k=64), bits=8, several=1) | inverted | spatial"
)


def test_every_recipe_learns_indexes_and_finds(photos, tmp_path):
    collection = ns.index(photos, recipe=[*ROWS, WORDS])
    assert collection.info()["images"] == 20
    assert not collection.info()["skipped"]
    smaller = tmp_path / "smaller.png"
    Image.open(photos / "7.jpg").resize((144, 144), Image.Resampling.LANCZOS).save(smaller)
    for recipe in [*ROWS, WORDS]:
        assert collection.search(photos / "7.jpg", recipe=recipe, k=3)[0].path == "7.jpg"
        assert collection.search(smaller, recipe=recipe, k=3)[0].path == "7.jpg", recipe
    assert not collection.verify()


def test_a_box_cuts_the_pixels_before_the_network_sees_them(photos, tmp_path):
    """The row that a box asks with is that of the box as an image of its own."""
    recipe = f"{FIRST} | rmac | flat"
    collection = ns.index(photos, recipe=recipe)
    box = (16, 32, 112, 128)
    with Image.open(photos / "3.jpg") as whole:
        whole.crop(box).save(tmp_path / "part.png")
    asked = collection.search(photos / "3.jpg", recipe=recipe, box=box, k=20)
    alone = collection.search(tmp_path / "part.png", recipe=recipe, k=20)
    assert [hit.path for hit in asked] == [hit.path for hit in alone]
    assert [hit.score for hit in asked] == pytest.approx([hit.score for hit in alone], abs=1e-6)
    whole = collection.search(photos / "3.jpg", recipe=recipe, k=20)
    assert max(abs(a.score - b.score) for a, b in zip(asked, whole, strict=True)) > 1e-4


def test_whitened_regions_are_learnt_from_regions_not_from_places(photos, tmp_path):
    """What is learnt through `train` is what PCA makes of the regions of all images."""
    recipe = f"{FIRST} | regions | pca(dim=8, whiten=1) | average(unit=true) | flat"
    collection = ns.index(photos, recipe=recipe)
    first = FeatureMap(model="cells", output="map", side=192)
    images = [wrap_pixels(np.asarray(Image.open(photos / f"{each}.jpg"))).render(192) for each in range(20)]
    regions = Regions().encode(first.describe(images), {})
    pca = Pca(dim=8, whiten=1)
    fitted = pca.train(np.concatenate([each.descriptors for each in regions]), lambda done, total: None)
    rows = Average(unit=True).encode(pca.encode(regions, fitted), {})
    wanted = 1 - rows @ rows[5]
    found = {hit.path: hit.distance for hit in collection.search(photos / "5.jpg", recipe=recipe, k=20)}
    for number in range(20):
        assert found[f"{number}.jpg"] == pytest.approx(wanted[number], abs=2e-3)


def test_the_start_of_a_chain_that_learns_nothing_is_made_where_images_are_read():
    chain = build_pipeline(f"{FIRST} | regions | pca(dim=8) | average(unit=true)").descriptor
    assert train_encoders._untrained_prefix(chain) == chain.encoders[:1]
    assert train_encoders._untrained_prefix(build_pipeline(f"{FIRST} | pca(dim=8) | gem").descriptor) == ()


def test_chains_that_begin_alike_learn_their_beginning_once(photos, tmp_path, monkeypatch):
    """What each learns is what it learns alone."""
    short, long = (f"{FIRST} | unit | pca(dim=8) | vlad(k=4){rest} | flat" for rest in ("", " | pca(dim=4)"))
    ns.train([photos], long, tmp_path / "alone.npz")
    asked = []
    plain = {cls: cls.train for cls in (Pca, Vlad)}
    for cls in plain:
        monkeypatch.setattr(
            cls, "train", lambda self, *given: asked.append(str(self)) or plain[type(self)](self, *given)
        )
    ns.train([photos], [short, long], tmp_path / "both.npz")
    assert asked == [str(Pca(dim=8)), str(Vlad(k=4)), str(Pca(dim=4))]
    with np.load(tmp_path / "alone.npz") as alone, np.load(tmp_path / "both.npz") as both:
        names = [name for name in alone.files if name != "keys"]
        assert {name.partition("/")[2] for name in names} >= {"1/axes", "2/centres", "3/axes"}
        assert all(np.array_equal(alone[name], both[f"1{name[1:]}"]) for name in names)


def test_deep_local_features_of_mobilenetv2(photographs):
    try:
        store.require_model("mobilenetv2")
    except ModelMissingError as problem:
        pytest.skip(str(problem))
    words = (
        "mobilenetv2(n=1000, scales=[1.0, 0.7, 0.5]) | unit | pca(dim=128, whiten=.5) "
        "| asmk(words=kmeans(k=200), several=1) | inverted | spatial"
    )
    recipe = "mobilenetv2 | rmac | pca(dim=512, whiten=1) | flat"
    for path in sorted(photographs.glob("*.jpg")):
        path.unlink()
    collection = ns.index(photographs, recipe=[words, recipe])
    for each in (words, recipe):
        hits = collection.search(photographs / "coffee.png", recipe=each, box=(100, 50, 560, 390), k=5)
        assert hits[0].path == "coffee.png"
