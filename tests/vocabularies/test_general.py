"""The vocabulary that comes along: whole, near to what other photographs show, and ready without training."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import faiss
import numpy as np
import pytest
from skimage import data

import nearsight as ns
from nearsight.clustering import nearest_centroids
from nearsight.encoders.asmk import Asmk
from nearsight.encoders.hamming_embedding import HammingEmbedding
from nearsight.features.akaze import Akaze
from nearsight.features.sift import Sift
from nearsight.ingest.run import IngestSettings
from nearsight.pipeline import build_pipeline
from nearsight.vocabularies._centre_index import build_centre_index, search_centres
from nearsight.vocabularies.general import FILE, General, save_general
from nearsight.vocabularies.kmeans import Kmeans

pytestmark = pytest.mark.usefixtures("in_this_process")

OBJECT = "sift | asmk(words=general()) | inverted"


def quiet(done, total):
    """Nobody asks."""


@pytest.fixture(scope="module")
def sample():
    """RootSIFT of photographs that it was not made of."""
    sift = Sift(n=1500)
    photographs = data.astronaut(), data.coffee(), data.rocket(), data.chelsea()
    return np.concatenate([sift.features(photograph).descriptors for photograph in photographs])


@pytest.fixture(scope="module")
def fitted():
    return General().train(np.empty((0, 128), np.float32), quiet)


CONTENT = {1: "0a4980692b1384f3da7a337c5ee532784bff5c5cb4ccebfbc0cc1be72f7b3ae7"}
"""The SHA-256 of the file by the version of the method: vectors of other words must not be mixed."""


def test_it_comes_along_and_is_small():
    assert 1 << 20 < len(files("nearsight.vocabularies").joinpath(FILE).read_bytes()) < 3 << 20


def test_another_file_is_another_version():
    found = hashlib.sha256(files("nearsight.vocabularies").joinpath(FILE).read_bytes()).hexdigest()
    assert found == CONTENT[General.version]


def test_its_index_is_the_one_that_is_built_over_its_words(sample, fitted):
    built = search_centres(build_centre_index(fitted["centres"]), sample, 2)
    assert np.array_equal(General().assign(sample, fitted, 2), built)


def test_what_is_written_is_read_again(tmp_path):
    centres = np.abs(np.random.default_rng(1).normal(0, 0.1, (3000, 128))).astype(np.float32)
    save_general(centres, tmp_path / FILE)
    with np.load(tmp_path / FILE) as held:
        assert np.abs(held["centres"] * held["scale"] - centres).max() <= held["scale"] / 2 + 1e-7
        assert faiss.deserialize_index(held["cells"]).ntotal == 3000


def test_its_words_are_descriptors(fitted):
    centres = fitted["centres"]
    assert centres.shape == (General().n_words, 128) == (20_000, 128)
    assert centres.min() >= 0
    lengths = np.linalg.norm(centres, axis=1)
    assert 0.5 < np.median(lengths) < 1.05  # RootSIFT has length 1, means of it less
    assert len(np.unique(centres, axis=0)) > 19_900


def test_descriptors_get_their_nearest_word(sample, fitted):
    words = General().assign(sample, fitted, 3)
    exact = nearest_centroids(sample, fitted["centres"])
    assert (words[:, 0] == exact).mean() > 0.98
    assert General().assign(sample[:0], fitted, 3).shape == (0, 3)


def test_it_fits_other_photographs_better_than_few_words_of_their_own(sample, fitted):
    def error(centres):
        return ((sample - centres[nearest_centroids(sample, centres)]) ** 2).sum(1).mean()

    own = Kmeans(k=50).train(sample, quiet)["centres"]
    assert error(fitted["centres"]) < 0.8 * error(own)


def test_what_learns_nothing_else_needs_no_training():
    assert Asmk(words=General()).sample_size == 0
    assert HammingEmbedding(words=General()).sample_size > 0
    assert build_pipeline(OBJECT).is_trained is False
    with pytest.raises(ns.errors.UsageError, match="need no training"):
        ns.train([], OBJECT, "words.npz")


def test_a_collection_is_searched_at_once(tmp_path):
    from PIL import Image

    steps = set()
    for name in ("astronaut", "coffee", "rocket", "chelsea", "camera"):
        Image.fromarray(getattr(data, name)()).convert("RGB").save(tmp_path / f"{name}.png")
    with ns.index(
        tmp_path, recipe=OBJECT, settings=IngestSettings(workers=1), watch=lambda told: steps.add(told.step)
    ) as photos:
        assert "training" not in steps
        assert photos.verify() == []
        part = data.astronaut()[50:300, 100:350]
        assert photos.search(part, recipe=OBJECT)[0].path == "astronaut.png"


def test_other_descriptors_are_refused():
    image = data.astronaut()
    encoder = Asmk(words=General())
    with pytest.raises(ValueError, match="128"):
        encoder.encode([Akaze().features(image)], {})
