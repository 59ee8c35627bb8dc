"""The inverted file against the kernels' own distances of all images, and itself after changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nearsight.indexes.inverted import Inverted
from nearsight.kernels.hamming_votes import HammingVotes
from nearsight.kernels.selective import Selective
from nearsight.kernels.tf_idf import TfIdf
from nearsight.metrics.l2 import L2
from nearsight.types import NO_ID
from tests.kernels.words import pairs, row, rows

KERNELS = [TfIdf(), TfIdf(idf=False, burst=True), HammingVotes(), Selective()]
EVERY = pytest.mark.parametrize("kernel", KERNELS, ids=repr)
IMAGES, QUERIES = rows(30, seed=1), rows(5, seed=2)
IDS = np.random.default_rng(3).permutation(100)[:30].astype(np.int64)


def full(kernel, **parameters):
    """All images, in three parts."""
    index = Inverted(**parameters).empty(kernel)
    for start, stop in ((0, 11), (11, 12), (12, 30)):
        index = index.add(IDS[start:stop], IMAGES[start:stop])
    return index


def expected(similarities, ids, k):
    """The k best of those alike at all, ties by id, one after another: `(id, similarity)`."""
    some = [(-float(one), int(ident)) for one, ident in zip(similarities, ids, strict=True) if one > 0]
    return [(ident, -negative) for negative, ident in sorted(some)[:k]]


def assert_hits(hits, right):
    for ids, scores, best in zip(hits.ids, hits.scores, right, strict=True):
        assert ids[: len(best)].tolist() == [ident for ident, _ in best]
        assert 1 + scores[: len(best)] == pytest.approx([alike for _, alike in best], abs=1e-6)
        assert (ids[len(best) :] == NO_ID).all()
        assert (scores[len(best) :] == -np.inf).all()


def equal(one, other):
    return np.array_equal(one.ids, other.ids) and np.array_equal(one.scores, other.scores)


@EVERY
@pytest.mark.parametrize("k", [1, 7, 40])
def test_hits_are_those_of_all_distances(kernel, k):
    hits = full(kernel).search(QUERIES, k)
    assert hits.ids.dtype == np.int64
    assert hits.scores.dtype == np.float32
    similarities = 1 - kernel.distances(QUERIES, IMAGES)
    assert_hits(hits, [expected(np.where(each < 1e-7, 0, each), IDS, k) for each in similarities])


@EVERY
def test_ties_are_broken_by_id(kernel):
    same = [row([1, 2, 3], 16)] * 5 + [row([9], 16)]
    index = Inverted().empty(kernel).add(np.array([5, 3, 40]), same[:3]).add(np.array([4, 1, 6]), same[3:])
    assert index.search(same[:1], 4).ids.tolist() == [[1, 3, 4, 5]]


@EVERY
def test_without_some_is_as_if_they_had_never_been_there(kernel):
    """How often words are held is counted over the images that are there."""
    gone = IDS[::3]
    stays = ~np.isin(IDS, gone)
    left = [each for each, keep in zip(IMAGES, stays, strict=True) if keep]
    rebuilt = Inverted().empty(kernel).add(IDS[stays], left)
    fewer = full(kernel).remove(np.append(gone, 12345))
    assert len(fewer) == stays.sum()
    assert equal(fewer.search(QUERIES, 40), rebuilt.search(QUERIES, 40))
    again = fewer.add(gone, IMAGES[::3])
    assert equal(again.search(QUERIES, 40), full(kernel).search(QUERIES, 40))
    assert equal(full(kernel).search(QUERIES, 40), Inverted().empty(kernel).add(IDS, IMAGES).search(QUERIES, 40))


def test_idf_is_that_of_what_is_there():
    """A word that all images hold tells nothing; once an image without it is there, it does."""
    images = [row([1, 2]), row([1, 3])]
    index = Inverted().empty(TfIdf()).add(np.array([1, 2]), images)
    assert index.search([row([1])], 3).ids.tolist() == [[NO_ID] * 3]
    more = index.add(np.array([3]), [row([4])])
    assert more.search([row([1])], 3).ids.tolist() == [[1, 2, NO_ID]]
    assert more.remove(np.array([3])).search([row([1])], 3).ids.tolist() == [[NO_ID] * 3]


@EVERY
def test_only_those_allowed_are_found_and_scores_stay(kernel):
    allow = np.sort(IDS[5:15])
    every, some = full(kernel).search(QUERIES, 40), full(kernel).search(QUERIES, 40, allow)
    for ids, scores, fewer, theirs in zip(every.ids, every.scores, some.ids, some.scores, strict=True):
        stays = np.isin(ids, allow)
        assert fewer[: stays.sum()].tolist() == ids[stays].tolist()
        assert theirs[: stays.sum()].tolist() == scores[stays].tolist()
        assert (fewer[stays.sum() :] == NO_ID).all()


def turned(one, other):
    """The bin of the difference of two angles, and of two scales, of 16 each."""
    turn = (int(one["angle"]) - int(other["angle"])) % 256 // 16
    step = (int(one["scale"]) - int(other["scale"]) + 16) // 32 % 16
    return turn, step


@pytest.mark.parametrize("kernel", [TfIdf(), HammingVotes(threshold=0.5), Selective()], ids=repr)
def test_consistent_votes_are_those_of_the_best_bins_in_plain_loops(kernel):
    hits = full(kernel, consistent=True).search(QUERIES, 40)
    right = []
    for query in QUERIES:
        alike = []
        for image in IMAGES:
            votes = [(turned(*pair), amount) for *pair, amount in pairs(kernel, query, image, IMAGES)]
            ways = []
            for which in (0, 1):
                near = [{at, (at - 1) % 16, (at + 1) % 16} for at in range(16)]
                ways.append(max(sum(amount for each, amount in votes if each[which] in bins) for bins in near))
            alike.append(min(ways))
        right.append(expected(alike, IDS, 40))
    for ids, scores, best in zip(hits.ids, hits.scores, right, strict=True):
        found = dict(zip(ids[ids != NO_ID].tolist(), (1 + scores[ids != NO_ID]).tolist(), strict=True))
        assert found == pytest.approx(dict(best), abs=1e-5)


def test_features_that_turned_alike_vote_together():
    query = row(range(40), 0, 1)
    turned, scattered = query.copy(), row(range(40), 0, 2)
    turned["angle"] += 64
    scattered["angle"] = query["angle"] + np.arange(40) * 37 % 256
    rows = [turned, scattered, row([100], 0)]
    plain, consistent = (
        Inverted(consistent=each).empty(TfIdf()).add(np.arange(3), rows).search([query], 2) for each in (False, True)
    )
    assert plain.scores[0, 0] == plain.scores[0, 1]
    assert consistent.ids[0].tolist() == [0, 1]
    assert consistent.scores[0, 1] < -0.5


@EVERY
def test_what_is_kept_stands_for_the_images(kernel, tmp_path):
    index = Inverted()
    halves = [
        index.encode(IDS[at], [IMAGES[one] for one in at], kernel, {}) for at in (np.arange(12), np.arange(12, 30))
    ]
    gone = IDS[[3, 20]]
    joined = index.merge(halves, gone)
    assert set(joined["ids"].tolist()) == set(IDS.tolist()) - set(gone.tolist())
    stays = ~np.isin(IDS, gone)
    alone = index.encode(IDS[stays], [IMAGES[at] for at in np.flatnonzero(stays)], kernel, {})
    assert joined.keys() == alone.keys()
    assert all(np.array_equal(joined[name], alone[name]) and joined[name].dtype == alone[name].dtype for name in alone)
    np.savez(tmp_path / "kept.npz", **joined)
    with np.load(tmp_path / "kept.npz") as stored:
        kept = {name: stored[name] for name in stored.files}
    for values in kept.values():
        values.flags.writeable = False
    unread = [None] * len(IDS)
    opened = index.empty(kernel, {}, [kept]).add(IDS[stays], unread)
    assert equal(opened.search(QUERIES, 40), full(kernel).remove(gone).search(QUERIES, 40))
    nothing = index.merge([joined], np.sort(IDS))
    assert len(nothing["ids"]) == len(nothing["docs"]) == len(nothing["words"]) == 0
    assert index.merge([nothing, joined], np.empty(0, np.int64))["docs"].tolist() == joined["docs"].tolist()


@EVERY
def test_parts_beyond_those_that_are_there_say_nothing(kernel):
    """A part may hold images that are not added, because they are dead."""
    kept = Inverted().encode(IDS, IMAGES, kernel, {})
    some = Inverted().empty(kernel, {}, [kept]).add(IDS[:9], [None] * 9)
    assert equal(some.search(QUERIES, 40), Inverted().empty(kernel).add(IDS[:9], IMAGES[:9]).search(QUERIES, 40))


@EVERY
def test_empty_images_are_never_found(kernel):
    empty = row([], 16)
    index = Inverted().empty(kernel)
    assert index.search([row([1], 16), empty], 2).ids.tolist() == [[NO_ID] * 2] * 2
    blank = index.add(np.array([1, 2]), [empty, empty])
    assert blank.search([row([1], 16), empty], 2).ids.tolist() == [[NO_ID] * 2] * 2
    more = blank.add(np.array([3, 4]), [row([1], 16), row([2], 16)])
    assert more.search([row([1], 16), empty], 2).ids.tolist() == [[3, NO_ID], [NO_ID] * 2]
    assert len(more) == 4


def test_what_cannot_be_kept_is_refused():
    index = Inverted()
    with pytest.raises(ValueError, match="ranks by a kernel"):
        index.empty(L2())
    assert not index.supports_metric(L2())
    assert replace(index, metric=TfIdf()).supports_metric(L2())
    with pytest.raises(ValueError, match="below 2"):
        index.encode(np.array([1 << 32]), [row([1])], TfIdf(), {})
    with pytest.raises(ValueError, match="have 16 bits; got a query of 24"):
        full(TfIdf()).search([row([1], 24)], 1)


@pytest.mark.parametrize(
    ("ids", "problem"),
    [
        ([5, 5], "id 5 comes twice"),
        ([-1, 3], r"0 or larger; got int64 \[-1\]"),
        ([7, 8], "id 7 is in the index already"),
    ],
)
def test_ids_that_cannot_be_added(ids, problem):
    index = Inverted().empty(TfIdf()).add(np.array([7]), IMAGES[:1])
    with pytest.raises(ValueError, match=problem):
        index.add(np.array(ids), IMAGES[:2])
