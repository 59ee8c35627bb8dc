import numpy as np
import pytest

from nearsight import registry
from nearsight.descriptors.colour_histogram import ColourHistogram
from nearsight.descriptors.gist import Gist
from nearsight.descriptors.onnx import Onnx
from nearsight.descriptors.pyramid import Pyramid
from nearsight.errors import ModelError
from nearsight.hashes.phash import Phash
from nearsight.metrics.jensen_shannon import JensenShannon
from nearsight.metrics.l1 import L1
from nearsight.recipe import parse_recipe

HISTOGRAM = ColourHistogram(space="rgb", bins=(3, 2, 2))


def by_definition(image, inner, levels):
    """Cells cut and described one at a time."""
    height, width = image.shape[:2]
    values = []
    for level in range(levels):
        count = 2**level
        weight = 1 / 2 ** (levels - 1) if level == 0 else 1 / 2 ** (levels - 1 - level + 1)
        for i in range(count):
            for j in range(count):
                cell = image[
                    i * height // count : (i + 1) * height // count, j * width // count : (j + 1) * width // count
                ]
                share = cell.shape[0] * cell.shape[1] / (height * width)
                values.append(weight * share * inner.describe([cell])[0])
    return np.concatenate(values)


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
@pytest.mark.parametrize("inner", [HISTOGRAM, Gist(orientations=(4,), colour="grey")])
def test_equals_the_definition(photos, inner, levels):
    for photo in photos[:3]:
        row = Pyramid(inner, levels=levels).describe([photo])[0]
        assert row == pytest.approx(by_definition(photo, inner, levels), abs=1e-5)


def test_twenty_one_cells_with_weights_of_a_quarter_a_quarter_and_a_half(photos):
    row = Pyramid(HISTOGRAM).describe(photos[:1])[0].reshape(21, HISTOGRAM.size)
    assert row.sum() == pytest.approx(1, abs=1e-6)
    assert [row[:1].sum(), row[1:5].sum(), row[5:].sum()] == pytest.approx([0.25, 0.25, 0.5], abs=1e-6)


@pytest.mark.parametrize("shape", [(97, 61), (4, 4), (5, 300)])
def test_each_level_has_the_masses_of_the_image(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    whole = HISTOGRAM.describe([image])[0]
    row = Pyramid(HISTOGRAM).describe([image])[0].reshape(21, HISTOGRAM.size)
    for level, weight in ((row[:1], 0.25), (row[1:5], 0.25), (row[5:], 0.5)):
        assert level.sum(axis=0) == pytest.approx(weight * whole, abs=1e-6)


def test_the_kernel_of_the_paper(photos):
    """On rows of sum 1, 1 - L1 / 2 is the pyramid match kernel: new matches of each level, halved at each step up."""
    rows = Pyramid(HISTOGRAM).describe(photos[:2]).astype(float).reshape(2, 21, -1)
    levels = [rows[:, :1] * 4, rows[:, 1:5] * 4, rows[:, 5:] * 2]
    common = [np.minimum(*level).sum() for level in levels]
    kernel = common[2] + (common[1] - common[2]) / 2 + (common[0] - common[1]) / 4
    distance = L1().distances(*(row.reshape(1, -1) for row in rows))[0, 0]
    assert 1 - distance / 2 == pytest.approx(kernel, abs=1e-6)


def test_it_tells_where_what_a_histogram_cannot(photos):
    upright, turned = photos[0], photos[0][::-1]
    plain, rows = HISTOGRAM.describe([upright, turned]), Pyramid(HISTOGRAM).describe([upright, turned])
    assert JensenShannon().distances(plain[:1], plain[1:])[0, 0] < 1e-6
    assert JensenShannon().distances(rows[:1], rows[1:])[0, 0] > 0.2


def test_a_mirror_swaps_the_cells(photos):
    even = np.ascontiguousarray(photos[0][:160, :160])
    row, mirrored = Pyramid(HISTOGRAM).describe([even, even[:, ::-1]]).reshape(2, 21, -1)
    assert mirrored[1:5].reshape(2, 2, -1) == pytest.approx(row[1:5].reshape(2, 2, -1)[:, ::-1], abs=1e-7)
    assert mirrored[5:].reshape(4, 4, -1) == pytest.approx(row[5:].reshape(4, 4, -1)[:, ::-1], abs=1e-7)


def test_it_takes_side_metric_and_words_from_the_inner_one(photos):
    pyramid = Pyramid(ColourHistogram(), levels=2)
    assert (pyramid.side, pyramid.metric, pyramid.dtype) == (ColourHistogram().side, "jensen_shannon", "float32")
    assert Pyramid(Gist()).metric == Gist().metric
    pair = [photos[0], photos[0][10:, :-20]]
    rows, plain = pyramid.describe(pair), ColourHistogram().describe(pair)
    assert pyramid.explain_overlap(*rows) == ColourHistogram().explain_overlap(*plain) != ""


def test_the_palette_is_that_of_an_even_image():
    palette = Pyramid(ColourHistogram()).embed_colours({(255, 0, 0): 1.0})
    plain = ColourHistogram().embed_colours({(255, 0, 0): 1.0})
    cells = palette.reshape(21, -1)
    assert cells[0] == pytest.approx(plain / 4, abs=1e-7)
    assert cells[7] == pytest.approx(plain / 32, abs=1e-7)
    assert Pyramid(Gist()).embed_colours({(255, 0, 0): 1.0}) is None


def test_its_recipe_names_the_inner_descriptor():
    made = registry.build_methods(parse_recipe("pyramid(gist(square=16), levels=2)"))
    assert made == (Pyramid(Gist(square=16), levels=2),)
    text = str(registry.to_recipe(made))
    assert text.startswith("pyramid(inner=gist(orientations=[8, 8, 4], square=16, ")
    assert registry.build_methods(parse_recipe(text)) == made
    assert registry.method_parameters(Pyramid)[0] == (
        "inner",
        "a descriptor",
        "colour_histogram(space=hsv, bins=[16, 4, 4])",
    )


def test_wrong_parameters():
    with pytest.raises(ValueError, match="float32 rows"):
        Pyramid(Phash())
    with pytest.raises(ValueError, match="inner is a descriptor"):
        Pyramid("gist")
    with pytest.raises(ValueError, match="levels is 1 to 5; got 6"):
        Pyramid(levels=6)


def test_a_missing_model_is_reported_before_the_first_image(monkeypatch, tmp_path):
    monkeypatch.setenv("NEARSIGHT_MODELS", str(tmp_path))
    with pytest.raises(ModelError, match="nope"):
        Pyramid(inner=Onnx("nope")).load()
