"""Features that are each other's nearest, against a slow search of one pair at a time."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.geometry.matching import Matches, match_mutual_nearest, normalize_by_longest_side
from nearsight.types import LocalFeatures


def features(descriptors, size=(200, 100), seed=0):
    rng, count = np.random.default_rng(seed), len(descriptors)
    places, scales, angles = rng.random((count, 2)) * size, 1 + rng.random(count), rng.random(count) * 360
    return LocalFeatures(*(np.float32(each) for each in (places, scales, angles)), descriptors, size)


def strings(count, seed):
    return np.random.default_rng(seed).integers(0, 256, (count, 8), np.uint8)


def vectors(count, seed):
    return np.random.default_rng(seed).normal(0, 3, (count, 6)).astype(np.float32)


def apart(a, b):
    if a.dtype == np.uint8:
        return bin(int.from_bytes((a ^ b).tobytes(), "big")).count("1")
    return float(np.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True))))


def slow(query, hit, ratio):
    """Pairs of places, one distance at a time."""
    rows = [[apart(a, b) for b in hit.descriptors] for a in query.descriptors]
    pairs = []
    for i, row in enumerate(rows):
        (nearest, j), (second, _) = sorted((value, at) for at, value in enumerate(row))[:2]
        column = [(other[j], at) for at, other in enumerate(rows)]
        if nearest <= ratio * second and min(column)[1] == i:
            pairs.append((i, j))
    return pairs


@pytest.mark.parametrize("made", [strings, vectors])
@pytest.mark.parametrize("ratio", [0.8, 0.9, 1.0])
def test_agrees_with_a_slow_search(made, ratio):
    query, hit = features(made(60, 1)), features(made(80, 2), seed=1)
    pairs = slow(query, hit, ratio)
    found = match_mutual_nearest(query, hit, ratio)
    assert len(pairs) >= 3
    assert found.query_points.tolist() == [query.points[i].tolist() for i, _ in pairs]
    assert found.hit_points.tolist() == [hit.points[j].tolist() for _, j in pairs]
    assert found.scale_ratios == pytest.approx([hit.scales[j] / query.scales[i] for i, j in pairs])
    assert found.rotations == pytest.approx([hit.angles[j] - query.angles[i] for i, j in pairs])


@pytest.mark.parametrize("counts", [(0, 5), (5, 0), (1, 5), (5, 1), (0, 0)])
def test_too_few_features_match_nothing(counts):
    query, hit = (features(vectors(count, 1)) for count in counts)
    assert len(match_mutual_nearest(query, hit)) == 0


def test_units_of_the_longest_side():
    query, hit = features(vectors(9, 1), (200, 100)), features(vectors(9, 1), (50, 400), seed=1)
    before = match_mutual_nearest(query, hit)
    after = normalize_by_longest_side(before, query, hit)
    assert len(after) == 9
    assert after.query_points == pytest.approx(before.query_points / 200)
    assert after.hit_points == pytest.approx(before.hit_points / 400)
    assert after.scale_ratios == pytest.approx(before.scale_ratios / 2)


def test_features_without_size_and_turn_say_nothing_of_them():
    places = np.random.default_rng(0).random((5, 2))
    assert not Matches(places, places, np.ones(5), np.zeros(5)).has_pose
    assert Matches(places, places, np.arange(1.0, 6), np.zeros(5)).has_pose
    assert Matches(places, places, np.ones(5), np.arange(5.0)).has_pose
    assert not Matches(places[:0], places[:0], np.ones(0), np.zeros(0)).has_pose
