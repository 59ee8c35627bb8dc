import math

import numpy as np
import pytest

from nearsight.metrics.palette_distance import PaletteDistance


def palettes(count, colours=5, seed=0):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(colours), count)
    places = rng.normal(0, 40, (count, colours, 3))
    return np.concatenate([shares[:, :, None], places], 2).reshape(count, -1).astype(np.float32)


def slow(query, row, reach):
    # the same quadratic form over the colours of both, with the shares of one of them negative
    colours = [(share, place) for share, *place in zip(*[iter(query)] * 4, strict=True)]
    colours += [(-share, place) for share, *place in zip(*[iter(row)] * 4, strict=True)]
    return math.sqrt(max(0, sum(p * q * math.exp(-math.dist(a, b) / reach) for p, a in colours for q, b in colours)))


@pytest.mark.parametrize("reach", [5.0, 25.0, 100.0])
def test_equals_a_slow_loop(reach):
    queries, rows = palettes(4), palettes(150, seed=1)
    expected = [[slow(query, row, reach) for row in rows.tolist()] for query in queries.tolist()]
    assert PaletteDistance(reach).distances(queries, rows) == pytest.approx(np.array(expected), rel=1e-5)


def test_it_is_a_metric():
    rows = palettes(30)
    distances = PaletteDistance().distances(rows, rows)
    assert distances == pytest.approx(distances.T, abs=1e-6)
    assert np.diag(distances) == pytest.approx(0, abs=1e-6)
    assert (distances[:, :, None] <= distances[:, None, :] + distances.T[None] + 1e-5).all()


def test_neither_order_nor_empty_colours_nor_splitting_count():
    row = palettes(1).reshape(5, 4)
    split = np.vstack([row[::-1], row[:1], [[0, 50, 7, 7]]]).astype(np.float32)
    split[[4, 5], 0] = row[0, 0] / 2
    row = np.vstack([row, np.zeros((2, 4), np.float32)])
    assert PaletteDistance().distances(row.reshape(1, -1), split.reshape(1, -1)) == pytest.approx(0, abs=1e-3)


def test_nearer_colours_are_nearer():
    red = np.float32([[1, 53, 80, 67]])
    others = np.float32([[1, 53, 80 - step, 67] for step in (1, 5, 20, 80, 160)])
    distances = PaletteDistance().distances(red, others)[0]
    assert (np.diff(distances) > 0).all()
    assert distances[-1] < math.sqrt(2)


def test_what_is_no_palette_is_refused():
    with pytest.raises(ValueError, match="6 values"):
        PaletteDistance().distances(np.ones((1, 6), np.float32), np.ones((1, 6), np.float32))
    with pytest.raises(ValueError, match="0 or larger"):
        PaletteDistance().distances(-np.ones((1, 4), np.float32), np.ones((1, 4), np.float32))
    with pytest.raises(ValueError, match="reach"):
        PaletteDistance(0.0)
