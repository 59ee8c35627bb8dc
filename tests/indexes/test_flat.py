from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import pytest

from nearsight.indexes.flat import Flat
from nearsight.metrics.chi2 import Chi2
from nearsight.metrics.cosine import Cosine
from nearsight.metrics.emd import Emd
from nearsight.metrics.hamming import Hamming
from nearsight.metrics.intersection import Intersection
from nearsight.metrics.jensen_shannon import JensenShannon
from nearsight.metrics.l1 import L1
from nearsight.metrics.l2 import L2
from nearsight.types import NO_ID

METRICS = [L1(), L2(), Cosine(), Chi2(), JensenShannon(), Intersection(), Hamming()]
EVERY = pytest.mark.parametrize("metric", METRICS, ids=repr)


def random_rows(metric, count, width=16, seed=0):
    """Rows of few levels, so that equal rows and equal distances are common."""
    rng = np.random.default_rng(seed)
    if metric == Hamming():
        return rng.integers(0, 4, (count, width), np.uint8)
    return rng.integers(0, 3, (count, width)).astype(np.float32)


def slow_search(metric, queries, ids, rows, k):
    """One distance at a time, sorted as tuples."""
    found = []
    for query in queries:
        pairs = [
            (float(metric.distances(query[None], row[None])[0, 0]), int(i)) for i, row in zip(ids, rows, strict=True)
        ]
        best = sorted(pairs)[:k]
        found.append(best + [(np.inf, NO_ID)] * (k - len(best)))
    return np.array(found)


def assert_hits(hits, expected):
    assert hits.ids.dtype == np.int64
    assert hits.scores.dtype == np.float32
    assert (hits.ids == expected[..., 1]).all()
    assert -hits.scores == pytest.approx(expected[..., 0], abs=1e-6)


@EVERY
@pytest.mark.parametrize("k", [1, 7, 300])
def test_equals_the_slow_search_with_many_ties(metric, k):
    width = 4
    rows, queries = random_rows(metric, 200, width), random_rows(metric, 6, width, seed=1)
    ids = np.random.default_rng(2).permutation(1000)[:200]
    index = Flat().empty(metric).add(ids[:90], rows[:90]).add(ids[90:], rows[90:])
    assert_hits(index.search(queries, k), slow_search(metric, queries, ids, rows, k))


@EVERY
def test_filters_and_removals_cost_no_hit(metric):
    rows, queries = random_rows(metric, 300), random_rows(metric, 5, seed=1)
    ids = np.arange(300) * 3
    index = Flat().empty(metric).add(ids, rows)
    rng = np.random.default_rng(3)
    for share in (0.02, 0.3, 0.9):
        gone, allowed = ids[rng.random(300) < 0.3], ids[rng.random(300) < share]
        stays = np.isin(ids, allowed) & ~np.isin(ids, gone)
        hits = index.remove(gone).search(queries, 20, allow=allowed)
        assert_hits(hits, slow_search(metric, queries, ids[stays], rows[stays], 20))


@pytest.mark.parametrize("k", [1, 7, 300])
def test_a_lower_bound_costs_no_hit(k):
    metric = Emd(space="lab", bins=(2, 2, 1))
    rows, queries = random_rows(metric, 200, 4), random_rows(metric, 6, 4, seed=1)
    ids = np.random.default_rng(2).permutation(1000)[:200]
    index = Flat().empty(metric).add(ids[:90], rows[:90]).add(ids[90:], rows[90:]).remove(ids[5:8])
    keep = np.delete(np.arange(200), [5, 6, 7])
    assert_hits(index.search(queries, k), slow_search(metric, queries, ids[keep], rows[keep], k))
    allow = np.sort(ids[20:60])
    chosen = np.isin(ids, allow)
    assert_hits(index.search(queries, k, allow), slow_search(metric, queries, ids[chosen], rows[chosen], k))


def test_a_lower_bound_saves_most_of_the_measuring(monkeypatch):
    metric, measured = Emd(space="lab", bins=(64, 1, 1)), []
    exact = Emd.distances
    rows = np.eye(64, dtype=np.float32).repeat(10, axis=0)
    index = Flat().empty(metric).add(np.arange(640), rows)
    monkeypatch.setattr(Emd, "distances", lambda self, q, r: measured.append(len(r)) or exact(self, q, r))
    assert index.search(rows[200:201], 10).ids[0].tolist() == list(range(200, 210))
    assert sum(measured) <= 64


@pytest.mark.parametrize("count", [1, 64])
def test_l2_agrees_with_faiss(count):
    rng = np.random.default_rng(0)
    rows, queries = rng.random((3000, 64), np.float32), rng.random((count, 64), np.float32)
    hits = Flat().empty(L2()).add(np.arange(3000), rows).search(queries, 10)
    squared, ids = faiss.knn(queries, rows, 10)
    assert (hits.ids == ids).mean() > 0.99
    assert -hits.scores == pytest.approx(np.sqrt(squared), abs=1e-4)


def test_hamming_agrees_with_faiss():
    rows = np.random.default_rng(0).integers(0, 256, (3000, 136), np.uint8)
    hits = Flat().empty(Hamming()).add(np.arange(3000), rows).search(rows[:9], 10)
    distances, _ = faiss.knn_hamming(rows[:9], rows, 10)
    assert (-hits.scores == distances).all()


@pytest.mark.parametrize("metric", [L2(), Cosine()], ids=repr)
def test_near_zero_is_accurate_for_many_queries(metric):
    rng = np.random.default_rng(0)
    rows = (rng.random((100, 960)) + 10).astype(np.float32)
    queries = rows.copy()
    queries[:, 0] += 1e-3
    hits = Flat().empty(metric).add(np.arange(100), rows).search(queries, 1)
    assert (hits.ids[:, 0] == np.arange(100)).all()
    assert -hits.scores[:, 0] == pytest.approx(np.diag(metric.distances(queries, rows)), rel=1e-6)
    assert (Flat().empty(metric).add(np.arange(100), rows).search(rows, 1).scores >= -1e-7).all()


def test_equal_rows_come_by_id_however_many():
    rows = np.ones((500, 8), np.float32)
    ids = np.random.default_rng(0).permutation(500)
    hits = Flat().empty(L2()).add(ids, rows).search(rows[:40], 10)
    assert (hits.ids == np.arange(10)).all()
    assert not np.signbit(hits.scores).any()


def test_adding_and_removing_leave_the_old_one_as_it_was():
    rows = random_rows(L2(), 20)
    empty = Flat().empty(L2())
    first = empty.add(np.arange(10), rows[:10])
    second = first.add(np.arange(10, 20), rows[10:])
    third = second.remove(np.array([3, 15, 999]))
    assert [len(index) for index in (empty, first, second, third)] == [0, 10, 20, 18]
    assert third.vectors.blocks[0].vectors is first.vectors.blocks[0].vectors
    assert 3 in first.search(rows[3:4], 10).ids
    assert 3 not in third.search(rows[3:4], 20).ids


def test_a_removed_id_can_come_back_with_another_row():
    rows = random_rows(L2(), 3)
    index = Flat().empty(L2()).add(np.arange(3), rows).remove(np.array([1]))
    again = index.add(np.array([1]), rows[:1] + 9)
    hits = again.search(rows[:1] + 9, 3)
    assert hits.ids[0, 0] == 1
    assert sorted(hits.ids[0].tolist()) == [0, 1, 2]
    assert len(index) == 2


def test_removing_everything_and_adding_in_any_split_give_the_same():
    rows, ids = random_rows(L2(), 60), np.arange(60)
    whole = Flat().empty(L2()).add(ids, rows)
    split = Flat().empty(L2())
    for start in range(0, 60, 7):
        split = split.add(ids[start : start + 7][::-1], rows[start : start + 7][::-1])
    for one, other in ((whole, split), (whole.remove(ids), Flat().empty(L2()))):
        hits, others = one.search(rows[:5], 9), other.search(rows[:5], 9)
        assert (hits.ids == others.ids).all()
        assert (hits.scores == others.scores).all()


@pytest.mark.parametrize("metric", [L2(), Hamming(), Chi2()], ids=repr)
def test_memory_maps_and_untouched_rows(metric, tmp_path):
    rows = random_rows(metric, 50)
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    index = Flat().empty(metric).add(np.arange(50), mapped)
    hits = index.search(rows[:4], 5, allow=np.arange(0, 50, 2))
    assert_hits(hits, slow_search(metric, rows[:4], np.arange(0, 50, 2), rows[::2], 5))
    assert index.vectors.blocks[0].vectors is mapped


def test_rows_with_nan_are_never_found():
    rows = random_rows(L2(), 10)
    rows[4] = np.nan
    hits = Flat().empty(L2()).add(np.arange(10), rows).search(rows[:1], 10)
    assert sorted(hits.ids[0].tolist()) == [NO_ID, 0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_nothing_in_it_and_nothing_asked():
    empty = Flat().empty(L2())
    hits = empty.search(np.zeros((2, 5), np.float32), 3)
    assert (hits.ids == NO_ID).all()
    assert (hits.scores == -np.inf).all()
    assert empty.add(np.arange(2), np.ones((2, 5), np.float32)).search(np.zeros((0, 5), np.float32), 3).ids.shape == (
        0,
        3,
    )


def test_its_own_metric_goes_before_the_natural_one():
    rows = np.float32([[10, 0], [0.9, 0.1]])
    query = np.float32([[1, 0]])
    assert Flat(metric=Cosine()).empty(L2()).add(np.arange(2), rows).search(query, 1).ids == 0
    assert Flat().empty(L2()).add(np.arange(2), rows).search(query, 1).ids == 1


def test_threads_give_the_same():
    rows = np.random.default_rng(0).random((2000, 32), np.float32)
    index = Flat().empty(L2()).add(np.arange(2000), rows)
    expected = index.search(rows[:20], 5).ids
    with ThreadPoolExecutor(4) as pool:
        for ids in pool.map(lambda _: index.search(rows[:20], 5).ids, range(16)):
            assert (ids == expected).all()


@pytest.mark.parametrize(
    ("ids", "rows", "problem"),
    [
        ([1], np.zeros((1, 4), np.float32), "id 1 is in the index already"),
        ([5, 5], np.zeros((2, 4), np.float32), "id 5 comes twice"),
        ([-1], np.zeros((1, 4), np.float32), "0 or larger"),
        ([5], np.zeros((1, 3), np.float32), "4 values of float32; got 3 values"),
        ([5], np.zeros((1, 4), np.uint8), "got 4 values of uint8"),
        ([5], np.zeros((1, 4), np.float64), "got float64"),
        ([5], np.zeros((2, 4), np.float32), r"\(2, 4\) and \(1,\)"),
        ([5], np.zeros(4, np.float32), r"got \(4,\)"),
    ],
)
def test_rows_that_do_not_fit(ids, rows, problem):
    index = Flat().empty(L2()).add(np.arange(3), np.zeros((3, 4), np.float32))
    with pytest.raises(ValueError, match=problem):
        index.add(np.array(ids), rows)


def test_a_metric_refuses_rows_it_cannot_compare():
    with pytest.raises(ValueError, match="packed bits"):
        Flat().empty(Hamming()).add(np.arange(1), np.zeros((1, 4), np.float32))


@pytest.mark.parametrize(
    ("queries", "k", "problem"),
    [
        (np.zeros((1, 4), np.float32), 0, "k is 1 or larger; got 0"),
        (np.zeros((1, 5), np.float32), 1, "got 5 values"),
        (np.zeros((1, 4), np.uint8), 1, "got 4 values of uint8"),
        (np.zeros(4, np.float32), 1, r"got \(4,\)"),
        (np.full((1, 4), np.nan, np.float32), 1, "finite"),
    ],
)
def test_queries_that_do_not_fit(queries, k, problem):
    index = Flat().empty(L2()).add(np.arange(3), np.zeros((3, 4), np.float32))
    with pytest.raises(ValueError, match=problem):
        index.search(queries, k)


def test_wrong_parameters():
    with pytest.raises(ValueError, match="L2"):
        Flat(metric="l2")
