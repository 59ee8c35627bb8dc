import numpy as np
import pytest
from skimage.feature import local_binary_pattern

from nearsight.descriptors.lbp import Lbp
from nearsight.metrics.chi2 import Chi2

KINDS = {"plain": "default", "uniform": "nri_uniform", "rotation_invariant": "ror", "riu2": "uniform"}
FEW = [(8, 1.0), (8, 2.5), (12, 1.5)]
CIRCLES = {
    "plain": FEW,
    "rotation_invariant": [*FEW, (16, 2.0)],
    "uniform": [*FEW, (16, 2.0), (24, 3.0)],
    "riu2": [*FEW, (16, 2.0), (24, 3.0)],
}


def noise(seed=0, shape=(60, 50)):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 1), np.uint8).repeat(3, 2)


@pytest.mark.parametrize(("kind", "points", "radius"), [(kind, *circle) for kind in KINDS for circle in CIRCLES[kind]])
def test_counts_what_scikit_image_labels(kind, points, radius):
    image = noise()
    border = int(np.ceil(radius))
    labels = local_binary_pattern(image[:, :, 0], points, radius, KINDS[kind])[border:-border, border:-border]
    row = Lbp(points, radius, kind).describe([image])[0]
    expected = np.unique(labels, return_counts=True)[1] / labels.size
    if kind in ("plain", "riu2"):  # the same numbers; the other two are numbered in another order
        wanted = np.zeros(len(row))
        wanted[np.unique(labels).astype(int)] = expected
        assert row == pytest.approx(wanted, abs=1e-6)
    assert sorted(row[row > 0]) == pytest.approx(sorted(expected), abs=1e-6)


@pytest.mark.parametrize("kind", ["uniform", "rotation_invariant"])
def test_merges_the_same_patterns_as_scikit_image(kind):
    # an image of one pattern in its middle, for all patterns
    ours, theirs = {}, {}
    for pattern in range(256):
        image = np.zeros((3, 3, 3), np.uint8)
        image[1, 1] = 100
        around = [(1, 2), (0, 2), (0, 1), (0, 0), (1, 0), (2, 0), (2, 1), (2, 2)]
        for bit, place in enumerate(around):
            image[place] = 255 * (pattern >> bit & 1)
        # the corners are not on a circle of 1 pixel; the square root of 2 has them as whole pixels of another one
        ours[pattern] = int(Lbp(8, 1.0, kind).describe([image])[0].argmax())
        theirs[pattern] = int(local_binary_pattern(image[:, :, 0], 8, 1.0, KINDS[kind])[1, 1])
    pairs = set(zip(ours.values(), theirs.values(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def test_sizes():
    sizes = [Lbp(8, 1.0, kind).size for kind in KINDS]
    assert sizes == [256, 59, 36, 10]
    assert Lbp(16, 2.0, "rotation_invariant").size == 4116
    assert Lbp(24, 3.0, "riu2").size == 26


@pytest.mark.parametrize("kind", ["rotation_invariant", "riu2"])
def test_a_right_angle_changes_nothing_where_turns_do_not_count(photos, kind):
    invariant = Lbp(8, 1.0, kind)
    for photo in photos:
        rows = invariant.describe([np.rot90(photo, quarter) for quarter in range(4)])
        assert rows == pytest.approx(np.tile(rows[0], (4, 1)), abs=1e-3)  # interpolation may round another way


def test_a_right_angle_counts_where_turns_do(photos):
    upright, turned = Lbp().describe([photos[0], np.rot90(photos[0])])
    assert np.abs(upright - turned).sum() > 0.05


def test_brighter_and_steeper_is_the_same_texture(photos):
    halves = [photo // 2 for photo in photos]
    again = [half.astype(np.uint8) * 2 for half in halves]
    grey_only = [np.repeat(half[:, :, :1], 3, 2) for half in halves], [np.repeat(one[:, :, :1], 3, 2) for one in again]
    rows, stretched = (Lbp().describe(images) for images in grey_only)
    assert rows == pytest.approx(stretched, abs=1e-6)


def test_another_part_of_a_texture_is_near():
    rng = np.random.default_rng(0)
    rough = rng.integers(0, 256, (128, 128, 1), np.uint8)
    smooth = np.kron(rng.integers(0, 256, (32, 32, 1), np.uint8), np.ones((4, 4, 1), np.uint8))
    parts = [each.repeat(3, 2)[top : top + 60] for each in (rough, smooth) for top in (0, 64)]
    rows = Lbp().describe(parts)
    distances = Chi2().distances(rows, rows)
    assert max(distances[0, 1], distances[2, 3]) < 0.5 * distances[:2, 2:].min()


def test_too_small_for_a_circle():
    assert not Lbp(radius=3.0).describe([noise(shape=(6, 40))]).any()
    assert Lbp(radius=3.0).describe([noise(shape=(7, 40))]).sum() == pytest.approx(1)


@pytest.mark.parametrize("wrong", [{"points": 3}, {"radius": 0.5}, {"kind": "var"}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Lbp(**wrong)
    with pytest.raises(ValueError, match="12 for plain; got 16"):
        Lbp(points=16, kind="plain")
