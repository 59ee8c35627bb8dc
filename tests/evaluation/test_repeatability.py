import doctest
import math

import numpy as np
import pytest

from nearsight.evaluation import repeatability as measure
from nearsight.evaluation.repeatability import correspondences, matching_score, repeatability
from nearsight.metrics.hamming import Hamming
from nearsight.metrics.l2 import L2
from nearsight.types import LocalFeatures

VIEW = np.array([[0.8, -0.3, 40.0], [0.25, 0.9, -10.0], [4e-4, -3e-4, 1.0]])


def features(points, scales, size=(200, 150), descriptors=None):
    points = np.asarray(points, np.float32).reshape(-1, 2)
    rows = np.zeros((len(points), 4), np.float32) if descriptors is None else descriptors
    return LocalFeatures(points, np.asarray(scales, np.float32), np.zeros(len(points), np.float32), rows, size)


def scattered(seed, count, size=(200, 150)):
    rng = np.random.default_rng(seed)
    rows = rng.random((count, 8)).astype(np.float32)
    return features(rng.random((count, 2)) * size, rng.uniform(4, 30, count), size, rows)


def seen_again(first, seed, matrix=VIEW, noise=6):
    """The features of another view of the same, a little beside their places, and as many that are new."""
    rng = np.random.default_rng(seed)
    points, scales = [], []
    for (x, y), scale in zip(first.points.tolist(), first.scales.tolist(), strict=True):
        at = [float(value) for value in projected(matrix, x, y)]
        points.append(np.array(at) + rng.normal(0, noise, 2))
        scales.append(scale * math.sqrt(magnified(matrix, x, y)) * rng.uniform(0.85, 1.18))
    fresh = scattered(seed + 1, len(first))
    inside = [0 <= x <= 200 and 0 <= y <= 150 for x, y in points]
    points, scales = np.array(points)[inside], np.array(scales)[inside]
    rows = first.descriptors[inside] + rng.normal(0, 0.3, first.descriptors[inside].shape).astype(np.float32)
    return features(
        np.concatenate([fresh.points, points]),
        np.concatenate([fresh.scales, scales]),
        descriptors=np.concatenate([fresh.descriptors, rows]),
    )


def projected(matrix, x, y):
    a, b, w = matrix @ (x, y, 1)
    return a / w, b / w


def magnified(matrix, x, y, step=1e-3):
    """How much larger areas become, by finite differences."""
    (x0, y0), (x1, y1) = projected(matrix, x - step, y), projected(matrix, x + step, y)
    (x2, y2), (x3, y3) = projected(matrix, x, y - step), projected(matrix, x, y + step)
    return abs((x1 - x0) * (y3 - y2) - (y1 - y0) * (x3 - x2)) / (2 * step) ** 2


def counted_error(apart, one, other):
    """1 - intersection / union of two circles, by counting the points of a fine grid."""
    reach = max(one, other) + apart
    x, y = np.meshgrid(*[np.linspace(-reach, reach, 501)] * 2)
    first, second = x**2 + y**2 <= one**2, (x - apart) ** 2 + y**2 <= other**2
    return 1 - (first & second).sum() / (first | second).sum()


def slowly(first, second, matrix, metric, most=0.4):
    """Both measures, feature by feature."""
    inverse = np.linalg.inv(matrix)
    mine = [i for i, p in enumerate(first.points) if inside(projected(matrix, *p), second.size)]
    theirs = [j for j, p in enumerate(second.points) if inside(projected(inverse, *p), first.size)]
    pairs = []
    for i in mine:
        for j in theirs:
            x, y = projected(inverse, *second.points[j])
            radius = second.scales[j] / 2 * math.sqrt(magnified(inverse, *second.points[j].astype(float)))
            apart = math.dist((x, y), first.points[i])
            if apart < 70:
                error = counted_error(apart, 30, radius * 30 / (first.scales[i] / 2))
                if error < most:
                    pairs.append((error, i, j))
    kept = []
    for _, i, j in sorted(pairs):
        if all(i != a and j != b for a, b in kept):
            kept.append((i, j))
    alike = {(i, j) for _, i, j in pairs}
    nearest = {
        i: min(theirs, key=lambda k: metric.distances(first.descriptors[i : i + 1], second.descriptors[k : k + 1]))
        for i in mine
    }
    right = len({j for i, j in nearest.items() if (i, j) in alike})
    fewer = min(len(mine), len(theirs))
    return len(kept) / fewer, right / fewer


def inside(point, size):
    return all(0 <= value <= most for value, most in zip(point, size, strict=True))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_both_equal_a_slow_loop(seed):
    first = scattered(seed, 25)
    second = seen_again(first, seed)
    expected = slowly(first, second, VIEW, L2())
    assert expected[0] > expected[1] > 0
    assert repeatability(first, second, VIEW) == pytest.approx(expected[0])
    assert matching_score(first, second, VIEW, L2()) == pytest.approx(expected[1])


def test_the_overlap_of_circles_is_that_of_a_fine_grid():
    rng = np.random.default_rng(0)
    apart = np.concatenate([rng.uniform(0, 80, 30), [0, 0, 5, 100]])
    radii = np.concatenate([rng.uniform(5, 60, 30), [30, 10, 10, 30]])
    expected = [counted_error(d, 30, r) for d, r in zip(apart, radii, strict=True)]
    assert measure._overlap_error(apart, radii) == pytest.approx(expected, abs=5e-3)
    assert measure._overlap_error(np.array([0.0, 100.0]), np.array([30.0, 30.0])) == pytest.approx([0, 1])


def test_the_same_image_is_found_whole_and_another_hardly():
    first = scattered(3, 60)
    assert repeatability(first, first, np.eye(3)) == 1
    assert matching_score(first, first, np.eye(3), L2()) == 1
    assert matching_score(first, scattered(4, 60), np.eye(3), L2()) < 0.1


def test_each_feature_is_taken_once_and_the_nearest_pair_first():
    first = features([[50, 50], [52, 50]], [10, 10])
    second = features([[51.5, 50]], [10])
    assert correspondences(first, second, np.eye(3)).tolist() == [[1, 0]]
    assert repeatability(first, second, np.eye(3)) == 1


def test_a_place_of_several_descriptors_is_matched_by_any_of_them():
    # a point with two directions: the pair of the least overlap error need not be that of the nearest descriptors
    one, other = np.eye(4, dtype=np.float32)[:2]
    first = features([[50, 50], [50, 50]], [10, 10], descriptors=np.stack([one, other]))
    second = features([[50, 50], [50, 50]], [10, 10], descriptors=np.stack([other, one]))
    assert matching_score(first, second, np.eye(3), L2()) == 1
    assert matching_score(first, features([[50, 50]], [10], descriptors=one[None]), np.eye(3), L2()) == 1


def test_size_counts_and_so_does_a_place_of_normalised_size():
    # at a radius of 30, two circles 9 pixels apart have an error of .32, 15 apart of .49, however small they are
    at = features([[50, 50]], [4])
    assert repeatability(at, features([[59, 50]], [4]), np.eye(3)) == 1
    assert repeatability(at, features([[65, 50]], [4]), np.eye(3)) == 0
    assert repeatability(at, features([[50, 50]], [7]), np.eye(3)) == 0
    assert repeatability(at, features([[50, 50]], [7]), np.eye(3), max_overlap_error=0.7) == 1


def test_only_what_both_images_show_counts():
    moved = np.array([[1.0, 0, -100], [0, 1, 0], [0, 0, 1]])
    first = features([[20, 30], [120, 30], [150, 90]], [10, 10, 10])
    second = features([[20, 30], [50, 90], [190, 100]], [10, 10, 10])
    assert repeatability(first, second, moved) == 1


def test_strings_of_bits_are_compared_by_hamming():
    rows = np.random.default_rng(0).integers(0, 256, (40, 16), np.uint8)
    at = np.random.default_rng(1).random((40, 2)) * 150
    first = features(at, np.full(40, 9), descriptors=rows)
    assert matching_score(first, first, np.eye(3), Hamming()) == 1
    turned = features(at, np.full(40, 9), descriptors=np.roll(rows, 1, axis=0))
    assert repeatability(first, turned, np.eye(3)) == 1
    assert matching_score(first, turned, np.eye(3), Hamming()) < 0.2


def test_without_features_nothing_is_found():
    none, some = features([], []), scattered(0, 5)
    for one, other in ((none, some), (some, none), (none, none)):
        assert repeatability(one, other, np.eye(3)) == 0
        assert matching_score(one, other, np.eye(3), L2()) == 0
        assert correspondences(one, other, np.eye(3)).shape == (0, 2)


@pytest.mark.parametrize("wrong", [np.eye(2), np.zeros((3, 3)), np.full((3, 3), np.nan)])
def test_wrong_homographies(wrong):
    with pytest.raises(ValueError, match="homography is an invertible"):
        repeatability(scattered(0, 3), scattered(1, 3), wrong)


@pytest.mark.parametrize("wrong", [0, -1, 1.5])
def test_wrong_limits(wrong):
    with pytest.raises(ValueError, match="max_overlap_error is above 0"):
        repeatability(scattered(0, 3), scattered(1, 3), np.eye(3), wrong)


def test_the_example_runs():
    assert doctest.testmod(measure, globs=vars(measure)).failed == 0
