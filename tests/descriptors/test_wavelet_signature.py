import math

import cv2
import numpy as np
import pytest
from skimage.color import rgb2yiq

from nearsight.descriptors._haar import haar_transform, inverse_haar_transform
from nearsight.descriptors.wavelet_signature import WaveletSignature
from nearsight.images.colour import resize_exact
from nearsight.metrics.wavelet_match import WaveletMatch


def decomposed(line):
    line = list(line)
    length = len(line)
    while length > 1:
        half = length // 2
        sums = [(line[2 * i] + line[2 * i + 1]) / math.sqrt(2) for i in range(half)]
        line[half:length] = [(line[2 * i] - line[2 * i + 1]) / math.sqrt(2) for i in range(half)]
        line[:half] = sums
        length = half
    return line


def slow_haar(image):
    return np.array([decomposed(column) for column in np.array([decomposed(row) for row in image]).T]).T


@pytest.mark.parametrize("side", [1, 2, 8, 32])
def test_haar_equals_averaging_and_differencing(side):
    image = np.random.default_rng(0).random((side, side))
    assert haar_transform(image) == pytest.approx(slow_haar(image), abs=1e-12)


@pytest.mark.parametrize("side", [2, 16, 128])
def test_haar_is_undone_and_keeps_the_energy(side):
    maps = np.random.default_rng(1).random((3, side, side))
    assert inverse_haar_transform(haar_transform(maps)) == pytest.approx(maps, abs=1e-12)
    assert np.square(haar_transform(maps)).sum() == pytest.approx(np.square(maps).sum())
    assert haar_transform(maps)[:, 0, 0] == pytest.approx(side * maps.mean(axis=(1, 2)))


def test_keeps_the_places_and_signs_of_the_largest(photos):
    row = WaveletSignature(coefficients=30).describe([photos[0]])[0]
    channels = rgb2yiq(resize_exact(photos[0], 128, 128)).transpose(2, 0, 1)
    assert row[:3] == pytest.approx(channels.mean(axis=(1, 2)), abs=1e-4)
    for channel, places in zip(channels, row[3:].reshape(3, 30), strict=True):
        flat = slow_haar(channel).ravel()
        expected = sorted(range(1, 128 * 128), key=lambda place: -abs(flat[place]))[:30]
        assert sorted(np.abs(places).tolist()) == sorted(expected)
        assert (np.sign(places) == np.sign(flat[np.abs(places).astype(int)])).all()


def test_a_few_coefficients_draw_the_image(photos):
    # what the signature keeps is the best drawing with so many coefficients: most of the image's energy
    luma = resize_exact(photos[5], 128, 128).astype(np.float64) @ [0.299, 0.587, 0.114]
    coefficients = haar_transform(luma - luma.mean())
    row = WaveletSignature(coefficients=200).describe([photos[5]])[0]
    kept = np.zeros(128 * 128)
    places = np.abs(row[3:203]).astype(int)
    kept[places] = coefficients.ravel()[places]
    rest = inverse_haar_transform(kept.reshape(128, 128)) - (luma - luma.mean())
    assert np.square(rest).sum() < 0.2 * np.square(luma - luma.mean()).sum()


def test_a_flat_image_has_no_coefficients():
    row = WaveletSignature().describe([np.full((50, 70, 3), (10, 200, 30), np.uint8)])[0]
    assert not row[3:].any()


def test_scaled_and_reencoded_copies_are_found(photos, reencoded):
    signature = WaveletSignature()
    scaled = [cv2.resize(photo, (90, 70), interpolation=cv2.INTER_AREA) for photo in photos]
    brighter = [(photo * 0.8 + 30).astype(np.uint8) for photo in photos]
    rows = signature.describe(photos)
    for copies in (scaled, reencoded, brighter):
        distances = WaveletMatch().distances(signature.describe(copies), rows)
        assert (distances.argmin(axis=1) == np.arange(len(photos))).all()


def test_a_mirrored_image_is_no_copy(photos):
    signature = WaveletSignature()
    rows, mirrored = signature.describe(photos), signature.describe([photo[:, ::-1] for photo in photos])
    scaled = signature.describe([photo[::2, ::2] for photo in photos])
    copies, mirrors = (np.diag(WaveletMatch().distances(each, rows)) for each in (scaled, mirrored))
    assert (mirrors > 3 * copies).all()


def test_wrong_parameters():
    with pytest.raises(ValueError, match="coefficients"):
        WaveletSignature(0)
