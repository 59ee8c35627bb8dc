import numpy as np
import pytest

from nearsight.descriptors.colour_correlogram import ColourCorrelogram
from nearsight.metrics.chi2 import Chi2


def slow(numbers, colours, distance):
    height, width = numbers.shape
    same, there = np.zeros(colours), np.zeros(colours)
    for y in range(height):
        for x in range(width):
            for v in range(max(0, y - distance), min(height, y + distance + 1)):
                for u in range(max(0, x - distance), min(width, x + distance + 1)):
                    if max(abs(v - y), abs(u - x)) == distance:
                        there[numbers[y, x]] += 1
                        same[numbers[y, x]] += numbers[v, u] == numbers[y, x]
    return np.divide(same, there, out=np.zeros(colours), where=there > 0)


@pytest.mark.parametrize("shape", [(13, 17), (4, 30), (1, 9), (30, 2)])
def test_equals_counting_pair_by_pair(photos, shape):
    image = photos[0][: 3 * shape[0] : 3, : 3 * shape[1] : 3]
    numbers = ((image.astype(int) * 4 // 256) @ [16, 4, 1])[: shape[0], : shape[1]]
    row = ColourCorrelogram(space="rgb", bins=(4, 4, 4)).describe([image])[0].reshape(4, 64)
    for values, distance in zip(row, (1, 3, 5, 7), strict=True):
        assert values == pytest.approx(slow(numbers, 64, distance), abs=1e-6)


def test_more_colours_than_a_byte_holds(photos):
    image = photos[0][:20, :20]
    numbers = (image.astype(int) * 8 // 256) @ [64, 8, 1]
    row = ColourCorrelogram(space="rgb", bins=(8, 8, 8), distances=(2,)).describe([image])[0]
    assert row == pytest.approx(slow(numbers, 512, 2), abs=1e-6)


def test_the_longest_distance_is_not_counted_round_a_byte():
    row = ColourCorrelogram(distances=(32,)).describe([np.zeros((100, 100, 3), np.uint8)])[0]
    assert row[0] == 1


def test_right_angles_and_mirrors_change_nothing(photos):
    correlogram = ColourCorrelogram()
    for photo in photos:
        rows = correlogram.describe([np.rot90(photo, quarter) for quarter in range(4)] + [photo[:, ::-1]])
        assert rows == pytest.approx(np.tile(rows[0], (5, 1)), abs=1e-6)


def test_tells_patches_from_the_same_colours_scattered():
    patches = np.zeros((64, 64, 3), np.uint8)
    patches[:, 32:] = 255, 0, 0
    scattered = patches.reshape(-1, 3)[np.random.default_rng(0).permutation(64 * 64)].reshape(64, 64, 3)
    correlogram = ColourCorrelogram(space="rgb", bins=(2, 2, 2), distances=(1,))
    together, apart = correlogram.describe([patches, scattered])
    assert together[[0, 4]] == pytest.approx(1, abs=0.02)
    assert apart[[0, 4]] == pytest.approx(0.5, abs=0.02)


def test_reencoding_is_near_and_other_images_far(photos, reencoded):
    correlogram = ColourCorrelogram()
    distances = Chi2().distances(correlogram.describe(reencoded), correlogram.describe(photos))
    assert (distances.argmin(axis=1) == np.arange(len(photos))).all()


def test_shared_names_the_colours_in_patches():
    flag = np.zeros((60, 60, 3), np.uint8)
    flag[:, 30:] = 255, 0, 0
    correlogram = ColourCorrelogram(space="rgb", bins=(2, 2, 2))
    black, both = correlogram.describe([np.zeros((9, 9, 3), np.uint8), flag])
    assert correlogram.explain_overlap(both, both) == "both have patches of #404040 and #c04040"
    assert correlogram.explain_overlap(black, both) == "both have patches of #404040"
    assert correlogram.explain_overlap(black, np.zeros_like(black)) == ""


@pytest.mark.parametrize(
    "wrong",
    [{"space": "hsl"}, {"bins": (8, 8)}, {"distances": ()}, {"distances": (1, 1)}, {"distances": (33,)}],
)
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ColourCorrelogram(**wrong)
