"""R-MAC: its regions by golden values and by the paper's program read step by step, its rows by loops; and windows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nearsight.encoders.average import Average
from nearsight.encoders.pca import Pca
from nearsight.encoders.regions import Regions, rmac_regions
from nearsight.encoders.rmac import Rmac
from nearsight.encoders.windows import Windows, sliding_windows
from nearsight.types import LocalFeatures
from tests.encoders.maps import CELL, SHAPES, as_features, divided, one, random_map


def quiet(done, total):
    """Nobody asks."""


def slow_squares(width, height, levels=3):
    """The grid as the authors' program lays it, step by step."""
    shorter = min(width, height)
    best, extra = math.inf, 0
    for steps in range(2, 8):
        b = (max(width, height) - shorter) / (steps - 1)
        off = abs((shorter**2 - shorter * b) / shorter**2 - 0.4)
        if off < best:
            best, extra = off, steps - 1
    wide, high = (extra if width > height else 0), (extra if height > width else 0)
    found = []
    for level in range(1, levels + 1):
        side = math.floor(2 * shorter / (level + 1))
        if side == 0:
            continue
        half = math.floor(side / 2 - 1)
        across = (width - side) / (level + wide - 1) if level + wide > 1 else 0
        down = (height - side) / (level + high - 1) if level + high > 1 else 0
        for j in range(level + high):
            for i in range(level + wide):
                found.append((math.floor(half + i * across) - half, math.floor(half + j * down) - half, side, side))
    return found


def slow_rmac(values, levels=3):
    height, width = values.shape[:2]
    total = [0.0] * values.shape[2]
    for left, top, side, _ in slow_squares(width, height, levels):
        most = [-math.inf] * values.shape[2]
        for y in range(top, top + side):
            for x in range(left, left + side):
                most = [max(a, float(b)) for a, b in zip(most, values[y, x], strict=True)]
        total = [a + b for a, b in zip(total, divided(most), strict=True)]
    return divided(total)


@pytest.mark.parametrize(("size", "count"), [((16, 16), 14), ((32, 24), 20), ((40, 10), 44), ((10, 40), 44)])
def test_there_are_as_many_regions_as_golden_values_say(size, count):
    assert len(rmac_regions(*size, levels=3)) == count


def test_the_first_regions_are_the_golden_ones():
    assert rmac_regions(32, 24, 3)[:4] == [(0, 0, 24, 24), (8, 0, 24, 24), (0, 0, 16, 16), (8, 0, 16, 16)]


@pytest.mark.parametrize("levels", [1, 3, 5])
def test_regions_are_those_of_the_paper_s_program_and_lie_in_the_map(levels):
    for width in range(1, 26):
        for height in range(1, 26):
            found = rmac_regions(width, height, levels)
            assert found == slow_squares(width, height, levels)
            assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height and w > 0 for x, y, w, h in found)


@pytest.mark.parametrize(("size", "levels"), [((284, 61), 3), ((105, 286), 7), ((1243, 1164), 8), ((31, 4), 8)])
def test_regions_are_rounded_as_by_the_paper_s_program(size, levels):
    assert rmac_regions(*size, levels) == slow_squares(*size, levels)


@pytest.mark.parametrize("shape", [*SHAPES, (15, 20), (20, 15)], ids=str)
def test_rows_are_those_of_loops(shape):
    for levels in (1, 3):
        values = random_map(*shape, seed=levels)
        assert one(Rmac(levels=levels), as_features(values)) == pytest.approx(slow_rmac(values, levels), abs=1e-6)


def test_a_mirror_changes_little_and_nothing_where_regions_lie_evenly():
    values = random_map(15, 20)
    row, mirrored = (one(Rmac(), as_features(np.ascontiguousarray(each))) for each in (values, values[:, ::-1]))
    assert row @ mirrored > 0.99
    turned = one(Rmac(), as_features(np.ascontiguousarray(values.transpose(1, 0, 2))))
    assert turned == pytest.approx(row, abs=1e-6)


def test_the_sum_of_the_regions_is_r_mac():
    features = as_features(random_map(9, 13))
    (regions,) = Regions().encode([features], {})
    assert len(regions) == len(rmac_regions(13, 9, 3))
    assert np.linalg.norm(regions.descriptors, axis=1) == pytest.approx(np.ones(len(regions)))
    assert one(Average(unit=True), regions) == pytest.approx(one(Rmac(), features), abs=1e-6)


def test_regions_are_whitened_before_they_are_added():
    """What `regions | pca(whiten=1) | average(unit=true)` gives, with the algebra written out."""
    images = [as_features(random_map(6, 8, width=6, seed=seed, zeros=0.2)) for seed in range(30)]
    regions = Regions().encode(images, {})
    sample = np.concatenate([each.descriptors for each in regions])
    pca = Pca(dim=6, whiten=1)
    fitted = pca.train(sample, quiet)
    made = Average(unit=True).encode(pca.encode(regions, fitted), {})
    values, vectors = np.linalg.eigh(np.cov(sample.astype(np.float64).T))
    mean = sample.mean(axis=0, dtype=np.float64)
    for row, each in zip(made, regions, strict=True):
        whitened = (each.descriptors - mean) @ vectors / np.sqrt(values)
        wanted = sum(np.array(divided(vector)) for vector in whitened) @ vectors.T
        back = row @ (fitted["axes"] * np.sqrt(fitted["variances"])[:, None])  # both in the axes of the map
        assert divided(back) == pytest.approx(divided(wanted), abs=1e-3)


def test_regions_lie_where_they_are_on_the_image():
    (found,) = Regions(levels=2).encode([as_features(random_map(24, 32))], {})
    wanted = [((x + w / 2) * CELL, (y + h / 2) * CELL, w * CELL) for x, y, w, h in rmac_regions(32, 24, 2)]
    places = np.column_stack([found.points, found.scales])
    assert places == pytest.approx(np.array(wanted), rel=1e-5)
    assert found.size == (32 * CELL, 24 * CELL)


def test_features_that_are_no_map_lie_on_the_pixels():
    """A feature at the left and one at the right: the left region of level 1 holds the one, the right the other."""
    points = np.float32([[2, 5], [17, 5]])
    features = LocalFeatures(
        points, np.ones(2, np.float32), np.zeros(2, np.float32), np.eye(2, dtype=np.float32), (20, 10)
    )
    (found,) = Regions(levels=1).encode([features], {})
    inside = [
        [left <= x < left + side and top <= y < top + side for x, y in points.tolist()]
        for left, top, side, _ in rmac_regions(20, 10, 1)
    ]
    wanted = [divided(np.array(each, float)) for each in inside if any(each)]
    assert len(wanted) < len(rmac_regions(20, 10, 1))  # the one in the middle is empty
    assert found.descriptors == pytest.approx(np.array(wanted))


def test_windows_cover_the_map_from_edge_to_edge():
    for width, height in ((12, 9), (7, 20), (1, 1), (5, 2)):
        found = sliding_windows(width, height, 4)
        assert len(found) == 1 + 4 + 9 + 16
        assert found[0] == (0, 0, width, height)
        assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in found)
        for level in (2, 3, 4):
            ends = [(x + w, y + h) for x, y, w, h in found[sum(i * i for i in range(level)) :][: level * level]]
            assert max(x for x, _ in ends) == width
            assert max(y for _, y in ends) == height


@pytest.mark.parametrize("pool", ["max", "average"])
def test_windows_are_those_of_loops(pool):
    values = random_map(6, 9)
    (found,) = Windows(levels=2, pool=pool).encode([as_features(values)], {})
    wanted = []
    for left, top, width, height in [(0, 0, 9, 6), (0, 0, 6, 4), (3, 0, 6, 4), (0, 2, 6, 4), (3, 2, 6, 4)]:
        cells = [values[y, x].tolist() for y in range(top, top + height) for x in range(left, left + width)]
        within = list(zip(*cells, strict=True))
        wanted.append(divided([max(each) if pool == "max" else sum(each) / len(each) for each in within]))
    assert found.descriptors == pytest.approx(np.array(wanted), abs=1e-6)


@pytest.mark.parametrize("make", [Rmac, Regions, Windows])
@pytest.mark.parametrize("levels", [0, 9])
def test_levels_out_of_range_are_refused(make, levels):
    with pytest.raises(ValueError, match=f"1 to 8; got {levels}"):
        make(levels=levels)


def test_windows_are_pooled_by_what_there_is():
    with pytest.raises(ValueError, match="'median'"):
        Windows(pool="median")
