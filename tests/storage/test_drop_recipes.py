"""Recipes that cannot be used, and recipes that are taken out: what is theirs goes, and nothing else."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

import nearsight as ns
from nearsight.api.indexing import repair
from nearsight.errors import RecipeError, StorageError, UsageError
from nearsight.files import LocalFileSystem
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.collection_metadata import open_catalogue
from nearsight.storage.database import CATALOGUE_FILE
from nearsight.storage.recipes import default_recipe, partition_recipes

LEARNS = "tiny(square=8) | pca(dim=4) | flat"
KEEPS = "gist | gistis(cells=2, probes=2, bits=64, rerank=50, exact_below=8)"
OTHER = "gist | ivf(cells=2, probes=2, exact_below=8)"


@pytest.fixture
def folder(tmp_path, random_image):
    made = tmp_path / "images"
    made.mkdir()
    for number in range(12):
        random_image(made / f"{number:02}.jpg", number, side=48)
    return made


def index(folder, *recipes, **more):
    """Index, and give what the collection has recipes of; it must be sound."""
    with ns.index(folder, recipe=recipes, **more) as photos:
        assert photos.verify() == []
        return photos.senses, photos.summary, photos.dropped


def files(folder):
    """The size of every file of rows and of caches."""
    home = folder / ".nearsight"
    return {path.name: path.stat().st_size for name in ("segments", "indexes") for path in (home / name).glob("*")}


def keys(folder):
    """The steps that made all rows and caches, without their parameters."""
    with closing(Catalogue(folder / ".nearsight")) as catalogue:
        entries = [*catalogue.segments(), *catalogue.caches()]
    steps = [entry.key.partition(" @")[0].split(" | ") for entry in entries]
    return sorted({" | ".join(step.partition("(")[0] for step in each) for each in steps} - {"thumbnails"})


def renamed(folder, old, new):
    """The collection as it is where a method is not installed, or is again: it was always called so."""
    with closing(CatalogueWriter(folder / ".nearsight")) as catalogue, catalogue.transaction():
        for name, text in catalogue.recipes().items():
            catalogue.drop_recipe(name)
            catalogue.put_recipe(name.replace(old, new), text.replace(old, new))
        for entry in catalogue.segments():
            catalogue.put_segment(replace(entry, key=entry.key.replace(old, new)))
        caches = catalogue.caches()
        catalogue.drop_caches(entry.id for entry in caches)
        for entry in caches:
            catalogue.put_cache(replace(entry, key=entry.key.replace(old, new)))


def answers(folder, recipe):
    with ns.open(folder) as photos:
        return [(hit.path, hit.distance) for hit in photos.search(folder / "05.jpg", recipe=recipe, k=5)]


def test_what_can_be_used_is_indexed_repaired_and_verified_beside_what_cannot(folder, random_image):
    index(folder, LEARNS, "phash")
    learnt = (folder / ".nearsight" / "indexes").glob("*").__next__().read_bytes()
    renamed(folder, "tiny", "gone")
    (folder / "03.jpg").unlink()
    random_image(folder / "99.jpg", 99)
    senses, summary, _ = index(folder)
    assert (list(senses), summary.added, summary.removed) == ([LEARNS.replace("tiny", "gone"), "phash"], 1, 1)
    problems, summary = repair(folder)
    assert (problems, summary.unchanged) == ([], 12)
    with ns.open(folder) as photos:
        assert photos.verify() == []
        assert photos.search(folder / "99.jpg", recipe="phash")[0].path == "99.jpg"
        with pytest.raises(RecipeError, match='no method "gone"'):
            photos.search(folder / "99.jpg", recipe=LEARNS.replace("tiny", "gone"))
        told = photos.info()
        why = told["unusable"][LEARNS.replace("tiny", "gone")]
        assert list(told["unusable"]) == list(photos.unusable) == [LEARNS.replace("tiny", "gone")]
        assert told["indexes"][LEARNS.replace("tiny", "gone")] == 'none: there is no method "gone"'
    assert why == (
        'there is no method "gone"; install or update the package that brings the method, or take the recipe out: '
        f"nearsight index {folder} --drop 'gone(square=8) | pca(dim=4) | flat'"
    )
    renamed(folder, "gone", "tiny")
    _, summary, _ = index(folder)
    assert (summary.completed, summary.unchanged) == (1, 11)
    assert [path.read_bytes() for path in (folder / ".nearsight" / "indexes").glob("*")] == [learnt]
    assert answers(folder, LEARNS)[0] == ("05.jpg", 0)


def test_a_collection_of_nothing_that_can_be_used_is_indexed_all_the_same(folder):
    index(folder, "tiny | flat")
    renamed(folder, "tiny", "gone")
    (folder / "03.jpg").unlink()
    senses, summary, _ = index(folder)
    assert (list(senses), summary.removed) == (["gone | flat"], 1)
    assert repair(folder)[0] == []
    senses, summary, _ = index(folder, by=["colour"])
    assert (list(senses), summary.completed) == (["gone | flat", "colour"], 11)
    with ns.open(folder) as photos:
        assert photos.search(folder / "05.jpg")[0].path == "05.jpg"  # by colour: it is the first that can be used
    assert default_recipe({}) == ""


def test_a_recipe_is_told_with_its_own_reason():
    recipes = {"copy": "gist", "a": "fuse(gist, gone)", "b": "gist(nope=3)", "c": "gist | gone_too"}
    plans, unusable = partition_recipes(recipes)
    assert [each.name for each in plans] == ["copy"]
    assert [(each.name, each.problem.split(";")[0]) for each in unusable] == [
        ("a", 'there is no method "gone"'),
        ("b", 'gist has no parameter "nope"'),
        ("c", 'there is no method "gone_too"'),
    ]


@pytest.mark.parametrize("installed", [True, False])
def test_what_is_a_recipes_own_goes_at_once_and_does_not_come_back(folder, installed):
    index(folder, LEARNS, "phash", by=["colour"])
    if not installed:
        renamed(folder, "tiny", "gone")
    before, right = files(folder), answers(folder, "phash")
    with closing(Catalogue(folder / ".nearsight")) as catalogue:
        entries = [*catalogue.segments(), *catalogue.caches()]
    gone = {
        entry.file_name: entry.length for entry in entries if "| pca(" in entry.key or "colour_histogram" in entry.key
    }
    assert len(gone) == 3  # rows of both, and what was learnt
    text = LEARNS if installed else LEARNS.replace("tiny", "gone")
    _, _, dropped = index(folder, drop=["colour", text.replace("dim=4", "dim = 4")])
    assert (dropped.recipes, dropped.bytes) == (("colour", text), sum(gone.values()))
    assert files(folder) == {name: size for name, size in before.items() if name not in gone}
    assert keys(folder) == ["phash"]
    assert answers(folder, "phash") == right
    senses, summary, dropped = index(folder)
    assert (list(senses), summary.unchanged, dropped.recipes, dropped.bytes) == (["phash"], 12, (), 0)
    with pytest.raises(UsageError, match="not indexed by colour"), ns.open(folder) as photos:
        photos.search(folder / "05.jpg", by="colour")
    senses, summary, _ = index(folder, by=["colour"])
    assert (list(senses), summary.completed) == (["phash", "colour"], 12)


def test_what_another_recipe_uses_stays(folder):
    index(folder, KEEPS, OTHER, LEARNS, LEARNS.replace("flat", "ivf(cells=3, probes=3)"))
    right, before = [answers(folder, each) for each in (OTHER, LEARNS)], files(folder)
    assert len([name for name in before if name.endswith(".idx")]) == 5  # learnt; fitted and one part, twice
    _, _, dropped = index(folder, drop=KEEPS)
    gone = before.keys() - files(folder).keys()
    assert sorted(name[-4:] for name in gone) == [".idx", ".idx"]
    assert dropped.bytes == sum(before[name] for name in gone)
    _, _, dropped = index(folder, drop=LEARNS.replace("flat", "ivf(cells=3, probes=3)"))
    assert (dropped.bytes, [answers(folder, each) for each in (OTHER, LEARNS)]) == (0, right)
    kept = files(folder)
    renamed(folder, "ivf", "gone_index")
    _, _, dropped = index(folder, KEEPS)
    index(folder, drop=KEEPS)
    assert files(folder).keys() == kept.keys()  # rows, and what the index that is not installed keeps of them
    renamed(folder, "gone_index", "ivf")
    assert answers(folder, OTHER) == right[0]
    index(folder, drop=OTHER)
    assert keys(folder) == ["learnt: tiny | pca", "tiny | pca"]


def test_the_steps_of_one_recipe_are_no_part_of_another(folder):
    index(folder, "tiny | flat", LEARNS, "phash")
    renamed(folder, "tiny", "gone")
    rows = keys(folder)
    index(folder, drop="gone | flat")
    assert set(rows) - set(keys(folder)) == {"gone"}
    index(folder, drop="gone(square=8) | pca(dim=4) | flat")
    assert keys(folder) == ["phash"]


def test_rows_of_an_older_version_go_too(folder):
    index(folder, "phash", "dhash")
    with closing(CatalogueWriter(folder / ".nearsight")) as catalogue, catalogue.transaction():
        for entry in catalogue.segments():
            catalogue.put_segment(replace(entry, key=entry.key.replace("@1", "@0")))
    index(folder)
    assert len(files(folder)) == 5
    index(folder, drop="phash")
    assert sorted(keys(folder)) == ["dhash"]
    assert len(files(folder)) == 3


def test_what_cannot_be_dropped(folder):
    with pytest.raises(UsageError, match="is not indexed yet, so there is nothing to drop"):
        index(folder, drop="colour")
    assert not (folder / ".nearsight").exists()
    index(folder, by=["copy", "colour"])
    before = files(folder)
    for drop, more, said in (
        (["colours"], {}, 'no "colours" to drop: this collection is indexed by copy, colour'),
        (["colour", "gist | flat"], {}, 'no "gist | flat" to drop: this collection is indexed by copy, colour'),
        (["copy", "colour"], {}, "keeps one recipe at least, and this one has: copy, colour, part"),
        (["part"], {}, "part is required by copy: drop both, or neither"),
        (["part", "colour"], {"by": ["copy"]}, "part is required by copy"),
        (["colour"], {"by": ["colour"]}, "colour is dropped and added in the same run"),
        (["colour"], {"recipe": "colour_histogram | ivf"}, "colour is dropped and added in the same run"),
    ):
        with pytest.raises(UsageError, match=said.replace("|", r"\|")):
            ns.index(folder, drop=drop, **more)
        assert files(folder) == before
        assert list(index(folder)[0]) == ["copy", "colour", "part"]


def test_all_recipes_can_be_exchanged_for_another(folder):
    index(folder, by=["copy", "colour"])
    senses, summary, dropped = index(folder, "phash", drop=["copy", "colour"])
    assert (list(senses), summary.completed, dropped.recipes) == (["phash"], 12, ("copy", "colour", "part"))
    assert keys(folder) == ["phash"]


def test_what_a_sense_requires_comes_and_goes_with_it(folder):
    senses, _, _ = index(folder, "phash", by=["copy"])
    assert list(senses) == ["copy", "phash", "part"] or list(senses) == ["phash", "copy", "part"]
    assert len(keys(folder)) == 3
    senses, _, dropped = index(folder, drop="copy")
    assert (list(senses), dropped.recipes) == (["phash"], ("copy", "part"))
    assert keys(folder) == ["phash"]
    senses, _, _ = index(folder, by=["part"])
    assert list(senses) == ["phash", "part"]


def test_a_collection_of_before_gets_what_its_senses_require(folder):
    index(folder, by=["copy"])
    with open_catalogue(folder / ".nearsight", LocalFileSystem()) as catalogue, catalogue.transaction():
        catalogue.drop_recipe("part")
    with ns.open(folder) as photos:
        assert photos.search(folder / "05.jpg", by="copy")[0].path == "05.jpg"
        assert list(photos.senses) == ["copy"]
    assert list(index(folder)[0]) == ["copy", "part"]


def test_a_reader_goes_on_and_then_sees_that_it_was_dropped(folder):
    index(folder, "phash", "dhash")
    with ns.open(folder) as photos:
        assert photos.search(folder / "05.jpg", recipe="dhash")[0].path == "05.jpg"
        index(folder, drop="dhash")
        with pytest.raises(UsageError, match="holds no vectors of dhash"):
            photos.search(folder / "05.jpg", recipe="dhash")
        assert photos.search(folder / "05.jpg", recipe="phash")[0].path == "05.jpg"


class Refusing(LocalFileSystem):
    """A disk from which nothing can be removed but the writer's note."""

    def remove(self, path):
        if os.fsdecode(path).endswith(".json"):
            return super().remove(path)
        raise OSError(5, "Input/output error")


def test_what_the_disk_does_not_let_go_of_is_taken_away_by_the_next_run(folder):
    index(folder, "phash", "dhash")
    with pytest.raises(StorageError):
        ns.index(folder, drop="dhash", files=Refusing())
    with ns.open(folder) as photos:
        assert (list(photos.senses), photos.verify()) == (["phash"], [])
    assert len(files(folder)) == 3
    index(folder)
    assert len(files(folder)) == 2


def test_a_commit_that_fails_leaves_the_recipe_with_all_that_is_its_own(folder, monkeypatch):
    index(folder, "phash", "dhash")
    before = files(folder)

    def failing(self, idents):
        list(idents)
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(CatalogueWriter, "drop_caches", failing)
    with pytest.raises(StorageError, match=CATALOGUE_FILE):
        ns.index(folder, drop="dhash")
    monkeypatch.undo()
    assert files(folder) == before
    assert list(index(folder)[0]) == ["phash", "dhash"]
    assert answers(folder, "dhash")[0] == ("05.jpg", 0)
