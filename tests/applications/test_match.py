"""Two images side by side: a plane seen from elsewhere is the same thing, another image is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image

import nearsight as ns
from nearsight.errors import NearsightError, UsageError

VIEW = np.array([[0.75, 0.12, 60], [-0.1, 0.7, 90], [0.0003, 0.0002, 1]])
"""Pixels of the photograph to those of the other view."""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    astronaut, coffee = skimage.data.astronaut(), skimage.data.coffee()
    others = np.full((480, 640, 3), 128, np.uint8)
    others[:400, :600] = coffee
    plane = cv2.warpPerspective(astronaut, VIEW, (640, 480), dst=others, borderMode=cv2.BORDER_TRANSPARENT)
    shown = {"a": astronaut, "b": plane, "c": coffee, "blank": np.full((90, 120, 3), 77, np.uint8)}
    for name, image in shown.items():
        Image.fromarray(image).save(folder / f"{name}.png")
    return folder


def seen(points):
    """Where the view takes unit points of the photograph, as unit points."""
    pixels = np.column_stack([np.asarray(points) * 512, np.ones(len(points))]) @ VIEW.T
    return pixels[:, :2] / pixels[:, 2:] / (640, 480)


@pytest.mark.parametrize("features", ["sift(n=2000)", "akaze", "orb", "brisk", "surf"])
def test_a_plane_seen_from_elsewhere_is_the_same_thing(images, features):
    found = ns.match(images / "a.png", images / "b.png", by="object", features=features)
    assert (found.alike, found.verdict) == (True, "the same thing")
    assert len(found.query_points) >= 15
    assert np.abs(seen(found.query_points) - found.hit_points).max() < 0.04
    corners = np.array([[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]])
    moved = np.column_stack([corners, np.ones(3)]) @ found.homography.T
    assert moved[:, :2] / moved[:, 2:] == pytest.approx(seen(corners), abs=0.03)


def test_a_part_is_where_it_is_in_the_other_image(images):
    found = ns.match(images / "a.png", images / "b.png", by="object", box=(150, 20, 400, 270))
    assert found.alike
    whole = found.query_points * 250 / 512 + np.array([150, 20]) / 512
    assert np.abs(seen(whole) - found.hit_points).max() < 0.04


@pytest.mark.parametrize(("a", "b"), [("a", "c"), ("a", "blank"), ("blank", "a"), ("blank", "blank")])
def test_another_image_is_not(images, a, b):
    found = ns.match(images / f"{a}.png", images / f"{b}.png", by="object")
    assert (found.alike, found.verdict, found.query_points) == (False, "not verified", None)


def test_dense_features_without_turns_find_a_plane_that_did_not_turn(images):
    found = ns.match(images / "a.png", images / "a.png", by="object", features="dense_sift(sizes=[16])")
    assert found.alike
    assert found.homography / found.homography[2, 2] == pytest.approx(np.eye(3), abs=0.02)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"by": "colour"}, 'by "copy", "object" or "category"; got "colour"'),
        ({"features": "orb"}, "say so too"),
        ({"by": "category", "features": "orb"}, "say so too"),
        ({"by": "object", "features": "gist"}, "one method that finds points, such as sift or akaze; got gist"),
        ({"by": "object", "features": "sift | vlad"}, "one method that finds points"),
        ({"by": "object", "features": "sitf"}, 'did you mean "sift"'),
    ],
)
def test_wrong_questions(images, given, said):
    with pytest.raises(NearsightError, match=said) as raised:
        ns.match(images / "a.png", images / "c.png", **given)
    assert isinstance(raised.value, UsageError)
