"""What sidecars say, by format; each example is of a kind that real programs write."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearsight.errors import ImageError, Reason
from nearsight.metadata.image_text import ImageText
from nearsight.metadata.sidecars.fact_values import sidecar_degrees, sidecar_time, stamp_time
from nearsight.metadata.sidecars.formats import is_sidecar, read_sidecar

XMP = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
   xmlns:lr="http://ns.adobe.com/lightroom/1.0/" photoshop:Headline="Storm over the bay">
  <dc:title><rdf:Alt><rdf:li xml:lang="en">Storm</rdf:li><rdf:li xml:lang="de">Sturm</rdf:li></rdf:Alt></dc:title>
  <dc:description><rdf:Alt><rdf:li xml:lang="x-default">Waves break on the mole.</rdf:li></rdf:Alt></dc:description>
  <dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>weather</rdf:li></rdf:Bag></dc:subject>
  <lr:hierarchicalSubject><rdf:Bag><rdf:li>places|Genoa</rdf:li></rdf:Bag></lr:hierarchicalSubject>
 </rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def told(value, name=b"captions.json"):
    return read_sidecar(name, json.dumps(value).encode())


def test_which_files_are_sidecars():
    assert all(
        map(is_sidecar, [b"a.jpg.xmp", b"A.XMP", b"x/captions.json", b"metadata.jsonl", b"list.csv", b"list.TSV"])
    )
    assert not any(map(is_sidecar, [b"a.jpg", b"json", b"xmp.jpg", b".json", b"notes.txt"]))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([{"file": "a.jpg", "captions": ["One.", "Two.", "One."]}], [ImageText("a.jpg", "One.\nTwo.")]),
        (
            [{"file_name": "d/a.jpg", "text": "One", "tags": "sea; storm"}],
            [ImageText("d/a.jpg", "One", ("sea", "storm"))],
        ),
        (
            {"a.jpg": "One.", "b.jpg": ["Two.", "Three."]},
            [ImageText("a.jpg", "One."), ImageText("b.jpg", "Two.\nThree.")],
        ),
        ({"a.jpg": {"caption": "One", "keywords": ["sea"]}}, [ImageText("a.jpg", "One", ("sea",))]),
        ({"Title": "Rex", "description": "", "people": [{"name": "Ann"}]}, [ImageText("", "Rex", ("Ann",))]),
        ({"path": "a.jpg", "Caption": "One", "labels": "dog, cat"}, [ImageText("a.jpg", "One", ("dog", "cat"))]),
        ([{"file": "a.jpg", "lat": 1.5}, {"caption": "of nothing"}, 7, None], []),
        ({"version": 3, "files": [1, 2]}, []),
        ([], []),
        ("text", []),
        (None, []),
    ],
)
def test_json(value, expected):
    assert told(value) == expected


@pytest.mark.parametrize(
    ("about", "taken"),
    [
        ({"EXIF:Make": "EPSON", "EXIF:Model": "Perfection V600"}, None),
        ({"EXIF:Model": "NIKON D70", "EXIF:FileSource": "Film Scanner"}, None),
        ({"EXIF:Model": "NIKON D70", "EXIF:FileSource": 1}, None),
        ({"EXIF:Model": "NIKON D70", "EXIF:Software": "VueScan 9"}, None),
        ({}, None),
        ({"EXIF:Model": "NIKON D70", "EXIF:FileSource": "Digital Camera"}, "2015-03-01T10:00:00"),
    ],
)
def test_the_day_of_a_scan_in_exiftools_tags_is_no_date_taken(about, taken):
    scan = "2015:03:01 10:00:00"
    tags = {"SourceFile": "a.jpg", "Title": "Storm", **about, "EXIF:CreateDate": scan}
    assert told([tags])[0].facts.taken == taken
    if about:
        assert told([{**tags, "EXIF:DateTimeOriginal": scan}])[0].facts.taken == taken
        by_hand = {"EXIF:DateTimeOriginal": scan, "XMP:DateCreated": "1965:07:04"} if taken is None else {}
        assert told([{**tags, **by_hand}])[0].facts.taken == (taken or "1965-07-04")
        original = told([{**tags, "EXIF:DateTimeOriginal": "1965:07:04 00:00:00"}])[0].facts.taken
        assert original == "1965-07-04T00:00:00"


def test_cocos_annotations():
    value = {
        "images": [{"id": 9, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}, {"id": [], "file_name": "c.jpg"}],
        "annotations": [
            {"image_id": 9, "caption": "A man skis."},
            {"image_id": 9, "category_id": 18},
            {"image_id": 8, "category_id": 18},
            {"image_id": {}, "caption": "of nobody"},
        ],
        "categories": [{"id": 18, "name": "dog"}],
    }
    assert told(value) == [ImageText("a.jpg", "A man skis.", ("dog",)), ImageText("b.jpg", "", ("dog",))]


def test_coco_ids_that_cannot_be_looked_up_belong_to_nothing():
    value = {
        "images": [{"id": 9, "file_name": "a.jpg", "caption": "A man skis."}],
        "annotations": [{"image_id": 9, "category_id": each} for each in ([1], {}, None)],
        "categories": [{"id": [1], "name": "dog"}, {"id": {}, "name": "cat"}, {"name": "owl"}],
    }
    assert told(value) == [ImageText("a.jpg", "A man skis.")]


def test_sentences_inside_images():
    value = {"images": [{"filename": "a.jpg", "sentences": [{"raw": "A dog."}, {"raw": "A cat."}], "split": "train"}]}
    assert told(value) == [ImageText("a.jpg", "A dog.\nA cat.")]


def test_json_lines():
    data = b'\xef\xbb\xbf{"file_name": "a.jpg", "text": "One"}\n\n{"file_name": "b.jpg", "text": "Two"}\n'
    assert read_sidecar(b"metadata.jsonl", data) == [ImageText("a.jpg", "One"), ImageText("b.jpg", "Two")]
    with pytest.raises(ImageError, match="line 2 is not JSON"):
        read_sidecar(b"metadata.jsonl", b'{"file": "a.jpg"}\n{"file"\n')


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'file,caption,tags\na.jpg,"One, two",sea;storm\n', [ImageText("a.jpg", "One, two", ("sea", "storm"))]),
        (b"Filename;Title;Description\r\na.jpg;One;Two\r\n", [ImageText("a.jpg", "One\nTwo")]),
        (b"image\tcaption\na.jpg\tOne\na.jpg\tTwo\n", [ImageText("a.jpg", "One"), ImageText("a.jpg", "Two")]),
        ("file,caption\na.jpg,Gräser".encode("cp1252"), [ImageText("a.jpg", "Gräser")]),
        ("file,caption\na.jpg,Gräser".encode("utf-16"), [ImageText("a.jpg", "Gräser")]),
        (b"file,caption\na.jpg\n,One\nb.jpg,\n", []),
        (b"file,fine_id,coarse_id\na.jpg,0,0\n", []),
        (b"a,b\n1,2\n", []),
        (b"", []),
    ],
)
def test_csv(data, expected):
    assert read_sidecar(b"list.csv", data) == expected


def test_a_cell_without_end_is_refused():
    with pytest.raises(ImageError, match="field larger"):
        read_sidecar(b"list.csv", b'file,caption\na.jpg,"' + b"x" * 200_000)


def test_xmp():
    words = ("sea", "weather", "places", "Genoa")
    caption = "Storm\nSturm\nStorm over the bay\nWaves break on the mole."
    assert read_sidecar(b"a.xmp", XMP) == [ImageText("", caption, words)]
    renamed = XMP.replace(b"dc:", b"other:").replace(b"xmlns:dc", b"xmlns:other")
    assert read_sidecar(b"a.xmp", renamed) == [ImageText("", caption, words)]
    assert read_sidecar(b"a.xmp", b"<a/>") == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (b"a.json", b"{"),
        (b"a.json", b"\xff\xfe\xff"),
        (b"a.json", b"[" * 200_000),
        (b"a.jsonl", b"[" * 200_000),
        (b"a.xmp", b"no XML"),
        (b"a.xmp", b"<a>"),
        (b"a.xmp", b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'),
        (b"a.xmp", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
        (b"a.xmp", b'<?xml version="1.0" encoding="no-such"?><a/>'),
    ],
)
def test_what_is_no_sidecar_has_a_reason(name, data):
    with pytest.raises(ImageError) as caught:
        read_sidecar(name, data)
    assert caught.value.reason is Reason.CORRUPT
    assert len(caught.value.detail) < 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2012:07:21 10:11:12", ("2012-07-21T10:11:12", None)),
        ("2012-07-21T10:11:12.778+0530", ("2012-07-21T10:11:12", "+05:30")),
        ("2012-07-21 10:11Z", ("2012-07-21T10:11:00", "+00:00")),
        ("1965:07:00 00:00:00", ("1965-07", None)),
        ("1965:00:00 00:00:00", ("1965", None)),
        ("1993", ("1993", None)),
        ("2012-05-31", ("2012-05-31", None)),
        ("0000:00:00 00:00:00", (None, None)),
        ("2012-02-30", (None, None)),
        ("07/21/2012", (None, None)),
        ("2012-07-21T10:11:12+19:00", ("2012-07-21T10:11:12", None)),
        ("20", (None, None)),
    ],
)
def test_times(text, expected):
    found = sidecar_time(text)
    assert (found.taken, found.time_zone) == expected
    assert found.taken_from == ("sidecar" if expected[0] else "")


@given(st.integers(-4_000_000_000, 4_000_000_000).filter(bool))
def test_time_stamps(seconds):
    wanted = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    found = stamp_time(str(seconds))
    assert (found.taken, found.time_zone) == (wanted.isoformat(), "+00:00")


@given(st.floats(-90, 90), st.sampled_from(["NS", "north south"]))
def test_degrees(value, letters):
    letter = (letters.split() if " " in letters else list(letters))[value < 0]
    minutes = divmod(abs(value) * 60, 60)
    for text in (repr(round(value, 7)), f"{int(minutes[0])} deg {minutes[1]:.6f}' {letter}"):
        assert sidecar_degrees(text) == pytest.approx(value, abs=1e-6)
    assert sidecar_degrees(abs(value), letter) == pytest.approx(value)
    assert sidecar_degrees(value) == pytest.approx(value)


def test_control_codes_and_lengths_are_cut():
    (found,) = told([{"file": "a.jpg", "caption": "a\x1b[2Jb\u202ec" + "x" * 9000, "tags": ["t" * 900] * 3}])
    assert found.caption.startswith("a [2Jb c")
    assert len(found.caption) == 4000
    assert found.tags == ("t" * 200,)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["file", "images", "annotations", "id", "image_id", "caption", "tags", "x"]), inner
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_read(value):
    assert all(isinstance(each, ImageText) and (each.caption or each.tags) for each in told(value))


@given(st.sampled_from([b"a.json", b"a.jsonl", b"a.csv", b"a.tsv", b"a.xmp", b"a.txt"]), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(name, data):
    with suppress(ImageError):
        assert isinstance(read_sidecar(name, data), list)
