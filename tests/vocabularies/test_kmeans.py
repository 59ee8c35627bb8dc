"""Words of k-means against distances written out."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.clustering import kmeans
from nearsight.vocabularies.kmeans import Kmeans
from tests.indexes.test_inverted_lists import clustered

SAMPLE = clustered(900, 16, seed=1)


def quiet(done, total):
    """Nobody asks."""


def test_words_are_the_nearest_centres():
    fitted = Kmeans(k=40).train(SAMPLE, quiet)
    rows = clustered(300, 16, seed=2)
    exact = ((rows[:, None].astype(float) - fitted["centres"]) ** 2).sum(2).argsort(1)[:, :5]
    assert np.array_equal(Kmeans(k=40).assign(rows, fitted, 5), exact)


def test_there_are_eight_descriptors_for_each_word():
    assert np.array_equal(Kmeans(k=40).train(SAMPLE, quiet)["centres"], kmeans(SAMPLE, 40))
    assert len(Kmeans(k=1000).train(SAMPLE, quiet)["centres"]) == 112
    assert Kmeans(k=1000).train(SAMPLE[:5], quiet)["centres"] == pytest.approx(SAMPLE[:5].mean(0)[None], abs=1e-6)


def test_no_words_are_refused():
    with pytest.raises(ValueError, match="k is the number of words"):
        Kmeans(k=0)
