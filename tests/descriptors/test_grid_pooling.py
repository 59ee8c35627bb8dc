import cv2
import numpy as np
import pytest

from nearsight.descriptors._grid_pooling import cell_weights, pool_cells


@pytest.mark.parametrize(("side", "cells"), [(12, 4), (10, 4), (7, 3), (256, 6), (3, 8), (1, 5)])
def test_overlaps_equal_a_finer_ruler(side, cells):
    # each pixel is cut into `cells` pieces: then every cell has a whole number of pieces
    pieces = np.repeat(np.arange(side), cells).reshape(cells, side)
    expected = [[(line == pixel).sum() / side for pixel in range(side)] for line in pieces]
    assert cell_weights(side, cells) == pytest.approx(np.array(expected), abs=1e-12)


def test_pooling_equals_opencv_where_cells_are_whole_pixels(photos):
    maps = photos[1][:160, :240].astype(np.float64)
    assert pool_cells(maps, 8) == pytest.approx(cv2.resize(maps, (8, 8), interpolation=cv2.INTER_AREA), abs=1e-4)
