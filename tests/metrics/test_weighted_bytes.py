from __future__ import annotations

import numpy as np
import pytest

from nearsight.metrics.weighted_bytes import WeightedBytes

METRIC = WeightedBytes(hues=3, tones=0.5, content=1.25, points=2)


def random_rows(count, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, width), np.uint8)


def slow(metric, query, row):
    """The distance of two rows, a byte at a time."""
    total = 0.0
    for place, (a, b) in enumerate(zip(query.tolist(), row.tolist(), strict=True)):
        if place >= 136:
            total += metric.points * abs(a - b)
        elif place >= 8:
            total += metric.content * abs(a - b)
        elif place >= 3:
            total += metric.tones * abs(a - b)
        elif a == 255 or b == 255:
            total += metric.hues * (0 if a == b else 64)
        else:
            total += metric.hues * min((a - b) % 128, (b - a) % 128)
    return total


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 9, 24, 136, 137, 168])
def test_equals_a_slow_loop(width):
    queries, rows = random_rows(3, width), random_rows(3100, width, seed=1)
    for some in (queries, rows):
        some[:, :3] = np.where(some[:, :3] >= 128, 255, some[:, :3])
    expected = [[slow(METRIC, query, row) for row in rows] for query in queries]
    assert METRIC.distances(queries, rows) == pytest.approx(np.array(expected), rel=1e-6)


@pytest.mark.parametrize(("a", "b", "apart"), [(0, 127, 1), (3, 125, 6), (0, 64, 64), (10, 75, 63), (255, 5, 64)])
def test_hues_go_round(a, b, apart):
    rows = np.zeros((2, 136), np.uint8)
    rows[:, 1] = a, b
    expected = [[0, apart], [apart, 0]]
    assert WeightedBytes(hues=1).distances(rows, rows).tolist() == expected
    assert WeightedBytes(hues=2.5).distances(rows, rows).tolist() == [[2.5 * each for each in row] for row in expected]


def test_each_weight_counts_for_its_part_alone():
    query, rows = random_rows(1, 168), random_rows(20, 168, seed=1)
    none = {"hues": 0, "tones": 0, "content": 0, "points": 0}
    parts = [WeightedBytes(**none | {name: 1}).distances(query, rows) for name in none]
    plain = np.abs(rows.astype(int) - query)
    assert parts[1].tolist() == plain[:, 3:8].sum(axis=1)[None].tolist()
    assert parts[2].tolist() == plain[:, 8:136].sum(axis=1)[None].tolist()
    assert parts[3].tolist() == plain[:, 136:].sum(axis=1)[None].tolist()
    assert WeightedBytes().distances(query, rows).tolist() == sum(parts).tolist()


def test_rows_need_not_lie_side_by_side():
    queries, rows = random_rows(2, 136), random_rows(3000, 272, seed=1)
    views = [rows[:, 100:236], rows[::-3, :136], np.asfortranarray(rows[:, :136])]
    for view in views:
        assert np.array_equal(METRIC.distances(queries, view), METRIC.distances(queries, view.copy(order="C")))


def test_nothing_to_compare():
    rows = random_rows(3, 136)
    assert METRIC.distances(rows[:0], rows).shape == (0, 3)
    assert METRIC.distances(rows, rows[:0]).shape == (3, 0)
    assert METRIC.distances(rows, rows).shape == (3, 3)


def test_flattened_rows_keep_nearly_the_order():
    rng = np.random.default_rng(0)
    rows = np.clip(rng.normal(128, 20, (400, 136)), 0, 255).astype(np.uint8)
    rows[:, :3] = rng.integers(0, 128, (400, 3))
    flat = WeightedBytes().to_euclidean(rows)
    straight = np.linalg.norm(flat[:1] - flat, axis=1)
    apart = WeightedBytes().distances(rows[:1], rows)[0]
    assert np.corrcoef(straight.argsort().argsort(), apart.argsort().argsort())[0, 1] > 0.9
    turned = rows[:1].repeat(3, axis=0)
    turned[:, 0] = 1, 127, 64
    near, far = np.linalg.norm(np.diff(WeightedBytes().to_euclidean(turned)[[1, 0, 2]], axis=0), axis=1)
    assert near < far / 10
    colourless = turned.copy()
    colourless[:, :3] = 255
    assert not WeightedBytes().to_euclidean(colourless)[:, :6].any()


@pytest.mark.parametrize("wrong", [-1, np.inf, np.nan])
def test_a_wrong_weight_is_named(wrong):
    with pytest.raises(ValueError, match="tones is a weight of 0 or larger"):
        WeightedBytes(tones=wrong)


def test_only_bytes_are_compared():
    rows = random_rows(2, 136)
    with pytest.raises(ValueError, match="uint8; got uint8 and float32"):
        METRIC.distances(rows, rows.astype(np.float32))
    with pytest.raises(ValueError, match="of one D"):
        METRIC.distances(rows, rows[:, 1:])
