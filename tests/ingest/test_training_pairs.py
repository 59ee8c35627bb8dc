"""Pairs of images of the same thing: where they come from, and what is learnt of them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.errors import UsageError
from nearsight.ingest.training_pairs import MOST, pairs_of

FOUND = {b"a/1.png": [b"/x/a/1.png"], b"a/2.png": [b"/x/a/2.png"], b"b.png": [b"/x/b.png", b"/y/b.png"]}
THINGS = 24
RECIPE = "tiny(square=4, colour=false) | pair_whitening(dim=8) | flat"


def test_pairs_from_a_file_and_as_they_are(tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text("a/1.png,./a/2.png\n\n", "utf-8-sig")
    wanted = [(b"/x/a/1.png", b"/x/a/2.png")]
    assert pairs_of(table, FOUND) == pairs_of(str(table), FOUND) == pairs_of([("a/1.png", "a/2.png")], FOUND) == wanted


def test_folders_of_the_same_thing():
    found = {b"%d/%d" % (one, two): [b"/x/%d/%d" % (one, two)] for one in range(3) for two in range(4)}
    pairs = pairs_of("folders", found)
    assert len(pairs) == len(set(pairs)) == 3 * 6
    assert all(one.split(b"/")[2] == other.split(b"/")[2] and one < other for one, other in pairs)
    large = {b"%d" % each: [b"/x/%d" % each] for each in range(3000)}
    assert len(pairs_of("folders", large)) == MOST
    assert pairs_of("folders", large) == pairs_of("folders", large)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("a/1.png,a/2.png\na/1.png\n", "line 2: a line is two paths"),
        ("a/1.png,c.png\n", "line 1: there is no c.png"),
        ("a/1.png,b.png\n", "b.png is in several"),
        ("a/1.png,a/1.png\n", "twice"),
        ("", "there are no pairs"),
    ],
)
def test_what_is_no_pair_is_named(tmp_path, lines, says):
    table = tmp_path / "pairs.csv"
    table.write_text(lines)
    with pytest.raises(UsageError, match=says):
        pairs_of(table, FOUND)
    with pytest.raises(UsageError, match="cannot be read"):
        pairs_of(tmp_path / "none.csv", FOUND)


@pytest.fixture(scope="module")
def things(tmp_path_factory):
    """Things, four images each: their upper half tells them apart, the lower is as it happens to be."""
    folder = tmp_path_factory.mktemp("things")
    rng = np.random.default_rng(0)
    for thing in range(THINGS):
        upper = rng.integers(90, 166, (2, 4))
        (folder / str(thing)).mkdir()
        for view in range(4):
            lower = rng.integers(0, 256, (2, 4))
            pixels = np.concatenate([upper + rng.integers(-3, 4, upper.shape), lower]).astype(np.uint8)
            Image.fromarray(pixels.repeat(16, axis=0).repeat(16, axis=1)).save(folder / str(thing) / f"{view}.png")
    return folder


def test_what_is_learnt_of_pairs_finds_the_same_thing(things, tmp_path):
    """Learnt from the first three images of each thing, each fourth is asked with."""
    learnt, plain = tmp_path / "learnt.npz", "tiny(square=4, colour=false) | flat"
    pairs = [(f"{each}/{one}.png", f"{each}/{two}.png") for each in range(THINGS) for one, two in ((0, 1), (1, 2))]
    (made,) = ns.train([things], RECIPE, learnt, pairs=pairs)
    assert "pair_whitening(dim=8)" in made
    assert right(things, tmp_path / "paired", RECIPE, [learnt]) >= THINGS - 1
    assert right(things, tmp_path / "plain", plain, []) <= THINGS / 2


def right(folder, collection, recipe, learnt):
    """How many of the fourth images find another image of their thing first."""
    with ns.index(folder, recipe=recipe, trained=learnt, collection=collection) as opened:
        asked = [opened.search(folder / f"{thing}/3.png", recipe=recipe, k=2).hits for thing in range(THINGS)]
    return sum(hits[1].path.startswith(f"{thing}/") for thing, hits in enumerate(asked))


def test_without_pairs_it_says_what_to_run(things, tmp_path):
    with pytest.raises(UsageError, match=r"pair_whitening is trained on pairs .* nearsight train FOLDER .*--pairs FILE"):
        ns.index(things, recipe=RECIPE, collection=tmp_path / "collection")
    with pytest.raises(UsageError, match="none of these recipes is trained on pairs"):
        ns.train([things], "tiny(square=4, colour=false) | pca(dim=3) | flat", tmp_path / "out.npz", pairs="folders")


def test_pairs_that_cannot_be_read_are_named(things, tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    for name in ("one.png", "other.png"):
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(UsageError, match=r"of no pair can both images be read; .*one\.png and .*other\.png"):
        ns.train([things, folder], RECIPE, tmp_path / "out.npz", pairs=[("one.png", "other.png")])
    assert not (tmp_path / "out.npz").exists()
