"""What each place adds to a likeness: against loops, and in sum the cosine of both rows, always."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nearsight.descriptor_chain import DescriptorChain
from nearsight.encoders.average import Average
from nearsight.encoders.crow import Crow
from nearsight.encoders.gem import Gem
from nearsight.encoders.mac import Mac
from nearsight.encoders.pca import Pca
from nearsight.encoders.rmac import Rmac
from nearsight.encoders.spoc import Spoc
from nearsight.encoders.unit import Unit
from nearsight.features.feature_map import FeatureMap
from nearsight.features.sift import Sift
from nearsight.search.heat_map import has_heat_map, heat_map
from tests.encoders.maps import SHAPES, as_features, column, divided, one, random_map
from tests.models.network import convolving

SUMS = [Average(), Average(unit=True), Spoc(), Spoc(sigma=1.5), Crow(), Mac()]
sums = pytest.mark.parametrize("pooling", SUMS, ids=repr)


@sums
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_shares_sum_to_the_cosine(pooling, shape):
    for seed in range(3):
        features = as_features(random_map(*shape, seed=seed))
        other = one(pooling, as_features(random_map(5, 4, seed=seed + 10))) * 7  # its length is nothing
        (found,) = pooling.position_contributions(features, other)
        assert found.shape == shape
        cosine = float(one(pooling, features) @ other) / 7
        assert found.sum() == pytest.approx(cosine, abs=1e-5)


@sums
def test_the_shares_of_several_maps_sum_to_the_cosine(pooling):
    features = as_features(random_map(6, 9, seed=1), random_map(4, 6, seed=2), random_map(2, 3, seed=3))
    other = one(pooling, as_features(random_map(5, 5, seed=4)))
    found = pooling.position_contributions(features, other)
    assert [each.shape for each in found] == [(6, 9), (4, 6), (2, 3)]
    assert sum(each.sum() for each in found) == pytest.approx(float(one(pooling, features) @ other), abs=1e-5)


def slow_weights(pooling, values):
    """The weight of each place by loops, and that of each value."""
    rows, columns, width = values.shape
    places = [(y, x) for y in range(rows) for x in range(columns)]
    if isinstance(pooling, Spoc):
        spread = pooling.sigma * min(rows, columns) / 2
        away = {(y, x): (y + 0.5 - rows / 2) ** 2 + (x + 0.5 - columns / 2) ** 2 for y, x in places}
        return {at: math.exp(-away[at] / (2 * spread**2)) for at in places}, [1.0] * width
    if isinstance(pooling, Crow):
        total = {at: sum(float(v) for v in values[at]) for at in places}
        length = math.sqrt(sum(each**2 for each in total.values()))
        seen = [sum(value != 0 for value in column(values, k)) / len(places) for k in range(width)]
        rare = [math.log(sum(seen) / each) if each else 0.0 for each in seen]
        return {at: math.sqrt(total[at] / length) for at in places}, rare
    lengths = {at: math.sqrt(sum(float(v) ** 2 for v in values[at])) for at in places}
    return {at: 1 / lengths[at] if pooling.unit else 1.0 for at in places}, [1.0] * width


@pytest.mark.parametrize("pooling", [Average(), Average(unit=True), Spoc(), Crow()], ids=repr)
def test_the_share_of_a_place_is_that_of_loops(pooling):
    values = random_map(4, 6, seed=2)
    other = divided([abs(math.sin(k + 1)) for k in range(12)])
    places, rare = slow_weights(pooling, values)
    row = [sum(places[at] * float(values[at][k]) * rare[k] for at in places) for k in range(12)]
    length = math.sqrt(sum(each**2 for each in row))
    (found,) = pooling.position_contributions(as_features(values), np.array(other, np.float32))
    for at, weight in places.items():
        wanted = weight * sum(float(values[at][k]) * rare[k] * other[k] for k in range(12)) / length
        assert found[at] == pytest.approx(wanted, abs=1e-6)


def test_what_a_maximum_adds_belongs_to_the_places_that_hold_it():
    values = np.zeros((2, 2, 3), np.float32)
    values[0, 1] = (3, 0, 2)
    values[1, 0] = (1, 4, 2)
    (found,) = Mac().position_contributions(as_features(values), np.float32([1, 0, 0]))
    length = math.sqrt(9 + 16 + 4)
    assert found == pytest.approx(np.array([[0, 3], [0, 0]]) / length)
    (found,) = Mac().position_contributions(as_features(values), np.float32([0, 0, 1]))
    assert found == pytest.approx(np.array([[0, 1], [1, 0]]) / length)


@pytest.mark.parametrize("pooling", [Gem(), Gem(p=1), Rmac()], ids=repr)
def test_what_is_no_sum_says_nothing(pooling):
    assert pooling.position_contributions(as_features(random_map(4, 5)), np.ones(12, np.float32)) is None
    assert not has_heat_map(DescriptorChain(FeatureMap(), (pooling,)))


@sums
def test_black_maps_and_features_of_no_map(pooling):
    (black,) = pooling.position_contributions(as_features(np.zeros((3, 4, 12), np.float32)), np.ones(12, np.float32))
    assert not black.any()
    assert pooling.position_contributions(as_features(random_map(3, 4), whole=False), np.ones(12, np.float32)) is None


WEIGHTS = np.random.default_rng(3).normal(size=(16, 3, 8, 8)).astype(np.float32)


@pytest.fixture
def network(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    convolving(tmp_path / "models", WEIGHTS, "middle", fit="crop")
    monkeypatch.setenv("NEARSIGHT_MODELS", str(convolving(tmp_path / "models", WEIGHTS)))


def cells(*encoders, fitted=None, **given):
    first = FeatureMap(**{"model": "cells", "output": "map", "side": 128, **given})
    return DescriptorChain(first, encoders, fitted or ({},) * len(encoders))


def images():
    return np.random.default_rng(0).integers(0, 256, (2, 96, 128, 3)).astype(np.uint8)


@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.5), (0.4, 1.0, 0.7)], ids=str)
@pytest.mark.parametrize("encoders", [(Average(),), (Unit(), Average()), (Crow(),)], ids=repr)
def test_an_image_s_shares_sum_to_the_cosine_of_the_rows(network, encoders, scales):
    descriptor = cells(*encoders, scales=scales)
    one, other = descriptor.describe(images())
    found = heat_map(descriptor, images()[0], other)
    assert found.shape == (12, 16)
    assert found.dtype == np.float32
    assert found.sum() == pytest.approx(float(one @ other), abs=1e-5)


def test_descriptors_that_were_learnt_from_are_added_as_they_are(network):
    sample = np.random.default_rng(1).normal(size=(200, 16)).astype(np.float32)
    pca = Pca(dim=5)
    descriptor = cells(pca, Spoc(), fitted=(pca.train(sample, lambda done, total: None), {}))
    one, other = descriptor.describe(images())
    assert heat_map(descriptor, images()[0], other).sum() == pytest.approx(float(one @ other), abs=1e-5)


def test_what_is_seen_shows_where_it_is(network):
    """Half of the image is that of the other, half is black: all that is shared lies there."""
    descriptor, image = cells(Average()), images()[0]
    half = image.copy()
    half[:, :64] = 0
    found = heat_map(descriptor, half, descriptor.describe([image])[0])
    assert not found[:, :8].any()
    assert (found[:, 8:] > 0).all()


def test_what_covers_a_part_of_the_image_or_has_no_maps_says_nothing(network):
    other = np.ones(16, np.float32)
    image = images()[0]
    assert heat_map(cells(Average(), model="middle"), image, other) is None
    assert heat_map(cells(Average(), model="middle"), image[:, :96], other).shape == (8, 8)
    assert heat_map(cells(Average(), n=5), image, other) is None
    assert heat_map(cells(Average()), np.zeros((64, 64, 3), np.uint8), other) is None
    assert heat_map(DescriptorChain(Sift(), (Average(),), ({},)), image, np.ones(128, np.float32)) is None
    assert not has_heat_map(cells(Average(), Pca(dim=4)))
