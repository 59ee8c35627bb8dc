"""Folders and files of systems and programs are left out by name, and pictures are not."""

from __future__ import annotations

import os

import pytest

from nearsight.files import LocalFileSystem
from nearsight.images.ignore_rules import FileRules
from nearsight.images.system_folders import EXACT_FOLDERS, FILES, FOLDERS, system_pattern
from nearsight.images.walk import FoundFile, LeftOut, walk_folder

LEFT_OUT = {
    "2012/@eaDir": "@eaDir",
    "#RECYCLE": "#recycle",
    "#snapshot": "#snapshot",
    "DCIM/.thumbnails": ".thumbnails",
    ".Trash-1000": ".Trash-*",
    "disk/.Trashes": ".Trashes",
    "$Recycle.Bin": "$RECYCLE.BIN",
    "System Volume Information": "System Volume Information",
    "2012/Catalog Previews.lrdata": "*.lrdata",
    "Catalog Smart Previews.lrdata": "*.lrdata",
    "Catalog.lrcat-data": "*.lrcat-data",
    "Pictures/Photos Library.photoslibrary/resources/derivatives": "*.photoslibrary/resources/derivatives",
    "Old.aplibrary/Thumbnails": "*.aplibrary/Thumbnails",
    "iPhoto Library/Data.noindex": "iPhoto Library/Data.noindex",
    "home/.cache/thumbnails": ".cache/thumbnails",
    ".stversions": ".stversions",
    "lost+found": "lost+found",
    "__MACOSX": "__MACOSX",
    "web/node_modules": "node_modules",
    "new\nline/@eaDir": "@eaDir",
    "data/appdata_oc1x/preview": "appdata_*/preview",
}
TAKEN = (
    *("2012/.picasaoriginals", "thumbnails", "Thumbnails", "preview", "derivatives", "Data", "Previews", "Masters"),
    *("L.photoslibrary/originals", "L.photoslibrary/resources/renders", "L.photoslibrary", "Trash", "Recycle"),
    *("Lost+Found", "Recycler", ".hidden", "eaDir", "x@eaDir", "sync", "git", ".cache", "DCIM", "lrdata", "a.lrdata2"),
)
FILES_LEFT_OUT = {
    "a/Thumbs.db": "Thumbs.db",
    "THUMBS.DB": "Thumbs.db",
    "._IMG_1.jpg": "._*",
    ".DS_Store": ".DS_Store",
    "Desktop.ini": "desktop.ini",
    "DCIM/.trashed-1700000000-IMG_1.jpg": ".trashed-*",
    "Icon\r": "Icon\r",
}


@pytest.mark.parametrize("path", LEFT_OUT)
def test_folders_of_systems_are_known(path):
    assert system_pattern(os.fsencode(path), is_folder=True) == LEFT_OUT[path]
    assert system_pattern(os.fsencode(path), is_folder=False) is None


@pytest.mark.parametrize("path", TAKEN)
def test_folders_of_pictures_are_not(path):
    assert system_pattern(os.fsencode(path), is_folder=True) is None


def test_files_of_systems_are_known():
    assert {path: system_pattern(os.fsencode(path), is_folder=False) for path in FILES_LEFT_OUT} == FILES_LEFT_OUT
    for path in ("_IMG.jpg", ".hidden.jpg", "Thumbs.jpg", "a.DS_Store.jpg", "x._a.jpg", ".IMG_1.jpg"):
        assert system_pattern(os.fsencode(path), is_folder=False) is None


def test_every_pattern_matches_what_it_says():
    for patterns, is_folder in ((FOLDERS, True), (EXACT_FOLDERS, True), (FILES, False)):
        for pattern in patterns:
            path = os.fsencode("some/where/" + pattern.replace("*", "x1"))
            assert system_pattern(path, is_folder=is_folder) == pattern


@pytest.fixture
def phone(tmp_path):
    for name in ("a.jpg", "WhatsApp/Sent/s.jpg", "WhatsApp/Sent/.nomedia", "WhatsApp/Sent/deep/d.jpg", "@eaDir/t.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def walked(root, **rules):
    found = list(walk_folder(bytes(root), LocalFileSystem(), rules=FileRules(**rules)))
    taken = [each.path.decode() for each in found if isinstance(each, FoundFile)]
    return taken, {each.path.decode(): str(each.rule) for each in found if isinstance(each, LeftOut)}


def test_a_folder_with_a_marker_is_left_out_with_all_below(phone):
    assert walked(phone) == (["a.jpg"], {"WhatsApp/Sent": ".nomedia", "@eaDir": "@eaDir"})


def test_any_of_it_is_brought_back(phone):
    assert walked(phone, include=("@eaDir",))[0] == ["@eaDir/t.jpg", "a.jpg"]
    assert walked(phone, include=("*.nomedia",))[0] == [
        "WhatsApp/Sent/.nomedia", "WhatsApp/Sent/deep/d.jpg", "WhatsApp/Sent/s.jpg", "a.jpg",
    ]  # fmt: skip
    assert walked(phone, include=("WhatsApp/Sent/deep/",))[0] == ["WhatsApp/Sent/deep/d.jpg", "a.jpg"]


def test_only_jpegs_are_not_the_thumbnails_too(phone):
    (phone / ".nearsightignore").write_text("*\n!*/\n!*.jpg\n")
    (phone / "b.png").touch()
    assert walked(phone)[0] == ["a.jpg"]


def test_the_folder_that_was_named_is_read_whatever_it_is_called(phone):
    assert walked(phone / "@eaDir")[0] == ["t.jpg"]
    assert walked(phone / "WhatsApp" / "Sent") == (["deep/d.jpg", "s.jpg"], {".nomedia": ".nomedia"})
