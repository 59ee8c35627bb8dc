import math

import numpy as np
import pytest
from scipy.spatial import distance

from nearsight.metrics.chi2 import Chi2
from nearsight.metrics.cosine import Cosine
from nearsight.metrics.hamming import Hamming
from nearsight.metrics.intersection import Intersection
from nearsight.metrics.jensen_shannon import JensenShannon
from nearsight.metrics.l1 import L1
from nearsight.metrics.l2 import L2


def chi2(q, r):
    return sum((a - b) ** 2 / (a + b) for a, b in zip(q, r, strict=True) if a + b) / 2


def intersection(q, r):
    return 1 - sum(min(a / sum(q), b / sum(r)) for a, b in zip(q, r, strict=True))


def hamming(q, r):
    return sum(f"{a ^ b:b}".count("1") for a, b in zip(q, r, strict=True))


ORACLES = {
    L1(): lambda q, r: sum(abs(a - b) for a, b in zip(q, r, strict=True)),
    L2(): math.dist,
    Cosine(): distance.cosine,
    Chi2(): chi2,
    JensenShannon(): lambda q, r: distance.jensenshannon(q, r, base=2),
    Intersection(): intersection,
    Hamming(): hamming,
}
EVERY = pytest.mark.parametrize("metric", ORACLES, ids=repr)
REAL = pytest.mark.parametrize("metric", [metric for metric in ORACLES if metric != Hamming()], ids=repr)
HISTOGRAM = pytest.mark.parametrize("metric", [Chi2(), JensenShannon(), Intersection()], ids=repr)


def random_rows(metric, count, width, seed=0):
    rng = np.random.default_rng(seed)
    if metric == Hamming():
        return rng.integers(0, 256, (count, width), np.uint8)
    return (rng.random((count, width), np.float32) * (rng.random((count, width)) < 0.7) + 1e-4).astype(np.float32)


@EVERY
@pytest.mark.parametrize("width", [1, 7, 16, 300])
def test_equals_its_oracle(metric, width):
    queries, rows = random_rows(metric, 5, width), random_rows(metric, 150, width, seed=1)
    expected = [[ORACLES[metric](q, r) for r in rows.tolist()] for q in queries.tolist()]
    assert metric.distances(queries, rows) == pytest.approx(np.array(expected), rel=1e-5, abs=1e-6)


@EVERY
@pytest.mark.parametrize("scale", [1e-4, 1, 1e4])
def test_equal_rows_are_at_zero(metric, scale):
    rows = random_rows(metric, 40, 120)
    rows = rows if metric == Hamming() else rows * np.float32(scale)
    itself = np.diag(metric.distances(rows, rows))
    assert itself.max() <= 1e-7
    assert itself.min() >= 0


@REAL
def test_near_zero_is_accurate(metric):
    row = random_rows(metric, 1, 200)[0].astype(np.float64)
    near = np.float32([row * (1 + step * np.sin(np.arange(200))) for step in (1e-3, 3e-3, 1e-2)])
    got = metric.distances(np.float32([row]), near)[0]
    expected = [ORACLES[metric](np.float64(np.float32(row)), np.float64(other)) for other in near]
    assert got == pytest.approx(expected, rel=1e-4)


@EVERY
def test_symmetric_never_negative_and_the_triangle(metric):
    rows = random_rows(metric, 30, 24)
    distances = metric.distances(rows, rows)
    assert distances == pytest.approx(distances.T, abs=1e-6)
    assert distances.min() >= 0
    if metric in (L1(), L2(), JensenShannon(), Intersection(), Hamming()):
        assert (distances[:, :, None] <= distances[:, None, :] + distances.T[None] + 1e-5).all()


@pytest.mark.parametrize("metric", [Cosine(), JensenShannon(), Intersection()], ids=repr)
def test_lengths_do_not_count(metric):
    queries, rows = random_rows(metric, 3, 20), random_rows(metric, 9, 20, seed=1)
    assert metric.distances(queries * 7, rows * np.float32(0.1)) == pytest.approx(
        metric.distances(queries, rows), abs=1e-6
    )


@REAL
def test_zero_rows(metric):
    rows = np.float32([[0, 0, 0], [1, 0, 2]])
    (both, one), (other, itself) = metric.distances(rows, rows).tolist()
    assert [both, itself] == pytest.approx([0, 0], abs=1e-15)
    expected = {L1(): 3, L2(): math.sqrt(5), Chi2(): 1.5}.get(metric, 1)
    assert one == other == pytest.approx(expected)


@EVERY
def test_similarity_falls_from_one_to_zero(metric):
    rows = random_rows(metric, 60, 32)
    distances = np.sort(metric.distances(rows, rows), axis=None)
    similarity = metric.similarity(distances)
    assert similarity.dtype == np.float32
    assert similarity.shape == distances.shape
    assert metric.similarity(np.float32([0])) == 1
    assert (np.diff(similarity[np.diff(distances, prepend=-1) > 1e-5]) < 0).all()
    assert similarity.min() >= 0


@pytest.mark.parametrize(("metric", "most"), [(Cosine(), 2), (JensenShannon(), 1), (Intersection(), 1)], ids=repr)
def test_the_largest_distance_is_similarity_zero(metric, most):
    rows = np.float32([[1, 0], [-1, 0]] if metric == Cosine() else [[1, 0], [0, 1]])
    distances = metric.distances(rows[:1], rows[1:])
    assert distances == most
    assert metric.similarity(distances) == 0


@EVERY
def test_blocks_and_order_of_memory_do_not_matter(metric):
    queries, rows = random_rows(metric, 2, 40), random_rows(metric, 5000, 40, seed=1)
    whole = metric.distances(queries, rows)
    assert np.array_equal(whole[:, 4321:4323], metric.distances(queries, rows[4321:4323])) or metric == Cosine()
    assert metric.distances(queries, np.asfortranarray(rows)) == pytest.approx(whole, abs=1e-6)
    assert metric.distances(queries, rows[::-2]) == pytest.approx(whole[:, ::-2], abs=1e-6)


@REAL
def test_bytes_are_compared_as_numbers(metric):
    queries, rows = (random_rows(Hamming(), count, 30, count) for count in (2, 20))
    assert metric.distances(queries, rows) == pytest.approx(
        metric.distances(queries.astype(np.float32), rows.astype(np.float32)), rel=1e-6
    )


@EVERY
def test_nothing_to_compare(metric):
    rows = random_rows(metric, 3, 8)
    assert metric.distances(rows[:0], rows).shape == (0, 3)
    assert metric.distances(rows, rows[:0]).shape == (3, 0)


@EVERY
def test_wrong_shapes(metric):
    rows = random_rows(metric, 3, 8)
    for queries, others in ((rows[0], rows), (rows, rows[0]), (rows[:, :7], rows)):
        with pytest.raises(ValueError, match="of one D"):
            metric.distances(queries, others)


@HISTOGRAM
@pytest.mark.parametrize("wrong", [-1, np.nan])
def test_histograms_are_not_negative(metric, wrong):
    good, bad = np.float32([[1, 2]]), np.float32([[wrong, 2]])
    for queries, rows in ((good, bad), (bad, good)):
        with pytest.raises(ValueError, match="0 or larger"):
            metric.distances(queries, rows)


def test_hamming_takes_packed_bits_only():
    with pytest.raises(ValueError, match="uint8"):
        Hamming().distances(np.zeros((1, 8), np.float32), np.zeros((1, 8), np.uint8))
