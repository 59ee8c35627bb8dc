"""Maps of networks as local features: of a network whose every value can be computed on paper, and of MobileNetV2."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nearsight.errors import ModelError, ModelMissingError, RecipeError
from nearsight.features.feature_map import FeatureMap
from nearsight.features.mobilenetv2 import Mobilenetv2
from nearsight.models import store
from nearsight.models.inference import compute_outputs
from nearsight.pipeline import build_pipeline
from tests.models.network import convolving, placed

CELL = 8
WEIGHTS = np.random.default_rng(3).normal(size=(16, 3, CELL, CELL)).astype(np.float32)


@pytest.fixture
def cells(tmp_path, monkeypatch):
    """A network of the user's own: sixteen rectified sums of each cell of 8 x 8 pixels."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = convolving(tmp_path / "models", WEIGHTS)
    convolving(folder, WEIGHTS, "middles", fit="crop")
    placed(folder)
    monkeypatch.setenv("NEARSIGHT_MODELS", str(folder))
    return folder


def own(**fields):
    return FeatureMap(model="cells", output="map", **fields)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def on_paper(image):
    """The network's values, cell by cell, of an image whose sides are multiples of 8."""
    rows, columns = image.shape[0] // CELL, image.shape[1] // CELL
    found = []
    for y in range(rows):
        for x in range(columns):
            cell = image[y * CELL : (y + 1) * CELL, x * CELL : (x + 1) * CELL].astype(np.float64) / 255
            found.append([max(0.0, float((weights.transpose(1, 2, 0) * cell).sum())) for weights in WEIGHTS])
    return np.array(found)


def test_features_are_the_cells_of_the_image(cells):
    image = noise(40, 64)
    found = own().features(image)
    assert found.grids == ((8, 5),)
    assert found.size == (64, 40)
    assert found.descriptors == pytest.approx(on_paper(image), abs=1e-4)
    wanted = [(8 * x + 4, 8 * y + 4) for y in range(5) for x in range(8)]
    assert found.points == pytest.approx(np.array(wanted))
    assert found.scales == pytest.approx(np.full(40, 8))
    assert not found.angles.any()


@pytest.mark.parametrize(
    ("shape", "side", "grid"),
    [
        ((64, 64), 64, (8, 8)),
        ((64, 128), 64, (8, 4)),
        ((16, 24), 640, (3, 2)),  # what is small is not enlarged
        ((1, 300), 320, (38, 1)),
        ((300, 1), 320, (1, 38)),
        ((45, 61), 60, (8, 6)),  # each side is rounded to whole cells
    ],
)
def test_images_of_any_size_become_whole_cells(cells, shape, side, grid):
    found = own(side=side).features(noise(*shape))
    assert found.grids == (grid,)
    assert len(found) == grid[0] * grid[1]
    height, width = shape
    assert found.points.min(axis=0) == pytest.approx((width / grid[0] / 2, height / grid[1] / 2))
    assert found.points.max(axis=0) == pytest.approx((width - width / grid[0] / 2, height - height / grid[1] / 2))


def test_each_scale_has_its_own_map(cells):
    image = noise(64, 96)
    found = own(scales=(1.0, 0.5, 2.0)).features(image)
    assert found.grids == ((12, 8), (6, 4), (24, 16))
    parts = [96, 24, 384]
    assert [float(each.mean()) for each in np.split(found.scales, np.cumsum(parts)[:-1])] == [8, 16, 4]
    assert found.descriptors[:96] == pytest.approx(own().features(image).descriptors)


def test_the_strongest_are_kept_the_longest_first(cells):
    image = noise(64, 96)
    every, few = own(scales=(1.0, 0.5)).features(image), own(n=20, scales=(1.0, 0.5)).features(image)
    lengths = [float(np.sqrt((row.astype(float) ** 2).sum())) for row in every.descriptors]
    best = sorted(range(len(lengths)), key=lambda at: -lengths[at])[:20]
    assert few.descriptors == pytest.approx(every.descriptors[best])
    assert few.points == pytest.approx(every.points[best])
    assert not few.grids
    assert own(n=120).features(image).grids  # all of them: still whole maps


def test_an_image_of_one_colour_or_of_a_few_pixels_shows_nothing(cells):
    black, green = np.zeros((50, 70, 3), np.uint8), np.full((64, 64, 3), (9, 200, 3), np.uint8)
    for image in (black, green, noise(7, 7), noise(1, 1)):
        found = own().features(image)
        assert len(found) == 0
        assert found.descriptors.shape == (0, 16)
    assert len(own().features(noise(8, 3))) == 1


def test_a_network_of_one_size_sees_what_its_card_says(cells):
    """Of a wide image the middle square, as 64 x 64 pixels; places are those of the image."""
    image = np.zeros((64, 128, 3), np.uint8)
    image[:, 32:96] = noise(64, 64)
    middles = FeatureMap(model="middles", output="map")
    found = middles.features(image)
    assert found.grids == ((8, 8),)
    assert found.points.min(axis=0).tolist() == [36, 4]
    assert found.points.max(axis=0).tolist() == [92, 60]
    assert found.descriptors == pytest.approx(on_paper(image[:, 32:96]), abs=1e-4)
    with pytest.raises(ModelError, match=r"in one size: its scales are \[1.0\]"):
        FeatureMap(model="middles", output="map", scales=(1.0, 0.5)).load()


def test_two_threads_get_the_same(cells):
    images = [noise(40 + 8 * each, 64, each) for each in range(6)]
    wanted = [each.descriptors for each in own().describe(images)]
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda _: own().describe(images), range(4)):
            assert all(np.array_equal(a.descriptors, b) for a, b in zip(found, wanted, strict=True))


def test_what_is_no_map_is_refused(cells):
    with pytest.raises(ModelError, match="pooled of cells is a vector, not a map; maps are map"):
        FeatureMap(model="cells", output="pooled").load()
    with pytest.raises(ModelError, match='no output "nothing"'):
        FeatureMap(model="cells", output="nothing").load()
    with pytest.raises(ModelError, match='there is no model "nobody"'):
        FeatureMap(model="nobody").load()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"side": 31}, "side is 32 to 4096"),
        ({"scales": ()}, "scales are one or more"),
        ({"scales": (0.0,)}, "scales are one or more"),
        ({"scales": (1.0, 5.0)}, "at most 4"),
        ({"n": 0}, "n is how many"),
        ({"model": ""}, "model is a name"),
        ({"output": 3}, "output is a name"),
    ],
)
def test_parameters_out_of_range_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        FeatureMap(**wrong)


def test_the_key_of_the_rows_holds_the_model_s_checksum():
    made = build_pipeline("mobilenetv2 | rmac | pca(dim=512, whiten=1) | flat")
    assert store.find_card("mobilenetv2").sha256 in made.untrained_key
    assert made.metric_name == "cosine"
    assert build_pipeline("mobilenetv2 | rmac | flat").key != build_pipeline("mobilenetv2(side=512) | rmac | flat").key


def test_steps_that_do_not_follow_each_other_are_refused():
    for text, says in (
        ("mobilenetv2 | flat", "local features are encoded before they are searched"),
        ("mobilenetv2 | regions | flat", "local features are encoded before they are searched"),
        ("mobilenetv2 | rmac | gem", "features are encoded here, and what comes before makes rows"),
        ("onnx | rmac", "features are encoded here, and what comes before makes rows"),
    ):
        with pytest.raises(RecipeError, match=says):
            build_pipeline(text)
    assert build_pipeline("onnx | unit | flat").metric_name == "cosine"
    assert build_pipeline("mobilenetv2 | windows | unit | vlad").metric_name == "cosine"


@pytest.fixture
def mobilenetv2():
    """Skips where the model is not on this machine."""
    try:
        return store.require_model("mobilenetv2")
    except ModelMissingError as problem:
        pytest.skip(str(problem))


def test_mobilenetv2_is_its_map(mobilenetv2):
    image = noise(320, 384)
    found = Mobilenetv2().features(image)
    (made,) = compute_outputs("mobilenetv2", "features", [image])  # the card's side is the image's own
    assert found.grids == ((12, 10),)
    assert found.descriptors == pytest.approx(made[0].reshape(1280, -1).T)
    assert found.descriptors.min() >= 0
    generic = FeatureMap(model="mobilenetv2", output="features").features(image)
    assert np.array_equal(generic.descriptors, found.descriptors)
