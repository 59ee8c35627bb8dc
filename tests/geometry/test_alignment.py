from math import comb, log10

import cv2
import numpy as np
import pytest

from nearsight.features.sift import mirror_features
from nearsight.geometry.alignment import (
    compute_log_nfa,
    downscale_to_align,
    fit_affine,
    pixel_correlation,
    rootsift_features,
)
from nearsight.geometry.matching import Matches, match_mutual_nearest

skimage_data = pytest.importorskip("skimage.data")


@pytest.fixture(scope="module")
def astronaut():
    return downscale_to_align(skimage_data.astronaut(), 256)


def similarity(scale, degrees, shift):
    turn = np.radians(degrees)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.vstack([np.column_stack([linear, shift]), [0, 0, 1]])


def move(matrix, points):
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def made_up(random, right, wrong, matrix, scale, degrees):
    """Matches of which the first `right` follow the matrix with half a pixel of noise and the others do not."""
    query = random.uniform(0, 250, (right + wrong, 2))
    hit = np.concatenate(
        [move(matrix, query[:right]) + random.normal(0, 0.5, (right, 2)), random.uniform(0, 250, (wrong, 2))]
    )
    ratios = np.concatenate([scale * np.exp(random.normal(0, 0.1, right)), np.exp(random.normal(0, 0.7, wrong))])
    turns = np.concatenate([degrees + random.normal(0, 4, right), random.uniform(0, 360, wrong)])
    return Matches(query, hit, ratios, turns)


@pytest.mark.parametrize(("scale", "degrees"), [(1.0, 0.0), (0.5, 15.0), (1.7, -90.0), (0.8, 179.0)])
def test_known_similarity_is_recovered_among_wrong_matches(scale, degrees):
    random = np.random.default_rng(0)
    matrix = similarity(scale, degrees, (12, -7))
    found = fit_affine(made_up(random, 30, 60, matrix, scale, degrees), (256, 256))
    corners = np.array([[0, 0], [250, 0], [250, 250], [0, 250]], float)
    assert 27 <= found.n_inliers <= 32
    assert np.abs(move(found.matrix, corners) - move(matrix, corners)).max() < 1.5


def test_one_stretched_way_is_recovered():
    random = np.random.default_rng(1)
    matrix = np.array([[1.25, 0, 3], [0, 1, 5], [0, 0, 1.0]])
    found = fit_affine(made_up(random, 60, 20, matrix, 1.1, 0), (256, 256))
    assert found.n_inliers >= 50
    assert found.matrix == pytest.approx(matrix, abs=0.5)


def test_chance_is_three_times_the_circle():
    found = fit_affine(made_up(np.random.default_rng(0), 30, 0, np.eye(3), 1, 0), (200, 100), tolerance=2.0)
    scale = np.sqrt(np.linalg.det(found.matrix[:2, :2]))
    assert found.match_probability == pytest.approx(3 * np.pi * 4 * scale / 20000)


def test_points_in_one_place_count_once_and_one_spot_or_line_is_no_evidence():
    random = np.random.default_rng(2)
    spread = random.uniform(0, 250, (8, 2))
    crowd = np.concatenate([spread, spread[0] + random.uniform(-1, 1, (40, 2))])
    same = np.ones(len(crowd)), np.zeros(len(crowd))
    assert fit_affine(Matches(crowd, crowd, *same), (256, 256)).n_inliers <= 12
    spot = 100 + random.uniform(-4, 4, (48, 2))
    line = np.column_stack([np.linspace(0, 250, 48), np.full(48, 100) + random.uniform(-1, 1, 48)])
    for degenerate in (spot, line, np.full((48, 2), 7.0)):
        assert fit_affine(Matches(degenerate, degenerate, *same), (256, 256)) is None


def test_mirrored_points_do_not_agree():
    random = np.random.default_rng(3)
    query = random.uniform(0, 250, (40, 2))
    found = fit_affine(Matches(query, query * [-1, 1] + [250, 0], np.ones(40), np.zeros(40)), (256, 256))
    assert found is None or found.n_inliers < 8


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_matches_fit_nothing(count):
    points = np.random.default_rng(0).uniform(0, 250, (count, 2))
    assert fit_affine(Matches(points, points, np.ones(count), np.zeros(count)), (256, 256)) is None


@pytest.mark.parametrize(("tried", "agreeing", "chance"), [(4, 4, 0.01), (30, 9, 0.001), (60, 60, 0.3), (25, 5, 0.5)])
def test_false_alarms_agree_with_a_direct_sum(tried, agreeing, chance):
    n = tried - 3
    tail = sum(comb(n, k) * chance**k * (1 - chance) ** (n - k) for k in range(agreeing - 3, n + 1))
    expected = log10(500) + log10(comb(tried, 3)) + log10(tail)
    assert compute_log_nfa(500, tried, agreeing, chance) == pytest.approx(expected, abs=1e-9)


def test_false_alarms_fall_with_evidence_and_rise_with_the_collection():
    alarms = [compute_log_nfa(1000, 40, agreeing, 0.002) for agreeing in range(3, 41)]
    assert alarms[0] == float("inf")
    assert alarms == sorted(alarms, reverse=True)
    assert np.isfinite(compute_log_nfa(10**9, 400, 400, 1e-5))
    assert compute_log_nfa(10**6, 40, 9, 0.002) - compute_log_nfa(10, 40, 9, 0.002) == pytest.approx(5)


@pytest.mark.parametrize("count", [10, 40, 120])
def test_random_matches_raise_no_more_alarms_than_promised(count):
    random, images, alarms = np.random.default_rng(4), 150, []
    for _ in range(images):
        found = fit_affine(made_up(random, 0, count, np.eye(3), 1, 0), (250, 250))
        if found is not None:
            alarms.append(compute_log_nfa(images, found.n_tentative, found.n_inliers, found.match_probability))
    for promised in (0.1, 1.0, 10.0):
        assert (np.array(alarms) <= log10(promised)).sum() <= promised


def test_descriptors_are_rooted_and_deterministic(astronaut):
    first, second = rootsift_features(astronaut, 200), rootsift_features(astronaut.copy(), 200)
    assert 150 < len(first) <= 205
    assert np.linalg.norm(first.descriptors, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(first.descriptors, second.descriptors)
    assert np.array_equal(first.points, second.points)


def test_points_have_their_centres_at_one_half():
    spot = np.zeros((65, 65), np.float32)
    spot[32, 32] = 1
    blurred = cv2.GaussianBlur(spot, (0, 0), 4)
    found = rootsift_features(np.repeat((255 * blurred / blurred.max()).astype(np.uint8)[:, :, None], 3, axis=2), 10)
    assert found.points[0] == pytest.approx([32.5, 32.5], abs=0.3)


def test_mirrored_features_are_those_of_the_mirror_image(astronaut):
    made = mirror_features(rootsift_features(astronaut, 200), astronaut.shape[1])
    seen = rootsift_features(np.ascontiguousarray(astronaut[:, ::-1]), 200)
    apart = np.linalg.norm(made.points[:, None] - seen.points, axis=2)
    turned = np.abs((made.angles[:, None] - seen.angles + 180) % 360 - 180)
    same = (apart < 1) & (turned < 5)
    likeness = np.where(same, made.descriptors @ seen.descriptors.T, 0).max(axis=1)
    assert same.any(axis=1).mean() > 0.85
    assert np.median(likeness) > 0.99


def test_matches_agree_with_a_slow_search(astronaut):
    query, hit = (
        rootsift_features(astronaut, 60),
        rootsift_features(downscale_to_align(skimage_data.astronaut(), 200), 60),
    )
    distances = np.linalg.norm(query.descriptors[:, None] - hit.descriptors, axis=2)
    slow = []
    for i, row in enumerate(distances):
        nearest, second = np.sort(row)[:2]
        j = int(row.argmin())
        if nearest < 0.85 * second and distances[:, j].argmin() == i:
            slow.append((*query.points[i], *hit.points[j]))
    found = match_mutual_nearest(query, hit)
    assert len(slow) > 10
    assert np.column_stack([found.query_points, found.hit_points]) == pytest.approx(np.array(slow))


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (7, 3), (64, 64)])
def test_featureless_images_match_nothing(shape, astronaut):
    blank = np.full((*shape, 3), 90, np.uint8)
    none, some = rootsift_features(blank, 200), rootsift_features(astronaut, 200)
    assert len(none) == 0
    assert (
        len(match_mutual_nearest(none, some))
        == len(match_mutual_nearest(some, none))
        == len(match_mutual_nearest(none, none))
        == 0
    )
    assert len(mirror_features(none, 5)) == 0
    for pair in ((blank, astronaut), (astronaut, blank), (blank, blank)):
        assert pixel_correlation(*pair, np.eye(3)) == pytest.approx(0, abs=1e-3)


def test_agreement_of_a_copy_and_of_another_image(astronaut):
    matrix = similarity(0.6, 20, (40, 10))
    smaller = cv2.warpAffine(astronaut, matrix[:2], (220, 220))
    other = downscale_to_align(skimage_data.chelsea(), 256)
    assert pixel_correlation(astronaut, astronaut, np.eye(3)) > 0.99
    assert pixel_correlation(astronaut, smaller, matrix) > 0.9
    assert pixel_correlation(astronaut, 255 - astronaut, np.eye(3)) < -0.8
    assert abs(pixel_correlation(astronaut, other, np.eye(3))) < 0.3
    assert pixel_correlation(astronaut, astronaut, similarity(1, 0, (15, 15))) < 0.6


def test_reduced_never_enlarges():
    image = np.zeros((30, 400, 3), np.uint8)
    assert downscale_to_align(image, 256).shape == (19, 256, 3)
    assert downscale_to_align(image, 400) is image
    assert downscale_to_align(np.zeros((1, 9999, 3), np.uint8), 100).shape == (1, 100, 3)
