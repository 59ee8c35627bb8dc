import math

import numpy as np
import pytest
from scipy.signal import oaconvolve

from nearsight.descriptors.gabor import Gabor
from nearsight.images.colour import to_grey
from nearsight.metrics.l1 import L1


def kernel(scale, direction, scales=4, orientations=6):
    """The paper's Gabor function in space, sampled: formulas (1) to (4) with Ul = .05 and Uh = .4."""
    low, high = 0.05, 0.4
    a = (high / low) ** (1 / (scales - 1))
    log2 = 2 * math.log(2)
    su = (a - 1) * high / ((a + 1) * math.sqrt(log2))
    sv = (
        math.tan(math.pi / 2 / orientations)
        * (high - log2 * su**2 / high)
        / math.sqrt(log2 - log2**2 * su**2 / high**2)
    )
    sx, sy, shrunk = 1 / (2 * math.pi * su), 1 / (2 * math.pi * sv), a**-scale
    reach = math.ceil(4 * max(sx, sy) / shrunk)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    angle = direction * math.pi / orientations
    along = shrunk * (x * math.cos(angle) + y * math.sin(angle))
    beside = shrunk * (-x * math.sin(angle) + y * math.cos(angle))
    window = np.exp(-0.5 * (along**2 / sx**2 + beside**2 / sy**2)) / (2 * math.pi * sx * sy)
    return shrunk**2 * window * np.exp(2j * math.pi * high * along)


def waves(frequency, degrees, side=120):
    y, x = np.mgrid[:side, :side]
    along = x * math.cos(math.radians(degrees)) + y * math.sin(math.radians(degrees))
    return np.repeat(np.rint(128 + 100 * np.cos(2 * np.pi * frequency * along))[:, :, None], 3, 2).astype(np.uint8)


@pytest.mark.parametrize(("scale", "direction"), [(0, 0), (0, 1), (0, 4), (1, 2), (1, 5), (2, 3), (3, 1)])
def test_equals_direct_convolution(photos, scale, direction):
    image = np.ascontiguousarray(photos[0][:128, :128])
    luma = np.pad(to_grey(image) - to_grey(image).mean(), 8, mode="symmetric")
    answer = np.abs(oaconvolve(np.tile(luma, (3, 3)), kernel(scale, direction), mode="same"))[152:280, 152:280]
    row = Gabor(compress=False).describe([image])[0].reshape(4, 6, 2)
    assert row[scale, direction] == pytest.approx([answer.mean(), answer.std()], rel=1e-3)


def test_the_values_are_those_of_a_wave():
    # a wave of amplitude 100 at the middle of a filter: one half of it, all over the image
    row = Gabor(compress=False).describe([waves(0.2, 60)])[0].reshape(4, 6, 2)
    assert np.unravel_index(row[:, :, 0].argmax(), (4, 6)) == (1, 2)
    assert row[1, 2, 0] == pytest.approx(50, rel=0.05)
    assert row[1, 2, 1] < 6


def test_compressing_is_a_logarithm(photos):
    plain, compressed = (Gabor(compress=compress).describe(photos) for compress in (False, True))
    assert compressed == pytest.approx(np.log(1 + 10 * plain), rel=1e-5)


def test_a_right_angle_turns_the_directions(photos):
    for photo in photos:
        row, turned = Gabor().describe([photo[:128, :128], np.rot90(photo[:128, :128])]).reshape(2, 4, 6, 2)
        assert np.roll(turned, 3, axis=1) == pytest.approx(row, abs=0.05)


@pytest.mark.parametrize("degrees", [0, 30, 60, 90, 120, 150])
@pytest.mark.parametrize(("scale", "frequency"), [(0, 0.4), (1, 0.2), (2, 0.1), (3, 0.05)])
def test_a_wave_is_found_by_the_filter_of_its_size_and_direction(degrees, scale, frequency):
    row = Gabor().describe([waves(frequency, degrees)])[0].reshape(4, 6, 2)
    assert np.unravel_index(row[:, :, 0].argmax(), (4, 6)) == (scale, degrees // 30)


def test_light_does_not_count_and_other_textures_are_far(photos):
    rows = Gabor().describe([photo[:128, :128] for photo in photos])
    darker = Gabor().describe([photo[:128, :128] // 2 + 60 for photo in photos])
    lighter = Gabor().describe([photo[:128, :128] // 2 + 100 for photo in photos])
    assert darker == pytest.approx(lighter, abs=0.02)
    elsewhere = Gabor().describe([photo[-128:, -128:] for photo in photos])
    distances = L1().distances(elsewhere, rows)
    assert np.diag(distances).mean() < 0.6 * distances.mean()


@pytest.mark.parametrize("wrong", [{"scales": 0}, {"scales": 5}, {"orientations": 1}, {"orientations": 17}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Gabor(**wrong)
