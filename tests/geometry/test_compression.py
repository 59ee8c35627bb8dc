"""The quality of a JPEG and its noise, from its pixels alone."""

import cv2
import numpy as np
import pytest

from nearsight.geometry.compression import (
    N_LEVELS,
    estimate_jpeg_quality,
    noise_variances,
    quantization_table,
)

skimage_data = pytest.importorskip("skimage.data")


@pytest.fixture(scope="module")
def grey():
    return cv2.cvtColor(skimage_data.astronaut(), cv2.COLOR_RGB2GRAY)


def saved(grey, quality):
    encoded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE).astype(np.float32)


@pytest.mark.parametrize("quality", [3, 5, 10, 15, 20, 23, 25, 30, 50, 70, 80])
def test_the_quality_is_found(grey, quality):
    found = estimate_jpeg_quality(saved(grey, quality))
    assert found is not None
    steps = [quantization_table(each)[1, 1] for each in (found, quality)]
    assert steps[0] == pytest.approx(steps[1], rel=0.2)


def test_the_table_is_that_of_the_standard():
    # ITU-T T.81, annex K.1, as the libraries scale it: quality 50 is the table itself
    table = quantization_table(50)
    assert table[0].tolist() == [16, 11, 10, 16, 24, 40, 51, 61]
    assert quantization_table(100).max() == 1
    assert quantization_table(25)[0, 0] == 32


def test_no_trace_is_none(grey):
    assert estimate_jpeg_quality(grey.astype(np.float32)) is None
    small = cv2.resize(saved(grey, 30), None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    assert estimate_jpeg_quality(small) is None
    assert estimate_jpeg_quality(np.full((64, 64), 9, np.float32)) is None


@pytest.mark.parametrize("quality", [10, 30, 75])
def test_the_noise_of_quantization_is_not_underestimated(grey, quality):
    left = saved(grey, quality) - grey
    said = noise_variances(saved(grey, quality), quality)
    for level in range(3):
        assert said[level] > 0.5 * left.var()
        left = cv2.resize(left, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def test_white_noise_is_measured_and_falls_to_a_quarter_at_each_level():
    rng = np.random.default_rng(1)
    ramp = np.add.outer(np.linspace(60, 180, 256), np.linspace(0, 20, 256))
    found = noise_variances((ramp + rng.normal(0, 5, ramp.shape)).astype(np.float32), None)
    assert len(found) == N_LEVELS
    assert found[0] == pytest.approx(25, rel=0.3)
    assert found[1:] == pytest.approx(found[:-1] / 4)


@pytest.mark.parametrize("level", [0, 255])
def test_noise_is_measured_where_black_and_white_do_not_cut_it_off(level):
    """Half of the image is clipped: noise is half as large there."""
    rng = np.random.default_rng(4)
    plane = np.full((320, 400), 128.0)
    plane[:, :240] = level
    noisy = np.clip(np.rint(plane + rng.normal(0, 12, plane.shape)), 0, 255).astype(np.float32)
    assert noise_variances(noisy, None)[0] == pytest.approx(144, rel=0.1)


def test_texture_is_not_raised_to_noise():
    """The calmest cells of noise are about equally calm, those of texture are not: it may be no noise."""
    rng = np.random.default_rng(5)
    strength = np.kron(rng.uniform(4, 12, (20, 25)), np.ones((16, 16)))
    texture = (128 + strength * rng.normal(0, 1, strength.shape)).astype(np.float32)
    calmest = np.percentile(strength, 5) ** 2
    assert noise_variances(texture, None)[0] < calmest * 1.1


def test_the_edges_of_a_drawing_are_no_coarse_quantization():
    """Few coefficients, of few shapes: by accident they may be multiples of a large step."""
    rng = np.random.default_rng(6)
    for _ in range(12):
        drawing = np.full((160, 160), 235, np.uint8)
        for _ in range(8):
            left, top = rng.integers(0, 16, 2).tolist()
            drawing[8 * top : 8 * top + 48, 8 * left : 8 * left + 40] = rng.integers(0, 3) * 60 + 60
        for plane in (drawing.astype(np.float32), saved(drawing.astype(np.float32), 90)):
            found = estimate_jpeg_quality(plane)
            assert found is None or found >= 80
