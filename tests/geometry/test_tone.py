"""A change of tone is found from colours that have it, and from nothing else."""

import numpy as np
import pytest

from nearsight.geometry.tone import fit_tone


@pytest.fixture(scope="module")
def colours():
    return np.random.default_rng(0).uniform(30, 200, (500, 3)).astype(np.float32)


def gained(colours):
    return np.clip(colours * 1.2 - 10, 0, 255)


def curved(colours):
    return 255 * (colours / 255) ** 0.6


def faded(colours):
    grey = (colours @ [0.299, 0.587, 0.114])[:, None]
    return grey + 0.2 * (colours - grey)


def tinted(colours):
    return np.clip(colours * [1.1, 1.0, 0.9], 0, 255)


@pytest.mark.parametrize("change", [gained, curved, faded, tinted])
def test_known_changes_are_undone(colours, change):
    target = change(colours).astype(np.float32)
    found = fit_tone(colours, target)
    assert found.mean_error(colours, target) < 2.5
    assert np.abs(colours - target).max(axis=1).mean() > 5


def test_a_tenth_of_outliers_changes_nothing(colours):
    target = gained(colours).astype(np.float32)
    target[::10] = 255 - target[::10]
    found = fit_tone(colours, target)
    assert np.abs(found.apply(colours) - gained(colours)).max(axis=1)[np.arange(500) % 10 > 0].mean() < 3


def test_other_colours_are_no_change_of_tone(colours):
    shuffled = np.random.default_rng(1).permutation(colours)
    assert fit_tone(colours, shuffled).mean_error(colours, shuffled) > 15


def test_colours_stay_in_their_range(colours):
    applied = fit_tone(colours, gained(colours).astype(np.float32)).apply(np.float32([[0, 0, 0], [255, 255, 255]]))
    assert applied.min() >= 0
    assert applied.max() <= 255


def test_more_colour_that_is_clipped_in_part_is_found(colours):
    """A gamma explains it a little too, and is no way from there to the saturation."""
    bright = colours * np.array([1.2, 1.0, 0.5], np.float32)
    grey = (bright @ np.array([0.299, 0.587, 0.114], np.float32))[:, None]
    target = np.clip(grey + 1.8 * (bright - grey), 0, 255).astype(np.float32)
    found = fit_tone(bright, target)
    assert (found.gamma, found.saturation) == (1.0, 1.8)
    assert found.mean_error(bright, target) < 2


def test_few_colours_that_are_not_clipped_are_enough(colours):
    target = np.clip(3.0 * (colours - 130) + 128, 0, 255).astype(np.float32)
    assert ((target > 6) & (target < 248)).all(axis=1).mean() < 0.3
    assert np.allclose(fit_tone(colours, target).gains, 3.0, atol=0.1)


def test_one_coloured_thing_on_grey_is_not_taken_for_one_that_lost_its_colour(colours):
    """A blue cup before a grey wall, and a grey one: no saturation of the whole tells them from each other."""
    rng = np.random.default_rng(1)
    wall = rng.uniform(150, 230, (400, 1)) + rng.uniform(-4, 4, (400, 3))
    shades = rng.uniform(0.5, 1.0, (100, 1))
    blue, grey = (np.concatenate([wall, shades * cup]).astype(np.float32) for cup in ([60, 90, 200], [80, 82, 84]))
    assert np.abs(fit_tone(blue, grey).apply(blue) - grey)[400:].max(axis=1).mean() > 20
    several = np.concatenate([wall, shades[:50] * [60, 90, 200], shades[50:] * [220, 90, 40]]).astype(np.float32)
    for faded_one in (several, blue):
        target = faded(faded_one).astype(np.float32)
        target = target if faded_one is several else np.repeat(target @ [[0.299], [0.587], [0.114]], 3, axis=1)
        found = fit_tone(faded_one, target.astype(np.float32))
        assert found.saturation <= 0.2
        assert found.mean_error(faded_one, target.astype(np.float32)) < 3


def test_a_grey_thing_is_the_grey_version_of_one_as_bright_only():
    """Before a grey ground nothing else tells a coloured thing that lost its colour from a grey one."""
    ground = np.repeat(np.random.default_rng(4).uniform(100, 230, (300, 1)), 3, axis=1)
    red, dark = np.full((80, 3), (200, 44, 40)), np.full((80, 3), 45.0)
    coloured = np.concatenate([ground, red]).astype(np.float32)
    grey = np.repeat(coloured @ np.array([[0.299], [0.587], [0.114]], np.float32), 3, axis=1)
    other = np.concatenate([ground, dark]).astype(np.float32)
    assert fit_tone(coloured, grey).mean_error(coloured, grey) < 1
    missed = np.abs(fit_tone(coloured, other).apply(coloured) - other).max(axis=1)
    assert missed[:300].mean() < 10
    assert missed[300:].min() > 60
