"""Candidates: each altered copy is met without a search, and few others are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.applications.duplicates import part_candidates as parts
from nearsight.applications.duplicates import whole_candidates as wholes
from nearsight.applications.duplicates.candidates import find_candidates
from nearsight.applications.duplicates.contents import Contents
from nearsight.applications.duplicates.part_candidates import part_candidates
from nearsight.applications.duplicates.screening import MIN_CORRELATION, correlate_pairs, find_grey
from nearsight.applications.duplicates.whole_candidates import whole_candidates
from nearsight.files import LocalFileSystem
from nearsight.storage.snapshot import SnapshotReader
from tests.conftest import without_workers

ALTERED = {
    "mirror": lambda image: image[:, ::-1],
    "turned": lambda image: np.rot90(image),
    "turned-mirror": lambda image: np.rot90(image[:, ::-1], 3),
    "small": lambda image: cv2.resize(image, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA),
    "negative": lambda image: 255 - image,
    "crop": lambda image: image[20 : image.shape[0] * 4 // 5, image.shape[1] // 4 :],
}


@pytest.fixture(scope="module")
def collection(tmp_path_factory, request):
    """A folder of photographs with altered copies of the first three, indexed; the reader, and the ids by name."""
    from tests.conftest import thirteen

    folder = thirteen(tmp_path_factory.mktemp("copies") / "photographs")
    for name in ("coffee.png", "chelsea.png", "china.jpg"):
        place = next(folder.rglob(name))
        pixels = np.asarray(Image.open(place).convert("RGB"))
        for kind, alter in ALTERED.items():
            Image.fromarray(np.ascontiguousarray(alter(pixels))).save(place.with_suffix(f".{kind}.png"))
    Image.open(folder / "china.jpg").convert("L").save(folder / "grey.png")
    with without_workers(), ns.index(folder, ["copy"]) as photos:
        ids = {each.path.decode().rsplit("/")[-1]: each.id for each in photos.images()}
        pipelines = photos.pipeline("copy"), photos.pipeline("part")
    return SnapshotReader(folder / ".nearsight", LocalFileSystem()), ids, pipelines


def original(name):
    return f"{name.split('.')[0]}.{'jpg' if name.startswith('china') else 'png'}"


def copies(ids, *kinds):
    """The pairs of the ids of copies of some kinds and their originals, the lower first."""
    return {
        tuple(sorted((ids[name], ids[original(name)]))) for name in ids if any(f".{kind}." in name for kind in kinds)
    }


def rising(pairs):
    return {tuple(sorted(pair)) for pair in pairs.tolist()}


def test_wholes_are_met_turned_and_mirrored(collection):
    reader, ids, (whole, _) = collection
    snapshot = reader.snapshot()
    pairs = whole_candidates(snapshot, snapshot, whole)
    assert copies(ids, "mirror", "turned", "turned-mirror", "small") <= rising(pairs)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    correlations = correlate_pairs(snapshot, snapshot, pairs)
    kept = rising(pairs[correlations >= MIN_CORRELATION])
    assert copies(ids, "mirror", "turned", "turned-mirror", "small") <= kept
    assert len(kept) < len(rising(pairs))
    negatives = np.array(sorted(copies(ids, "negative")))
    assert correlate_pairs(snapshot, snapshot, negatives).min() > 0.95


def test_cells_find_what_one_cell_does(collection, monkeypatch):
    reader, _, (whole, _) = collection
    snapshot = reader.snapshot()
    exact = rising(whole_candidates(snapshot, snapshot, whole))
    monkeypatch.setattr(wholes, "EXACT_BELOW", 1)
    monkeypatch.setattr(wholes, "CELL_SIZE", 5)
    for probes, least in ((99, 1.0), (2, 0.7)):
        monkeypatch.setattr(wholes, "PROBES", ((1 << 62, probes),))
        found = rising(whole_candidates(snapshot, snapshot, whole))
        assert len(found & exact) >= least * len(exact)


def test_parts_are_met_by_what_they_share(collection):
    reader, ids, (_, part) = collection
    snapshot = reader.snapshot()
    found = part_candidates(snapshot, snapshot, snapshot.trained_pipeline(part))
    assert copies(ids, "crop", "turned", "small") <= rising(found.pairs)
    roots = {image: original(name) if name.count(".") > 1 else name for name, image in ids.items()}
    others = [pair for pair in found.pairs.tolist() if roots[pair[0]] != roots[pair[1]]]
    assert all("grey.png" in {roots[a], roots[b]} for a, b in others)
    assert found.left_out == 0
    assert (found.n_words >= 3).all()


@pytest.fixture
def shared_words_of(collection):
    """How many distinct words with an equal band two images share, one after the other: the oracle."""
    reader, _, (_, part) = collection
    snapshot = reader.snapshot()
    trained = snapshot.trained_pipeline(part)

    def shared(one, other, bands):
        first, second = snapshot.vector(trained, one), snapshot.vector(trained, other)
        words = set()
        for mine in first:
            for theirs in second[second["word"] == mine["word"]]:
                pairs = zip(mine["bits"].reshape(bands, -1), theirs["bits"].reshape(bands, -1), strict=True)
                if any((a == b).all() for a, b in pairs):
                    words.add(int(mine["word"]))
        return len(words)

    return snapshot, trained, shared


@pytest.mark.parametrize("bands", [8, 4])
def test_the_join_counts_the_words_that_two_images_share(shared_words_of, monkeypatch, bands):
    snapshot, part, shared = shared_words_of
    monkeypatch.setattr(parts, "BANDS", ((1 << 62, bands, 1),))
    found = part_candidates(snapshot, snapshot, part)
    counts = dict(zip(map(tuple, found.pairs.tolist()), found.n_words.tolist(), strict=True))
    ids = snapshot.ids(part).tolist()
    expected = {(a, b): shared(a, b, bands) for a in ids[:12] for b in ids if a < b}
    assert {pair: count for pair, count in expected.items() if count} == {
        pair: count for pair, count in counts.items() if pair in expected
    }
    monkeypatch.setattr(parts, "MAX_SORTED", 500)
    again = part_candidates(snapshot, snapshot, part)
    assert (again.pairs == found.pairs).all()
    assert (again.n_words == found.n_words).all()


def test_keys_of_many_images_are_left_out_and_counted(shared_words_of, monkeypatch):
    snapshot, part, _ = shared_words_of
    before = part_candidates(snapshot, snapshot, part)
    monkeypatch.setattr(parts, "MAX_RUN", 2)
    found = part_candidates(snapshot, snapshot, part)
    assert 0 < found.left_out < 1
    assert len(found.pairs) < len(before.pairs)


def test_two_generations_pair_only_with_each_other(collection):
    reader, ids, (whole, part) = collection
    first = reader.snapshot()
    other = SnapshotReader(reader.index_dir, LocalFileSystem()).snapshot()
    pairs = whole_candidates(first, other, whole)
    assert {(image, image) for image in ids.values()} <= {tuple(pair) for pair in pairs.tolist()}
    trained = first.trained_pipeline(part)
    across = part_candidates(first, other, trained)
    assert {(ids["coffee.png"], ids["coffee.crop.png"]), (ids["coffee.crop.png"], ids["coffee.png"])} <= {
        tuple(pair) for pair in across.pairs.tolist()
    }


def test_what_has_no_colour_is_known(collection):
    reader, ids, _ = collection
    assert find_grey(reader.snapshot(), [ids["grey.png"], ids["china.jpg"], ids["camera.png"]]) == {
        ids["grey.png"],
        ids["camera.png"],
    }


@pytest.mark.parametrize("stop_at", [4, -3])
def test_a_run_that_was_killed_goes_on_and_finds_the_same(collection, tmp_path, monkeypatch, stop_at):
    reader, _, (whole, part) = collection
    snapshot, contents = reader.snapshot(), Contents(reader.catalogue)
    monkeypatch.setattr(wholes, "STEP", 5)
    monkeypatch.setattr(parts, "MAX_SORTED", 500)
    shared, computed = parts._shared_words, []
    monkeypatch.setattr(parts, "_shared_words", lambda *given: computed.append(1) or shared(*given))

    def find(index_dir, stop_at=None):
        told = []

        def watch(step, done, total):
            told.append((step, done, total))
            if len(told) == stop_at:
                raise KeyboardInterrupt

        return find_candidates(snapshot, whole, part, contents.ids, contents.firsts, watch, index_dir), told

    plain, steps = find(None)
    assert [done for step, done, _ in steps if step == "looking for copies"][-1] == len(contents)
    parts_in_all = len(computed)
    with pytest.raises(KeyboardInterrupt):
        find(tmp_path, stop_at % len(steps))
    resumed, _ = find(tmp_path)
    assert resumed == plain
    assert len(computed) == 2 * parts_in_all  # what was done before the end was not done again
    again, _ = find(tmp_path)
    assert again == plain
    assert len(computed) == 2 * parts_in_all


def test_where_keys_make_too_many_pairs_those_of_most_images_are_left_out(shared_words_of, monkeypatch):
    lengths = np.repeat([1, 2, 3, 5], [10, 4, 2, 1])
    # 4 keys of two images make 4 pairs, 2 of three make 6, and one of five makes 10.
    assert [parts._longest_run(lengths, most) for most in (3, 4, 9, 10, 19, 20)] == [1, 2, 2, 4, 4, parts.MAX_RUN]
    snapshot, part, _ = shared_words_of
    every = part_candidates(snapshot, snapshot, part)
    monkeypatch.setattr(parts, "MAX_PAIRS", 400)
    fewer = part_candidates(snapshot, snapshot, part)
    assert len(fewer.pairs) < len(every.pairs)
    assert fewer.left_out > every.left_out


def test_plain_images_are_met_by_plain_ones_of_their_shade(tmp_path):
    shades = {"white": 250, "white again": 251, "grey": 128}
    for name, shade in shades.items():
        Image.fromarray(np.full((120, 160, 3), shade, np.uint8)).save(tmp_path / f"{name}.png")
    ramp = np.tile(np.linspace(240, 255, 160).astype(np.uint8)[None, :, None], (120, 1, 3))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    with without_workers(), ns.index(tmp_path, ["copy"]) as photos:
        ids = {each.path.decode().removesuffix(".png"): each.id for each in photos.images()}
    snapshot = SnapshotReader(tmp_path / ".nearsight", LocalFileSystem()).snapshot()
    others = ("white again", "grey", "ramp")
    found = correlate_pairs(snapshot, snapshot, np.array([(ids["white"], ids[other]) for other in others]))
    assert found.tolist() == [1.0, 0.0, 0.0]
