import numpy as np
import pytest

from nearsight.metrics.byte_l1 import ByteL1
from nearsight.metrics.l1 import L1


def byte_rows(count, width, seed):
    return np.random.default_rng(seed).integers(0, 256, (count, width), np.uint8)


@pytest.mark.parametrize("width", [1, 7, 136, 512])
def test_equals_plain_loops_and_ranks_as_l1(width):
    queries, rows = byte_rows(4, width, 0), byte_rows(150, width, 1)
    expected = [[sum(map(abs, map(int.__sub__, q, r))) / width for r in rows.tolist()] for q in queries.tolist()]
    assert ByteL1().distances(queries, rows) == pytest.approx(np.array(expected), rel=1e-6)
    assert ByteL1().distances(queries, rows) * width == pytest.approx(L1().distances(queries, rows), rel=1e-6)


def test_nothing_runs_over():
    black, white = np.zeros((1, 100_000), np.uint8), np.full((1, 100_000), 255, np.uint8)
    assert ByteL1().distances(black, white).tolist() == ByteL1().distances(white, black).tolist() == [[255]]
    assert ByteL1().similarity(np.float32([0, 127.5, 255])).tolist() == [1, 0.5, 0]


def test_blocks_and_order_of_memory_do_not_matter():
    queries, rows = byte_rows(2, 40, 0), byte_rows(9000, 40, 1)
    whole = ByteL1().distances(queries, rows)
    assert (ByteL1().distances(queries, np.asfortranarray(rows)) == whole).all()
    assert (ByteL1().distances(queries, rows[::-2]) == whole[:, ::-2]).all()
    assert ByteL1().distances(queries[:0], rows).shape == (0, 9000)


def test_bytes_only():
    with pytest.raises(ValueError, match="uint8; got float32"):
        ByteL1().distances(np.zeros((1, 8), np.float32), np.zeros((1, 8), np.uint8))
