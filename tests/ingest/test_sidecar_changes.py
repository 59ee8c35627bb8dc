"""Files that come, go and change: the words are those of a collection that is made anew."""

from __future__ import annotations

import json
import os
import random
import shutil

import pytest
from PIL import Image

import nearsight as ns
from nearsight.errors import ImageError, Reason
from nearsight.ingest import sidecars
from nearsight.storage.catalogue_writer import CatalogueWriter
from tests.command import nearsight
from tests.ingest.sidecar_cases import CASES, make_folder, save_image, takeout

LONG_AGO = 1_600_000_000

pytestmark = pytest.mark.usefixtures("in_this_process")


def index(folder):
    """Index a folder whose sidecars all lie too far back to be read again without a reason."""
    for path in folder.rglob("*"):
        if path.is_file() and ".nearsight" not in path.parts and path.stat().st_mtime > LONG_AGO + 1e6:
            os.utime(path, (LONG_AGO, LONG_AGO))
    return ns.index(folder, recipe="phash | flat")


def said(photos):
    """What is said of each image, and which names of sidecars are in doubt."""
    words = {
        image.path: (
            [(each.source, each.caption, each.tags) for each in photos.notes(image.path)],
            photos.facts(image.path),
        )
        for image in photos.images()
    }
    return words, sorted((line.sidecar, line.name, line.image, line.reason) for line in photos.sidecar_lines())


def put(folder, name, value):
    (folder / name).write_text(value if isinstance(value, str) else json.dumps(value))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    save_image(tmp_path / "photos" / "IMG_1.jpg", "1")
    return tmp_path / "photos"


def test_files_that_come_one_after_the_other(tmp_path):
    """All cases, whose files come in three lots in any order: each run leaves what a new collection would hold."""
    made, folder = tmp_path / "all", tmp_path / "photos"
    make_folder(made)
    files = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file())
    random.Random(1).shuffle(files)
    for lot in range(3):
        for path in files[lot::3]:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(made / path, folder / path)
        index(folder).close()
    shutil.copytree(folder, tmp_path / "new" / "photos", ignore=shutil.ignore_patterns(".nearsight"))
    with ns.open(folder) as grown, index(tmp_path / "new" / "photos") as new:
        assert len(new) > len(CASES)
        assert said(grown) == said(new)
        assert not grown.verify()


def test_a_sidecar_that_comes_changes_and_goes(folder):
    index(folder).close()
    put(folder, "IMG_1.jpg.json", takeout("IMG_1.jpg", "Rex"))
    with index(folder) as photos:
        assert photos.search(where="taken = '2019-08-01T09:00:00'")[0].taken_from == "sidecar"
        assert len(photos.search(words="rex")) == 1
    put(folder, "IMG_1.jpg.json", takeout("IMG_1.jpg", "Bello", photoTakenTime={"timestamp": "1564650060"}))
    os.utime(folder / "IMG_1.jpg.json", (LONG_AGO, LONG_AGO + 1))
    with index(folder) as photos:
        assert (len(photos.search(words="rex")), len(photos.search(words="bello"))) == (0, 1)
        assert photos.search(words="bello")[0].taken == "2019-08-01T09:01:00"
    (folder / "IMG_1.jpg.json").unlink()
    with index(folder) as photos:
        assert len(photos.search(words="bello")) == 0
        assert photos.search(where="width > 1")[0].taken is None
        assert list(photos.sidecar_lines()) == []


def test_an_image_that_comes_later_and_goes(folder):
    put(folder, "IMG_2.jpg.json", takeout("IMG_2.jpg", "Rex"))
    with index(folder) as photos:
        assert [line.reason for line in photos.sidecar_lines()] == ['no image beside it is called "IMG_2.jpg"']
    save_image(folder / "IMG_2.jpg", "2")
    with index(folder) as photos:
        assert [(line.image, line.reason) for line in photos.sidecar_lines()] == [("IMG_2.jpg", "")]
    (folder / "IMG_2.jpg").unlink()
    with index(folder) as photos:
        assert [bool(line.reason) for line in photos.sidecar_lines()] == [True]


def test_a_sure_sidecar_comes_into_doubt_and_out_of_it(folder):
    put(folder, "IMG_1.json", {"caption": "Rex"})
    with index(folder) as photos:
        assert len(photos.search(words="rex")) == 1
    save_image(folder / "IMG_1.png", "another")
    with index(folder) as photos:
        assert len(photos.search(words="rex")) == 0
        assert [line.reason for line in photos.sidecar_lines()] == ["2 files fit: IMG_1.jpg, IMG_1.png"]
    (folder / "IMG_1.jpg").unlink()
    with index(folder) as photos:
        assert [hit.path for hit in photos.search(words="rex")] == ["IMG_1.png"]


def test_a_text_becomes_a_sidecar_when_its_image_comes(folder):
    put(folder, "IMG_2.txt", "Rex on the beach")
    with index(folder) as photos:
        assert [skip.path for skip in photos.skips()] == [b"IMG_2.txt"]
    save_image(folder / "IMG_2.jpg", "2")
    with index(folder) as photos:
        assert [hit.path for hit in photos.search(words="rex beach")] == ["IMG_2.jpg"]
        assert list(photos.skips()) == []
    (folder / "IMG_2.jpg").unlink()
    with index(folder) as photos:
        assert [skip.path for skip in photos.skips()] == [b"IMG_2.txt"]
        assert list(photos.sidecar_lines()) == []


def test_a_picture_in_a_file_that_is_called_a_text_stays_a_picture(folder):
    save_image(folder / "odd.txt", "odd")
    with index(folder) as photos:
        assert sorted(image.path for image in photos.images()) == [b"IMG_1.jpg", b"odd.txt"]


def test_an_image_that_moves_away_from_its_sidecar(folder):
    put(folder, "IMG_1.jpg.json", takeout("IMG_1.jpg", "Rex"))
    index(folder).close()
    (folder / "sub").mkdir()
    (folder / "IMG_1.jpg").rename(folder / "sub" / "IMG_1.jpg")
    with index(folder) as photos:
        assert len(photos.search(words="rex")) == 0
        assert [bool(line.reason) for line in photos.sidecar_lines()] == [True]
    (folder / "IMG_1.jpg.json").rename(folder / "sub" / "IMG_1.jpg.json")
    with index(folder) as photos:
        assert [hit.path for hit in photos.search(words="rex")] == ["sub/IMG_1.jpg"]


def test_only_the_folders_that_changed_are_looked_at_again(folder, monkeypatch):
    for name in ("a", "b"):
        (folder / name).mkdir()
        save_image(folder / name / "x.jpg", name)
        put(folder / name, "x.json", {"caption": name})
    put(folder, "list.json", [{"file": "IMG_1.jpg", "caption": "one"}])
    index(folder).close()
    tasks, read = [], sidecars.SidecarIngest._read

    def note(self, found, *more):
        tasks.append([task.path for task in found])
        read(self, found, *more)

    monkeypatch.setattr(sidecars.SidecarIngest, "_read", note)
    index(folder).close()
    (folder / "a" / "x.jpg").rename(folder / "a" / "y.jpg")
    index(folder).close()
    (folder / "b" / "x.jpg").unlink()
    index(folder).close()
    assert tasks == [[], [b"a/x.json", b"list.json"], [b"b/x.json", b"list.json"]]


def test_a_run_that_was_killed_before_its_sidecars_is_made_up_for(folder, monkeypatch):
    put(folder, "IMG_2.jpg.json", takeout("IMG_2.jpg", "Rex"))
    index(folder).close()
    save_image(folder / "IMG_2.jpg", "2")

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(sidecars.SidecarIngest, "run", die)
        with pytest.raises(KeyboardInterrupt):
            index(folder)
    with index(folder) as photos:
        assert photos.summary.added == 0
        assert [hit.path for hit in photos.search(words="rex")] == ["IMG_2.jpg"]


@pytest.mark.parametrize("moves", [False, True])
def test_a_list_is_read_again_after_a_run_that_was_killed(folder, monkeypatch, moves):
    """A picture that comes is nearer to the list than the one that had its words; one that moves keeps its own."""
    (folder / "x").mkdir()
    save_image(folder / "x" / "a.jpg", "storm")
    put(folder, "captions.json", [{"file": "a.jpg", "caption": "The storm"}])
    with index(folder) as photos:
        assert [hit.path for hit in photos.search(words="storm")] == ["x/a.jpg"]
    (folder / "x" / "a.jpg").rename(folder / "a.jpg") if moves else save_image(folder / "a.jpg", "another")

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(sidecars.SidecarIngest, "run", die)
        with pytest.raises(KeyboardInterrupt):
            index(folder)
    with index(folder) as photos:
        assert [hit.path for hit in photos.search(words="storm")] == ["a.jpg"]


@pytest.mark.parametrize("reason", [Reason.UNREADABLE, Reason.CORRUPT])
def test_a_sidecar_that_failed_for_a_passing_reason_is_tried_again(folder, monkeypatch, reason):
    put(folder, "IMG_1.jpg.json", takeout("IMG_1.jpg", "Rex"))

    def fail(*_):
        raise ImageError(reason, "not now")

    with monkeypatch.context() as context:
        context.setattr(sidecars.SidecarJob, "prepare", fail)
        with index(folder) as photos:
            assert [skip.reason for skip in photos.skips()] == [reason]
    with index(folder) as photos:
        is_passing = reason is Reason.UNREADABLE
        assert (len(photos.search(words="rex")), len(list(photos.skips()))) == ((1, 0) if is_passing else (0, 1))


def test_sidecars_of_an_older_reader_are_read_again(folder):
    """Also those that were skipped, for they may be understood now."""
    put(folder, "IMG_1.jpg.json", takeout("IMG_1.jpg", "Rex"))
    with index(folder) as photos:
        home = photos.index_dir
    writer = CatalogueWriter(home)
    with writer.transaction():
        writer.drop_sidecar(b"IMG_1.jpg.json")
        state = (folder / "IMG_1.jpg.json").stat()
        skip = sidecars.SkipRecord(b"IMG_1.jpg.json", state.st_size, state.st_mtime_ns, sidecars.Reason.CORRUPT, "old")
        writer.put_skip(skip)
        writer.put_meta("sidecar_folders", "{}")
    writer.close()
    with index(folder) as photos:
        assert list(photos.skips()) == []
        assert len(photos.search(words="rex")) == 1


def test_what_is_exported_is_read_back(folder, tmp_path):
    put(folder, "IMG_1.jpg.json", takeout("IMG_1.jpg", "Rex", geoData={"latitude": 44.4, "longitude": 8.93}))
    index(folder).close()
    (tmp_path / "other").mkdir()
    shutil.copy(folder / "IMG_1.jpg", tmp_path / "other")
    assert nearsight("export", "--in", folder, "--out", tmp_path / "other" / "list.csv").returncode == 0
    with index(tmp_path / "other") as photos:
        (image,) = photos.images()
        about = photos.about(image)
        assert (about.taken, about.time_zone, about.taken_from) == ("2019-08-01T09:00:00", "+00:00", "sidecar")
        assert (about.latitude, about.longitude) == (44.4, 8.93)
        assert photos.notes(image.path)[0].caption == "Rex"


@pytest.mark.parametrize("form", ["csv", "json"])
def test_labels_and_dates_of_names_do_not_come_back_from_an_export(folder, form):
    (folder / "IMG_1.jpg").rename(folder / "1965-07 holiday.jpg")
    put(folder, "words.csv", "file,tags,latitude,longitude\n1965-07 holiday.jpg,sea,44.4,8.93\n")
    with index(folder) as photos:
        home, (image,) = photos.index_dir, photos.images()
    writer = CatalogueWriter(home)
    with writer.transaction():
        writer.put_labels(writer.image_at(image.path), "clip", [("dog", 0.93)])
    writer.close()
    list_path = folder / f"photos.{form}"
    assert nearsight("export", "--in", folder, "--format", form, "--out", list_path).returncode == 0
    assert "dog (by clip" in list_path.read_text()
    (folder / "words.csv").unlink()
    with index(folder) as photos:
        (image,) = photos.images()
        assert [note.tags for note in photos.notes(image.path)] == ["sea"]
        assert (image.taken, photos.about(image).taken_from) == ("1965-07", "file name")
        assert (image.latitude, image.longitude) == (44.4, 8.93)
    columns = {"words_from": folder / "photos.csv", "file_column": "path"}
    if form == "csv":
        with ns.index(folder, recipe="phash | flat", **columns) as photos:
            assert [note.tags for note in photos.notes(image.path)] == ["sea"]


def test_names_and_texts_that_are_no_text(folder):
    """File names that are not UTF-8, lone surrogates in JSON, and numbers that have no end."""
    for ending in (b".jpg", b".png"):
        os.rename(folder / "IMG_1.jpg", os.fsencode(folder) + b"/odd\xff" + ending)
        save_image(folder / "IMG_1.jpg", f"again {ending}")
    with open(os.fsencode(folder) + b"/odd\xff.json", "w") as file:
        file.write('{"caption": "which?"}')
    place = {"latitude": "1" * 100_000, "longitude": "1" * 100_000}
    about = {"file": "IMG_1.jpg", "caption": "Rex\ud800", "city": "\ud800Genoa", "rating": 10**400, **place}
    (folder / "list.json").write_text(json.dumps([about, {"file": "\udcff.jpg", "caption": "of nobody"}]))
    with index(folder) as photos:
        (image,) = (each for each in photos.images() if each.path == b"IMG_1.jpg")
        assert photos.about(image).city == "Genoa"
        assert photos.about(image).latitude is None
        doubts = {line.sidecar: line.reason for line in photos.sidecar_lines() if line.reason}
        assert doubts == {
            "list.json": 'no image is called "?.jpg"',
            "odd\udcff.json": "2 files fit: odd?.jpg, odd?.png",
        }
        assert not photos.verify()


def save_pages(path, count):
    """An image of several pages or frames that differ."""
    first, *others = (Image.effect_noise((48, 48), 20 + 40 * number).rotate(90 * number) for number in range(count))
    first.save(path, save_all=True, append_images=others)


def test_pages_put_no_sidecar_of_their_file_in_doubt_and_have_its_words(folder):
    save_pages(folder / "scan.tif", 3)
    save_pages(folder / "map.tif", 2)
    put(folder, "scan.json", {"title": "Letter from Genoa", "rating": 4})
    put(folder, "list.csv", 'file,caption\nmap,Map of Genoa\n"map.tif, page 2",The legend\n')
    with index(folder) as photos:
        captions = {path.decode(): notes[0][1] for path, (notes, _) in said(photos)[0].items() if notes}
        assert captions == {
            "scan.tif": "Letter from Genoa",
            "scan.tif, page 2": "Letter from Genoa",
            "scan.tif, page 3": "Letter from Genoa",
            "map.tif": "Map of Genoa",
            "map.tif, page 2": "The legend",
        }
        assert [hit.path for hit in photos.search(where="rating = 4 and page = 3")] == ["scan.tif, page 3"]
        assert not any(line.reason for line in photos.sidecar_lines())
        assert not photos.verify()
    save_pages(folder / "scan.tif", 2)
    with index(folder) as photos:
        assert len(photos.search(words="letter")) == 2
        assert not photos.verify()


def test_a_name_without_folders_means_no_image_of_an_unrelated_folder(folder, tmp_path):
    (folder / "2012" / "party").mkdir(parents=True)
    (folder / "2015").mkdir()
    save_image(folder / "2015" / "IMG_0001.jpg", "other")
    save_image(folder / "2012" / "party" / "IMG_0002.jpg", "cake")
    rows = ["IMG_0001.jpg,Wedding", "/old/disk/IMG_0001.jpg,Wedding", "IMG_0002.jpg,Cake", "IMG_1.jpg,Dance"]
    table = "\n".join(["file,caption", *rows, "2015/IMG_0001.jpg,Beach", ""])
    put(folder / "2012", "captions.csv", table)
    with index(folder) as photos:
        lines = {line.name: line.image or line.reason for line in photos.sidecar_lines()}
        assert lines["IMG_0001.jpg"] == "the only IMG_0001.jpg is in another folder, 2015"
        assert lines["/old/disk/IMG_0001.jpg"] == lines["IMG_0001.jpg"]
        assert lines["IMG_1.jpg"] == "the only IMG_1.jpg is in the indexed folder"
        captions = {path: notes[0][1] for path, (notes, _) in said(photos)[0].items() if notes}
        assert captions == {b"2012/party/IMG_0002.jpg": "Cake", b"2015/IMG_0001.jpg": "Beach"}
    (folder / "2012" / "captions.csv").unlink()
    put(folder, "captions.csv", "file,caption\nIMG_0001.jpg,Beach\n")
    with index(folder) as photos:
        assert [hit.path for hit in photos.search(words="beach")] == ["2015/IMG_0001.jpg"]
    (folder / "captions.csv").unlink()
    put(folder / "2012", "named.txt", "file,caption\nIMG_0001.jpg,Sand\n")
    with ns.index(folder, recipe="phash | flat", words_from=folder / "2012" / "named.txt") as photos:
        assert [hit.path for hit in photos.search(words="sand")] == ["2015/IMG_0001.jpg"]
