import numpy as np
import pytest
from scipy.ndimage import convolve, uniform_filter

from nearsight.descriptors.laws import KERNEL_PAIRS, KERNELS, Laws
from nearsight.images.colour import to_grey
from nearsight.metrics.l2 import L2


def stripes(step, upright=True, side=96):
    lines = (np.arange(side) // step % 2 * 160 + 40).astype(np.uint8)
    image = np.tile(lines, (side, 1))
    return np.repeat((image if upright else image.T)[:, :, None], 3, 2)


def test_equals_whole_kernels_one_by_one(photos):
    image = photos[2][:70, :90]
    luma = to_grey(image).astype(float)
    luma -= uniform_filter(luma, 9, mode="reflect")
    expected = []
    for first, second in KERNEL_PAIRS:
        masks = [np.outer(KERNELS[a], KERNELS[b]) for a, b in ((first, second), (second, first))]
        answers = [np.abs(convolve(luma, mask[::-1, ::-1] / np.abs(mask).sum(), mode="reflect")) for mask in masks]
        energy = uniform_filter(sum(answers) / 2, 9, mode="reflect")
        expected.append([energy.mean(), energy.std()])
    plain = Laws(window=9, compress=False).describe([image])[0].reshape(15, 2)
    assert plain == pytest.approx(np.array(expected), rel=1e-3, abs=1e-3)
    assert Laws(window=9, level=False, compress=False).describe([image])[0] == pytest.approx(plain[1:].ravel())
    assert Laws(window=9).describe([image])[0] == pytest.approx(np.log(1 + 10 * plain.ravel()), rel=1e-5)


def test_the_fifteen_pairs():
    names = "LL LE LS LW LR EE ES EW ER SS SW SR WW WR RR"
    assert ["".join(pair) for pair in KERNEL_PAIRS] == names.split()
    for name in "ESWR":
        assert sum(KERNELS[name]) == 0


def test_ripples_and_edges_are_told_apart():
    fine, coarse = Laws(compress=False).describe([stripes(1), stripes(8)]).reshape(2, 15, 2)[:, :, 0]
    level_ripple, level_edge = KERNEL_PAIRS.index(("L", "R")), KERNEL_PAIRS.index(("L", "E"))
    assert fine[level_ripple] > 10 * fine[level_edge]
    assert coarse[level_edge] > 2 * coarse[level_ripple]


def test_right_angles_and_mirrors_change_nothing(photos):
    for photo in photos:
        rows = Laws().describe([np.rot90(photo, quarter) for quarter in range(4)] + [photo[:, ::-1]])
        assert rows == pytest.approx(np.tile(rows[0], (5, 1)), abs=1e-3)


def test_light_does_not_count_and_a_flat_image_has_none():
    dark, light, flat = Laws().describe([stripes(3) - 30, stripes(3) + 40, np.full((50, 50, 3), 70, np.uint8)])
    assert dark == pytest.approx(light, abs=1e-4)
    assert flat == pytest.approx(0, abs=1e-3)


def test_another_part_of_a_texture_is_near(photos):
    rows, others = (
        Laws().describe([photo[part, part] for photo in photos]) for part in (slice(0, 150), slice(20, 170))
    )
    distances = L2().distances(others, rows)
    assert (distances.argmin(axis=1) == np.arange(len(photos))).all()


@pytest.mark.parametrize("window", [1, 8, 65])
def test_wrong_parameters(window):
    with pytest.raises(ValueError, match="window"):
        Laws(window)
