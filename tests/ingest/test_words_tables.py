"""Tables with any headings: named once, remembered, read again when they change."""

from __future__ import annotations

import csv
import json
import os
import tracemalloc
import zlib

import pytest

import nearsight as ns
from nearsight.errors import UsageError
from nearsight.ingest import sidecar_words
from nearsight.metadata.sidecars.table_text import decode_table
from tests.command import nearsight
from tests.ingest.sidecar_cases import save_image

TABLE = (
    "Object Number,Image File,Object Name,artist,Keywords\n"
    '1,one.jpg,"Storm, ""big""",A. N. Other,"sea; mole"\n'
    '2,two,"Calm\nsea",,\n'
    "3,https://museum.example/images/three.jpg?size=full,Beach,Ann,sand\n"
    "4,four.jpg,of nobody,,\n"
    "5,C:\\scans\\sub\\five.jpg,Fog,,\n"
    ",,without a file,,\n"
)
COLUMNS = {"file_column": "Image File", "text_columns": ["Object Name", "artist"], "tag_columns": "Keywords"}

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture
def folder(tmp_path):
    """Five images, two of which have one stem."""
    (tmp_path / "photos" / "sub").mkdir(parents=True)
    for name in ("one.jpg", "two.jpg", "three.jpg", "sub/five.jpg", "six.jpg"):
        save_image(tmp_path / "photos" / name, name)
    return tmp_path / "photos"


@pytest.fixture
def table(tmp_path):
    """A table beside the folder, as old as no clock can mistake."""
    return written(tmp_path / "objects.csv", TABLE)


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    os.utime(path, (1_600_000_000, 1_600_000_000 + zlib.crc32(text.encode()) % 1000))
    return path


def index(folder, **more):
    return ns.index(folder, recipe="phash | flat", **more)


def said(photos):
    notes = {image.path.decode(): photos.notes(image.path) for image in photos.images()}
    return {path: (found[0].caption, tuple(found[0].tags.splitlines())) for path, found in notes.items() if found}


WORDS = {
    "one.jpg": ('Storm, "big"\nA. N. Other', ("sea", "mole")),
    "two.jpg": ("Calm sea", ()),
    "three.jpg": ("Beach\nAnn", ("sand",)),
    "sub/five.jpg": ("Fog", ()),
}


def test_a_table_outside_the_folder_is_remembered(folder, table):
    with index(folder, words_from=table, **COLUMNS) as photos:
        assert said(photos) == WORDS
        assert [(line.name, line.reason) for line in photos.sidecar_lines() if line.reason] == [
            ("four.jpg", 'no image is called "four.jpg"')
        ]
        assert photos.info()["tables"] == [str(table)]
    save_image(folder / "four.jpg", "four")
    with index(folder) as photos:
        assert said(photos) == {**WORDS, "four.jpg": ("of nobody", ())}
    written(table, TABLE.replace("Fog", "Sun"))
    with index(folder) as photos:
        assert said(photos)["sub/five.jpg"] == ("Sun", ())
    table.unlink()
    with index(folder) as photos:
        assert said(photos)["sub/five.jpg"] == ("Sun", ())
        assert [line.reason for line in photos.sidecar_lines() if line.reason] == [
            "the table is not there; what it said is kept"
        ]
    with index(folder, words_from="none") as photos:
        assert said(photos) == {}
        assert photos.info()["tables"] == list(photos.sidecar_lines()) == []
        assert not photos.verify()


def test_a_table_comes_back(folder, table):
    index(folder, words_from=table, **COLUMNS).close()
    away = table.rename(table.with_name("away.csv"))
    index(folder).close()
    away.rename(table)
    with index(folder) as photos:
        assert said(photos) == WORDS
        assert [line.name for line in photos.sidecar_lines() if line.reason] == ["four.jpg"]


def test_a_table_inside_the_folder_moves_with_it(folder):
    written(folder / "list.csv", TABLE)
    with index(folder) as photos:
        assert said(photos) == {}  # no column has a usual name
        assert [skip.path for skip in photos.skips()] == [b"list.csv"]
    with index(folder, words_from=folder / "list.csv", **COLUMNS) as photos:
        assert said(photos) == WORDS
        assert list(photos.skips()) == []
    moved = folder.rename(folder.with_name("moved"))
    written(moved / "list.csv", TABLE.replace("Fog", "Sun"))
    with index(moved) as photos:
        assert said(photos)["sub/five.jpg"] == ("Sun", ())


def test_a_sidecar_of_usual_headings_is_read_by_the_columns_that_were_named(folder):
    written(folder / "list.csv", "file,caption,tags,secret\none.jpg,public,a,private\n")
    with index(folder) as photos:
        assert said(photos) == {"one.jpg": ("public", ("a",))}
    with index(folder, words_from=folder / "list.csv", text_columns="secret") as photos:
        assert said(photos) == {"one.jpg": ("private", ())}
    with index(folder, words_from="none") as photos:
        assert said(photos) == {"one.jpg": ("public", ("a",))}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "mac_roman"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_delimiters(folder, tmp_path, encoding, delimiter):
    from nearsight.files import LocalFileSystem
    from nearsight.ingest.words_tables import locate_table, open_table
    from nearsight.metadata.sidecars.words_table import TableColumns, read_words_table

    path = tmp_path / "list.txt"
    with path.open("w", encoding=encoding, newline="") as out:
        rows = [["Bild", "Größe, Länge"], ["one.jpg", "Ärger über Öl;\nGräser|Wälder\tsüß"]]
        csv.writer(out, delimiter=delimiter).writerows(rows)
    columns, files = TableColumns("Bild", ("Größe, Länge",)), LocalFileSystem()
    table = locate_table(os.fsencode(path), b"/nowhere", columns, files)
    with open_table(table, b"/nowhere", files) as (stream, _):
        (found,) = read_words_table(stream, columns, "list.txt")
    assert (found.name, found.caption) == ("one.jpg", "Ärger über Öl; Gräser|Wälder süß")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"file_column": "Image Fil"},
            r'has no column "Image Fil"; did you mean "Image File"\?; it has: "Object Number", ',
        ),
        ({**COLUMNS, "text_columns": "titel"}, 'has no column "titel"'),
        ({**COLUMNS, "words_from": "nothing.csv"}, "nothing.csv cannot be read as a table: no such file"),
        ({**COLUMNS, "words_from": "."}, "cannot be read as a table: this is no file"),
        ({**COLUMNS, "words_from": None}, "--words-from FILE"),
    ],
)
def test_errors_say_what_is_there(folder, table, columns, message):
    with pytest.raises(UsageError, match=message):
        index(folder, **{"words_from": table, **columns})
    assert not (folder / ".nearsight" / "catalogue.sqlite").exists()


def test_quotation_marks_of_windows_are_no_letters_of_the_mac():
    text = "He said \u201cit\u2019s a storm\u201d \u2013 twice\u2026"
    assert decode_table(text.encode("cp1252")) == text
    assert decode_table("Één café à l'été, señor Müller".encode("mac_roman")) == "Één café à l'été, señor Müller"


def test_usual_headings_need_not_be_named(folder, tmp_path):
    path = written(tmp_path / "list.csv", "Bild;Titel\none.jpg;Sturm\n")
    with pytest.raises(UsageError, match=r'say which column of .* names the images.*"Bild", "Titel"'):
        index(folder, words_from=path, text_columns="Titel")
    with pytest.raises(UsageError, match=r"say which columns of .* are read"):
        index(folder, words_from=path, file_column="Bild")
    with index(folder, words_from=path, file_column="bild", text_columns="Titel") as photos:
        assert said(photos) == {"one.jpg": ("Sturm", ())}


def test_a_column_that_is_gone_is_an_error_of_the_next_run(folder, table):
    index(folder, words_from=table, **COLUMNS).close()
    written(table, TABLE.replace("artist", "painter"))
    with pytest.raises(UsageError, match=r'no column "artist".*"painter"'):
        index(folder)


def test_names_that_several_images_have_are_in_doubt(folder, tmp_path):
    save_image(folder / "one.png", "another")
    save_image(folder / "sub" / "six.jpg", "another six")
    path = written(
        tmp_path / "list.csv", "file,caption\none,which?\none.jpg,this\nother/six.jpg,which?\none.tif,none\n"
    )
    with index(folder, words_from=path) as photos:
        assert said(photos) == {"one.jpg": ("this", ())}
        doubts = {line.name: line.reason for line in photos.sidecar_lines() if line.reason}
        assert doubts == {
            "one": "2 files fit: one.jpg, one.png",
            "other/six.jpg": "2 files fit: six.jpg, sub/six.jpg",
            "one.tif": 'no image is called "one.tif"',
        }


def test_a_long_table_needs_little_memory(folder, tmp_path, monkeypatch):
    """10 MB of rows about other images, of which only the first names are listed."""
    monkeypatch.setattr(sidecar_words, "MAX_DOUBTS", 50)
    text = "a long description of an object in a museum " * 250
    rows = "".join(f"object-{number:06d}.jpg,{number},{text}\n" for number in range(1000))
    path = written(tmp_path / "long.csv", f"file,caption,history\n{rows}one.jpg,the last row,\n")
    index(folder).close()
    tracemalloc.start()
    try:
        with index(folder, words_from=path) as photos:
            peak = tracemalloc.get_traced_memory()[1]
            assert said(photos) == {"one.jpg": ("the last row", ())}
            assert photos.info()["words"]["unknown"] == 1000
            doubts = [line for line in photos.sidecar_lines() if line.reason]
            assert [(each.name, each.reason) for each in doubts[:1]] == [("", "and 950 more names")]
            assert len(doubts) == 51
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 10e6
    assert peak < 5e6


def test_the_command(folder, table, tmp_path):
    columns = ("--file-column", "Image File", "--text-columns", "Object Name,artist", "--tag-columns", "Keywords")
    done = nearsight("index", folder, "--recipe", "phash | flat", "--words-from", table, *columns)
    assert done.returncode == 0, done.stderr
    with ns.open(folder) as photos:
        assert said(photos) == WORDS
    shown = nearsight("info", "--in", folder).stdout
    assert f"words from {table}" in shown
    assert f"1 sidecar entry matches no image: nearsight export --sidecars --in {folder}" in shown
    listed = json.loads(nearsight("export", "--in", folder, "--sidecars", "--json").stdout)
    assert {(row["image"], row["name"], row["reason"]) for row in listed} == {
        *((path, "", "") for path in WORDS),
        ("", "four.jpg", 'no image is called "four.jpg"'),
    }
    assert {row["sidecar"] for row in listed} == {str(table)}
    rows = nearsight("export", "--in", folder, "--sidecars").stdout.splitlines()
    assert rows[0] == "sidecar,name,image,reason"
    assert len(rows) == 6
    assert nearsight("export", "--in", folder, "--sidecars", "--skipped").returncode == 2
    wrong = nearsight("index", folder, "--words-from", table, "--file-column", "File")
    assert (wrong.returncode, 'it has: "Object Number", "Image File"' in wrong.stderr) == (2, True)
    assert nearsight("index", folder, "--words-from", "none").returncode == 0
    with ns.open(folder) as photos:
        assert said(photos) == {}
