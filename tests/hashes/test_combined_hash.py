from __future__ import annotations

import colorsys
import os
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.cluster import KMeans

import nearsight as ns
from nearsight.descriptors.onnx import Onnx
from nearsight.errors import ModelMissingError
from nearsight.hashes import combined_hash
from nearsight.hashes.combined_hash import (
    CombinedHash,
    combined_hash_hues,
    combined_hash_tones,
    combined_hash_words,
    quantise_activations,
)
from nearsight.metrics.weighted_bytes import WeightedBytes
from nearsight.models import store


@pytest.fixture
def mobilenetv2():
    """Skips where the model is not on this machine."""
    try:
        return store.require_model("mobilenetv2")
    except ModelMissingError as problem:
        pytest.skip(str(problem))


def of_hue(step, saturation=1.0, value=0.8):
    """A colour by its hue in 128 steps of a turn."""
    return [round(255 * each) for each in colorsys.hsv_to_rgb(step / 128, saturation, value)]


def stripes(*parts):
    """An image of stripes: (colour, width) each."""
    return np.concatenate([np.full((60, width, 3), colour, np.uint8) for colour, width in parts], axis=1)


def around(a, b):
    return min((a - b) % 128, (b - a) % 128)


@pytest.mark.parametrize("turn", [0, 1, 17, 64, 100, 126])
def test_key_hues_are_those_of_three_colours_the_largest_first(turn):
    wanted = [(turn + each) % 128 for each in (0, 40, 85)]
    image = stripes(*((of_hue(step), width) for step, width in zip(wanted, (20, 50, 33), strict=True)))
    found = combined_hash_hues(image).astype(int).tolist()
    assert all(around(a, b) <= 1 for a, b in zip(found, [wanted[1], wanted[2], wanted[0]], strict=True)), (
        found,
        wanted,
    )


@pytest.mark.parametrize("step", [0, 43, 127])
def test_one_hue_is_there_three_times(step):
    found = combined_hash_hues(np.full((9, 5, 3), of_hue(step), np.uint8)).astype(int)
    assert all(around(each, step) <= 1 for each in found)
    assert len(set(found.tolist())) == 1


def test_a_group_around_red_has_its_middle_at_red():
    image = stripes((of_hue(126), 30), (of_hue(2), 30), (of_hue(64), 20), (of_hue(90), 20))
    found = combined_hash_hues(image).astype(int)
    assert around(found[0], 0) <= 1
    assert {min((around(each, wanted), wanted) for wanted in (64, 90))[1] for each in found[1:]} == {64, 90}


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_grey_has_no_hue(level):
    assert combined_hash_hues(np.full((20, 30, 3), level, np.uint8)).tolist() == [255, 255, 255]
    ramp = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(9, axis=0)
    assert combined_hash_hues(ramp).tolist() == [255, 255, 255]


def hues_of(photo):
    """The hues of a photograph in 180 bins, each pixel counting as one."""
    hue = cv2.cvtColor(np.float32(photo) / 255, cv2.COLOR_RGB2HSV)[..., 0]
    return np.bincount(np.int64(hue.ravel() / 2) % 180, minlength=180).astype(float)


def test_groups_are_as_tight_as_those_of_many_beginnings(photos):
    angles = np.deg2rad(2 * np.arange(180) + 1)
    points = np.stack([np.cos(angles), np.sin(angles)], 1)
    for photo in photos:
        weights = hues_of(photo)
        middles, sizes = combined_hash._cluster_hues(weights)
        best = KMeans(3, n_init=10, random_state=0).fit(points, sample_weight=weights)
        far = np.square(points[:, None] - middles[None]).sum(axis=2).min(axis=1) @ weights
        assert far <= 1.02 * best.inertia_ + weights.sum() / 1000
        assert sizes.sum() == 512


def test_hues_are_taken_as_often_as_their_weight_says():
    weights = np.random.default_rng(0).random(180)
    weights[20:60] = 0
    counts = np.bincount(combined_hash._quantile_bins(weights), minlength=180)
    assert np.abs(counts - 512 * weights / weights.sum()).max() < 1 + 1e-9


def test_zones_of_tone_are_shares_of_the_pixels():
    levels = [0, 25, 26, 76, 77, 178, 179, 229, 230, 255]
    image = np.repeat(np.uint8(levels)[None, :, None], 3, axis=2)
    assert combined_hash_tones(image).tolist() == [51, 51, 51, 51, 51]
    assert combined_hash_tones(image[:, 2:7]).tolist() == [0, 102, 102, 51, 0]


def test_zones_add_up_to_all(photos):
    for photo in [*photos, *(photo[:7, :11] for photo in photos)]:
        found = combined_hash_tones(photo).astype(int)
        luma = np.round(photo @ np.float64([0.299, 0.587, 0.114]) - 1e-9)
        shares = np.histogram(luma, [0, 26, 77, 179, 230, 256])[0] / luma.size
        assert found.sum() == 255
        assert found == pytest.approx(255 * shares, abs=2)


def test_the_directions_are_orthogonal_and_as_they_were_made(mobilenetv2):
    made = combined_hash._combined_hash_directions()
    assert made.shape == (128, 1280)
    assert made @ made.T == pytest.approx(np.eye(128), abs=0.02)
    from benchmarks.reduction import classifier, reduction

    matrix = classifier(Path(mobilenetv2.path)).astype(np.float64)
    again = reduction(matrix).astype(float)
    assert np.linalg.norm(again @ made.T, axis=1) == pytest.approx(np.linalg.norm(again, axis=1), rel=0.01)
    centred = matrix - matrix.mean(axis=0)
    strongest = np.sqrt(np.linalg.eigvalsh(centred.T @ centred)[::-1][:128])
    assert np.linalg.norm(centred @ made.T, axis=0) == pytest.approx(strongest, rel=0.02)


def test_content_is_the_layer_along_the_directions():
    pooled = np.random.default_rng(0).random((3, 1280), np.float32)
    pooled[2] = 0
    found = quantise_activations(pooled)
    for row, values in zip(pooled.tolist(), found.tolist(), strict=True):
        length = sum(each * each for each in row) ** 0.5 or 1
        for number in (0, 1, 64, 127):
            along = sum(
                a * b / length for a, b in zip(combined_hash._combined_hash_directions()[number], row, strict=True)
            )
            assert values[number] == min(255, max(0, round(128 + 800 * along)))
    assert found[2].tolist() == [128] * 128
    assert np.array_equal(quantise_activations(pooled * 7), found)


def test_content_is_near_where_the_layer_is_near(mobilenetv2, photos):
    parts = [photo[y : y + 128, x : x + 128] for photo in photos for y in (0, 40) for x in (0, 60, 120)]
    pooled = Onnx().describe(parts)
    above = np.triu_indices(len(parts), 1)
    assert spearmanr(cityblock(quantise_activations(pooled))[above], cosines(pooled)[above])[0] > 0.7


def test_content_keeps_more_neighbours_than_simpler_reductions(mobilenetv2, data):
    files = sorted((data / "captions").rglob("*.jpg"))[:120]
    pooled = ns.describe(files, "onnx")
    ahead = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    directions = np.linalg.qr(np.random.default_rng(0).standard_normal((1280, 128)))[0]

    def kept(distances):
        near, wanted = (np.argsort(far, axis=1)[:, 1:11] for far in (distances, cosines(pooled)))
        return np.mean([len({*a} & {*b}) / 10 for a, b in zip(near.tolist(), wanted.tolist(), strict=True)])

    ours = kept(cityblock(quantise_activations(pooled)))
    assert ours > kept(cityblock(ahead @ directions)) + 0.05
    assert ours > kept(cityblock(ahead.reshape(-1, 128, 10).mean(axis=2))) + 0.05


def cityblock(rows):
    return np.abs(rows[:, None].astype(float) - rows[None]).sum(axis=2)


def cosines(rows):
    ahead = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return 1 - ahead @ ahead.T


def test_the_layout_is_hues_tones_content_and_points(mobilenetv2, photos):
    rows = CombinedHash(keypoints=True).describe(photos)
    assert rows.dtype == np.uint8
    assert rows.shape == (len(photos), 168)
    assert np.array_equal(CombinedHash().describe(photos), rows[:, :136])
    assert np.array_equal(quantise_activations(Onnx().describe(photos)), rows[:, 8:136])
    for photo, row in zip(photos, rows, strict=True):
        small = combined_hash._shrink_for_hash(photo)
        assert row[:3].tolist() == combined_hash_hues(small).tolist()
        assert row[3:8].tolist() == combined_hash_tones(small).tolist()
        assert row[136:].tolist() == combined_hash_words(small).tolist()
        assert ((row[:3] < 128) | (row[:3] == 255)).all()


def test_key_points_are_shares_of_words(photos):
    for photo in photos:
        found = combined_hash_words(photo).astype(float)
        assert np.square(found / 255).sum() == pytest.approx(1, abs=0.03)
    assert not combined_hash_words(np.full((90, 70, 3), 7, np.uint8)).any()
    assert combined_hash_words(photos[0][:1, :1]).shape == combined_hash_words(photos[0][:3, :200]).shape == (32,)


def test_key_points_survive_a_turn(photos):
    rows = np.float32([combined_hash_words(photo) for photo in photos])
    turned = np.float32([combined_hash_words(np.ascontiguousarray(np.rot90(photo))) for photo in photos])
    far = np.abs(turned[:, None] - rows[None]).sum(axis=2)
    assert (far.argmin(axis=1) == np.arange(len(photos))).mean() >= 0.7


@pytest.mark.parametrize("keypoints", [False, True])
def test_copies_stay_near_and_other_images_are_far(mobilenetv2, photos, reencoded, keypoints):
    rows, again = (CombinedHash(keypoints=keypoints).describe(each) for each in (photos, reencoded))
    far = WeightedBytes().distances(again, rows)
    others = far[~np.eye(len(photos), dtype=bool)]
    assert np.diag(far).max() < others.min() / 1.5


def test_hue_and_tone_say_what_the_network_overlooks(mobilenetv2, photos):
    """An image whose colours are exchanged: the content hardly moves, the key hues do."""
    plain = [np.ascontiguousarray(photo) for photo in photos]
    swapped = [
        np.ascontiguousarray(photo[:, :, order]) for photo, order in zip(plain, permutations(range(3)), strict=False)
    ]
    pairs = CombinedHash().describe(plain[: len(swapped)]), CombinedHash().describe(swapped)
    hues = [WeightedBytes(1, 0, 0, 0).distances(a[None], b[None])[0, 0] for a, b in zip(*pairs, strict=True)]
    assert hues[0] == 0
    assert sum(each > 10 for each in hues[1:]) >= 4


def test_its_digest_is_that_of_the_model():
    assert CombinedHash().digest == Onnx().digest
    assert store.find_card("mobilenetv2").sha256 in CombinedHash().digest


def test_it_needs_the_model(monkeypatch, tmp_path):
    monkeypatch.delenv("NEARSIGHT_MODELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "NEARSIGHT_MODELS" not in os.environ
    with pytest.raises(ModelMissingError, match="nearsight models add mobilenetv2 FILE"):
        CombinedHash().load()
