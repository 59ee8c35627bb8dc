"""What `ivf` and `gistis` share: cells, parts, the rows that are not coded yet."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from nearsight.indexes._inverted_lists import MAX_PENDING, compact_parts
from nearsight.indexes.flat import Flat
from nearsight.indexes.gistis import Gistis
from nearsight.indexes.ivf import Ivf
from nearsight.metrics.chi2 import Chi2
from nearsight.metrics.cosine import Cosine
from nearsight.metrics.hamming import Hamming
from nearsight.metrics.hellinger import Hellinger
from nearsight.metrics.intersection import Intersection
from nearsight.metrics.jensen_shannon import JensenShannon
from nearsight.metrics.l2 import L2
from nearsight.metrics.weighted_parts import WeightedParts
from nearsight.types import NO_ID

COUNT = 4000
BOTH = pytest.mark.parametrize("index", [Ivf(cells=20, probes=5), Gistis(cells=20, probes=5)], ids=["ivf", "gistis"])


def clustered(count, width=48, seed=0, dtype=np.float32):
    """Rows around some centres, all values in 0..1 (or bytes)."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).random((30, width))
    rows = np.clip(centres[rng.integers(0, 30, count)] + rng.normal(0, 0.15, (count, width)), 0, 1)
    return rows.astype(np.float32) if dtype == np.float32 else (rows * 255).astype(np.uint8)


ROWS, QUERIES, IDS = clustered(COUNT), clustered(40, seed=5), np.random.default_rng(1).permutation(9 * COUNT)[:COUNT]


def recall(found, exact):
    """The part of the exact answer that was found."""
    wanted = [set(row.tolist()) - {NO_ID} for row in exact.ids]
    return np.mean([len(set(row.tolist()) & want) / len(want) for row, want in zip(found.ids, wanted, strict=True)])


def exact(rows=ROWS, ids=IDS, k=10, allow=None, metric=None):
    return Flat().empty(metric or L2()).add(ids, rows).search(QUERIES, k, allow)


@pytest.fixture(scope="module")
def fits():
    return {
        type(index): index.train(ROWS[::2], L2()) for index in (Ivf(cells=20, probes=5), Gistis(cells=20, probes=5))
    }


def full(index, fits):
    return index.empty(L2(), fits[type(index)]).add(IDS, ROWS)


@BOTH
def test_most_of_the_exact_answer_is_found_with_its_exact_distances(index, fits):
    found, wanted = full(index, fits).search(QUERIES, 10), exact()
    assert recall(found, wanted) > 0.9
    same = found.ids == wanted.ids
    assert np.array_equal(found.scores[same], wanted.scores[same])


@BOTH
def test_a_query_alone_gets_what_it_gets_among_others(index, fits):
    rows = full(index, fits)
    together = rows.search(QUERIES, 7)
    assert all((rows.search(QUERIES[i : i + 1], 7).ids == together.ids[i]).all() for i in range(len(QUERIES)))
    with ThreadPoolExecutor(4) as pool:
        assert all((each.ids == together.ids).all() for each in pool.map(lambda _: rows.search(QUERIES, 7), range(8)))
    assert rows.search(QUERIES[:0], 7).ids.shape == (0, 7)


@BOTH
def test_rows_added_bit_by_bit_give_the_same_as_at_once(index, fits):
    split = index.empty(L2(), fits[type(index)])
    for start in range(0, COUNT, 900):
        split = split.add(IDS[start : start + 900], ROWS[start : start + 900])
    at_once = full(index, fits)
    assert len(split) == len(at_once) == COUNT
    assert 0 < len(split.pending) <= MAX_PENDING
    split = split._encode_pending()
    (one,), (other,) = compact_parts(index, [index.merge(split.parts, IDS[:0])], IDS[:0]), at_once.parts
    assert all(np.array_equal(one[name], other[name]) for name in ("ids", "codes", "starts"))
    assert (split.search(QUERIES, 10).ids == at_once.search(QUERIES, 10).ids).all()


@BOTH
def test_rows_that_wait_for_their_code_are_found_exactly(index, fits):
    early, late = slice(0, COUNT - 500), slice(COUNT - 500, COUNT)
    rows = index.empty(L2(), fits[type(index)]).add(IDS[early], ROWS[early]).add(IDS[late], ROWS[late])
    assert len(rows.pending) == 500
    wanted = exact(ROWS[late], IDS[late], k=1)
    nearer = wanted.scores[:, 0] > exact(ROWS[early], IDS[early], k=1).scores[:, 0]
    assert nearer.any()
    assert (rows.search(QUERIES, 1).ids[nearer] == wanted.ids[nearer]).all()


@BOTH
def test_removed_rows_are_gone_and_cost_no_other(index, fits):
    gone = IDS[::3]
    stays = ~np.isin(IDS, gone)
    whole = full(index, fits)
    fewer = whole.remove(np.append(gone, 10**8))
    found = fewer.search(QUERIES, 10)
    assert len(fewer) == stays.sum()
    assert not np.isin(found.ids, gone).any()
    assert recall(found, exact(ROWS[stays], IDS[stays])) > 0.9
    assert np.isin(whole.search(QUERIES, 10).ids, gone).any()
    assert (fewer.remove(IDS).search(QUERIES, 3).ids == NO_ID).all()


@BOTH
def test_a_removed_id_comes_back_with_another_row(index, fits):
    other = full(index, fits).remove(IDS[:1]).add(IDS[:1], 1 - ROWS[:1])
    hits = other.search(1 - ROWS[:1], 1)
    assert hits.ids[0, 0] == IDS[0]
    assert hits.scores[0, 0] == 0
    assert other.search(ROWS[:1], 1).ids[0, 0] != IDS[0]


@BOTH
@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.95])
def test_filters_cost_no_recall(index, fits, share):
    allow = np.sort(IDS[np.random.default_rng(7).random(COUNT) < share])
    found, wanted = full(index, fits).search(QUERIES, 10, allow), exact(allow=allow)
    assert np.isin(found.ids, np.append(allow, NO_ID)).all()
    assert recall(found, wanted) >= (
        1 if len(allow) < MAX_PENDING else recall(full(index, fits).search(QUERIES, 10), exact())
    )


@BOTH
def test_as_many_as_are_asked_for_are_found(index, fits):
    rows = full(index, fits)
    assert (rows.search(QUERIES, 1500).ids != NO_ID).all()
    hits = rows.search(QUERIES[:2], COUNT + 5)
    assert sorted(hits.ids[0, :COUNT].tolist()) == sorted(IDS.tolist())
    assert (hits.ids[:, COUNT:] == NO_ID).all()


@BOTH
def test_what_was_kept_is_not_made_again(index, fits, monkeypatch):
    fitted = fits[type(index)]
    kept = [index.encode(IDS[:2500], ROWS[:2500], L2(), fitted), index.encode(IDS[2500:], ROWS[2500:], L2(), fitted)]
    wanted = full(index, fits).search(QUERIES, 10).ids
    monkeypatch.setattr(type(index), "encode", None)
    assert (index.empty(L2(), fitted, kept).add(IDS, ROWS).search(QUERIES, 10).ids == wanted).all()


@BOTH
def test_what_was_kept_of_rows_that_are_no_more_is_never_found(index, fits):
    fitted = fits[type(index)]
    kept = index.encode(IDS, ROWS, L2(), fitted)
    rows = index.empty(L2(), fitted, [kept]).add(IDS[:3000], ROWS[:3000])
    assert not np.isin(rows.search(QUERIES, 20).ids, IDS[3000:]).any()
    assert recall(rows.search(QUERIES, 10), exact(ROWS[:3000], IDS[:3000])) > 0.9


@BOTH
def test_parts_are_joined_when_they_have_become_alike_in_size(index, fits):
    fitted, nothing = fits[type(index)], IDS[:0]
    parts = []
    for start in range(0, COUNT, 250):
        part = index.encode(IDS[start : start + 250], ROWS[start : start + 250], L2(), fitted)
        parts = compact_parts(index, [*parts, part], nothing)
        sizes = [len(each["ids"]) for each in parts]
        assert sum(sizes) == start + 250
        assert all(before >= 4 * after for before, after in pairwise(sizes))
    without = index.merge(parts, np.sort(IDS[:100]))
    assert np.array_equal(np.sort(without["ids"]), np.sort(IDS[100:]))


@pytest.mark.parametrize("metric", [L2(), Cosine(), Chi2(), JensenShannon()], ids=repr)
@pytest.mark.parametrize(
    "index", [Ivf(cells=20, probes=20), Gistis(cells=20, probes=20, rerank=COUNT)], ids=["ivf", "gistis"]
)
def test_looking_everywhere_is_exact(index, metric):
    rows = index.empty(metric, index.train(ROWS[:1000], metric)).add(IDS, ROWS)
    found, wanted = rows.search(QUERIES[:9], 10), exact(metric=metric)
    assert np.array_equal(found.ids, wanted.ids[:9])
    assert np.array_equal(found.scores, wanted.scores[:9])


@pytest.mark.parametrize("metric", [Cosine(), Chi2(), JensenShannon(), Hellinger()], ids=repr)
@BOTH
def test_other_metrics_find_most(index, metric):
    rows = index.empty(metric, index.train(ROWS[:2000], metric)).add(IDS, ROWS)
    assert recall(rows.search(QUERIES, 10), exact(metric=metric)) > 0.85


@BOTH
def test_bits_have_cells_too(index):
    rows = np.packbits(clustered(COUNT, 128) > 0.5, axis=1)
    made = index.empty(Hamming(), index.train(rows[:2000], Hamming())).add(IDS, rows)
    wanted = Flat().empty(Hamming()).add(IDS, rows).search(rows[:50], 1)
    assert (made.search(rows[:50], 1).scores == wanted.scores).mean() > 0.95


@BOTH
def test_a_metric_without_cells_is_known(index):
    assert index.supports_metric(L2())
    assert index.supports_metric(Hamming())
    assert not index.supports_metric(Intersection())
    with pytest.raises(ValueError, match="metric"):
        index.train(ROWS, Intersection())


@BOTH
def test_what_cannot_be(index, fits):
    with pytest.raises(ValueError, match="fitted before"):
        index.empty(L2())
    with pytest.raises(ValueError, match="2\\^32"):
        index.encode(np.array([1 << 33]), ROWS[:1], L2(), fits[type(index)])
    with pytest.raises(ValueError, match="probes is 1 to cells"):
        type(index)(cells=4, probes=5)
    with pytest.raises(ValueError, match="in the index already"):
        full(index, fits).add(IDS[:1], ROWS[:1])


@BOTH
def test_a_sample_smaller_than_the_cells_is_enough(index):
    fitted = index.train(ROWS[:3], L2())
    hits = index.empty(L2(), fitted).add(np.arange(3), ROWS[:3]).search(ROWS[:3], 3)
    assert hits.ids[:, 0].tolist() == [0, 1, 2]


@BOTH
def test_weighted_parts_have_cells_whatever_their_width(index):
    """The metric of `fuse(tiny, phash)`: 48 values and 8 bytes."""
    metric = WeightedParts(metrics=(L2(), Hamming()), sizes=(48, 8), dtypes=("float32", "uint8"))
    stored = np.hstack([ROWS.view(np.uint8), clustered(COUNT, 8, dtype=np.uint8)])
    assert index.supports_metric(metric)
    assert not index.supports_metric(replace(metric, metrics=(L2(), Intersection())))
    found = index.empty(metric, index.train(stored, metric)).add(IDS, stored).search(stored[:20], 1)
    assert np.array_equal(found.ids[:, 0], IDS[:20])
