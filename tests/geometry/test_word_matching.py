"""Matches by visual words against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.geometry import matching
from nearsight.geometry.matching import MAX_MATCHES, MAX_PAIRS_PER_WORD, match_words
from nearsight.visual_words import angles, points, scales
from tests.kernels.words import differing, row, rows


def slowly(query, hit, threshold):
    """All pairs one by one; those of words that make few pairs, the nearest and rarest first."""
    bits, found = 8 * query["bits"].shape[1], []
    for one in query:
        for other in hit:
            if one["word"] == other["word"] and differing(one, other) <= threshold * bits:
                found.append((one, other))
    often = {}
    for one, _ in found:
        often[int(one["word"])] = often.get(int(one["word"]), 0) + 1
    kept = [pair for pair in found if often[int(pair[0]["word"])] <= MAX_PAIRS_PER_WORD]
    return sorted(kept, key=lambda pair: (differing(*pair), often[int(pair[0]["word"])]))[:MAX_MATCHES]


@pytest.mark.parametrize("bits", [0, 16])
@pytest.mark.parametrize("seed", range(4))
def test_matches_are_those_of_the_plain_loops(bits, seed, monkeypatch):
    monkeypatch.setattr(matching, "MAX_MATCHES", 10_000)
    query, hit = rows(2, bits, seed, words=8)
    found, right = match_words(query, hit, 0.375), slowly(query, hit, 0.375)
    assert len(found) == len(right)
    if not right:
        return
    mine, theirs = (np.array(each) for each in zip(*right, strict=True))
    made = np.column_stack([found.query_points, found.hit_points, found.scale_ratios, found.rotations])
    turns = angles(theirs).astype(float) - angles(mine)
    by_hand = np.column_stack([points(mine), points(theirs), scales(theirs) / scales(mine), turns])
    assert made[np.lexsort(made.T)] == pytest.approx(by_hand[np.lexsort(by_hand.T)], rel=1e-6, abs=1e-6)


def test_some_images_here_share_words():
    assert any(slowly(*rows(2, 16, seed, words=8), 0.375) for seed in range(4))


def test_words_that_make_many_pairs_say_nothing_of_places():
    crowded, query = row([1] * 6 + [2]), row([1] * 5 + [2])
    assert len(match_words(query, crowded, 0.375)) == 1
    assert len(match_words(query, crowded[1:], 0.375)) == 26


def test_of_many_the_nearest_stay():
    query = row(range(1000), 16, 1)
    hit = query.copy()
    hit["bits"][::2] ^= 1
    found = match_words(query, hit, 0.375)
    assert len(found) == MAX_MATCHES
    assert found.query_points == pytest.approx(points(query[1::2][:MAX_MATCHES]))


def test_images_that_share_no_word_and_empty_ones_match_nowhere():
    some, other, empty = row([1, 2], 16), row([3], 16), row([], 16)
    for query, hit in ((some, other), (some, empty), (empty, some), (empty, empty)):
        assert len(match_words(query, hit, 1)) == 0
