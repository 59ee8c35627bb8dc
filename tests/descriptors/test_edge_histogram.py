import math

import numpy as np
import pytest

from nearsight.descriptors.edge_histogram import EdgeHistogram
from nearsight.metrics.l1 import L1


def bar(degrees, side=128, width=30):
    """A soft bright bar right through the image, `degrees` anti-clockwise from the x axis."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    across = x * math.sin(math.radians(degrees)) + y * math.cos(math.radians(degrees))
    light = 128 + 100 * np.tanh((width / 2 - np.abs(across)) / 4)
    return np.repeat(np.rint(light)[:, :, None], 3, 2).astype(np.uint8)


@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("coherence", [0.0, 0.5])
def test_a_bar_has_mass_only_in_the_bin_of_its_direction(number, coherence):
    histogram = EdgeHistogram(grid=1, bins=12, strengths=(4.0,), coherence=coherence)
    row = histogram.describe([bar(number * 15)])[0]
    assert row[number] > 0.1
    # mirrored at the border, its gradients meet at an angle
    assert row[number] > 0.96 * row.sum()


def test_equals_a_slow_loop(photos):
    luma = photos[3][40:72, 30:70] @ np.array([0.299, 0.587, 0.114])
    image = np.repeat(np.rint(luma)[:, :, None], 3, 2).astype(np.uint8)
    padded = np.pad(image[:, :, 0].astype(float), 1, mode="symmetric")
    expected = np.zeros((2, 2, 3, 6))
    for y in range(32):
        for x in range(40):
            (a, b, c), (d, _, e), (f, g, h) = padded[y : y + 3, x : x + 3]
            along_x = (3 * (c - a) + 10 * (e - d) + 3 * (h - f)) / 32
            along_y = (3 * (f - a) + 10 * (g - b) + 3 * (h - c)) / 32
            strength = math.hypot(along_x, along_y)
            line = math.degrees(math.atan2(along_x, along_y)) % 180
            for place in [sum(strength >= low for low in (1.0, 5.0, 20.0)) - 1]:
                if place >= 0:
                    expected[y // 16, x // 20, place, round(line / 30) % 6] += 1 / 320
    histogram = EdgeHistogram(grid=2, bins=6, strengths=(1.0, 5.0, 20.0), coherence=0.0, whole=3.0)
    row = histogram.describe([image])[0]
    assert row[:72] == pytest.approx(expected.ravel(), abs=0.007)  # two pixels on the edge of a bin
    assert row[72:] == pytest.approx(3 * row[:72].reshape(4, -1).mean(axis=0), abs=1e-6)


def test_crossing_lines_have_no_direction():
    board = np.kron(np.indices((16, 16)).sum(axis=0) % 2, np.ones((3, 3)))[:, :, None] * np.full(3, 200)
    histogram = EdgeHistogram(grid=1, bins=4, strengths=(4.0,))
    crossed, lines = histogram.describe([board.astype(np.uint8), bar(90)])
    assert crossed[4] > 0.9 * crossed.sum()
    assert lines[4] < 0.01


def test_a_mirrored_image_has_mirrored_cells_and_directions(photos):
    histogram = EdgeHistogram(grid=3, bins=5, strengths=(4.0,), whole=0.0, coherence=0.0)
    for photo in photos:
        row, mirrored = histogram.describe([photo, photo[:, ::-1]]).reshape(2, 3, 3, 5)
        assert mirrored[:, ::-1][..., [0, 4, 3, 2, 1]] == pytest.approx(row, abs=0.002)


def test_a_right_angle_turns_the_directions(photos):
    histogram = EdgeHistogram(grid=1, bins=6, strengths=(4.0,), coherence=0.0)
    for photo in photos:
        row, turned = histogram.describe([photo, np.rot90(photo)])
        assert np.roll(turned, 3) == pytest.approx(row, abs=0.002)
        assert L1().distances(row[None], turned[None]) > 0.02


def test_a_flat_image_has_no_edges_and_a_darker_one_the_same_directions(photos):
    histogram = EdgeHistogram(grid=1, strengths=(4.0,))
    assert not histogram.describe([np.full((30, 40, 3), 99, np.uint8)]).any()
    row, darker = histogram.describe([photos[0], photos[0] // 2])
    assert np.corrcoef(row, darker)[0, 1] > 0.95


def test_reencoding_is_near_and_other_images_far(photos, reencoded):
    histogram = EdgeHistogram()
    distances = L1().distances(histogram.describe(reencoded), histogram.describe(photos))
    assert (distances.argmin(axis=1) == np.arange(len(photos))).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"grid": 0},
        {"bins": 91},
        {"strengths": ()},
        {"strengths": (4.0, 4.0)},
        {"strengths": (0.0, 4.0)},
        {"coherence": 1.1},
        {"whole": -1.0},
    ],
)
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EdgeHistogram(**wrong)
