"""What every method that finds and describes local features keeps to."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import numpy as np
import pytest

from nearsight.images.decode import decode_image
from nearsight.recipe import parse_recipe
from nearsight.registry import build_methods, methods
from tests.contract.test_methods import images, ready

FEATURES = {name: cls() for name, cls in methods("features").items()}
EVERY = pytest.mark.parametrize("component", FEATURES.values(), ids=FEATURES.keys())
FLAT = ("one pixel", "two by two", "black", "white", "flat")


def photograph():
    return decode_image(files("skimage.data").joinpath("astronaut.png").read_bytes()).render(256)


def arrays(found):
    return found.points, found.scales, found.angles, found.descriptors


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(arrays(one), arrays(other), strict=True))


def test_there_are_some():
    assert {"sift", "dense_sift", "orb", "brisk", "akaze", "surf", "mser", "local_lbp", "affine"} <= FEATURES.keys()
    assert {"mobilenetv2", "feature_map"} <= FEATURES.keys()


@EVERY
@pytest.mark.parametrize("which", [*images(), "a photograph"])
def test_features_of_any_image(component, which):
    ready(component)
    image = photograph() if which == "a photograph" else images()[which]
    before = image.copy()
    image.flags.writeable = False
    found = component.features(image)
    assert np.array_equal(image, before)
    height, width = image.shape[:2]
    count = len(found)
    assert count <= component.n
    assert count > 20 if which == "a photograph" else count == 0 if which in FLAT else True
    assert found.size == (width, height)
    assert [each.shape for each in arrays(found)] == [(count, 2), (count,), (count,), (count, component.size)]
    assert [each.dtype for each in arrays(found)] == [*[np.float32] * 3, component.dtype]
    assert all(np.isfinite(each).all() for each in arrays(found))
    assert ((found.points >= 0) & (found.points <= (width, height))).all()
    assert (found.scales > 0).all()
    assert ((found.angles >= 0) & (found.angles < 360)).all()


@EVERY
def test_the_same_again_and_in_threads(component):
    ready(component)
    queries = [*images().values(), np.ascontiguousarray(photograph()[40:168, 60:188])]
    found = component.describe(queries)
    with ThreadPoolExecutor(2) as pool:
        for others in (component.describe(queries), *pool.map(component.describe, [queries] * 2)):
            assert all(equal(one, other) for one, other in zip(found, others, strict=True))


@EVERY
def test_no_more_than_n(component):
    ready(component)
    for n in (1, 7, 40):
        fewer = dataclasses.replace(component, n=n)
        found = fewer.features(photograph())
        assert 1 <= len(found) <= n


@EVERY
def test_rows_of_unequal_strides_are_taken(component):
    ready(component)
    image = photograph()
    mirrored = image[:, ::-1]
    assert equal(component.features(mirrored), component.features(np.ascontiguousarray(mirrored)))


@EVERY
@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)], ids=["2-D", "64", "0"]
)
def test_what_is_no_image_is_refused(component, wrong):
    with pytest.raises(ValueError, match=r"an image is \(H, W, 3\) uint8"):
        component.describe([wrong])


@EVERY
def test_a_metric_compares_its_descriptors(component):
    ready(component)
    (metric,) = build_methods(parse_recipe(component.metric))
    rows = component.features(photograph()).descriptors[:30]
    assert (metric.distances(rows, rows).argmin(axis=1) == np.arange(len(rows))).mean() > 0.8


@EVERY
def test_wrong_budgets_are_refused(component):
    with pytest.raises(ValueError, match="n is how many features are kept, 1 or more; got 0"):
        dataclasses.replace(component, n=0)


@EVERY
def test_nothing_is_printed(component, capfd):
    ready(component)
    component.describe([photograph(), images()["one pixel"]])
    assert capfd.readouterr() == ("", "")
