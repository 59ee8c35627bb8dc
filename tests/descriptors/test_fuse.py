"""Weighted parts, against the parts' own descriptors and metrics one by one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import nearsight as ns
from nearsight.descriptors.colour_histogram import ColourHistogram
from nearsight.descriptors.fuse import Fuse
from nearsight.descriptors.gist import Gist
from nearsight.errors import RecipeError
from nearsight.hashes.phash import Phash
from nearsight.metrics.emd import Emd
from nearsight.metrics.hamming import Hamming
from nearsight.metrics.jensen_shannon import JensenShannon
from nearsight.metrics.l2 import L2
from nearsight.metrics.weighted_parts import WeightedParts
from nearsight.pipeline import build_pipeline
from nearsight.recipe import parse_recipe
from nearsight.registry import build_methods, natural_metric, to_recipe

PARTS = (Gist(), Phash(), ColourHistogram())
METRICS = (L2(), Hamming(), JensenShannon())


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(4)
    small = rng.integers(0, 256, (9, 8, 8, 3), np.uint8)
    return [cv2.resize(each, (200, 120), interpolation=cv2.INTER_CUBIC) for each in small]


def test_distances_are_the_weighted_mean_of_the_parts(images):
    fuse = Fuse(PARTS, (3.0, 1.0, 2.0))
    rows, metric = fuse.describe(images), natural_metric(fuse)
    expected = np.zeros((9, 9))
    for part, own, weight in zip(PARTS, METRICS, (3, 1, 2), strict=True):
        described = part.describe(images)
        expected += weight / 6 * (1 - own.similarity(own.distances(described, described)))
    assert np.abs(metric.distances(rows, rows) - expected).max() < 1e-5
    assert rows.dtype == np.uint8
    assert rows.shape == (9, fuse.size)


def test_one_part_alone_ranks_as_without(images, tmp_path):
    for number, image in enumerate(images):
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
    with ns.index(tmp_path, recipe=["fuse(gist) | flat", "gist | flat"]) as photos:
        for query in range(3):
            fused, plain = (
                [hit.path for hit in photos.search(tmp_path / f"{query}.png", recipe=recipe, k=9)]
                for recipe in ("fuse(gist)", "gist")
            )
            assert fused == plain


def test_weights_decide(images):
    """With nearly all weight on a part, its order is the order."""
    query, rows = Fuse(PARTS).describe(images[:1]), {}
    for heavy in range(3):
        weights = tuple(1e4 if number == heavy else 1e-4 for number in range(3))
        metric = natural_metric(Fuse(PARTS, weights))
        rows[heavy] = metric.distances(query, Fuse(PARTS).describe(images))[0].argsort().tolist()
        described = PARTS[heavy].describe(images)
        own = METRICS[heavy].distances(described[:1], described)[0]
        assert np.all(np.diff(own[rows[heavy]]) > -1e-4)
    assert len({tuple(order) for order in rows.values()}) > 1


def test_recipes_take_parts_one_by_one_or_as_a_list():
    (one,) = build_methods(parse_recipe("fuse(gist, phash, weights=[.7, .3])"))
    (other,) = build_methods(parse_recipe("fuse(parts=[gist, phash], weights=[0.7, 0.3])"))
    assert one == other == Fuse((Gist(), Phash()), (0.7, 0.3))
    assert build_methods(to_recipe([one])) == (one,)
    assert build_pipeline("fuse(gist, phash)").key != build_pipeline("fuse(gist, phash, weights=[1, 2])").key
    assert build_pipeline("fuse(gist, phash)").key.endswith("@1.1.1")


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("fuse(gist, phash, weights=[1])", "a weight for each of 2 parts"),
        ("fuse(gist, weights=[0])", "above 0"),
        ("fuse(parts=[])", "one or more"),
        ("fuse(l2)", "takes a descriptor"),
        ("fuse(gist, 3)", "takes a descriptor"),
    ],
)
def test_wrong_parts_are_told(recipe, said):
    with pytest.raises(RecipeError, match=said):
        build_pipeline(recipe)


def test_the_search_by_a_costly_part_is_the_metrics_own(images, tmp_path):
    """The lower bound leaves rows out, and never one that belongs to the answer."""
    rng = np.random.default_rng(8)
    colours = rng.random((60, 8), np.float32)
    rest = rng.random((60, 4), np.float32)
    rows = np.hstack([colours.view(np.uint8), rest.view(np.uint8)])
    metric = WeightedParts(
        (Emd(space="rgb", bins=(2, 2, 2)), L2()), sizes=(8, 4), dtypes=("float32", "float32"), weights=(1.0, 1.0)
    )
    assert metric.is_expensive
    whole = metric.distances(rows[:5], rows)
    bounds = metric.lower_bound(rows[:5], rows)
    assert (bounds <= whole + 1e-6).all()
    assert (bounds > 0).any()
    from nearsight.indexes.flat import Flat

    hits = Flat().empty(metric).add(np.arange(60), rows).search(rows[:5], 7)
    for query in range(5):
        assert hits.ids[query].tolist() == np.lexsort((np.arange(60), whole[query]))[:7].tolist()


def test_without_a_costly_part_there_is_no_bound():
    metric = WeightedParts((L2(),), (4,), ("uint8",))
    rows = np.zeros((2, 4), np.uint8)
    assert not metric.is_expensive
    assert metric.lower_bound(rows, rows) is None


def test_colours_ask_where_every_part_has_them():
    both = Fuse((ColourHistogram(), ColourHistogram(space="lab", bins=(4, 4, 4))))
    assert both.embed_colours({(255, 0, 0): 1.0}).shape == (both.size,)
    assert Fuse((ColourHistogram(), Gist())).embed_colours({(255, 0, 0): 1.0}) is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"metrics": ()},
        {"sizes": (1,)},
        {"weights": (1.0,)},
        {"weights": (1.0, -1.0)},
        {"dtypes": ("int8", "uint8")},
        {"sizes": (0, 12)},
    ],
)
def test_wrong_parameters_are_refused(arguments):
    with pytest.raises(ValueError, match=r"metrics|parts|weights|sizes"):
        WeightedParts(**arguments)


def test_other_rows_are_refused():
    with pytest.raises(ValueError, match="24 uint8"):
        WeightedParts().distances(np.zeros((1, 23), np.uint8), np.zeros((1, 23), np.uint8))
