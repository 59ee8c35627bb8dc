"""Recipes that learn, from the folder to the answer: objects found again, learnt once, changed and mended."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest

import nearsight as ns
from nearsight.api.indexing import repair
from nearsight.errors import DamagedError, RecipeError, StorageError, UsageError
from nearsight.ingest.run import IngestSettings
from tests.search.scenes import BOX, VIEW, folder_of, pasted, save, texture

OBJECTS = "sift(n=200) | asmk(words=kmeans(k=64), several=1) | inverted | spatial(inliers=8)"
"""With few words, several for each feature would say little."""
ONE = IngestSettings(workers=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder and its collection; tests that change something take a copy."""
    folder = folder_of(tmp_path_factory.mktemp("objects") / "images")
    ns.index(folder, recipe=OBJECTS, settings=ONE).close()
    return folder


@pytest.fixture
def copy(made, tmp_path):
    folder = tmp_path / "images"
    shutil.copytree(made, folder)
    return folder


def indexed(folder, recipe=OBJECTS, **more):
    """Indexed again, without a word; the summary and the steps that were told."""
    steps = set()
    with ns.index(folder, recipe=recipe, settings=ONE, watch=lambda each: steps.add(each.step), **more) as photos:
        return photos.summary, steps


def answers(photos, queries, recipe=OBJECTS):
    """Paths and distances of the hits of every query."""
    return {
        query.name: [(hit.path, round(hit.distance, 6), hit.verdict) for hit in photos.search(query, recipe=recipe)]
        for query in queries
    }


def files_in(folder, part):
    return sorted(path.name for path in (folder / ".nearsight" / part).iterdir())


def keys(folder):
    with ns.open(folder) as photos:
        return {entry.key for entry in photos._catalogue.segments() if entry.key != "thumbnails"}


def test_a_thing_in_a_box_is_found_in_another_image_with_matched_points(made):
    with ns.open(made) as photos:
        results = photos.search(made / "thing.png", recipe=OBJECTS, box=BOX, k=5)
    assert results.verdict == "found"
    assert {hit.path for hit in results[:2]} == {"thing.png", "scene.png"}
    hit = next(hit for hit in results if hit.path == "scene.png")
    assert (hit.alike, hit.verdict) == (True, "the same thing")
    assert all(other.alike is False for other in results[2:])
    seen = hit.explanation
    assert len(seen.query_points) == len(seen.hit_points) >= 8
    assert ((seen.query_points >= 0) & (seen.query_points <= 1)).all()
    inner = np.float32([[[20, 20]], [[160, 20]], [[90, 70]], [[20, 120]], [[160, 120]]])
    right = cv2.perspectiveTransform(inner + BOX[:2], VIEW)[:, 0] / (300, 220)
    unit = (inner / (BOX[2] - BOX[0], BOX[3] - BOX[1])).astype(np.float32)
    found = cv2.perspectiveTransform(unit, seen.homography)[:, 0]
    assert np.abs(found - right).max() < 0.03


def test_an_image_that_is_not_here_is_nothing_like_it(made, tmp_path):
    with ns.open(made) as photos:
        results = photos.search(save(texture(999), tmp_path / "q.png"), recipe=OBJECTS, k=5)
    assert results.verdict == "nothing like it here"
    assert not any(hit.alike for hit in results)


def test_a_stored_image_asks_by_its_id(made):
    with ns.open(made) as photos:
        ident = next(each.id for each in photos.images() if each.path == b"thing.png")
        results = photos.search(like=ident, recipe=OBJECTS, k=3)
    assert results[0].path == "thing.png"
    assert results[0].distance == pytest.approx(0, abs=1e-6)


def test_expansion_finds_further_images_and_says_how_far_they_are(made):
    recipe = f"{OBJECTS} | expand | spatial(inliers=8)"
    with ns.open(made) as photos:
        results = photos.search(made / "thing.png", recipe=recipe, box=BOX, k=20)
        plain = photos.search(made / "thing.png", recipe=OBJECTS, box=BOX, k=20)
    assert {hit.path for hit in results[:2]} == {"thing.png", "scene.png"}
    distances = {hit.path: hit.distance for hit in plain}
    assert all(hit.distance == pytest.approx(distances.get(hit.path, 1), abs=1e-6) for hit in results)


def test_expansion_may_bring_what_the_query_alone_does_not_find(made):
    """The query is so small a part that few images share words with it; what its hit shares counts too."""
    recipe, box = f"{OBJECTS.replace('inliers=8', 'n=1, inliers=5')} | expand", (60, 40, 130, 110)
    with ns.open(made) as photos:
        few = photos.search(made / "thing.png", recipe=recipe.removesuffix(" | expand"), box=box)
        many = photos.search(made / "thing.png", recipe=recipe, box=box)
    assert {hit.path for hit in few} <= {hit.path for hit in many}
    assert all(0 <= hit.distance <= 1 for hit in many)


def test_a_second_run_does_nothing(copy):
    indexed(copy)  # the files were copied: they are read, and found to be the same
    before = {part: files_in(copy, part) for part in ("segments", "indexes")}
    with ns.open(copy) as photos:
        generation = photos.info()["generation"]
    summary, steps = indexed(copy)
    assert (summary.unchanged, summary.added, summary.completed) == (13, 0, 0)
    assert "training" not in steps
    assert {part: files_in(copy, part) for part in ("segments", "indexes")} == before
    with ns.open(copy) as photos:
        assert photos.info()["generation"] == generation
        assert photos.verify() == []


def test_after_changes_the_answers_are_those_of_a_fresh_collection(copy, tmp_path):
    """What was learnt is taken along as a file: with it, a rebuild is the same."""
    learnt = tmp_path / "learnt.npz"
    assert len(ns.train([copy], OBJECTS, learnt, settings=ONE)) == 1
    indexed(copy, trained=[learnt])
    save(texture(50), copy / "new.png", 5)
    save(pasted(texture(1), texture(51)), copy / "other-3.png", 6)
    (copy / "other-4.png").unlink()
    (copy / "other-5.png").rename(copy / "moved.png")
    summary, steps = indexed(copy)
    assert (summary.added, summary.changed, summary.removed, summary.moved) == (1, 1, 1, 1)
    assert "training" not in steps
    fresh = tmp_path / "fresh"
    shutil.copytree(copy, fresh, ignore=shutil.ignore_patterns(".nearsight"))
    _, steps = indexed(fresh, trained=[learnt])
    assert "training" not in steps
    queries = sorted(fresh.glob("*.png"))
    with ns.open(copy) as photos, ns.open(fresh) as anew:
        assert photos.verify() == anew.verify() == []
        assert answers(photos, queries) == answers(anew, queries)
        found = photos.search(copy / "thing.png", recipe=OBJECTS, box=BOX, k=3)
    assert {hit.path for hit in found if hit.alike} == {"thing.png", "scene.png", "other-3.png"}


def test_images_taken_out_are_found_no_more_and_do_not_count(copy):
    with ns.open(copy) as photos:
        photos.remove(["scene.png", "other-1.png"])
        found = photos.search(copy / "thing.png", recipe=OBJECTS, k=20)
    assert not {"scene.png", "other-1.png"} & {hit.path for hit in found}
    with ns.open(copy) as photos:
        assert answers(photos, [copy / "thing.png"])["thing.png"][0][0] == "thing.png"


def test_images_without_features_are_indexed_and_not_found(made):
    with ns.open(made) as photos:
        assert len(photos) == 13
        for name in ("blank.png", "pixel.png"):
            [same] = photos.search(made / name, recipe=OBJECTS)
            assert (same.path, same.verdict) == (name, "identical file")
        found = photos.search(made / "thing.png", recipe=OBJECTS, k=20)
    assert not {"blank.png", "pixel.png"} & {hit.path for hit in found}


def test_with_another_vocabulary_the_rows_are_made_anew_and_the_old_ones_go(copy, tmp_path):
    before = keys(copy)
    other = tmp_path / "other"
    for number in range(4):
        save(texture(70 + number), other / f"{number}.png")
    learnt = tmp_path / "learnt.npz"
    ns.train([other], OBJECTS, learnt, settings=ONE)
    summary, steps = indexed(copy, trained=[learnt])
    assert summary.completed == 13
    assert "training" not in steps
    assert len(keys(copy)) == 1
    assert keys(copy) != before
    with ns.open(copy) as photos:
        assert photos.verify() == []
        assert photos.search(copy / "thing.png", recipe=OBJECTS)[1].path == "scene.png"
    assert indexed(copy, trained=[learnt])[0].unchanged == 13


def damaged(folder):
    """What was learnt, with a byte of it changed; its name."""
    with ns.open(folder) as photos:
        (entry,) = (entry for entry in photos._catalogue.caches() if entry.key.startswith("learnt"))
    path = folder / ".nearsight" / "indexes" / entry.file_name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return entry.file_name


@pytest.mark.parametrize("mended", ["repair", "index"])
def test_damage_to_what_was_learnt_is_noticed_and_mended(copy, mended):
    before, rows, name = keys(copy), files_in(copy, "segments"), damaged(copy)
    with ns.open(copy) as photos:
        assert [problem.where for problem in photos.verify()] == [name]
        assert "damaged" in photos.info()["indexes"][next(iter(photos.senses))]
        with pytest.raises(DamagedError, match="nearsight repair"):
            photos.search(copy / "thing.png", recipe=OBJECTS)
    if mended == "repair":
        assert [problem.where for problem in repair(copy, settings=ONE)[0]] == [name]
    else:
        indexed(copy)
    with ns.open(copy) as photos:
        assert photos.verify() == []
        assert photos.search(copy / "thing.png", recipe=OBJECTS)[1].path == "scene.png"
    assert keys(copy) == before  # the sample is the same, and so is what is learnt of it
    assert files_in(copy, "segments") == rows


@pytest.mark.slow
def test_what_is_learnt_again_from_other_images_makes_the_rows_anew(copy):
    """The images have changed since it was learnt: it cannot come out the same."""
    for number in range(4):
        save(texture(80 + number), copy / f"later-{number}.png")
    indexed(copy)
    before = keys(copy)
    damaged(copy)
    summary, steps = indexed(copy)
    assert "training" in steps
    assert summary.completed == 17
    assert len(keys(copy)) == 1
    assert keys(copy) != before
    with ns.open(copy) as photos:
        assert photos.verify() == []
        assert photos.search(copy / "thing.png", recipe=OBJECTS)[1].path == "scene.png"


@pytest.mark.slow
def test_other_recipes_are_left_alone_when_one_learns_anew(copy):
    other = OBJECTS.replace("64", "32")
    indexed(copy, ["phash", other])
    kept = {key for key in keys(copy) if "k=64" not in key}
    save(texture(90), copy / "later.png")
    indexed(copy)
    with ns.open(copy) as photos:
        entries = [entry for entry in photos._catalogue.caches() if entry.key.startswith("learnt")]
    path = copy / ".nearsight" / "indexes" / next(entry.file_name for entry in entries if "k=64" in entry.key)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    indexed(copy)
    assert kept < keys(copy)
    assert len(keys(copy)) == 3


@pytest.mark.parametrize("recipe", ["sift(n=100) | vlad(k=8) | pca(dim=8) | flat", "gist | pca(dim=8) | flat"])
def test_learnt_rows_are_found_too(tmp_path, recipe):
    folder = folder_of(tmp_path / "images", others=12)
    summary, steps = indexed(folder, recipe)
    assert summary.added == 16
    assert "training" in steps
    with ns.open(folder) as photos:
        assert photos.verify() == []
        for name in ("thing.png", "other-3.png"):
            hit = photos.search(folder / name, recipe=recipe, k=1)[0]
            assert (hit.path, round(hit.distance, 4)) == (name, 0)
        found = photos.map(recipe=recipe)
        assert len(found) == 16
        with pytest.raises(UsageError, match="is trained on its collection"):
            photos.export_two_file(tmp_path / "base", recipe=recipe)
    assert indexed(folder, recipe)[0].unchanged == 16


def test_what_a_recipe_that_learns_cannot_do_is_said(made, tmp_path):
    with ns.open(made) as photos:
        with pytest.raises(UsageError, match="visual words, which are not laid out"):
            photos.map(recipe=OBJECTS)
        with pytest.raises(UsageError, match="is trained on its collection"):
            photos.export_two_file(tmp_path / "base", recipe=OBJECTS)
        with pytest.raises(UsageError, match="takes no colours"):
            photos.search(colours={"#c33": 1}, recipe=OBJECTS)
        with pytest.raises(UsageError, match="holds no vectors of"):
            photos.search(made / "thing.png", recipe=OBJECTS.replace("64", "65"))
    with pytest.raises(UsageError, match="learns from a collection first"):
        ns.describe([made / "thing.png"], OBJECTS)
    with pytest.raises(RecipeError, match="encoded before they are searched"):
        ns.describe([made / "thing.png"], "sift")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        ("sift | flat", "encoded before they are searched"),
        ("sift | asmk | flat", "visual words are searched by inverted"),
        ("gist | inverted", "rows are searched by flat or ivf"),
        ("gist | asmk", "features are encoded here"),
        ("sift | asmk | pca", "after visual words comes an index"),
        ("gist | flat | expand", "compares visual words"),
        ("sift | vlad | asmk", "features are encoded here"),
    ],
)
def test_steps_that_do_not_follow_each_other_are_refused(recipe, says, tmp_path):
    with pytest.raises(RecipeError, match=says):
        ns.index(tmp_path, recipe=recipe)


def test_a_folder_without_features_says_that_nothing_can_be_learnt(tmp_path):
    save(np.full((50, 60, 3), 9, np.uint8), tmp_path / "p" / "blank.png")
    with pytest.raises(UsageError, match="cannot be trained on these images: a vocabulary is trained on descriptors"):
        indexed(tmp_path / "p")


def test_a_folder_without_images_learns_when_there_are_some(tmp_path):
    (tmp_path / "p").mkdir()
    indexed(tmp_path / "p")
    with ns.open(tmp_path / "p") as photos:
        assert "is not trained on these images yet" in next(iter(photos.info()["indexes"].values()))
        with pytest.raises(UsageError, match="is not trained on these images yet: run nearsight index"):
            photos.search(save(texture(1), tmp_path / "q.png"), recipe=OBJECTS)
        assert photos.verify() == []
    folder_of(tmp_path / "p")
    assert indexed(tmp_path / "p")[0].added == 13
    with ns.open(tmp_path / "p") as photos:
        assert photos.search(tmp_path / "q.png", recipe=OBJECTS)[1].path == "scene.png"


def test_files_that_were_not_written_by_learn_are_refused(copy, tmp_path):
    wrong = tmp_path / "wrong.npz"
    learnt = tmp_path / "learnt.npz"
    ns.train([copy], OBJECTS, learnt, settings=ONE)
    whole = learnt.read_bytes()
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    contents = [b"", b"no such thing", whole[: len(whole) // 2], (tmp_path / "array.npy").read_bytes()]
    middle = len(whole) // 2
    contents += [
        (tmp_path / "arrays.npz").read_bytes(),
        whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
    ]
    for content in contents:
        wrong.write_bytes(content)
        with pytest.raises(UsageError, match=r"wrong\.npz is no file of nearsight train"):
            indexed(copy, trained=[wrong])
    with pytest.raises(UsageError, match=r"none\.npz is no file of nearsight train: .*No such file"):
        indexed(copy, trained=[tmp_path / "none.npz"])
    with pytest.raises(UsageError, match=r"sift\(n=200.*none of the requested recipes does"):
        indexed(copy.parent / "images", "phash", collection=tmp_path / "elsewhere", trained=[learnt])
    assert indexed(copy)[0].unchanged == 13


def test_learning_needs_folders_and_something_to_learn(tmp_path):
    with pytest.raises(UsageError, match="need no training"):
        ns.train([tmp_path], "phash", tmp_path / "out.npz")
    with pytest.raises(UsageError, match="is not a folder"):
        ns.train([tmp_path / "none"], OBJECTS, tmp_path / "out.npz")
    with pytest.raises(UsageError, match="cannot be trained on these images"):
        ns.train([tmp_path], OBJECTS, tmp_path / "out.npz", settings=ONE)
    save(texture(1), tmp_path / "a.png")
    with pytest.raises(UsageError, match=r"cannot be written: .*no folder is not a folder"):
        ns.train([tmp_path], OBJECTS, tmp_path / "no folder" / "out.npz", settings=ONE)
    with pytest.raises(StorageError, match="cannot be written: Is a directory"):
        ns.train([tmp_path], OBJECTS, tmp_path, settings=ONE)
    assert not list(tmp_path.glob("*.npz"))
