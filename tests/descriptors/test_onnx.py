from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.descriptors.onnx import Onnx
from nearsight.errors import ModelError, ModelMissingError
from nearsight.metrics.cosine import Cosine
from nearsight.models import inference as networks
from nearsight.models import store
from nearsight.models.card import ImageInput
from nearsight.models.inference import compute_outputs, to_model_input
from nearsight.pipeline import build_pipeline
from tests.models.network import network, placed, sha256

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture
def means(tmp_path, monkeypatch):
    """A network of the user's own, which averages channels; the folder of its files."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = placed(tmp_path / "models")
    monkeypatch.setenv("NEARSIGHT_MODELS", str(folder))
    return folder


@pytest.fixture
def mobilenetv2():
    """Skips where the model is not on this machine."""
    try:
        return store.require_model("mobilenetv2")
    except ModelMissingError as problem:
        pytest.skip(str(problem))


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_a_network_of_ones_own_gives_what_can_be_computed_on_paper(means):
    images = [noise(4, 4, seed) for seed in range(5)]
    rows = Onnx(model="means").describe(images)
    expected = [(image.reshape(-1, 3).mean(0) - [1, 2, 3]) / [2, 4, 8] for image in images]
    assert rows == pytest.approx(np.array(expected), rel=1e-5)
    assert rows.dtype == np.float32
    (of_map,) = compute_outputs("means", "map", images[:1])
    assert of_map.shape == (1, 3, 1, 1)
    assert of_map.ravel() == pytest.approx(rows[0])


@pytest.mark.parametrize(
    ("feeding", "expected"),
    [
        (
            ImageInput("x", 4, mean=(1, 2, 3), scale=(2, 4, 8)),
            lambda p: ((p - [1, 2, 3]) / [2, 4, 8]).transpose(2, 0, 1),
        ),
        (ImageInput("x", 4, layout="NHWC"), lambda p: p),
        (ImageInput("x", 4, colours="BGR"), lambda p: p[:, :, ::-1].transpose(2, 0, 1)),
        (
            ImageInput("x", 4, colours="grey", mean=(5,), scale=(2,)),
            lambda p: ((np.round(p @ [0.299, 0.587, 0.114]) - 5) / 2)[None],
        ),
    ],
)
def test_pixels_are_fed_as_the_card_says(feeding, expected):
    image = noise(4, 4)
    made = to_model_input(image, feeding)
    assert made.dtype == np.float32
    assert made.flags.c_contiguous
    assert made[0] == pytest.approx(expected(image.astype(float)), abs=0.51 if feeding.channels == 1 else 1e-4)


@pytest.mark.parametrize(
    ("shape", "feeding", "size"),
    [
        ((300, 200), ImageInput("x", 384, "inside", 32), (384, 256)),
        ((200, 300), ImageInput("x", 384, "inside", 32), (256, 384)),
        ((1, 300), ImageInput("x", 384, "inside", 32), (32, 384)),
        ((1, 1), ImageInput("x", 384, "inside", 32), (384, 384)),
        ((100, 61), ImageInput("x", 50, "inside"), (50, 30)),
        ((30, 70), ImageInput("x", 20, "squash"), (20, 20)),
        ((30, 70), ImageInput("x", 20, "crop"), (20, 20)),
    ],
)
def test_images_are_scaled_as_the_card_says(shape, feeding, size):
    assert to_model_input(noise(*shape), feeding).shape == (1, 3, *size)


def test_a_crop_is_the_middle():
    image = np.zeros((10, 31, 3), np.uint8)
    image[:, 10:20] = 200
    assert (to_model_input(image, ImageInput("x", 10, "crop")) == 200).all()
    assert (to_model_input(image.transpose(1, 0, 2), ImageInput("x", 10, "crop")) == 200).all()


def test_the_key_of_the_rows_holds_the_models_checksum(means, monkeypatch):
    first = build_pipeline("onnx(model=means)").key
    assert f"@1 sha256:{sha256(network())}/" in first
    assert build_pipeline("onnx(model=means)").key == first
    other = placed(means.parent / "others", data=network() + b"\x0a\x00")
    store.add_model("means", other / "means.onnx", replace=True)
    monkeypatch.setenv("NEARSIGHT_MODELS", str(other))
    assert sha256(network() + b"\x0a\x00") in build_pipeline("onnx(model=means)").key
    placed(other, feeding='fit = "crop"', data=network() + b"\x0a\x00")
    assert len({first, build_pipeline("onnx(model=means)").key, build_pipeline("phash").key}) == 3
    assert build_pipeline("phash").key == "phash(bits_side=8) @1"


def test_a_model_that_is_not_there_is_said_before_an_image_is_read(tmp_path, monkeypatch, means):
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed in range(3):
        Image.fromarray(noise(20, 20, seed)).save(photos / f"{seed}.png")
    monkeypatch.delenv("NEARSIGHT_MODELS")
    for recipe, says in (("onnx", "nearsight models add mobilenetv2 FILE"), ("onnx(model=means)", "no model")):
        with pytest.raises(ModelError, match=says):
            ns.index(photos, recipe=recipe)
        assert not (photos / ".nearsight").exists()
    ns.index(photos, recipe="phash")
    with pytest.raises(ModelMissingError):
        ns.index(photos, recipe="onnx")
    assert list(ns.open(photos).senses) == ["phash"]


def test_a_collection_is_indexed_and_asked_and_opens_without_the_model(tmp_path, monkeypatch, means):
    photos = tmp_path / "photos"
    photos.mkdir()
    colours = [(250, 10, 10), (10, 250, 10), (10, 10, 250), (240, 20, 10)]
    for number, colour in enumerate(colours):
        Image.fromarray(np.full((20, 20, 3), colour, np.uint8)).save(photos / f"{number}.png")
        os.utime(photos / f"{number}.png", (1_600_000_000, 1_600_000_000))
    made = ns.index(photos, recipe=["onnx(model=means)", "phash"])
    assert not made.info()["skipped"]
    asked = made.search(photos / "0.png", recipe="onnx(model=means)", k=2)
    assert [hit.path for hit in asked] == ["0.png", "3.png"]
    (means / "means.onnx").unlink()
    again = ns.open(photos)
    assert again.info()["images"] == 4
    assert not again.verify()
    assert ns.index(photos).summary.unchanged == 4
    assert next(iter(again.search(photos / "1.png", recipe="phash"))).path
    with pytest.raises(ModelMissingError):
        again.search(photos / "1.png", recipe="onnx(model=means)")


def test_what_is_not_what_the_card_says(means, tmp_path):
    with pytest.raises(ModelError, match="map of means is a map, not a vector; vectors are pooled"):
        _ = Onnx(model="means", output="map").size
    with pytest.raises(ModelError, match='no output "nothing"'):
        Onnx(model="means", output="nothing").load()
    for name, data, fields, says in (
        ("no_network", b"\x08\x08not ONNX", {}, "no ONNX model that can be run"),
        ("no_input", network(name="pixels"), {}, "no input image; it has pixels"),
        ("no_output", network(last="last"), {}, "no output pooled; it has map, last"),
    ):
        placed(means, name, data=data, **fields)
        with pytest.raises(ModelError, match=says):
            Onnx(model=name).load()
    placed(means, "too_wide", outputs='[[outputs]]\nname = "wide"\ndimension = 4')
    text = (means / "too_wide.toml").read_text().replace("dimension = 3", "dimension = 5", 1)
    (means / "too_wide.toml").write_text(text.partition('[[outputs]]\nname = "wide"')[0])
    with pytest.raises(ModelError, match=r"pooled is a vector of 5; the model gives \(1, 3\)"):
        Onnx(model="too_wide").describe([noise(4, 4)])
    placed(means, "last_channel", feeding='layout = "NHWC"')
    with pytest.raises(ModelError, match="the model last_channel does not take what it is given: "):
        Onnx(model="last_channel").describe([noise(4, 4)])


@pytest.mark.parametrize("wrong", ["", 3, None])
def test_a_name_is_a_name(wrong):
    with pytest.raises(ValueError, match="model is a name"):
        Onnx(model=wrong)
    with pytest.raises(ValueError, match="output is a name"):
        Onnx(output=wrong)


def test_one_session_a_model_and_process_on_one_thread(means, monkeypatch):
    model = store.require_model("means")
    session = networks._onnx_session(model, os.getpid())
    assert networks._onnx_session(store.require_model("means"), os.getpid()) is session
    assert networks._onnx_session(model, -1) is not session
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert session.get_session_options().intra_op_num_threads == 1
    assert session.get_session_options().inter_op_num_threads == 1


class Library:
    """ONNX Runtime as it is where a graphics card may be: what a session was asked to run on, and what it says."""

    def __init__(self, real, works):
        self.real, self.works, self.asked = real, works, []

    def __getattr__(self, name):
        return getattr(self.real, name)

    def get_available_providers(self):
        return ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]

    def InferenceSession(self, path, options, providers):  # noqa: N802 - the library's name
        self.asked = providers
        session = self.real.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        there = ["CUDAExecutionProvider", "CPUExecutionProvider"] if self.works else ["CPUExecutionProvider"]
        session.get_providers = lambda: there
        return session


@pytest.mark.parametrize(("works", "device"), [(True, "CUDA"), (False, "CPU")])
def test_a_graphics_card_is_asked_first_and_what_really_runs_is_said(means, monkeypatch, works, device):
    """Where its libraries cannot be loaded, ONNX Runtime takes the processor instead, and that is what is said."""
    import onnxruntime

    library = Library(onnxruntime, works)
    monkeypatch.setitem(sys.modules, "onnxruntime", library)
    networks._onnx_session.cache_clear()
    try:
        assert networks.execution_provider("means") == device
        assert library.asked == [("CUDAExecutionProvider", {"use_tf32": "0"}), ("CPUExecutionProvider", {})]
    finally:
        networks._onnx_session.cache_clear()


def test_the_canonical_vector_of_mobilenetv2(mobilenetv2):
    y, x = np.mgrid[0:256, 0:384]
    image = np.stack([(7 * x + 3 * y) // 8 % 256, (x * y // 64) % 256, (x - y) % 256], axis=2).astype(np.uint8)
    row = Onnx().describe([image])[0]
    assert row[CANONICAL[0]] == pytest.approx(CANONICAL[1], abs=2e-3)
    assert float(row.sum()) == pytest.approx(CANONICAL[2], rel=1e-3)
    logits = Onnx(output="logits").describe([image])[0]
    assert logits.argmax() == CANONICAL[3]
    (features,) = compute_outputs("mobilenetv2", "features", [image])
    assert features.shape == (1, 1280, 8, 12)
    assert features[0].mean(axis=(1, 2)) == pytest.approx(row, abs=1e-4)


CANONICAL = ([147, 255, 550, 967, 697, 0], [4.38631, 4.15497, 4.05068, 4.01084, 3.89004, 0], 421.2273, 417)
"""Places of the row, what stands there, the sum of all, and the class: computed by a session of its own defaults."""


def test_the_classes_of_photographs(mobilenetv2, photographs):
    """The labels' file says of logit i what it is; these images show what nobody doubts."""
    labels = mobilenetv2.path.parent / mobilenetv2.card.labels
    if not labels.exists():
        pytest.skip(f"{labels} is not there")
    names = labels.read_text("utf8").split("\n")
    found = ns.describe([photographs / "coffee.png", photographs / "chelsea.png"], "onnx(output=logits)").argmax(axis=1)
    said = [names[each].lower() for each in found]
    assert "espresso" in said[0] or "cup" in said[0]
    assert "cat" in said[1]


def test_altered_copies_stay_near_and_other_images_are_far(mobilenetv2, photos):
    rows = Onnx().describe(photos)
    smaller = [
        np.asarray(Image.fromarray(photo).resize((300, 300 * photo.shape[0] // photo.shape[1]))) for photo in photos
    ]
    mirrored = [np.ascontiguousarray(photo[:, ::-1]) for photo in photos]
    for copies in (smaller, mirrored):
        distances = Cosine().distances(Onnx().describe(copies), rows)
        assert (distances.argmin(axis=1) == np.arange(len(photos))).all()


def test_corel(mobilenetv2, data):
    """Ten images each of ten kinds: the nearest other image is of the same kind; of all thousand, 1.8 % are not."""
    numbers = [100 * kind + each for kind in range(10) for each in range(0, 100, 10)]
    rows = ns.describe([data / "corel1k" / f"{number}.jpg" for number in numbers], "onnx")
    distances = Cosine().distances(rows, rows)
    np.fill_diagonal(distances, np.inf)
    kinds = np.array(numbers) // 100
    assert (kinds[distances.argmin(axis=1)] == kinds).mean() >= 0.9
