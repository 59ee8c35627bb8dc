import cv2
import numpy as np
import pytest

from nearsight.features.sift import Sift
from nearsight.features.small_sift import SmallSift
from nearsight.pipeline import build_pipeline
from tests.features.views import photograph


@pytest.mark.parametrize(("n", "side", "asked"), [(50, 102, False), (300, 332, True)])
def test_an_indexed_image_has_few_features_of_sift_and_a_query_many(n, side, asked):
    image = photograph()
    small = SmallSift(n=50, query_n=300)
    (made,) = small.describe_queries([image]) if asked else small.describe([image])
    wanted = Sift(n=n).features(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA))
    assert np.array_equal(made.descriptors, wanted.descriptors)
    assert made.points == pytest.approx(wanted.points * 384 / side, rel=1e-5)
    assert made.scales == pytest.approx(wanted.scales * 384 / side, rel=1e-5)
    assert made.size == (384, 384)


def test_of_a_strip_as_much_is_left_as_of_other_images():
    strip = np.ascontiguousarray(np.tile(photograph()[100:160], (1, 2, 1))[:, :384])
    as_others = cv2.resize(strip, (128, 20), interpolation=cv2.INTER_AREA)
    assert len(SmallSift().describe([strip])[0]) > 2 * len(Sift().features(as_others))


def test_a_mirror_image_of_a_query_is_not_looked_at_again(monkeypatch):
    image = photograph()
    mirrored = np.ascontiguousarray(image[:, ::-1])
    looked, features = [], Sift.features
    monkeypatch.setattr(Sift, "features", lambda self, given: looked.append(given) or features(self, given))
    straight, flipped = SmallSift().describe_queries([image, mirrored])
    assert len(looked) == 1
    (alone,) = SmallSift().describe_queries([mirrored])
    assert len(alone) == pytest.approx(len(flipped), rel=0.1)
    apart = ((flipped.descriptors[:, None] - alone.descriptors[None]) ** 2).sum(2).min(1)
    assert np.median(apart) < 0.05
    assert len(straight) == len(flipped)


def test_a_query_is_looked_at_more_closely():
    descriptor = build_pipeline("small_sift | asmk(words=general) | inverted").descriptor
    assert (descriptor.side, descriptor.query_side) == (384, 1024)
    for usual in ("sift | asmk(words=general)", "gist", "gist | pca(dim=8)"):
        other = build_pipeline(usual).descriptor
        assert other.query_side == other.side


@pytest.mark.parametrize("wrong", [{"n": 0}, {"query_n": 0}, {"area": 4}, {"query_area": 8}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=r"n is how many features|an area is 256 pixels or more"):
        SmallSift(**wrong)
