"""The changes of the benchmark of local features move pixels where their homographies say."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from benchmarks import features
from benchmarks.page import main, markers

from nearsight.registry import methods

NETWORKS = {"mobilenetv2", "feature_map", "xfeat"}


def spot(image):
    """The centre of mass of what is bright."""
    weights = image[..., 0].astype(float)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


@pytest.mark.parametrize("name", features.CHANGES)
def test_a_spot_comes_to_lie_where_the_homography_says(name):
    for middle in ((60, 50), (150, 100), (120, 130)):
        image = np.zeros((180, 240, 3), np.uint8)
        cv2.circle(image, middle, 4, (255, 255, 255), -1)
        view, homography = features.CHANGES[name](image)
        x, y, depth = homography @ (*spot(image), 1)
        clean = np.where(view > 40, view, 0)  # JPEG's ripples
        assert spot(clean) == pytest.approx((x / depth, y / depth), abs=0.3)


def test_what_does_not_change_is_found_whole(photos):
    photo = photos[0]
    made = {name: (component, metric) for name, component, metric in features.components()}
    assert made.keys() <= methods("features").keys()
    component, metric = made["orb"]
    assert component.n == features.N
    same = {"as it is": lambda image: (image, np.eye(3))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "CHANGES", same)
        count, scores = features.evaluate_features(component, metric, [photo])
    assert count > 500
    assert scores[0][0] == 1
    assert scores[0][1] > 0.95


def test_every_method_has_its_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "SIDE", 128)
    monkeypatch.setattr(features, "TIMED", {640: (96, 72), 1024: (128, 96)})
    page = tmp_path / "page.md"
    main("features", features.__doc__, features.measure_section, ["--quick", "--out", str(page)])
    written = page.read_text()
    assert markers("features")[1] in written
    lines = [line.split(" | ") for line in written.splitlines() if line.startswith("| `")]
    assert sorted({line[0].strip("| `") for line in lines}) == sorted(name for name, _, _ in features.components())
    judged = {name for name, _, _ in features.components()}
    assert set(methods("features")) - judged <= NETWORKS  # those whose model is not on this machine
    assert len(lines) == 2 * len(judged)
    assert {len(line) for line in lines} == {1 + len(features.CHANGES), 6}
