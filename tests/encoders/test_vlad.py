"""VLAD against the exercise by hand, a slow loop, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.encoders.vlad import Vlad
from nearsight.recipe import parse_recipe
from nearsight.registry import build_methods
from nearsight.types import LocalFeatures


def quiet(done, total):
    """Nobody asks."""


def described(rows, size=(64, 48)):
    """Features with these descriptors; VLAD does not look at where they are."""
    count = len(rows)
    places = np.zeros((count, 2), np.float32), np.ones(count, np.float32), np.zeros(count, np.float32)
    return LocalFeatures(*places, np.asarray(rows, np.float32), size)


def clouds(count, seed, width=8):
    """Descriptors around six centres."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).random((6, width)) * 3
    return np.asarray(centres[rng.integers(0, 6, count)] + rng.normal(0, 0.2, (count, width)), np.float32)


SAMPLE = clouds(600, 0)


def slowly(rows, centres, norm, power):
    """Another way: one descriptor and one value after another."""
    sums = np.zeros(centres.shape)
    for row in rows.astype(np.float64):
        word = min(range(len(centres)), key=lambda each: sum((row - centres[each]) ** 2))
        for place in range(len(row)):
            sums[word, place] += row[place] - centres[word, place]
    for word in range(len(centres)):
        length = np.sqrt(sum(sums[word] ** 2))
        for place in range(sums.shape[1]):
            value = sums[word, place]
            sums[word, place] = (
                (value / length if length else 0) if norm == "intra" else np.sign(value) * abs(value) ** power
            )
    length = np.sqrt((sums**2).sum())
    return (sums / length if length else sums).ravel()


def test_the_exercise_by_hand():
    """Three words in the plane. (1, 2) and (3, 1) go to (2, 2), (7, 9) to (8, 8), nothing to (0, 9).

    The sums are (-1, 0) + (1, -1) = (0, -1) and (-1, 1): of length sqrt 3 together, and with intra-normalisation
    (0, -1) and (-1, 1) / sqrt 2, of length sqrt 2.
    """
    fitted = {"centres": np.float32([[[2, 2], [8, 8], [0, 9]]])}
    features = described([[1, 2], [3, 1], [7, 9]])
    plain = Vlad(k=3, power=1).encode([features], fitted)
    assert plain[0] == pytest.approx(np.array([0, -1, -1, 1, 0, 0]) / np.sqrt(3))
    intra = Vlad(k=3, norm="intra").encode([features], fitted)
    assert intra[0] == pytest.approx(np.array([0, -1, -np.sqrt(0.5), np.sqrt(0.5), 0, 0]) / np.sqrt(2))
    assert plain[0, 4:].tolist() == intra[0, 4:].tolist() == [0, 0]


@pytest.mark.parametrize(("norm", "power"), [("power", 0.5), ("power", 1), ("power", 0.2), ("intra", 0.5)])
def test_rows_are_those_of_the_slow_loop(norm, power):
    vlad = Vlad(k=10, norm=norm, power=power)
    fitted = vlad.train(SAMPLE, quiet)
    images = [clouds(count, seed) for count, seed in ((30, 1), (1, 2), (3, 3))]
    made = vlad.encode([described(rows) for rows in images], fitted)
    for row, rows in zip(made, images, strict=True):
        assert row == pytest.approx(slowly(rows, fitted["centres"][0], norm, power), abs=1e-6)


def test_several_vocabularies_stand_side_by_side_and_differ():
    two, rows = Vlad(k=6, vocabularies=2), described(clouds(40, 1))
    fitted = two.train(SAMPLE, quiet)
    assert fitted["centres"].shape == (2, 6, 8)
    made = two.encode([rows], fitted)
    parts = [Vlad(k=6).encode([rows], {"centres": fitted["centres"][[each]]}) for each in (0, 1)]
    assert made == pytest.approx(np.hstack(parts) / np.sqrt(2), abs=1e-6)
    assert np.abs(fitted["centres"][0] - fitted["centres"][1]).max() > 0.01
    assert two.size(8, fitted) == made.shape[1] == 96


def test_images_of_the_same_things_are_near():
    """Each image has a way of its own in which its descriptors lie around the words."""
    rng = np.random.default_rng(5)
    ways = rng.normal(0, 0.2, (10, 6, 8))
    centres = np.random.default_rng(7).random((6, 8)) * 3

    def image(way):
        words = rng.integers(0, 6, 60)
        return described(centres[words] + ways[way][words] + rng.normal(0, 0.05, (60, 8)))

    vlad = Vlad(k=6)
    fitted = vlad.train(SAMPLE, quiet)
    first, second = (vlad.encode([image(way) for way in range(10)], fitted) for _ in range(2))
    assert (first @ second.T).argmax(1).tolist() == list(range(10))


def test_what_repeats_counts_less_when_evened_out():
    """One of two words is met 50 times as often: its part of the row shrinks with the power, and to half of it."""
    fitted = {"centres": np.float32([[[0, 0], [10, 10]]])}
    features = described([[1, 0]] * 50 + [[11, 10]])
    parts = [Vlad(k=2, **how).encode([features], fitted).reshape(2, 2)[0] @ [1, 1] for how in ({"power": 1}, {}, INTRA)]
    assert parts == pytest.approx([50 / np.sqrt(2501), np.sqrt(50 / 51), np.sqrt(0.5)])


INTRA = {"norm": "intra"}


def test_order_and_place_of_features_do_not_count():
    vlad, rows = Vlad(k=10), clouds(50, 4)
    fitted = vlad.train(SAMPLE, quiet)
    made = vlad.encode([described(rows), described(rows[::-1], (9, 9))], fitted)
    assert made[0] == pytest.approx(made[1], abs=1e-6)


def test_small_samples_have_fewer_words():
    vlad = Vlad(k=64)
    fitted = vlad.train(SAMPLE[:80], quiet)
    assert fitted["centres"].shape == (1, 10, 8)
    assert vlad.size(8, fitted) == 80


def test_reports_go_on_to_the_end_of_all_vocabularies():
    seen = []
    Vlad(k=3, vocabularies=3).train(SAMPLE, lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(45))
    assert {total for _, total in seen} == {45}


def test_the_recipe_says_so():
    assert build_methods(parse_recipe("vlad(k=32, norm=intra)")) == (Vlad(k=32, norm="intra"),)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"norm": "l2"}, {"power": 0}, {"power": 1.1}, {"vocabularies": 0}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Vlad(**wrong)


def test_too_few_descriptors_are_refused():
    with pytest.raises(ValueError, match="4 of them or more; these images have 3"):
        Vlad(vocabularies=4).train(SAMPLE[:3], quiet)


def test_descriptors_of_another_width_are_refused():
    vlad = Vlad(k=2)
    with pytest.raises(ValueError, match=r"vectors of 8 values"):
        vlad.encode([described(np.ones((3, 7)))], vlad.train(SAMPLE, quiet))
