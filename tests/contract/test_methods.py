"""What every method keeps to, whichever it is."""

import dataclasses
import doctest
import importlib
import inspect
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nearsight.errors import ModelMissingError
from nearsight.registry import METHOD_KINDS, methods, natural_metric
from nearsight.types import NO_ID, Kernel
from nearsight.visual_words import record_dtype
from tests.rerankers.stored import IMAGE, clustered, hits_of
from tests.rerankers.stored import rows_of as rows_of_numbers


def components(kind):
    """Every method of one kind by name, with its default parameters."""
    return {name: cls() for name, cls in methods(kind).items()}


def every(*kinds):
    found = {name: component for kind in kinds for name, component in components(kind).items()}
    return pytest.mark.parametrize("component", found.values(), ids=found.keys())


def images():
    rng = np.random.default_rng(0)
    smooth = np.add.outer(np.arange(60), np.arange(90))[:, :, None] * np.array([1, 2, 3]) // 2 % 256
    return {
        "noise": rng.integers(0, 256, (37, 53, 3), np.uint8),
        "smooth": smooth.astype(np.uint8),
        "one pixel": rng.integers(0, 256, (1, 1, 3), np.uint8),
        "a line": rng.integers(0, 256, (1, 300, 3), np.uint8),
        "a column": rng.integers(0, 256, (300, 1, 3), np.uint8),
        "two by two": rng.integers(0, 256, (2, 2, 3), np.uint8),
        "black": np.zeros((40, 30, 3), np.uint8),
        "white": np.full((30, 40, 3), 255, np.uint8),
        "flat": np.full((256, 256, 3), (12, 200, 77), np.uint8),
        "a view": rng.integers(0, 256, (80, 70, 3), np.uint8)[::-2, ::3, ::-1],
    }


def rows_for(metric, count=12, seed=0):
    """Rows that this metric can compare: shares of 0..1 or bytes, 24 wide, or a square of colours, or 256 bins."""
    for width, filled in ((24, 1), (27, 1), (256, 0.1)):
        rng = np.random.default_rng(seed)
        real = rng.random((count, width), np.float32)
        real[rng.random((count, width)) > filled] = 0
        for rows in (real, rng.integers(0, 256, (count, width), np.uint8)):
            try:
                metric.distances(rows[:1], rows[:1])
            except ValueError:
                continue
            return rows
    raise AssertionError(f"there are no rows here for {metric}")


def worded(count=12, seed=0, bits=32):
    """The records of images of twenty features each, of forty words, as kernels compare them."""
    rng = np.random.default_rng(seed)
    made = [np.zeros(20, record_dtype(bits)) for _ in range(count)]
    for each in made:
        each["word"] = np.sort(rng.integers(0, 40, 20))
        each["bits"] = rng.integers(0, 256, each["bits"].shape)
        for name, most in (("x", 65536), ("y", 65536), ("scale", 256), ("angle", 256)):
            each[name] = rng.integers(0, most, 20)
    return made


def rows_of(metric, count=12, seed=0):
    """Rows that a metric, or lists of records that a kernel can compare."""
    return worded(count, seed) if isinstance(metric, Kernel) else rows_for(metric, count, seed)


def metric_for(index):
    """One that an index serves."""
    return components("kernels")["tf_idf"] if index.variable_length else components("metrics")["l2"]


def started(index, metric, rows):
    """An index without rows, fitted on these."""
    if index.variable_length != isinstance(metric, Kernel):
        pytest.skip("lists of records are searched by inverted, rows by all others")
    if not index.supports_metric(metric):
        pytest.skip(f"{index} has no cells for {metric}: such collections are searched exactly")
    return index.empty(metric, index.train(rows, metric))


def ready(descriptor):
    """Skip where a descriptor's model is not on this machine; whatever else is wrong with it is a failure."""
    try:
        descriptor.load()
    except ModelMissingError as problem:
        pytest.skip(str(problem))


def test_there_are_some():
    assert {"gist", "colour_histogram", "tiny"} <= components("descriptors").keys()
    assert {"phash", "dhash", "combined_hash", "convolution_hash"} <= components("hashes").keys()
    assert {"l1", "l2", "cosine", "chi2", "jensen_shannon", "intersection", "hamming"} <= components("metrics").keys()
    assert components("indexes").keys() >= {"flat", "gistis", "ivf", "inverted"}
    assert {"tf_idf", "hamming_votes", "selective"} <= components("kernels").keys()
    assert {"verify", "spatial", "expand"} <= components("rerankers").keys()
    assert sum(component.vectors for component in components("rerankers").values()) >= 5


@every(*METHOD_KINDS)
def test_parameters_are_frozen_and_rebuild_it(component):
    cls = type(component)
    fields = [field.name for field in dataclasses.fields(component)]
    rebuilt = cls(**{name: getattr(component, name) for name in fields})
    assert rebuilt == component
    assert hash(rebuilt) == hash(component)
    assert repr(rebuilt) == repr(component)
    assert dataclasses.replace(component) == component
    with pytest.raises(dataclasses.FrozenInstanceError):
        component.anything = 1
    assert all(parameter.kind != parameter.VAR_KEYWORD for parameter in inspect.signature(cls).parameters.values())
    assert isinstance(cls.version, int)


@every(*METHOD_KINDS)
def test_the_documentation_is_whole(component):
    text = inspect.getdoc(type(component))
    first, second = text.split("\n")[:2]
    assert first.endswith(".")
    assert len(first) <= 120
    assert not second
    wanted = ["Returns", "Raises", "References", "Examples"]
    for section in wanted + ["Parameters"] * bool(dataclasses.fields(component)):
        assert f"\n{section}\n{'-' * len(section)}\n" in text
    for field in dataclasses.fields(component):
        assert re.search(rf"^{field.name} : ", text, re.MULTILINE), field.name


@every(*METHOD_KINDS)
def test_the_example_runs(component):
    module = importlib.import_module(type(component).__module__)
    finder = doctest.DocTestFinder(exclude_empty=True)
    tests = [test for test in finder.find(type(component), globs={"np": np, **vars(module)}) if test.examples]
    assert tests
    for test in tests:
        assert doctest.DocTestRunner().run(test).failed == 0


@every("descriptors", "hashes")
@pytest.mark.parametrize("which", images())
def test_rows_of_any_image(component, which):
    ready(component)
    image = images()[which]
    rows = component.describe([image])
    assert rows.shape == (1, component.size)
    assert rows.dtype == component.dtype
    assert np.isfinite(rows).all()


@every("descriptors", "hashes")
def test_the_same_again_alone_and_in_threads(component):
    ready(component)
    queries = list(images().values())
    rows = component.describe(queries)
    assert np.array_equal(component.describe(queries), rows)
    alone = np.concatenate([component.describe([image]) for image in queries])
    assert np.array_equal(alone, rows)
    assert np.array_equal(component.describe(queries * 3 + queries[:3])[-13:-3], rows)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(again, rows) for again in pool.map(lambda _: component.describe(queries), range(8)))


@every("descriptors", "hashes")
def test_images_are_left_as_they_were(component):
    ready(component)
    for image in images().values():
        before = image.copy()
        image.flags.writeable = False
        component.describe([image])
        assert np.array_equal(image, before)


@every("descriptors", "hashes")
def test_no_images_no_rows(component):
    rows = component.describe([])
    assert rows.shape == (0, component.size)
    assert rows.dtype == component.dtype


@every("descriptors", "hashes")
@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ],
    ids=["grey", "four channels", "empty", "float"],
)
def test_what_is_no_image_is_refused(component, wrong):
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8"):
        component.describe([wrong])


@every("descriptors", "hashes")
def test_its_metric_can_compare_its_rows(component):
    ready(component)
    queries = list(images().values())
    rows = component.describe(queries)
    distances = natural_metric(component).distances(rows, rows)
    assert np.isfinite(distances).all()
    assert np.diag(distances) == pytest.approx(np.zeros(len(queries)), abs=1e-6)
    assert isinstance(component.explain_overlap(rows[0], rows[1]), str)


@every("metrics")
def test_distances(component):
    queries, rows = rows_for(component, 3), rows_for(component, 12, seed=1)
    kept = queries.copy(), rows.copy()
    for values in (queries, rows):
        values.flags.writeable = False
    distances = component.distances(queries, rows)
    assert distances.shape == (3, 12)
    assert distances.dtype == np.float32
    assert np.isfinite(distances).all()
    assert (distances >= 0).all()
    assert np.array_equal(queries, kept[0])
    assert np.array_equal(rows, kept[1])
    assert np.array_equal(component.distances(queries, rows), distances)
    alone = np.vstack([component.distances(query[None], rows) for query in queries])
    assert alone == pytest.approx(distances, abs=1e-6)


@every("metrics")
def test_rows_without_anything_in_them(component):
    rows = np.zeros_like(rows_for(component))
    assert not component.distances(rows, rows).any()
    assert np.isfinite(component.distances(rows, rows_for(component))).all()


@every("metrics")
def test_similarity_falls_from_one(component):
    distances = np.sort(component.distances(rows_for(component), rows_for(component, seed=1)), axis=None)
    similarity = component.similarity(distances)
    assert similarity.shape == distances.shape
    assert similarity.dtype == np.float32
    assert component.similarity(np.zeros(1, np.float32)) == 1
    assert (np.diff(similarity) <= 0).all()
    assert similarity[0] > similarity[-1] >= 0
    assert component.symbol


@every("metrics")
def test_widths_that_differ_are_refused(component):
    rows = rows_for(component)
    with pytest.raises(ValueError, match=str(rows.shape[1])):
        component.distances(rows[:, :-1], rows)


METRICS = components("metrics") | components("kernels")


@every("indexes")
@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())
def test_rows_are_found_again(component, metric):
    rows = rows_of(metric, 40)
    ids = np.arange(100, 140)
    index = started(component, metric, rows).add(ids[:25], rows[:25]).add(ids[25:], rows[25:])
    hits = index.search(rows, 5)
    assert hits.ids.shape == hits.scores.shape == (40, 5)
    assert hits.ids.dtype == np.int64
    assert hits.scores.dtype == np.float32
    assert (hits.ids[:, 0] == ids).all()
    assert (np.diff(hits.scores, axis=1) <= 0).all()
    with ThreadPoolExecutor(4) as pool:
        assert all((again.ids == hits.ids).all() for again in pool.map(lambda _: index.search(rows, 5), range(8)))


@every("indexes")
def test_adding_and_removing_make_new_ones(component):
    metric = metric_for(component)
    rows, ids = rows_of(metric, 10), np.arange(10)
    empty = started(component, metric, rows)
    full = empty.add(ids, rows)
    fewer = full.remove(np.array([2, 77]))
    assert (empty.search(rows, 1).ids == NO_ID).all()
    assert (full.search(rows, 1).ids[:, 0] == ids).all()
    assert 2 not in fewer.search(rows, 10).ids
    assert (fewer.search(rows, 12).ids[:, 9:] == NO_ID).all()
    assert (fewer.search(rows, 12).scores[:, 9:] == -np.inf).all()
    assert set(full.search(rows, 10, allow=np.array([1, 5])).ids.ravel().tolist()) == {1, 5, NO_ID}


@every("indexes")
def test_what_cannot_be_searched_is_refused(component):
    metric = metric_for(component)
    rows = rows_of(metric, 10)
    index = started(component, metric, rows).add(np.arange(10), rows)
    with pytest.raises(ValueError, match="k is 1 or larger; got 0"):
        index.search(rows, 0)
    narrow, says = (worded(1, bits=24), "24") if component.variable_length else (rows[:, 1:], "23")
    with pytest.raises(ValueError, match=says):
        index.search(narrow, 1)
    with pytest.raises(ValueError, match="id 4 "):
        index.add(np.array([4]), rows[:1])


def reranked(component, count, question=None):
    """Hits of some loosely grouped rows, refined; and what the refiner was given."""
    stored, asked = clustered(count) if count else (np.empty((0, 8), np.float32), clustered(1)[1])
    seen = rows_of_numbers(stored, asked if question is None else question)
    given = hits_of(seen, max(count, 1))
    return component.rerank(IMAGE, given, seen), given, seen


@every("rerankers")
@pytest.mark.parametrize("count", [0, 1, 2, 3, 40])
def test_refiners_of_rows_order_the_hits(component, count):
    if not component.vectors:
        pytest.skip("it looks at images or visual words: its own tests show it")
    hits, given, seen = reranked(component, count)
    found = hits.ids[0][hits.ids[0] != NO_ID]
    assert sorted(found.tolist()) == sorted(given.ids[0][given.ids[0] != NO_ID].tolist())
    assert hits.ids.shape == hits.scores.shape
    assert (hits.ids.dtype, hits.scores.dtype) == (np.int64, np.float32)
    assert np.isfinite(hits.scores[hits.ids != NO_ID]).all()
    assert (np.diff(hits.scores[hits.ids != NO_ID]) <= 0).all()
    for reason in component.explain(IMAGE, found, seen):
        assert 0 <= reason.similarity <= 1
        assert reason.sentence
    assert component.explain(IMAGE, np.array([NO_ID, 7]), seen) == [None, None]


@every("rerankers")
def test_refiners_of_rows_change_nothing_that_they_are_given(component):
    if not component.vectors:
        pytest.skip("it looks at images or visual words: its own tests show it")
    stored, asked = clustered()
    first = reranked(component, 60)[0]
    for values in (stored, asked):
        values.flags.writeable = False
    seen = rows_of_numbers(stored, asked)
    given = hits_of(seen, 60)
    kept = given.ids.copy(), given.scores.copy()
    for values in (given.ids, given.scores):
        values.flags.writeable = False
    again = component.rerank(IMAGE, given, seen)
    assert np.array_equal(given.ids, kept[0])
    assert np.array_equal(given.scores, kept[1])
    assert np.array_equal(again.ids, first.ids)
    assert np.array_equal(again.scores, first.scores)


@every("rerankers")
def test_refiners_of_rows_without_anything_in_them(component):
    if not component.vectors:
        pytest.skip("it looks at images or visual words: its own tests show it")
    seen = rows_of_numbers(np.zeros((5, 8), np.float32), np.zeros(8, np.float32))
    hits = component.rerank(IMAGE, hits_of(seen, 5), seen)
    assert sorted(hits.ids[0].tolist()) == [100, 101, 102, 103, 104]
    assert np.isfinite(hits.scores).all()
