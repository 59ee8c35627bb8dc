import math

import numpy as np
import pytest

from nearsight.descriptors.wavelet_energy import WaveletEnergy
from nearsight.images.colour import resize_exact, to_grey
from nearsight.metrics.l2 import L2

ROOT3 = math.sqrt(3)
TAPS = {
    "haar": [1 / math.sqrt(2)] * 2,
    "daubechies4": [tap / (4 * math.sqrt(2)) for tap in (1 + ROOT3, 3 + ROOT3, 3 - ROOT3, 1 - ROOT3)],
}


def slow_halves(line, taps):
    """One step along one line, by the definition."""
    count = len(line)
    wavelet = [(-1) ** tap * taps[len(taps) - 1 - tap] for tap in range(len(taps))]
    ends = [
        [sum(f[t] * line[(2 * k + t) % count] for t in range(len(taps))) for k in range(count // 2)]
        for f in (taps, wavelet)
    ]
    return ends[0] + ends[1]


def slow(image, taps, levels):
    energies, side = [], len(image)
    coarse = image.astype(float)
    for _ in range(levels):
        half = len(coarse) // 2
        rows = np.array([slow_halves(row.tolist(), taps) for row in coarse])
        both = np.array([slow_halves(column.tolist(), taps) for column in rows.T]).T
        coarse, upright, lying, diagonal = (
            both[:half, :half],
            both[:half, half:],
            both[half:, :half],
            both[half:, half:],
        )
        energies += [np.square(band).sum() for band in (lying, upright, diagonal)]
    return np.sqrt([*energies, np.square(coarse).sum()]) / side


@pytest.mark.parametrize("wavelet", TAPS)
@pytest.mark.parametrize(("levels", "square"), [(1, 32), (3, 32), (5, 32), (2, 4)])
def test_equals_the_definition(photos, wavelet, levels, square):
    expected = slow(resize_exact(to_grey(photos[1]), square, square), TAPS[wavelet], levels)
    row = WaveletEnergy(wavelet, levels, square, compress=False).describe([photos[1]])[0]
    assert row == pytest.approx(expected, rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("wavelet", TAPS)
def test_no_energy_is_lost(photos, wavelet):
    rows = WaveletEnergy(wavelet, 6, 256, compress=False).describe(photos)
    energies = [np.square(resize_exact(to_grey(photo), 256, 256).astype(float)).mean() for photo in photos]
    assert np.square(rows.astype(float)).sum(axis=1) == pytest.approx(energies, rel=1e-5)


def test_four_taps_do_not_see_a_slope():
    # its wavelet is at right angles to straight lines: only the border, where the slope falls, has energy
    slope = np.tile(np.arange(256, dtype=np.uint8), (256, 1))[:, :, None].repeat(3, 2)
    haar, four = (WaveletEnergy(wavelet, 1, 256, compress=False).describe([slope])[0] for wavelet in TAPS)
    assert haar[1] == pytest.approx(0.5, abs=1e-4)  # a step of 1 in each pair of pixels
    one = slow_halves(list(range(256)), TAPS["daubechies4"])[128:]
    assert np.abs(one[:-1]).max() < 1e-9
    assert four[1] == pytest.approx(abs(one[-1]) / 16, rel=1e-3)


def test_a_right_angle_swaps_lying_and_upright(photos):
    for photo in photos:
        square = photo[:128, :128]
        row, turned = WaveletEnergy("haar", 3, 128).describe([square, square.transpose(1, 0, 2)])
        assert turned[:9].reshape(3, 3)[:, [1, 0, 2]] == pytest.approx(row[:9].reshape(3, 3), abs=1e-4)


def test_stripes_are_in_the_band_of_their_size():
    for level in range(4):
        lines = (np.arange(256) >> level) % 2 * 200
        lying = np.tile(lines[:, None], (1, 256)).astype(np.uint8)[:, :, None].repeat(3, 2)
        row = WaveletEnergy("haar", 4, 256, compress=False).describe([lying])[0]
        assert row == pytest.approx([*(100.0 * (band == 3 * level) for band in range(12)), 100.0], abs=1e-3)


def test_reencoding_is_near_and_other_images_far(photos, reencoded):
    energy = WaveletEnergy()
    distances = L2().distances(energy.describe(reencoded), energy.describe(photos))
    assert (distances.argmin(axis=1) == np.arange(len(photos))).all()


@pytest.mark.parametrize("wrong", [{"wavelet": "db2"}, {"levels": 9}, {"square": 100}, {"square": 1024}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        WaveletEnergy(**wrong)
