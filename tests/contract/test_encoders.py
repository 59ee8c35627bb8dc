"""What every encoder and every vocabulary keeps to, whichever it is.

Features have 32 values; of rows there are 12. Rows that come from the product of a whole batch (of encoders that take
rows) may differ in their last digits from those of one alone, since sums are then made in another order; whatever
takes features looks at each image by itself, and its rows are the same to the last bit.
"""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nearsight.recipe import parse_recipe
from nearsight.registry import build_methods
from nearsight.types import Kernel, LocalFeatures, Metric, Vocabulary
from nearsight.vocabularies.kmeans import Kmeans
from tests.contract.test_methods import components, every

WIDTH = 32
COUNTS = (40, 0, 1, 7, 200, 3)
"""How many features each image has."""


def quiet(done, total):
    """Nobody asks."""


def descriptors(count, seed=0, width=WIDTH):
    """Descriptors around twenty centres, all values 0 or more, as of gradients."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).random((20, width))
    return np.abs(centres[rng.integers(0, 20, count)] + rng.normal(0, 0.1, (count, width))).astype(np.float32)


def features(count, seed, width=WIDTH):
    """One image's features, in arrays that nobody may write to."""
    rng = np.random.default_rng(seed)
    points = (rng.random((count, 2)) * (640, 480)).astype(np.float32)
    scales, angles = (2 + 60 * rng.random(count)).astype(np.float32), (360 * rng.random(count)).astype(np.float32)
    arrays = points, scales, angles, descriptors(count, seed, width)
    for each in arrays:
        each.flags.writeable = False
    return LocalFeatures(*arrays, (640, 480))


def images(kind, width=WIDTH):
    """What is to be encoded: features of images, or rows."""
    if kind == "features":
        return [features(count, seed, width) for seed, count in enumerate(COUNTS)]
    rows = descriptors(12, 5, width)
    rows.flags.writeable = False
    return rows


SAMPLE = descriptors(1200)
SAMPLE.flags.writeable = False
SMALL = {"words": Kmeans(k=20), "bits": WIDTH}
"""What there is to learn from is little, and narrow."""


def small(component):
    """An encoder with few words, and no more bits than descriptors have values."""
    fields = {field.name: getattr(component, field.name) for field in dataclasses.fields(component)}
    wanted = {name for name, value in fields.items() if isinstance(value, Vocabulary) or name == "bits"}
    return dataclasses.replace(component, **{name: SMALL[name] for name in wanted})


WAYS = [
    (name, kind, small(component))
    for name, component in components("encoders").items()
    for kind in (("features", "rows") if component.input_kind == "both" else (component.input_kind,))
]
encoders = pytest.mark.parametrize(("kind", "encoder"), [way[1:] for way in WAYS], ids=["-".join(w[:2]) for w in WAYS])


def ragged(encoder, kind):
    """Whether a list comes out: of records, or of features again."""
    return encoder.variable_length or encoder.output_kind_for(kind) == "features"


def plain(made):
    """What was made as a list of plain arrays, of each image those of its parts."""
    if isinstance(made, np.ndarray):
        return list(made)
    return [each.descriptors if isinstance(each, LocalFeatures) else each for each in made]


def equal(first, second, within=0.0):
    """Whether both hold the same, value by value."""
    pairs = list(zip(plain(first), plain(second), strict=True))
    if within:
        return all(np.allclose(one, other, rtol=0, atol=within) for one, other in pairs)
    return all(one.dtype == other.dtype and np.array_equal(one, other) for one, other in pairs)


def test_there_are_some():
    assert {"pca", "vlad", "fisher", "unit", "netvlad", "regions", "windows"} <= components("encoders").keys()
    assert {"average", "mac", "spoc", "crow", "gem", "rmac"} <= components("encoders").keys()
    assert "kmeans" in components("vocabularies")


@encoders
def test_what_is_made_has_the_size_that_is_said(kind, encoder):
    fitted = encoder.train(SAMPLE, quiet)
    made, size = encoder.encode(images(kind), fitted), encoder.size(WIDTH, fitted)
    assert isinstance(made, list) == ragged(encoder, kind)
    assert len(made) == len(images(kind))
    if encoder.variable_length:
        assert all((np.diff(row["word"].astype(int)) >= 0).all() for row in made)
        assert {row.dtype for row in made} == {made[0].dtype}
        assert made[0].dtype.names[0] == "word"
        return
    for row, count in zip(plain(made), COUNTS if kind == "features" else [None] * len(made), strict=False):
        count = count if encoder.input_kind == "both" else len(row)  # others make as many as they like
        assert row.shape == ((count, size) if ragged(encoder, kind) else (size,))
        assert row.dtype == np.float32
        assert np.isfinite(row).all()


@encoders
def test_an_image_without_features_is_nothing(kind, encoder):
    if kind != "features":
        pytest.skip("rows always have something in them")
    fitted = encoder.train(SAMPLE, quiet)
    (made,) = encoder.encode([features(0, 0)], fitted)
    assert len(made) == 0 if ragged(encoder, kind) else not made.any()
    assert len(encoder.encode([], fitted)) == 0


@encoders
def test_the_same_again_alone_in_threads_and_from_files(kind, encoder, tmp_path):
    given = images(kind)
    fitted = encoder.train(SAMPLE, quiet)
    made = encoder.encode(given, fitted)
    assert equal(encoder.encode(given, fitted), made)
    alone = [encoder.encode(given[each : each + 1], fitted)[0] for each in range(len(given))]
    assert equal(alone, made, 1e-6 if kind == "rows" else 0)
    np.savez(tmp_path / "fitted.npz", **fitted)
    with np.load(tmp_path / "fitted.npz", allow_pickle=False) as stored:
        assert equal(dataclasses.replace(encoder).encode(given, dict(stored)), made)
    with ThreadPoolExecutor(4) as pool:
        assert all(equal(each, made) for each in pool.map(lambda _: encoder.encode(given, fitted), range(8)))


def fits_the_same_twice(component, tmp_path):
    """What a component learns, from memory and from a mapped file."""
    SAMPLE.tofile(tmp_path / "sample")
    mapped = np.memmap(tmp_path / "sample", np.float32, "r", 0, SAMPLE.shape)
    first, second = component.train(SAMPLE, quiet), component.train(mapped, quiet)
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert type(values) is np.ndarray
        assert values.dtype != object
        assert values.dtype == second[name].dtype
        assert np.array_equal(values, second[name])


@encoders
def test_fitting_twice_gives_the_same(kind, encoder, tmp_path):
    assert encoder.sample_size >= 0
    fits_the_same_twice(encoder, tmp_path)


def reports_rise(component):
    """What is reported goes from little to at most all."""
    seen = []
    component.train(SAMPLE, lambda done, total: seen.append((done, total)))
    assert all(0 <= done <= total for done, total in seen)
    assert [done / total for done, total in seen] == sorted(done / total for done, total in seen)
    assert seen or not getattr(component, "sample_size", 1)


@encoders
def test_reports_rise(kind, encoder):
    reports_rise(encoder)


@encoders
def test_nothing_given_is_changed(kind, encoder):
    fitted = {name: values.copy() for name, values in encoder.train(SAMPLE, quiet).items()}
    kept = {name: values.copy() for name, values in fitted.items()}
    for values in fitted.values():
        values.flags.writeable = False
    given = images(kind)
    encoder.encode(given, fitted)
    encoder.encode_queries(given, fitted)
    assert equal(given, images(kind))
    assert all(np.array_equal(values, kept[name]) for name, values in fitted.items())


@encoders
def test_what_was_learnt_of_other_widths_is_refused(kind, encoder):
    if not encoder.sample_size:
        pytest.skip("it learns nothing")
    with pytest.raises(ValueError, match=str(WIDTH)):
        encoder.encode(images(kind, WIDTH - 1), encoder.train(SAMPLE, quiet))


@encoders
def test_too_few_descriptors_are_refused(kind, encoder):
    if not encoder.sample_size:
        pytest.skip("it learns nothing")
    with pytest.raises(ValueError, match="trained on"):
        encoder.train(SAMPLE[:0], quiet)


@encoders
def test_few_descriptors_are_enough(kind, encoder):
    """A small collection has only a few features to learn from."""
    fitted = encoder.train(SAMPLE[:9], quiet)
    made = encoder.encode(images(kind), fitted)
    assert len(made) == len(images(kind))
    if not encoder.variable_length:
        assert all(row.shape[-1] == encoder.size(WIDTH, fitted) for row in plain(made))
        assert all(np.isfinite(row).all() for row in plain(made))


@encoders
def test_its_metric_can_compare_its_rows(kind, encoder):
    (metric,) = build_methods(parse_recipe(encoder.metric))
    if ragged(encoder, kind) and not encoder.variable_length:
        pytest.skip("features are not compared")
    assert isinstance(metric, Kernel if encoder.variable_length else Metric)
    fitted = encoder.train(SAMPLE, quiet)
    rows, asked = encoder.encode(images(kind), fitted), encoder.encode_queries(images(kind), fitted)
    distances = metric.distances(asked, rows)
    assert distances.shape == (len(asked), len(rows))
    assert np.isfinite(distances).all()
    if not encoder.variable_length:
        assert np.diag(distances) == pytest.approx(np.zeros(len(rows)), abs=1e-5)


def sample_for(vocabulary):
    """Descriptors as wide as those that a vocabulary is trained on, or was."""
    return (
        SAMPLE
        if vocabulary.needs_training
        else descriptors(1200, width=vocabulary.train(SAMPLE, quiet)["centres"].shape[1])
    )


def skip_untrained(vocabulary):
    if not vocabulary.needs_training:
        pytest.skip("it is trained already")


@every("vocabularies")
def test_words(component):
    sample = sample_for(component)
    fitted = component.train(sample, quiet)
    centres = fitted["centres"]
    assert centres.dtype == np.float32
    assert centres.shape[1:] == sample.shape[1:]
    assert 1 <= len(centres) <= component.n_words
    for several in (1, 3, min(len(centres) + 2, 300)):
        words = component.assign(sample[:50], fitted, several)
        assert words.shape == (50, several)
        assert words.dtype == np.int32
        assert (words[:, 0] >= 0).all()
        assert words.max() < len(centres)
        for row in words:
            found = row[row >= 0]
            assert len(set(found.tolist())) == len(found)
            assert (row[len(found) :] == -1).all()
    assert component.assign(sample[:0], fitted, 3).shape == (0, 3)


@every("vocabularies")
def test_the_nearest_words_come_first(component):
    sample = sample_for(component)
    fitted = component.train(sample, quiet)
    words = component.assign(sample[:50], fitted, 4)
    apart = np.linalg.norm(sample[:50, None] - fitted["centres"][words], axis=2)
    assert (np.diff(apart, axis=1) >= -1e-5).all()


@every("vocabularies")
def test_words_are_the_same_again_alone_and_in_threads(component):
    sample = sample_for(component)
    fitted = component.train(sample, quiet)
    words = component.assign(sample[:40], fitted, 2)
    assert np.array_equal(component.assign(sample[:40], fitted, 2), words)
    alone = [component.assign(sample[each : each + 1], fitted, 2)[0] for each in range(40)]
    assert np.array_equal(alone, words)
    stored = {name: values.copy() for name, values in fitted.items()}
    for values in stored.values():
        values.flags.writeable = False
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: dataclasses.replace(component).assign(sample[:40], stored, 2), range(8)))
    assert all(np.array_equal(each, words) for each in again)


@every("vocabularies")
def test_learning_words_twice_gives_the_same(component, tmp_path):
    skip_untrained(component)
    fits_the_same_twice(component, tmp_path)
    reports_rise(component)


@every("vocabularies")
def test_words_of_two_vocabularies_do_not_mix(component):
    """What is kept of one must never answer for another, even where it was learnt a moment ago."""
    skip_untrained(component)
    first, second = component.train(SAMPLE, quiet), component.train(SAMPLE[::-1] * 2, quiet)
    words = component.assign(SAMPLE[:40], first), component.assign(2 * SAMPLE[:40], second)
    for _ in range(3):
        assert np.array_equal(component.assign(SAMPLE[:40], first), words[0])
        assert np.array_equal(component.assign(2 * SAMPLE[:40], second), words[1])


@every("vocabularies")
def test_vocabularies_of_few_descriptors_and_of_none(component):
    skip_untrained(component)
    fitted = component.train(SAMPLE[:3], quiet)
    assert (component.assign(SAMPLE[:9], fitted) >= 0).all()
    with pytest.raises(ValueError, match="trained on descriptors"):
        component.train(SAMPLE[:0], quiet)
