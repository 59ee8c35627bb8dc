import numpy as np
import pytest

from nearsight.descriptors.tiny import Tiny


def test_raw_values_are_area_means(photos):
    image = np.ascontiguousarray(photos[0][:128, :96])
    row = Tiny(normalise=False).describe([image])[0].reshape(32, 32, 3)
    for y in range(32):
        for x in range(32):
            assert row[y, x] == pytest.approx(image[4 * y : 4 * y + 4, 3 * x : 3 * x + 3].mean((0, 1)) / 255, abs=0.003)


def test_normalised_distance_is_correlation(photos):
    raw, plain = Tiny(normalise=False).describe(photos[:2]), Tiny().describe(photos[:2])
    correlation = np.corrcoef(raw)[0, 1]
    assert np.square(plain[0] - plain[1]).sum() == pytest.approx(2 - 2 * correlation, abs=1e-5)
    assert plain.mean(axis=1) == pytest.approx([0, 0], abs=1e-7)


def test_luma_without_colour(photos):
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    assert Tiny(square=4, colour=False, normalise=False).describe([red]) == pytest.approx(np.full((1, 16), 60 / 255))


def test_brightness_and_contrast_are_taken_out(photos):
    photo = photos[1]
    darker = (photo // 2 + 20).astype(np.uint8)
    rows = Tiny().describe([photo, darker, photos[2]])
    assert np.linalg.norm(rows[0] - rows[1]) < 0.05
    assert np.linalg.norm(rows[0] - rows[2]) > 0.5


def test_reencoding_is_near_and_a_right_angle_far(photos, reencoded):
    rows, again = Tiny().describe(photos), Tiny().describe(reencoded)
    turned = Tiny().describe([np.rot90(photo) for photo in photos])
    assert (np.linalg.norm(rows - again, axis=1) < 0.2).all()
    assert (np.linalg.norm(rows - turned, axis=1) > 2 * np.linalg.norm(rows - again, axis=1)).all()


@pytest.mark.parametrize("value", [0, 1, 77, 255])
def test_flat_images_are_zeros(value):
    assert not Tiny().describe([np.full((7, 5, 3), value, np.uint8)]).any()


def test_one_row_grows_to_a_square():
    ramp = np.zeros((1, 64, 3), np.uint8)
    ramp[0, :, :] = np.arange(0, 256, 4)[:, None]
    row = Tiny(square=4, colour=False, normalise=False).describe([ramp])[0].reshape(4, 4)
    assert (row == row[0]).all()
    assert row[0] * 255 == pytest.approx([30, 94, 158, 222], abs=0.6)


@pytest.mark.parametrize("square", [0, 257])
def test_wrong_parameters(square):
    with pytest.raises(ValueError, match="square"):
        Tiny(square=square)
