"""Each pooling against loops over places and values, and what does not depend on the order of places."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nearsight.encoders.average import Average
from nearsight.encoders.crow import Crow
from nearsight.encoders.gem import Gem
from nearsight.encoders.mac import Mac
from nearsight.encoders.rmac import Rmac
from nearsight.encoders.spoc import Spoc
from nearsight.encoders.unit import Unit
from nearsight.types import LocalFeatures
from tests.encoders.maps import SHAPES, as_features, column, divided, one, random_map


def slow_average(values):
    return [sum(column(values, k)) / len(column(values, k)) for k in range(values.shape[2])]


def slow_unit_average(values):
    rows, columns, width = values.shape
    places = [divided(values[y, x]) for y in range(rows) for x in range(columns)]
    return [sum(place[k] for place in places) for k in range(width)]


def slow_mac(values):
    return [max(column(values, k)) for k in range(values.shape[2])]


def slow_gem(values, p=3):
    means = [[max(value, 1e-6) ** p for value in column(values, k)] for k in range(values.shape[2])]
    return [(sum(each) / len(each)) ** (1 / p) for each in means]


def slow_spoc(values, sigma=1 / 3):
    rows, columns, width = values.shape
    spread, sums = sigma * min(rows, columns) / 2, [0.0] * width
    for y in range(rows):
        for x in range(columns):
            away = (y + 0.5 - rows / 2) ** 2 + (x + 0.5 - columns / 2) ** 2
            for k in range(width):
                sums[k] += math.exp(-away / (2 * spread**2)) * float(values[y, x, k])
    return sums


def slow_crow(values):
    rows, columns, width = values.shape
    sums = {(y, x): sum(float(v) for v in values[y, x]) for y in range(rows) for x in range(columns)}
    length = math.sqrt(sum(each**2 for each in sums.values()))
    shares = [sum(value != 0 for value in column(values, k)) / (rows * columns) for k in range(width)]
    made = []
    for k in range(width):
        total = sum(math.sqrt(sums[y, x] / length) * float(values[y, x, k]) for y, x in sums)
        made.append(total * math.log(sum(shares) / shares[k]) if shares[k] else 0.0)
    return made


WAYS = {
    "average": (Average(), slow_average),
    "average of units": (Average(unit=True), slow_unit_average),
    "mac": (Mac(), slow_mac),
    "gem": (Gem(), slow_gem),
    "gem 1": (Gem(p=1), lambda values: slow_gem(values, 1)),
    "gem 10": (Gem(p=10), lambda values: slow_gem(values, 10)),
    "spoc": (Spoc(), slow_spoc),
    "spoc, wide": (Spoc(sigma=2.0), lambda values: slow_spoc(values, 2.0)),
    "crow": (Crow(), slow_crow),
}
ways = pytest.mark.parametrize(("pooling", "slowly"), WAYS.values(), ids=WAYS.keys())


@ways
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rows_are_those_of_loops(pooling, slowly, shape):
    for seed in range(3):
        values = random_map(*shape, seed=seed)
        values[..., 0] = 0  # a value that is nowhere
        assert one(pooling, as_features(values)) == pytest.approx(divided(slowly(values)), abs=1e-6)


@ways
def test_several_maps_are_pooled_each_on_its_own(pooling, slowly):
    maps = [random_map(6, 9, seed=1), random_map(4, 6, seed=2), random_map(2, 3, seed=3)]
    parts = [divided(slowly(each)) for each in maps]
    wanted = divided([sum(values) for values in zip(*parts, strict=True)])
    assert one(pooling, as_features(*maps)) == pytest.approx(wanted, abs=1e-6)


@ways
def test_the_order_of_places_is_nothing_and_a_mirror_changes_nothing(pooling, slowly):
    values = random_map(6, 9)
    row = one(pooling, as_features(values))
    features = as_features(values, whole=False)
    shuffled = features.select(np.random.default_rng(0).permutation(len(features)))
    assert one(pooling, shuffled) == pytest.approx(row, abs=1e-6)
    for turned in (values[:, ::-1], values[::-1], values.transpose(1, 0, 2)):
        assert one(pooling, as_features(np.ascontiguousarray(turned))) == pytest.approx(row, abs=1e-6)


def test_only_the_centre_prior_and_the_weights_of_places_see_where_something_is():
    """A value moved from the middle to a corner: SPoC loses nearly all of it, the average nothing."""
    values = np.full((9, 9, 2), (0, 0.1), np.float32)
    middle, corner = values.copy(), values.copy()
    middle[4, 4, 0] = corner[0, 0, 0] = 5
    for pooling in (Average(), Mac(), Gem(), Crow()):
        assert one(pooling, as_features(corner)) == pytest.approx(one(pooling, as_features(middle)), abs=1e-6)
    at_middle, at_corner = (one(Spoc(), as_features(each))[0] for each in (middle, corner))
    assert at_middle > 0.9
    assert at_corner < 0.05


def test_generalised_means_lie_between_the_average_and_the_maximum():
    values = as_features(random_map(8, 8, zeros=0))
    average, mac = one(Average(), values), one(Mac(), values)
    towards = [float(one(Gem(p=p), values) @ mac) for p in (1, 2, 4, 16, 100)]
    assert towards == sorted(towards)
    assert towards[0] == pytest.approx(float(average @ mac), abs=1e-6)
    assert towards[-1] > 0.999


EVERY = [Average(), Average(unit=True), Mac(), Gem(), Spoc(), Crow(), Rmac()]


@pytest.mark.parametrize("pooling", EVERY, ids=repr)
def test_nothing_is_zeros_and_black_is_finite(pooling):
    nothing = LocalFeatures(*(np.empty(s, np.float32) for s in ((0, 2), 0, 0, (0, 12))), (1, 1))
    black = as_features(np.zeros((5, 7, 12), np.float32))
    rows = pooling.encode([nothing, black, as_features(random_map(1, 1))], {})
    assert rows.shape == (3, 12)
    assert rows.dtype == np.float32
    assert not rows[0].any()
    assert np.isfinite(rows).all()
    assert np.linalg.norm(rows[2]) == pytest.approx(1)


@pytest.mark.parametrize("pooling", EVERY, ids=repr)
def test_two_threads_get_the_same(pooling):
    given = [as_features(random_map(*shape, seed=seed)) for seed, shape in enumerate(SHAPES)]
    rows = pooling.encode(given, {})
    with ThreadPoolExecutor(2) as pool:
        assert all(np.array_equal(each, rows) for each in pool.map(lambda _: pooling.encode(given, {}), range(6)))


def test_units_are_divided_by_their_lengths_where_they_are():
    values = random_map(4, 5)
    features = as_features(values)
    (made,) = Unit().encode([features], {})
    assert made.grids == features.grids == ((5, 4),)
    assert made.descriptors == pytest.approx(np.array([divided(row) for row in features.descriptors]), abs=1e-6)
    assert made.points is features.points


@pytest.mark.parametrize(
    ("make", "says"),
    [(lambda: Gem(p=0.5), "p is 1"), (lambda: Gem(p=101), "p is 1"), (lambda: Spoc(sigma=0), "above 0")],
)
def test_parameters_out_of_range_are_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
