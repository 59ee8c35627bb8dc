import math

import cv2
import numpy as np
import pytest
from scipy.special import erf

from nearsight.features import _fast_hessian, surf
from nearsight.features._fast_hessian import detect_blobs, filter_sides, hessian_determinants, integral_image
from nearsight.features.surf import Surf
from tests.features.views import angles_after_a_quarter_turn, found_again, photograph


def grey(image):
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def filters(side):
    """The paper's figure 4, weight by weight: second derivatives down, across, and of both."""
    lobe, half = side // 3, side // 2
    down, both = np.zeros((side, side)), np.zeros((side, side))
    down[:, half - lobe + 1 : half + lobe] = np.repeat([1, -2, 1], lobe)[:, None]
    for rows, columns, sign in ((-1, -1, 1), (1, 1, 1), (-1, 1, -1), (1, -1, -1)):
        top, left = (half + 1 if way > 0 else half - lobe for way in (rows, columns))
        both[top : top + lobe, left : left + lobe] = sign
    return down, down.T, both


def slow_determinant(luma, side, x, y):
    """One pixel: every weight times its pixel."""
    half = side // 2
    part = luma[y - half : y + half + 1, x - half : x + half + 1] / 255
    yy, xx, xy = ((part * weights).sum() / side**2 for weights in filters(side))
    return xx * yy - (0.9 * xy) ** 2


def test_the_filters_are_those_of_the_paper():
    assert [filter_sides(octave) for octave in range(3)] == [[9, 15, 21, 27], [15, 27, 39, 51], [27, 51, 75, 99]]
    down, _, both = filters(9)
    assert (down[:, 4] == [1, 1, 1, -2, -2, -2, 1, 1, 1]).all()
    assert (both[1] == [0, 1, 1, 1, 0, -1, -1, -1, 0]).all()


@pytest.mark.parametrize(("side", "step"), [(9, 1), (15, 1), (15, 2), (27, 2), (51, 4)])
def test_determinants_equal_a_slow_loop(side, step):
    luma = grey(photograph(120))[:90]
    border = side // 2 + 3
    found = hessian_determinants(integral_image(luma), side, step, border)
    downs, rights = (range(border, length - border, step) for length in luma.shape)
    expected = [[slow_determinant(luma, side, x, y) for x in rights] for y in downs]
    assert np.array(expected).shape == found.shape
    assert found == pytest.approx(np.array(expected), rel=1e-4, abs=1e-7)


def test_an_integral_image_that_wraps_around_gives_the_same_sums():
    luma = grey(photograph(64))
    wrapped = integral_image(luma) + np.int32(2**31 - 100_000)
    assert (wrapped < 0).any()
    assert np.array_equal(hessian_determinants(wrapped, 9, 1, 6), hessian_determinants(integral_image(luma), 9, 1, 6))


def test_points_are_the_maxima_of_a_slow_loop():
    luma = grey(photograph(100))
    sums, border = integral_image(luma), 14
    layers = np.stack([hessian_determinants(sums, side, 1, border) for side in filter_sides(0)])
    expected = set()
    for layer in (1, 2):
        for row in range(1, layers.shape[1] - 1):
            for column in range(1, layers.shape[2] - 1):
                cube = layers[layer - 1 : layer + 2, row - 1 : row + 2, column - 1 : column + 2]
                if layers[layer, row, column] > 4e-4 and (cube < cube[1, 1, 1]).sum() == 26:
                    expected.add((layer, row, column))
    found = detect_blobs(sums, 1, 4e-4)
    # every point is a maximum that was moved by less than a step; the few others were moved further and are dropped
    at = np.column_stack([(found.sigmas / 1.2 * 9 - 9) / 6, found.positions[:, ::-1] - border - 0.5])
    for point in at:
        assert any(np.abs(point - maximum).max() < 1 for maximum in expected)
    assert 0.8 * len(expected) < len(at) <= len(expected)
    assert len(at) > 20


def test_the_summit_of_a_parabola_is_found_exactly():
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.arange(-1.0, 2)] * 3, indexing="ij"), axis=-1)
    for _ in range(20):
        root = rng.normal(size=(3, 3))
        form, summit = -(root @ root.T) - np.eye(3), rng.uniform(-0.5, 0.5, 3)
        away = grid - summit
        cube = 7 + np.einsum("...i,ij,...j", away, form, away)
        assert _fast_hessian._subpixel_offsets(cube[None])[0] == pytest.approx(summit, abs=1e-9)
    assert not np.isfinite(_fast_hessian._subpixel_offsets(np.zeros((1, 3, 3, 3)))).any()


def side_of_the_strongest_response(sigma):
    """The side L for which the boxes' response at the middle of a Gaussian blob, (Dxx / L^2)^2, is the largest."""
    sides_ = np.linspace(sigma, 12 * sigma, 20_000)
    lobe = sides_ / 3
    wide = erf((lobe - 0.5) / (math.sqrt(2) * sigma))
    lobes = erf(1.5 * lobe / (math.sqrt(2) * sigma)) - 3 * erf(0.5 * lobe / (math.sqrt(2) * sigma))
    return sides_[np.argmax(np.abs(wide * lobes) / sides_**2)]


@pytest.mark.parametrize("sigma", [3.0, 5.0, 8.0, 12.0, 16.0])
@pytest.mark.parametrize("bright", [True, False])
def test_a_gaussian_blob_is_found_at_its_middle_and_its_scale(sigma, bright):
    middle = np.array([133.8, 150.3])
    y, x = np.mgrid[:300, :280] + 0.5
    blob = 200 * np.exp(-((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / (2 * sigma**2))
    image = np.rint(20 + blob if bright else 220 - blob).astype(np.uint8)[..., None].repeat(3, axis=2)
    found = Surf(n=1).features(image)
    assert found.points[0] == pytest.approx(middle, abs=0.05 * sigma)
    # some .7 sigma: boxes are wider than the Gaussians that they stand for
    expected = 1.2 * side_of_the_strongest_response(sigma) / 9
    assert 0.65 < expected / sigma < 0.75
    # a parabola through three filters of 15, 27 and 39 is right to a tenth
    assert found.scales[0] / 2 == pytest.approx(expected, rel=0.1)


def slow_haar(luma, x, y, half):
    if x - half < 0 or y - half < 0 or x + half > luma.shape[1] or y + half > luma.shape[0]:
        return 0.0, 0.0
    part = luma[y - half : y + half, x - half : x + half].astype(float)
    across = part[:, half:].sum() - part[:, :half].sum()
    return across, part[half:].sum() - part[:half].sum()


def test_slopes_equal_a_slow_loop():
    luma = grey(photograph(64))[:50]
    rng = np.random.default_rng(0)
    places = rng.uniform(-10, 75, (20, 30, 2)).astype(np.float32)
    halves = np.concatenate([rng.uniform(0.3, 12, 18), [25.4, 60]]).astype(np.float32)
    found = surf.haar_responses(integral_image(luma), places, halves)
    for at in range(20):
        half = max(1, round(float(halves[at])))
        for each in range(30):
            x, y = (round(float(value)) for value in places[at, each])
            assert found[:, at, each] == pytest.approx(slow_haar(luma, x, y, half))
    assert np.count_nonzero(found[0]) > 150


def slow_direction(luma, x, y, s):
    """The longest sum of slopes within 60 degrees, window by window."""
    slopes = []
    for down in range(-6, 7):
        for right in range(-6, 7):
            if right**2 + down**2 < 36:
                dx, dy = slow_haar(luma, round(x + right * s), round(y + down * s), max(1, round(2 * s)))
                weight = math.exp(-(right**2 + down**2) / (2 * 2**2))
                slopes.append((math.atan2(dy, dx), weight * dx, weight * dy))
    best = (0, 0)
    for start, _, _ in slopes:
        inside = [(dx, dy) for angle, dx, dy in slopes if (angle - start) % (2 * math.pi) < math.pi / 3]
        total = (sum(dx for dx, _ in inside), sum(dy for _, dy in inside))
        best = max(best, total, key=lambda pair: math.hypot(*pair))
    return math.atan2(best[1], best[0])


def slow_descriptor(luma, x, y, s, angle, extended):
    cells = {}
    for i in range(-10, 10):
        for j in range(-10, 10):
            along, aside = j + 0.5, i + 0.5
            place_x = x + s * (math.cos(angle) * along - math.sin(angle) * aside)
            place_y = y + s * (math.sin(angle) * along + math.cos(angle) * aside)
            dx, dy = slow_haar(luma, round(place_x), round(place_y), max(1, round(s)))
            weight = math.exp(-(along**2 + aside**2) / (2 * 3.3**2))
            u = weight * (math.cos(angle) * dx + math.sin(angle) * dy)
            v = weight * (math.cos(angle) * dy - math.sin(angle) * dx)
            cell = cells.setdefault(((i + 10) // 5, (j + 10) // 5), [0.0] * (8 if extended else 4))
            if extended:
                at, to = (0 if v < 0 else 2), (4 if u < 0 else 6)
                cell[at] += u
                cell[at + 1] += abs(u)
                cell[to] += v
                cell[to + 1] += abs(v)
            else:
                cell[:] = cell[0] + u, cell[1] + v, cell[2] + abs(u), cell[3] + abs(v)
    row = np.concatenate([cells[key] for key in sorted(cells)])
    return row / np.linalg.norm(row)


@pytest.mark.parametrize("extended", [False, True])
def test_directions_and_descriptors_equal_a_slow_loop(extended):
    image = photograph(200)
    found = Surf(n=30, extended=extended).features(image)
    luma = grey(image)
    assert found.descriptors.shape == (30, 128 if extended else 64)
    for at in range(30):
        # in the precision that the places are kept in: rounding decides which pixels a wavelet has
        (x, y), s, angle = found.points[at], found.scales[at] / 2, np.float32(np.radians(found.angles[at]))
        expected = slow_direction(luma, x, y, s)
        assert abs((float(angle) - expected + math.pi) % (2 * math.pi) - math.pi) < 0.02
        row = slow_descriptor(luma, x, y, s, angle, extended)
        assert found.descriptors[at] @ row > 0.999
        assert found.descriptors[at] == pytest.approx(row, abs=0.02)


@pytest.mark.parametrize(
    ("view", "again", "matched"),
    [("a quarter turn", 0.9, 0.9), ("turned", 0.6, 0.45), ("smaller", 0.7, 0.6), ("darker", 0.95, 0.95)],
)
def test_features_are_found_again(view, again, matched):
    repeated, right = found_again(Surf(), view)
    assert repeated > again
    assert right > matched


def test_angles_turn_with_the_image():
    turns = angles_after_a_quarter_turn(Surf())
    assert len(turns) > 100
    assert (np.abs(turns - 90) < 10).mean() > 0.95


def test_upright_features_have_no_angle_and_tell_turned_ones_apart():
    upright = Surf(upright=True)
    assert (upright.features(photograph()).angles == 0).all()
    assert found_again(upright, "darker")[1] > 0.95
    assert found_again(upright, "a quarter turn")[1] < 0.1


def test_the_strongest_are_kept():
    every, few = Surf(n=10_000).features(photograph()), Surf(n=40).features(photograph())
    assert len(every) > 300
    assert np.array_equal(few.descriptors, every.descriptors[:40])


@pytest.mark.parametrize("wrong", [{"n": 0}, {"threshold": -1.0}, {"octaves": 0}, {"octaves": 7}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Surf(**wrong)
