import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.feature import structure_tensor, structure_tensor_eigenvalues

from nearsight.descriptors.structure_tensor import StructureTensor, texture_maps
from nearsight.images.colour import to_grey
from nearsight.metrics.chi2 import Chi2


def lines(degrees, period=12, side=96):
    y, x = np.mgrid[:side, :side]
    along = x * math.cos(math.radians(degrees)) + y * math.sin(math.radians(degrees))
    return np.repeat(np.rint(128 + 100 * np.cos(2 * np.pi * along / period))[:, :, None], 3, 2).astype(np.uint8)


def test_contrast_and_anisotropy_equal_scikit_image(photos):
    # on the inside: the two mirror the border differently, and cut the Gaussian off elsewhere
    image, inside = photos[0][:120, :140], (slice(15, -15), slice(15, -15))
    luma = to_grey(image).astype(float)
    y, x = np.gradient(luma)
    sums = [gaussian_filter(product, 2.0, truncate=6) for product in (y * y, y * x, x * x)]
    large, small = structure_tensor_eigenvalues(sums)
    contrast, anisotropy, _ = texture_maps(image, 2.0)
    assert contrast[inside] == pytest.approx(np.sqrt(large + small)[inside], rel=0.02, abs=0.05)
    strong = (large + small > 4)[inside]
    assert anisotropy[inside][strong] == pytest.approx((1 - small / large)[inside][strong], abs=0.03)
    assert np.shape(structure_tensor(luma)) == (3, 120, 140)


def test_polarity_equals_a_slow_loop(photos):
    image, sigma, reach = photos[3][50:90, 60:100], 2.0, 8
    luma = to_grey(image).astype(float)
    slope_y, slope_x = np.gradient(luma)
    contrast, anisotropy, polarity = texture_maps(image, sigma)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * np.add.outer(offsets**2, offsets**2) / sigma**2)
    checked = 0
    for y in range(reach + 1, 40 - reach - 1, 3):
        for x in range(reach + 1, 40 - reach - 1, 3):
            here = slice(y - reach, y + reach + 1), slice(x - reach, x + reach + 1)
            gradients = np.stack([slope_x[here], slope_y[here]], -1)
            tensor = np.einsum("ij,ijk,ijl->kl", weights, gradients, gradients)
            along = gradients @ np.linalg.eigh(tensor)[1][:, 1]
            plus, minus = (weights * along)[along > 0].sum(), -(weights * along)[along < 0].sum()
            if contrast[y, x] > 2 and anisotropy[y, x] > 0.3:
                checked += 1
                assert polarity[y, x] == pytest.approx(abs(plus - minus) / (plus + minus), abs=0.08)
    assert checked > 10


def test_an_edge_is_polar_and_a_line_is_not():
    edge = np.zeros((64, 64, 3), np.uint8)
    edge[:, 32:] = 200
    line = np.zeros((64, 64, 3), np.uint8)
    line[:, 31:33] = 200
    (_, edge_directed, edge_polar), (_, line_directed, line_polar) = (
        texture_maps(image, 3.0) for image in (edge, line)
    )
    assert edge_directed[32, 31:33] == pytest.approx(1, abs=1e-3)
    assert line_directed[32, 31:33] == pytest.approx(1, abs=1e-3)
    assert edge_polar[32, 31:33] == pytest.approx(1, abs=1e-3)
    assert line_polar[32, 31:33].max() < 0.2


@pytest.mark.parametrize("degrees", [0, 20, 45, 77, 90, 130])
def test_the_direction_of_lines_does_not_count(degrees):
    flat = StructureTensor().describe([lines(0), lines(degrees)])
    assert Chi2().distances(flat[:1], flat[1:])[0, 0] < 0.2
    board = np.kron(np.indices((16, 16)).sum(axis=0) % 2, np.ones((6, 6)))[:, :, None].repeat(3, 2) * 200
    other = StructureTensor().describe([board.astype(np.uint8)])
    assert Chi2().distances(flat[1:], other)[0, 0] > 0.4


def test_right_angles_and_mirrors_change_nothing(photos):
    for photo in photos:
        rows = StructureTensor().describe([np.rot90(photo, quarter) for quarter in range(4)] + [photo[:, ::-1]])
        assert np.abs(rows - rows[0]).sum(axis=1).max() < 0.01


def test_a_flat_image_has_no_contrast():
    row = StructureTensor().describe([np.full((30, 20, 3), 120, np.uint8)])[0]
    assert row[0] == 1
    assert not row[1:].any()


@pytest.mark.parametrize("wrong", [{"sigma": 0.1}, {"contrasts": (3.0, 1.0)}, {"contrasts": ()}, {"bins": 17}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        StructureTensor(**wrong)
