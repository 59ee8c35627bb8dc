from __future__ import annotations

import numpy as np
import pytest

from nearsight.indexes.flat import ApproximateDistance, Flat, candidates_within_margin, refine_candidates
from nearsight.metrics.emd import Emd
from nearsight.metrics.l2 import L2
from nearsight.metrics.weighted_bytes import WeightedBytes
from nearsight.registry import methods
from nearsight.types import NO_ID, Metric

WEIGHTED = [
    WeightedBytes(),
    WeightedBytes(hues=40, tones=0.3, content=0.3, points=0.3),
    WeightedBytes(hues=0),
    WeightedBytes(hues=40, tones=9, content=0.25),
    WeightedBytes(content=0),
]


def hashes(count, seed=0):
    """Rows of few levels, so that equal parts and equal distances are common."""
    return np.random.default_rng(seed).integers(0, 3, (count, 136), np.uint8)


def slow(metric, query, ids, rows, k):
    """All distances, sorted as tuples."""
    pairs = sorted(zip(metric.distances(query[None], rows)[0].tolist(), ids.tolist(), strict=True))[:k]
    return pairs + [(np.inf, NO_ID)] * (k - len(pairs))


def assert_answers(index, metric, queries, ids, rows, k, allow=None):
    hits = index.search(queries, k, allow)
    for number, query in enumerate(queries):
        found = list(zip((-hits.scores[number]).tolist(), hits.ids[number].tolist(), strict=True))
        assert found == slow(metric, query, ids, rows, k)


@pytest.mark.parametrize("metric", WEIGHTED, ids=repr)
@pytest.mark.parametrize("k", [1, 7, 40, 700])
def test_a_first_look_at_bytes_costs_no_hit(metric, k):
    rows, queries = hashes(600), hashes(5, seed=1)
    ids = np.random.default_rng(2).permutation(2000)[:600]
    gone = np.isin(np.arange(600), np.random.default_rng(3).permutation(600)[:50])
    index = Flat().empty(metric).add(ids[:250], rows[:250]).add(ids[250:], rows[250:])
    assert_answers(index, metric, queries, ids, rows, k)
    index = index.remove(ids[gone])
    assert_answers(index, metric, queries, ids[~gone], rows[~gone], k)
    for share in (0.05, 0.6):
        allowed = np.random.default_rng(4).random(600) < share
        twice = np.concatenate([ids[allowed], ids[allowed][:9], [5000]])
        assert_answers(index, metric, queries, ids[allowed & ~gone], rows[allowed & ~gone], k, twice)


def test_rows_that_differ_only_beside_the_first_look():
    """All but the hues is the same, so that the first look tells nothing."""
    rows = np.zeros((300, 136), np.uint8)
    rows[:, 0] = np.random.default_rng(0).permutation(300) % 200
    assert_answers(
        Flat().empty(WeightedBytes()).add(np.arange(300), rows), WeightedBytes(), rows[:3], np.arange(300), rows, 9
    )


def test_hues_add_no_more_than_the_margin():
    metric, rows = WEIGHTED[1], np.random.default_rng(0).integers(0, 256, (400, 168), np.uint8)
    rows[:, :3] %= 128
    rows[:3, :3], rows[3:6, :3] = 255, 0
    quick, distances = metric.approximate(rows, rows), metric.distances(rows, rows) / 0.3
    assert quick.dtype == np.int32
    assert (quick <= distances + 0.01).all()
    assert 0.9 < (distances - quick).max() / metric.margin[1] <= 1.0001


@pytest.mark.parametrize(
    "name", [name for name, cls in methods("metrics").items() if cls.lower_bound != Metric.lower_bound]
)
def test_bounds_are_never_above_the_distances(name):
    metric, rng = methods("metrics")[name](), np.random.default_rng(0)
    rows = rng.random((60, 256), np.float32)
    queries = np.concatenate([rows[:2], np.roll(rows[5:8], 1, axis=1)])
    if name == "weighted_parts":
        parts = (Emd(space="rgb", bins=(2, 2, 2)), L2())
        metric = type(metric)(parts, sizes=(8, 4), dtypes=("float32", "float32"))
        rows, queries = (np.ascontiguousarray(each[:, :12]).view(np.uint8) for each in (rows, queries))
    assert (metric.lower_bound(queries, rows) <= metric.distances(queries, rows)).all()
    assert metric.lower_bound(queries, rows).max() > 0


@pytest.mark.parametrize("step", [None, 16])
def test_few_are_measured_beyond_a_tight_bound(step):
    distances = np.random.default_rng(0).permutation(5000).astype(np.float32)
    measured = []
    first = ApproximateDistance(lambda queries, rows: rows, 0, 0, is_lower_bound=True, batch_size=step)
    near, exact = refine_candidates(
        first, distances - 30, 10, lambda places: measured.append(len(places)) or distances[places]
    )
    assert sorted(exact)[:10] == list(range(10))
    assert (distances[near] == exact).all()
    assert sum(measured) == len(set(near.tolist())) <= 60


@pytest.mark.parametrize("count", [1, 20, 21, 400, 5000])
@pytest.mark.parametrize("missing", [0, 0.5, 0.999, 1])
def test_all_that_could_be_near_and_no_other(count, missing):
    rng = np.random.default_rng(count)
    distances = rng.integers(0, 50, count).astype(np.float32)
    distances[rng.random(count) < missing] = np.nan
    numbers = np.sort(distances[~np.isnan(distances)])
    farthest = numbers[19] if len(numbers) >= 20 else np.inf
    expected = np.flatnonzero(distances <= farthest * 1.1 + 0.5)
    assert candidates_within_margin(distances, 20, 0.1, 0.5).tolist() == expected.tolist()


def test_nearest_when_the_best_come_last_or_first():
    for distances in (np.arange(3000.0)[::-1], np.arange(3000.0)):
        assert (np.sort(distances[candidates_within_margin(distances, 12, 0, 0)]) == np.arange(12)).all()


def near_ties(seed=0):
    """Rows of 48 that differ from one another by a few units in the last place, some the same, and others far off."""
    rng = np.random.default_rng(seed)
    base = rng.random(48, np.float32) * (rng.random(48) < 0.6)
    nudged = np.repeat(base[None], 300, axis=0)
    nudged[rng.random(nudged.shape) < 0.05] *= np.float32(1 + 3e-7)
    nudged[::7] = nudged[3]
    far = rng.random((100, 48), np.float32)
    rows = np.concatenate([nudged, far, np.zeros((3, 48), np.float32)])[rng.permutation(403)]
    return rows, np.concatenate([base[None], base[None] * np.float32(1.001), far[:1], np.zeros((1, 48), np.float32)])


@pytest.mark.parametrize(
    "name", ["chi2", "circular_emd", "cosine", "hellinger", "intersection", "jensen_shannon", "l2"]
)
@pytest.mark.parametrize("k", [1, 20, 350])
def test_first_look_loses_no_near_tie(name, k):
    metric = methods("metrics")[name]()
    rows, queries = near_ties()
    hits = Flat().empty(metric).add(np.arange(len(rows)), rows).search(queries, k)
    every = metric.distances(queries, rows)
    for number, distances in enumerate(every):
        best = np.lexsort((np.arange(len(rows)), distances))[:k]
        assert -hits.scores[number] == pytest.approx(distances[best], rel=1e-6, abs=1e-15)
        if name != "cosine":  # whose last bit depends on how many rows are measured together
            assert hits.ids[number].tolist() == best.tolist()


QUICKER = [name for name, cls in methods("metrics").items() if cls.approximate != Metric.approximate]


@pytest.mark.parametrize("name", [name for name in QUICKER if name != "weighted_bytes"])  # that has its own above
def test_quick_numbers_are_in_the_order_of_the_distances_up_to_the_margin(name):
    metric, rng = methods("metrics")[name](), np.random.default_rng(0)
    rows = np.concatenate([near_ties()[0], rng.random((300, 48), np.float32) ** 9])
    queries = near_ties()[1]
    relative, absolute = metric.margin
    for quick, distances in zip(metric.approximate(queries, rows), metric.distances(queries, rows), strict=True):
        ordered = quick[np.argsort(distances, kind="stable")]
        farthest = np.maximum.accumulate(ordered)
        assert (farthest <= ordered * (1 + relative) + absolute / 4).all()
        assert np.ptp(ordered) > 1000 * absolute


def test_amounts_too_small_for_single_precision_count_for_nothing():
    metric = methods("metrics")["jensen_shannon"]()
    rows = np.float32([[1, 0, 0], [1, 1e-44, 0], [1, 1e-44, 1], [0, 1, 1e-39]])
    expected = [0, 0, metric.distances(rows[:1], np.float32([[1, 0, 1]]))[0, 0], 1]
    for query in rows[:2]:
        hits = Flat().empty(metric).add(np.arange(4), rows).search(query[None], 4)
        assert hits.ids[0].tolist() == [0, 1, 2, 3]
        assert -hits.scores[0] == pytest.approx(expected, abs=1e-6)
