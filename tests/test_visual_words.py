"""Stored features: what is kept of places, scales and angles is within a step of what it was."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.features.sift import Sift
from nearsight.types import LocalFeatures
from nearsight.visual_words import angles, points, record_dtype, scales, to_records


def features(count=500, seed=0, size=(640, 400)):
    rng = np.random.default_rng(seed)
    places = (rng.random((count, 2)) * size).astype(np.float32)
    diameters = (640 * 2 ** (-10 * rng.random(count))).astype(np.float32)
    turns = (360 * rng.random(count)).astype(np.float32)
    return LocalFeatures(places, diameters, turns, np.zeros((count, 1), np.float32), size)


def unsorted(given, count):
    """Records in the order of the features: each has a word of its own."""
    return to_records(given, np.arange(count, dtype=np.int32), np.zeros((count, 1), np.uint8))


def test_what_is_kept_is_within_a_step_of_what_was():
    given = features()
    kept = unsorted(given, 500)
    assert np.abs(points(kept) - given.points / 640).max() <= 0.5 / 65535 + 1e-6
    steps = np.abs(np.log2(scales(kept) / (given.scales / 640)))
    assert steps.max() <= 0.5 / 16 + 1e-4
    turned = np.abs((angles(kept) - given.angles + 180) % 360 - 180)
    assert turned.max() <= 0.5 * 360 / 256 + 1e-3


def test_what_is_out_of_bounds_is_the_nearest_that_is_kept():
    places = np.float32([[-1, 5], [641, 399], [640, 0]])
    given = LocalFeatures(
        places, np.float32([0.01, 1e7, 640]), np.float32([359.9, 0, 180]), np.zeros((3, 1), np.float32), (640, 400)
    )
    kept = unsorted(given, 3)
    assert kept["x"].tolist() == [0, 65535, 65535]
    assert kept["scale"].tolist() == [0, 255, 176]
    assert kept["angle"].tolist() == [0, 0, 128]
    assert scales(kept)[0] == pytest.approx(1 / 2048)
    assert scales(kept)[2] == pytest.approx(1)


def test_records_are_sorted_by_word_and_keep_together():
    given, rng = features(60), np.random.default_rng(1)
    words, bits = rng.integers(0, 5, 60).astype(np.int32), rng.integers(0, 256, (60, 2), dtype=np.uint8)
    kept = to_records(given, words, bits)
    assert (np.diff(kept["word"].astype(int)) >= 0).all()
    right = sorted(zip(words.tolist(), bits.tolist(), np.rint(given.points[:, 0] / 640 * 65535).tolist(), strict=True))
    assert sorted(zip(kept["word"].tolist(), kept["bits"].tolist(), kept["x"].tolist(), strict=True)) == right
    assert len(to_records(features(0), words[:0], bits[:0])) == 0


def test_a_record_is_ten_bytes_and_its_bits():
    assert [record_dtype(bits).itemsize for bits in (0, 8, 128)] == [10, 11, 26]
    for wrong in (-8, 4):
        with pytest.raises(ValueError, match=f"multiple of 8, 0 or more; got {wrong}"):
            record_dtype(wrong)


def test_an_image_turned_by_a_right_angle_has_its_features_turned():
    """Clockwise by 90 degrees, x' = H - y, y' = x, and every angle grows by 90: what is kept says the same."""
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8).repeat(6, axis=0).repeat(6, axis=1)
    before, after = (Sift(n=150).features(each) for each in (image, np.ascontiguousarray(np.rot90(image, -1))))
    one, other = unsorted(before, len(before)), unsorted(after, len(after))
    moved = np.stack([240 / 360 - points(one)[:, 1], points(one)[:, 0]], axis=1)
    apart = np.linalg.norm(moved[:, None] - points(other)[None], axis=2)
    turned = np.abs((angles(other)[None] - angles(one)[:, None] - 90 + 180) % 360 - 180)
    steps = np.abs(np.log2(scales(other)[None] / scales(one)[:, None]))
    found = ((apart < 0.006) & (turned < 6) & (steps < 0.2)).any(axis=1)
    assert len(one) > 50
    assert found.mean() > 0.8
