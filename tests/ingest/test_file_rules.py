"""Which files of a folder come into its collection, and stay in it, from one run to the next."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from PIL import Image

import nearsight as ns
from nearsight.errors import UsageError
from nearsight.files import LocalFileSystem
from nearsight.images.walk import FoundFile
from nearsight.ingest.scan import RACY_NS, Selection, is_unchanged
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.file_rules import load_left_out
from nearsight.storage.records import ImageRecord
from tests.cli.test_cli import nearsight
from tests.server.conftest import serving

NAMES = ("a.jpg", "b.png", "sub/c.jpg", "private/p.jpg", "private/ok.jpg")


@pytest.fixture
def folder(tmp_path, random_image, here):
    """Five pictures, and what a network storage put beside them."""
    for number, name in enumerate((*NAMES, "sub/@eaDir/c.jpg", "@eaDir/a.jpg", "#recycle/r.jpg")):
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        random_image(tmp_path / "p" / name, number, side=32)
    (tmp_path / "p" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0 no picture")
    return tmp_path / "p"


def indexed(folder, **more):
    with ns.index(folder, recipe="tiny", **more) as photos:
        assert not photos.verify()
        return photos.summary, [os.fsdecode(image.path) for image in photos.images()], photos.info()


def rows(info):
    return {
        f"{each['source']} {each['pattern']}".strip(): (each["folders"], each["files"]) for each in info["left_out"]
    }


def test_system_folders_are_left_out_and_counted_by_name(folder):
    summary, paths, info = indexed(folder)
    assert (summary.added, paths) == (5, sorted(NAMES))
    assert rows(info) == {"#recycle": (1, 0), "@eaDir": (2, 0), "Thumbs.db": (0, 1)}
    assert info["skipped"] == {}
    generation = info["generation"]
    assert indexed(folder)[2]["generation"] == generation, "nothing changed, nothing was written"


def test_rules_are_remembered_and_what_they_leave_out_goes(folder):
    indexed(folder)
    summary, paths, info = indexed(folder, exclude=["private/"], include="@eaDir")
    assert (summary.excluded, summary.removed, summary.added) == (2, 0, 2)
    assert paths == ["@eaDir/a.jpg", "a.jpg", "b.png", "sub/@eaDir/c.jpg", "sub/c.jpg"]
    assert info["rules"] == {"exclude": ("private/",), "include": ("@eaDir",), "follow_links": False}
    again = indexed(folder)
    assert (again[0].unchanged, again[1]) == (5, paths)
    summary, paths, info = indexed(folder, include="private/ok.jpg")
    assert (summary.added, "private/ok.jpg" in paths, "private/p.jpg" in paths) == (1, True, False)
    summary, paths, info = indexed(folder, reset_rules=True)
    assert (summary.added, summary.excluded, paths) == (1, 2, sorted(NAMES))
    assert info["rules"] == {"exclude": (), "include": (), "follow_links": False}


def test_a_file_that_was_deleted_is_removed_and_one_that_is_left_out_is_left_out(folder):
    indexed(folder)
    (folder / "a.jpg").unlink()
    summary, paths, _ = indexed(folder, exclude="*.png")
    assert (summary.removed, summary.excluded) == (1, 1)
    assert paths == ["private/ok.jpg", "private/p.jpg", "sub/c.jpg"]


def test_an_ignore_file_counts_from_its_folder_and_at_once(folder):
    indexed(folder)
    (folder / "private" / ".nearsightignore").write_text("*\n!ok.jpg\n")
    summary, paths, info = indexed(folder)
    assert (summary.excluded, paths) == (1, ["a.jpg", "b.png", "private/ok.jpg", "sub/c.jpg"])
    assert rows(info)["private/.nearsightignore *"] == (0, 1)
    (folder / "private" / ".nearsightignore").unlink()
    assert indexed(folder)[0].added == 1


def test_rules_that_leave_out_everything_are_refused_and_forgotten(folder):
    indexed(folder)
    with pytest.raises(UsageError, match=r"leave out all 5 images of .*--exclude \*\.jpg, --exclude \*\.png"):
        indexed(folder, exclude=["*.jpg", "*.png"])
    summary, paths, info = indexed(folder)
    assert (summary.unchanged, paths, info["rules"]["exclude"]) == (5, sorted(NAMES), ())


def test_an_unmounted_disk_is_no_rule(folder, tmp_path):
    """A mount point that holds no more than a system folder does not empty the collection."""
    with ns.index(folder, recipe="tiny", collection=tmp_path / "home"):
        pass
    folder.rename(tmp_path / "elsewhere")
    (folder / "lost+found").mkdir(parents=True)
    with pytest.raises(UsageError, match="not mounted"):
        ns.index(folder, collection=tmp_path / "home")


def test_what_was_skipped_and_is_left_out_now_is_no_longer_said(folder):
    (folder / "notes.txt").write_text("no image, but long enough")
    assert indexed(folder)[2]["skipped"] == {"not-an-image": 1}
    summary, _, info = indexed(folder, exclude="*.txt")
    assert (info["skipped"], dict(summary.skipped)) == ({}, {})


def test_a_collection_of_before_lets_thumbnails_go(folder):
    """What an older nearsight took in as pictures leaves as soon as it is known for what it is."""
    indexed(folder, include=["@eaDir", "#recycle", "Thumbs.db"])
    summary, paths, info = indexed(folder, reset_rules=True)
    assert (summary.excluded, paths, info["skipped"]) == (3, sorted(NAMES), {})


def test_bad_rules_leave_nothing_behind(folder):
    for more in ({"exclude": "!a"}, {"include": "[z-a]"}, {"again": "none.jpg"}, {"again": "/etc"}):
        with pytest.raises(UsageError):
            ns.index(folder, recipe="tiny", **more)
    assert not (folder / ".nearsight").exists()


def test_a_linked_picture_is_indexed_served_and_compared(folder, tmp_path, random_image):
    (tmp_path / "out").mkdir()
    random_image(tmp_path / "out" / "o.jpg", 50)
    random_image(tmp_path / "out" / "f.jpg", 51)
    (folder / "more").symlink_to("../out")
    (folder / "f.jpg").symlink_to("../out/f.jpg")
    assert indexed(folder)[2]["skipped"] == {"symbolic-link": 2}
    shutil.rmtree(folder / ".nearsight")
    with ns.index(folder, by=["copy"], follow_links=True) as photos:
        assert {os.fsdecode(image.path) for image in photos.images()} == {*NAMES, "f.jpg", "more/o.jpg"}
        hit = photos.search(tmp_path / "out" / "f.jpg")[0]
        assert (hit.path, hit.alike) == ("f.jpg", True)
        assert "thumbnail" not in hit.why
    with serving(folder) as (client, _):
        (row,) = client.get("/api/collections").json()
        told = client.get(f"/api/collections/{row['id']}/search", params={"where": "name = 'f.jpg'"}).json()
        assert client.get(told["hits"][0]["image"]).status_code == 200
    with ns.index(folder, follow_links=False) as photos:
        assert {os.fsdecode(image.path) for image in photos.images()} == set(NAMES)
        assert {os.fsdecode(skip.path) for skip in photos.skips()} == {"f.jpg", "more"}


def test_behind_links_that_are_no_longer_followed_nothing_is_said(folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("no image, but long enough")
    (folder / "more").symlink_to("../out")
    assert indexed(folder, follow_links=True)[2]["skipped"] == {"not-an-image": 1}
    assert indexed(folder, follow_links=False)[2]["skipped"] == {"symbolic-link": 1}


class Counting(LocalFileSystem):
    def __init__(self):
        self.read_paths = []

    def read(self, path, limit):
        self.read_paths.append(path)
        return super().read(path, limit)


def tasks_of(folder, selection):
    from nearsight.ingest.scan import Comparison
    from nearsight.storage.catalogue_writer import CatalogueWriter

    catalogue = CatalogueWriter(folder / ".nearsight")
    comparison = Comparison(folder, folder / ".nearsight", catalogue, [], Counting(), 1 << 30, selection=selection)
    comparison.walk(lambda count: None)
    found = [task.path.decode() for task in comparison.tasks()]
    catalogue.close()
    return found


def test_files_are_read_again_where_that_is_asked_for(folder):
    indexed(folder)
    assert tasks_of(folder, Selection()) == []
    assert tasks_of(folder, Selection(again=frozenset([b"private", b"a.jpg"]))) == [
        "a.jpg", "private/ok.jpg", "private/p.jpg",
    ]  # fmt: skip
    assert tasks_of(folder, Selection(again=frozenset([b""]))) == sorted(NAMES)


@pytest.mark.parametrize("again", [True, "raw.bmp", ["sub", "raw.bmp"], "."])
def test_again_finds_a_change_that_nothing_shows(folder, random_image, again):
    """Where the time of change is not known, as in a collection of before, size and time are all that there is."""
    old = 1_600_000_000
    for seed in (70, 71):
        random_image(folder / "raw.bmp", seed, side=32)
        os.utime(folder / "raw.bmp", (old, old))
        if seed == 70:
            indexed(folder)
    summary = indexed(folder, again=again)[0]
    assert (summary.changed, summary.unchanged) == (1, 5)


def test_again_tries_what_was_skipped(folder, random_image):
    old = 1_600_000_000
    size = random_image(folder / "x.bmp", 70, side=32).stat().st_size
    for write in (
        lambda: (folder / "x.bmp").write_bytes(bytes(size)),
        lambda: random_image(folder / "x.bmp", 70, side=32),
    ):
        write()
        os.utime(folder / "x.bmp", (old, old))
        assert indexed(folder)[2]["skipped"] == {"not-an-image": 1}
    assert indexed(folder, again="x.bmp")[0].added == 1
    with ns.open(folder) as photos:
        photos.remove(["x.bmp"])
    assert "x.bmp" not in indexed(folder, again=True)[1], "what a person took out stays out"


def test_again_takes_paths_as_they_are_typed(folder, monkeypatch):
    indexed(folder)
    monkeypatch.chdir(folder / "sub")
    for path in ("c.jpg", folder / "sub" / "c.jpg", "sub/c.jpg"):
        assert indexed(folder, again=path)[0].unchanged == 5
    with pytest.raises(UsageError, match="holds no such file"):
        indexed(folder, again="d.jpg")
    with pytest.raises(UsageError, match="it is not in"):
        indexed(folder, again=folder.parent)


SEEN = 1_700_000_000_000_000_000
OLD = SEEN - 100 * RACY_NS


@pytest.mark.parametrize(
    ("known", "found", "stored", "unchanged"),
    [
        ((9, OLD), (9, OLD, OLD, 7), (None, None), True),  # a collection of before: as before
        ((9, OLD), (9, OLD, SEEN + 1, 8), (None, None), True),
        ((9, OLD), (8, OLD, OLD, 7), (OLD, 7), False),
        ((9, OLD), (9, OLD + 1, OLD, 7), (OLD, 7), False),
        ((9, OLD), (9, OLD, OLD, 7), (OLD, 7), True),
        ((9, OLD), (9, OLD, SEEN + 1, 7), (OLD, 7), False),  # replaced in place with its old time
        ((9, OLD), (9, OLD, OLD, 8), (OLD, 7), True),  # inodes that are others after each mount
        ((9, OLD), (9, OLD, SEEN - 5, 8), (SEEN - 5, 7), False),  # replaced within one time stamp of being read
        ((9, OLD), (9, OLD, SEEN - 5, 7), (SEEN - 5, 7), True),
        ((9, OLD), (9, OLD, SEEN - 5, 8), (SEEN - 5, None), True),
        ((9, SEEN - 5), (9, SEEN - 5, OLD, 7), (OLD, 7), False),  # written as it was read
    ],
)
def test_changes_are_seen_by_size_times_and_inode(known, found, stored, unchanged):
    size, mtime_ns = known
    record = ImageRecord(1, b"a", size, mtime_ns, SEEN, b"", 1, 1, "PNG", None, None, None, None)
    assert is_unchanged(record, FoundFile(b"a", *found), *stored) is unchanged


def test_a_file_that_was_replaced_with_its_old_time_has_another_time_of_change(tmp_path):
    """The oracle is the file system: whatever is done to a file, its time of change is not set back."""
    old = 1_600_000_000
    (tmp_path / "a").write_bytes(b"before")
    os.utime(tmp_path / "a", (old, old))
    before = (tmp_path / "a").stat()
    for replace in (lambda: (tmp_path / "a").write_bytes(b"after!"), lambda: _replace(tmp_path, b"others")):
        replace()
        os.utime(tmp_path / "a", (old, old))
        after = (tmp_path / "a").stat()
        assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
        assert (after.st_ctime_ns, after.st_ino) != (before.st_ctime_ns, before.st_ino)


def _replace(folder, data):
    (folder / "new").write_bytes(data)
    os.replace(folder / "new", folder / "a")


def test_the_command_says_what_was_left_out(folder):
    done = nearsight("index", folder, "--recipe", "tiny", "--exclude", "private/", "--exclude", "#none")
    assert "left out: 2 folders @eaDir, 1 folder #recycle, 1 folder by --exclude private/, 1 file Thumbs.db\n" in (
        done.stdout.replace(
            "1 file Thumbs.db, 1 folder by --exclude private/", "1 folder by --exclude private/, 1 file Thumbs.db"
        )
    )
    found = json.loads(nearsight("index", folder, "--json").stdout)
    assert {"source": "--exclude", "pattern": "private/", "folders": 1, "files": 0} in found["left_out"]
    assert found["excluded"] == 0
    told = nearsight("info", "--in", folder).stdout
    assert "indexed with --exclude private/ --exclude '#none'; nearsight index --reset-rules forgets that" in told
    wrong = nearsight("index", folder, "sub")
    assert (wrong.returncode, "--again" in wrong.stderr) == (2, True)
    unquoted = nearsight("index", folder, "--exclude", "a.jpg", "b.jpg")
    assert (unquoted.returncode, "in quotes" in unquoted.stderr) == (2, True)
    done = nearsight("index", folder, "--again", "sub", "a.jpg")
    assert "3 unchanged" in done.stdout


def test_an_index_of_nothing_but_system_files_says_so(tmp_path, random_image):
    (tmp_path / "p" / "@eaDir").mkdir(parents=True)
    random_image(tmp_path / "p" / "@eaDir" / "a.jpg", 1)
    done = nearsight("index", tmp_path / "p", "--recipe", "tiny")
    assert (done.returncode, "no image is left: bring files back" in done.stdout) == (0, True)


def test_counts_are_kept_with_the_names_of_any_bytes(tmp_path, random_image):
    place = os.path.join(os.fsencode(tmp_path), b"p\xff")
    os.mkdir(place)
    with open(os.path.join(place, b".nearsightignore"), "wb") as file:
        file.write(b"\xfe*\n")
    for name in (b"\xfe1.jpg", b"2.jpg"):
        shutil.copy(random_image(tmp_path / "x.jpg", name[0]), os.path.join(place, name))
    with ns.index(os.fsdecode(place), recipe="tiny") as photos:
        assert [image.path for image in photos.images()] == [b"2.jpg"]
        with_rules = Catalogue(photos.index_dir)
        (rule,) = load_left_out(with_rules)
        with_rules.close()
        assert rule.pattern == os.fsdecode(b"\xfe*")
        json.dumps(photos.info())


def test_images_behind_a_link_whose_disk_is_away_are_not_gone(tmp_path):
    disk, folder = tmp_path / "disk", tmp_path / "photos"
    disk.mkdir()
    folder.mkdir()
    for at, place in enumerate((disk, folder)):
        Image.new("RGB", (20, 20), (at * 90, 10, 10)).save(place / "a.png")
    (folder / "linked").symlink_to(disk)
    with ns.index(folder, recipe="tiny", follow_links=True) as photos:
        before = [(image.id, image.path) for image in photos.images()]
    assert len(before) == 2
    disk.rename(tmp_path / "away")
    with ns.index(folder, recipe="tiny") as photos:
        assert photos.summary.removed == 0
        assert [(image.id, image.path) for image in photos.images()] == before
    (tmp_path / "away").rename(disk)
    with ns.index(folder, recipe="tiny") as photos:
        assert (photos.summary.added, photos.summary.removed) == (0, 0)
