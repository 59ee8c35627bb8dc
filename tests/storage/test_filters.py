"""Filters: what they mean, against Python; what they refuse; and that they cost no hit."""

from __future__ import annotations

import fnmatch
import os
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nearsight as ns
from nearsight.errors import DamagedError, UsageError
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.database import CATALOGUE_FILE
from nearsight.storage.filters import parse_filter
from nearsight.storage.filters.conditions import TextMembership
from nearsight.storage.records import ImageRecord
from nearsight.words.fold import fold_case

IMAGES = [
    ImageRecord(1, b"a.jpg", 100, 5, 9, b"x" * 32, 640, 480, "JPEG", "2011-12-31T23:59:59", "Canon EOS 5D", 55.7, 37.6),
    ImageRecord(
        2, b"moscow/b.jpg", 200, 5, 9, b"x" * 32, 4000, 3000, "JPEG", "2012-01-01T00:00:00", "NIKON D3", None, None
    ),
    ImageRecord(3, b"moscow/old/c.tif", 300, 5, 9, b"x" * 32, 6000, 100, "TIFF", None, None, -33.0, 151.2),
    ImageRecord(4, b"Paris/d's.png", 400, 5, 9, b"x" * 32, 10, 10, "PNG", "2012-05-31T12:30:00", "canon x", 48.8, 2.3),
    ImageRecord(
        5, os.fsencode("été/\udcff.png"), 500, 5, 9, b"x" * 32, 10, 20, "PNG", "2013-01-01T00:00:00", None, 0.0, 0.0
    ),
]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    made = CatalogueWriter(tmp_path_factory.mktemp("where"))
    with made.transaction():
        for image in IMAGES:
            made.put_image(image)
    yield made
    made.close()


def folder(image):
    return os.fsdecode(image.path).rpartition("/")[0]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("width >= 4000", lambda p: p.width >= 4000),
        ("width=10 and height != 10", lambda p: p.width == 10 and p.height != 10),
        ("width = 640 or format = png", lambda p: p.width == 640 or p.format == "PNG"),
        ("width = 10 or width = 640 and height = 480", lambda p: p.width in (10, 640)),
        ("(width = 10 or width = 640) and height = 480", lambda p: p.height == 480),
        ("not format = JPEG", lambda p: p.format != "JPEG"),
        ("not camera like 'canon%'", lambda p: not (p.camera or "").lower().startswith("canon")),
        ("camera like '%d3'", lambda p: fnmatch.fnmatch((p.camera or "").lower(), "*d3")),
        ("camera is known", lambda p: p.camera is not None),
        ("latitude is unknown", lambda p: p.latitude is None),
        ("latitude < -10.5", lambda p: p.latitude is not None and p.latitude < -10.5),
        ("latitude = 0", lambda p: p.latitude == 0),
        ("format in (TIFF, 'png')", lambda p: p.format in ("TIFF", "PNG")),
        ("id in (1, 3, 99)", lambda p: p.id in (1, 3)),
        ("taken >= 2012", lambda p: (p.taken or "") >= "2012"),
        ("taken > 2012", lambda p: (p.taken or "") >= "2013"),
        ("taken <= 2012", lambda p: p.taken is not None and p.taken < "2013"),
        ("taken = 2012", lambda p: (p.taken or "").startswith("2012")),
        ("taken = 2012-05", lambda p: (p.taken or "").startswith("2012-05")),
        ("taken < 2012-05-31", lambda p: p.taken is not None and p.taken < "2012-05-31"),
        ("taken = '2012-05-31 12:30'", lambda p: p.id == 4),
        ("taken in (2011, 2013)", lambda p: (p.taken or "")[:4] in ("2011", "2013")),
        ("folder like 'moscow/%'", lambda p: folder(p).startswith("moscow")),
        ("folder like moscow", lambda p: folder(p) == "moscow"),
        ("folder like 'mosc_w/'", lambda p: folder(p) == "moscow"),
        ("folder like '%old'", lambda p: folder(p) == "moscow/old"),
        ("folder like 'moscow%'", lambda p: folder(p).startswith("moscow")),
        ("folder = moscow", lambda p: folder(p) in ("moscow", "moscow/old")),
        ("folder != moscow", lambda p: not folder(p).startswith("moscow")),
        (r"folder = '.\Moscow\old\'", lambda p: folder(p) == "moscow/old"),
        ("folder = /moscow/", lambda p: folder(p).startswith("moscow")),
        ("folder = 'moscow/old/'", lambda p: folder(p) == "moscow/old"),
        ("folder = ''", lambda p: not folder(p)),
        ("folder in (paris, 'moscow')", lambda p: folder(p) in ("Paris", "moscow", "moscow/old")),
        ('name = "d\'s.png"', lambda p: p.id == 4),
        (r"name = 'd\'s.png'", lambda p: p.id == 4),
        ("name like '%.png'", lambda p: p.path.endswith(b".png")),
        ("path like 'été/%'", lambda p: p.id == 5),
        ("bytes > 3e2", lambda p: p.size > 300),
        ("pixels >= 12000000", lambda p: p.width * p.height >= 12_000_000),
        ("WIDTH > 5 AND NOT Height > 50", lambda p: p.width > 5 and p.height <= 50),
    ],
)
def test_what_a_filter_leaves(catalogue, text, holds):
    wanted = [image.id for image in IMAGES if holds(image)]
    assert 0 < len(wanted) < len(IMAGES)
    assert catalogue.filter_ids(parse_filter(text)) == wanted


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "cannot be read"),
        ("width", "cannot be read"),
        ("width >", "cannot be read"),
        ("wide = 3", 'no field "wide" to filter by; did you mean "width"'),
        ("width = red", "compared with a number; got 'red'"),
        ("taken > yesterday", "2012-05-31; got 'yesterday'"),
        ("width like '4%'", "not with like"),
        ("date > 2012", 'no field "date" to filter by; did you mean "taken"'),
        ("height > widht", "got 'widht'; did you mean the field \"width\""),
        ("height > camera", "compared with a number; camera is none"),
        ("taken = 2012-13", "2012-05-31; got '2012-13'"),
        ("orientation = tall", "landscape, portrait or square; got 'tall'"),
        ("near(91, 0, 1 km)", "-90 to 90 degrees; got 91"),
        ("near(0, 181, 1 km)", "-180 to 180 degrees; got 181"),
        ("near(0, 0, 1 parsec)", "25 km, 500 m or 10 mi"),
        ("near(0, 0)", "cannot be read"),
        ("width = 1; DROP TABLE picture", "cannot be read"),
        ("width = 1 -- ", "cannot be read"),
        ("x" * 2001, "2000 characters"),
        ("id in (" + ", ".join(["1"] * 201) + ")", "200 values"),
    ],
)
def test_what_is_no_filter(text, problem):
    with pytest.raises(UsageError, match=problem):
        parse_filter(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("width = 10 and or", "or"),
        ("width = 10 and wide = 3", "wide = 3"),
        ("width = 10 and taken = soon", "soon"),
        ("width = 10 and orientation = tall", "tall"),
        ("width = 10 and near(1, 2, 3 parsec)", "3 parsec)"),
    ],
)
def test_the_place_is_pointed_at(text, place):
    with pytest.raises(UsageError) as caught:
        parse_filter(text)
    *_, line, mark = str(caught.value).split("\n")
    assert line[mark.index("^") :] == place


PIECES = st.sampled_from(
    [
        "width",
        "taken",
        "path",
        "and",
        "or",
        "not",
        "in",
        "like",
        "(",
        ")",
        ",",
        "=",
        "<",
        "2012",
        "'",
        '"',
        "\\",
        "--",
        ";",
        "%",
        "a b",
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map(" ".join)))
def test_any_text_is_a_filter_or_a_clear_error(catalogue, text):
    try:
        wanted = parse_filter(text)
    except UsageError:
        return
    assert set(catalogue.filter_ids(wanted)) <= {image.id for image in IMAGES}


@given(st.text(max_size=30))
def test_values_are_taken_as_they_are(text):
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if text.count("\n"):
        return
    assert parse_filter(f"camera = {quoted}") == TextMembership("camera", frozenset([fold_case(text)]))


def test_deep_nesting_is_refused_or_read(catalogue):
    for text in ("(" * 900 + "width=1" + ")" * 900, "not " * 12 + "width=1"):
        assert catalogue.filter_ids(parse_filter(text)) == []
    with pytest.raises(UsageError, match="12 deep"):
        parse_filter("not " * 450 + "width=1")


def test_a_filter_combines_with_an_image_without_losing_a_hit(photographs):
    with ns.index(photographs, by=["copy", "colour"]) as photos:
        everything = photos.search(photographs / "coffee.png", by="colour", k=50)
        known = {image.id: image for image in photos.images()}
        for text, holds in (
            ("format = PNG", lambda p: p.format == "PNG"),
            ("width > 500 and not folder = 'sub'", lambda p: p.width > 500 and not p.path.startswith(b"sub/")),
        ):
            left = photos.search(photographs / "coffee.png", by="colour", k=50, where=text)
            wanted = [hit.path for hit in everything if holds(known[hit.id])]
            assert 0 < len(wanted) < len(everything)
            assert [hit.path for hit in left] == wanted
        both = photos.search(photographs / "coffee.png", by="colour", words="sub", where="format = PNG")
        assert {hit.path for hit in both} == {"sub/astronaut.png", "sub/brick.png"}


def test_a_filter_alone_lists_and_goes_with_words(photographs):
    with ns.index(photographs, recipe="phash") as photos:
        alone = photos.search(where="format = JPEG", k=50)
        assert [hit.path for hit in alone] == sorted(p.path.decode() for p in photos.images() if p.format == "JPEG")
        assert alone.verdict == "found"
        assert [hit.path for hit in photos.search(words="china", where="format = JPEG")] == ["china.jpg"]
        assert photos.search(words="china", where="format = PNG").verdict == "no image matches"
        assert len(photos.search(where="width > 1", k=3)) == 3
        with pytest.raises(UsageError, match="no field"):
            photos.search(where="nothing = 3")


def test_a_damaged_row_is_never_left_out_in_silence(photographs):
    with ns.index(photographs, recipe="phash") as photos:
        home = photos.index_dir
    with sqlite3.connect(home / CATALOGUE_FILE) as db:
        db.execute("UPDATE image SET width = 1 WHERE path = CAST('coffee.png' AS BLOB)")
    db.close()
    with ns.open(photographs) as photos, pytest.raises(DamagedError):
        photos.search(where="width > 100")
