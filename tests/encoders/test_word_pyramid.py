"""The pyramid of words against the pyramid match kernel written out, and the lecture's example of bags of words."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest

from nearsight.encoders.word_pyramid import WordPyramid
from nearsight.metrics.cosine import Cosine
from nearsight.metrics.intersection import Intersection
from nearsight.recipe import parse_recipe
from nearsight.registry import build_methods
from nearsight.types import LocalFeatures
from nearsight.vocabularies.kmeans import Kmeans

FITTED = {"centres": np.arange(1, 10, dtype=np.float32)[:, None]}
"""Nine words W1 to W9: a descriptor is the number of its word."""


def image(words, points=None, size=(80, 60)):
    """Features of these words, at these points."""
    count = len(words)
    points = np.zeros((count, 2)) if points is None else points
    descriptors = np.asarray(words, np.float32).reshape(count, 1)
    ones = np.ones(count, np.float32)
    return LocalFeatures(np.asarray(points, np.float32), ones, ones, descriptors, size)


def scattered(count, seed, size=(80, 60)):
    """Some words somewhere."""
    rng = np.random.default_rng(seed)
    return image(rng.integers(1, 10, count), rng.random((count, 2)) * size, size)


def test_the_lecture_s_three_images():
    """Words W1 W1 W3, W2 W5 W1 and W7 W5 W5: their inverted file, and the similarity to a query with W5 alone."""
    images = [image([1, 1, 3]), image([2, 5, 1]), image([7, 5, 5])]
    rows = WordPyramid(levels=1).encode(images, FITTED)
    assert (3 * rows).tolist() == [[2, 0, 1, *[0] * 6], [1, 1, 0, 0, 1, *[0] * 4], [*[0] * 4, 2, 0, 1, 0, 0]]
    lists = {word + 1: (np.flatnonzero(rows[:, word]) + 1).tolist() for word in range(9) if rows[:, word].any()}
    assert lists == {1: [1, 2], 2: [2], 3: [1], 5: [2, 3], 7: [3]}
    query = WordPyramid(levels=1).encode([image([5])], FITTED)
    cosines = 1 - Cosine().distances(query, rows)[0]
    assert cosines == pytest.approx([0, 1 / np.sqrt(3), 2 / np.sqrt(5)], abs=1e-6)
    assert np.argsort(-cosines).tolist() == [2, 1, 0]


def common(first, second, level):
    """Equation 1 of the paper for all words: how many features of the same word and cell both have, as shares."""
    counts = [
        Counter(
            (word, int(x * 2**level // each.size[0]), int(y * 2**level // each.size[1]))
            for word, (x, y) in zip(each.descriptors[:, 0].tolist(), each.points.astype(float), strict=True)
        )
        for each in (first, second)
    ]
    return sum(min(counts[0][key] / len(first), counts[1][key] / len(second)) for key in counts[0])


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(80, 60), (33, 101)])
def test_what_rows_have_in_common_is_the_pyramid_match_kernel(levels, size):
    pyramid, last = WordPyramid(levels=levels), levels - 1
    images = [scattered(count, count, size) for count in (40, 25, 70)]
    rows = pyramid.encode(images, FITTED)
    similar = 1 - Intersection().distances(rows, rows)
    for one, first in enumerate(images):
        for other, second in enumerate(images):
            kernel = common(first, second, 0) / 2**last
            kernel += sum(common(first, second, level) / 2 ** (last - level + 1) for level in range(1, levels))
            assert similar[one, other] == pytest.approx(kernel, abs=1e-6)


def test_all_mass_is_kept_at_every_level():
    pyramid = WordPyramid()
    (row,) = pyramid.encode([scattered(57, 1)], FITTED)
    assert row.shape == (21 * 9,) == (pyramid.size(1, FITTED),)
    levels = np.split(row, [9, 5 * 9])
    assert [level.sum() for level in levels] == pytest.approx([0.25, 0.25, 0.5])
    whole, quarters, sixteenths = (level.reshape(-1, 9) for level in levels)
    assert quarters.sum(0) == pytest.approx(whole[0])
    assert sixteenths.sum(0) == pytest.approx(2 * whole[0])
    blocks = sixteenths.reshape(2, 2, 2, 2, 9).sum((1, 3)).reshape(4, 9)
    assert blocks == pytest.approx(2 * quarters)


def test_points_on_the_far_edges_are_in_the_last_cells():
    row = WordPyramid(levels=2).encode([image([1], [[80, 60]]), image([1], [[79.9, 0]])], FITTED)
    assert row.reshape(2, 5, 9)[:, :, 0].tolist() == [[0.5, 0, 0, 0, 0.5], [0.5, 0, 0.5, 0, 0]]


def test_the_farther_words_have_moved_the_less_is_in_common():
    """The bag of words alone does not see it."""
    at = scattered(60, 3)
    moved = [at] + [dataclasses.replace(at, points=(at.points + step) % np.float32([80, 60])) for step in (1, 4, 30)]
    rows = WordPyramid().encode(moved, FITTED)
    distances = Intersection().distances(rows[:1], rows)[0]
    assert distances[0] == 0
    assert (np.diff(distances) > 0.02).all()
    bags = WordPyramid(levels=1).encode(moved, FITTED)
    assert Intersection().distances(bags[:1], bags) == pytest.approx(np.zeros((1, 4)), abs=1e-6)


def test_a_mirrored_image_has_mirrored_cells():
    at = scattered(60, 4)
    mirrored = dataclasses.replace(at, points=np.float32([80, 0]) - at.points * np.float32([1, -1]))
    rows = WordPyramid().encode([at, mirrored], FITTED)[:, 5 * 9 :].reshape(2, 4, 4, 9)
    assert np.array_equal(rows[0], rows[1][:, ::-1])


def test_the_size_of_the_image_does_not_count():
    small, large = scattered(30, 5), scattered(30, 5, (800, 600))
    assert np.array_equal(*WordPyramid().encode([small, large], FITTED))


def test_the_recipe_says_so():
    assert build_methods(parse_recipe("word_pyramid(words=kmeans(k=50), levels=2)")) == (
        WordPyramid(Kmeans(k=50), levels=2),
    )
    assert build_methods(parse_recipe("word_pyramid(kmeans(k=50))")) == (WordPyramid(Kmeans(k=50)),)


@pytest.mark.parametrize("levels", [0, 6])
def test_levels_out_of_range_are_refused(levels):
    with pytest.raises(ValueError, match=f"levels is 1 to 5; got {levels}"):
        WordPyramid(levels=levels)
