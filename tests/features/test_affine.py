import math

import cv2
import numpy as np
import pytest

from nearsight.evaluation.repeatability import matching_score
from nearsight.features.affine import Affine
from nearsight.features.orb import Orb
from nearsight.features.sift import Sift
from nearsight.metrics.l2 import L2
from nearsight.recipe import parse_recipe
from nearsight.registry import build_methods, to_recipe
from tests.features.views import found_again, photograph


def from_the_side(image, tilt, degrees):
    """As far from the side as the tilt says, after a turn; what OpenCV's own matrices make of it."""
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    smooth = cv2.GaussianBlur(
        cv2.warpAffine(image, turn, (width, height)), (0, 0), sigmaX=0.8 * math.sqrt(tilt**2 - 1), sigmaY=1e-6
    )
    squeeze = np.array([[1 / tilt, 0, 0], [0, 1, 0]])
    matrix = np.vstack([squeeze, [0, 0, 1]]) @ np.vstack([turn, [0, 0, 1]])
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    view = cv2.warpAffine(smooth, squeeze, (round(width / tilt), height))
    return view, half @ matrix @ np.linalg.inv(half)


def test_views_are_those_of_opencvs_affine_features():
    image = photograph(256)
    found, rows = cv2.AffineFeature.create(cv2.SIFT.create(contrastThreshold=0.04), 2, 0).detectAndCompute(
        cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), None
    )
    ours = Affine(Sift(n=100_000, root=False, contrast=0.04), n=1_000_000).features(image)
    assert 0.9 < len(ours) / len(found) < 1.1
    places = np.array([point.pt for point in found]) + 0.5
    distances = L2().distances(rows, ours.descriptors)
    # it takes the nearest pixel where it narrows a view, so neither places nor descriptors are quite the same
    near = np.linalg.norm(places - ours.points[distances.argmin(axis=1)], axis=1) < 3
    assert near.mean() > 0.8


def test_without_tilts_it_is_the_inner_method():
    own, found = Sift(n=300).features(photograph()), Affine(Sift(n=300), tilts=0).features(photograph())
    assert found.points == pytest.approx(own.points)
    assert found.scales == pytest.approx(own.scales)
    assert found.angles == pytest.approx(own.angles, abs=1e-3)
    assert np.array_equal(found.descriptors, own.descriptors)


@pytest.mark.parametrize("tilt", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_what_is_seen_from_the_side_is_matched_far_better(tilt):
    image = photograph()
    view, homography = from_the_side(image, tilt, 30)

    def right(component):
        """How many nearest descriptors lie where they should, up to 4 pixels."""
        first, second = component.features(image), component.features(view)
        nearest = second.points[L2().distances(first.descriptors, second.descriptors).argmin(axis=1)]
        there = np.column_stack([first.points, np.ones(len(first))]) @ homography.T
        return int((np.linalg.norm(there[:, :2] - nearest, axis=1) < 4).sum())

    assert right(Affine()) > 4 * right(Sift())


def test_places_sizes_and_angles_are_mapped_back():
    # one blob alone: every view finds it, and maps it to the same place and size
    y, x = np.mgrid[:200, :240] + 0.5
    blob = 30 + 200 * np.exp(-((x - 101.3) ** 2 + (y - 88.6) ** 2) / (2 * 9**2))
    image = blob.astype(np.uint8)[..., None].repeat(3, axis=2)
    found = Affine(Sift(n=10, upright=True), tilts=2).features(image)
    near = np.linalg.norm(found.points - (101.3, 88.6), axis=1) < 2
    own = Sift(n=1).features(image)
    assert near.sum() >= 8
    assert np.median(found.scales[near]) == pytest.approx(own.scales[0], rel=0.15)
    # an upright feature of a view points along the view's x axis, which lies turned back in the image
    assert {0, 36, 72, 108, 144} <= set(np.round(-found.angles % 360).astype(int).tolist())


@pytest.mark.parametrize(("view", "matched"), [pytest.param("darker", 0.9, marks=pytest.mark.slow), ("turned", 0.55)])
def test_features_are_found_again(view, matched):
    assert found_again(Affine(), view, 256)[1] > matched


def test_it_takes_any_local_features():
    views = Affine(Orb(n=300), n=1000, tilts=1)
    found = views.features(photograph())
    assert (views.metric, views.dtype, views.size) == ("hamming", "uint8", 32)
    assert found.descriptors.dtype == np.uint8
    assert len(found) > 2 * 300


def test_it_is_written_in_a_recipe():
    (made,) = build_methods(parse_recipe("affine(sift(n=1000), tilts=3)"))
    assert made == Affine(Sift(n=1000), tilts=3)
    assert build_methods(parse_recipe(str(to_recipe([made])))) == (made,)


def test_the_budget_is_shared_by_area():
    found = Affine(n=630, tilts=2).features(photograph())
    assert 500 < len(found) <= 630
    whole = Sift(n=100).features(photograph())
    assert matching_score(whole, found, np.eye(3), L2()) > 0.95


@pytest.mark.parametrize("wrong", [{"n": 0}, {"tilts": -1}, {"tilts": 6}, {"inner": "sift"}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Affine(**wrong)


def test_the_matcher_of_the_inner_method_is_used(monkeypatch):
    inner, pairs = Sift(n=50), np.array([[0, 1], [2, 3]])
    features = inner.features(photograph())
    assert Affine(inner).match_pairs(features, features) is None
    monkeypatch.setattr(Sift, "match_pairs", lambda self, first, second: pairs)
    assert Affine(inner).match_pairs(features, features) is pairs
