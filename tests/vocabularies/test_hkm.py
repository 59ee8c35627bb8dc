"""The vocabulary tree against a walk down it, one descriptor at a time."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.clustering import kmeans
from nearsight.vocabularies.hkm import Hkm
from tests.indexes.test_inverted_lists import clustered


def quiet(done, total):
    """Nobody asks."""


SAMPLE = clustered(3000, 16, seed=1)
WORDS = Hkm(branch=4, depth=3)
FITTED = WORDS.train(SAMPLE, quiet)


def slowly(row, fitted, depth):
    """Another way: down the tree, one centre after another."""
    at = 0
    for level in range(depth):
        centres = fitted["centres" if level == depth - 1 else f"centres_{level}"]
        parts = [part for part in fitted[f"parts_{level}"][at] if part >= 0]
        at = min(parts, key=lambda part: float(((row - centres[part]).astype(np.float64) ** 2).sum()))
    return at


def test_words_are_those_of_the_walk():
    rows = clustered(200, 16, seed=2)
    assert WORDS.assign(rows, FITTED)[:, 0].tolist() == [slowly(row, FITTED, 3) for row in rows]


def test_a_tree_of_one_level_is_k_means():
    flat = Hkm(branch=9, depth=1)
    fitted = flat.train(SAMPLE, quiet)
    assert np.array_equal(fitted["centres"], kmeans(SAMPLE, 9))
    exact = ((SAMPLE[:99, None] - fitted["centres"]) ** 2).sum(2).argsort(1, kind="stable")[:, :4]
    assert np.array_equal(flat.assign(SAMPLE[:99], fitted, 4), exact)


def test_every_leaf_is_the_mean_of_the_descriptors_that_walk_to_it():
    """So k-means inside a cluster has seen what the walk brings there, all of it and nothing else."""
    words = WORDS.assign(SAMPLE, FITTED)[:, 0]
    assert np.unique(words).tolist() == list(range(len(FITTED["centres"])))
    for leaf in (0, 17, 40):
        assert FITTED["centres"][leaf] == pytest.approx(SAMPLE[words == leaf].mean(0), abs=0.05)


def test_each_cluster_is_a_part_of_one():
    sizes = []
    for level in range(3):
        parts = FITTED[f"parts_{level}"]
        assert sorted(parts[parts >= 0].tolist()) == list(range(parts.max() + 1))
        sizes.append(parts.max() + 1)
    assert sizes == [4, 16, len(FITTED["centres"])]
    assert 50 <= sizes[2] <= WORDS.n_words == 64


def test_all_branches_kept_are_the_exact_answer():
    words = WORDS.assign(SAMPLE[:60], FITTED, several=64)
    exact = ((SAMPLE[:60, None] - FITTED["centres"]) ** 2).sum(2).argsort(1, kind="stable")
    assert np.array_equal(words[:, : len(FITTED["centres"])], exact)


def test_more_branches_come_nearer():
    rows = clustered(500, 16, seed=3)
    apart = [
        np.linalg.norm(rows - FITTED["centres"][WORDS.assign(rows, FITTED, several)[:, 0]], axis=1)
        for several in (1, 4, 64)
    ]
    assert apart[0].mean() >= apart[1].mean() >= apart[2].mean()
    assert (apart[2] <= apart[0] + 1e-6).all()


def test_small_samples_have_fewer_leaves_and_no_empty_ones():
    fitted = Hkm(branch=10, depth=4).train(SAMPLE[:100], quiet)
    assert 4 <= len(fitted["centres"]) <= 100 // 4
    assert np.isfinite(fitted["centres"]).all()


def test_equal_descriptors_are_one_word():
    sample = np.ones((300, 4), np.float32)
    words = Hkm(branch=3, depth=2)
    fitted = words.train(sample, quiet)
    assert len(set(words.assign(sample, fitted)[:, 0].tolist())) == 1


@pytest.mark.parametrize("wrong", [{"branch": 1}, {"depth": 0}, {"branch": 100, "depth": 6}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="branch"):
        Hkm(**wrong)
