from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image as Pillow
from PIL.TiffImagePlugin import IFDRational

from nearsight.images.decode import decode_image
from nearsight.metadata.read_metadata import Metadata, drop_own_name
from nearsight.wording import printable_text
from tests.images.hostile import photo, saved
from tests.metadata.said_bytes import xmp_bytes


def exif(main=(), details=(), place=()):
    result = Pillow.Exif()
    result.update(dict(main))
    for tag, entries in ((0x8769, details), (0x8825, place)):
        if entries:
            result[tag] = dict(entries)
    return result


def read(*parts, format="JPEG"):
    return decode_image(saved(photo(), format, exif=exif(*parts).tobytes()), metadata=True).metadata


ATHENS = {1: "N", 2: (37.0, 58.0, 18.0), 3: "E", 4: (23.0, 43.0, 34.32)}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_all_of_it_in_each_format(format):
    found = read({271: "Canon", 272: "Canon EOS 5D"}, {0x9003: "2012:07:21 10:11:12"}, ATHENS, format=format)
    assert (found.taken, found.camera) == ("2012-07-21T10:11:12", "Canon EOS 5D")
    assert (found.latitude, found.longitude) == pytest.approx((37.97166667, 23.7262), abs=1e-6)


def test_without_exif():
    assert decode_image(saved(photo(), "JPEG"), metadata=True).metadata == Metadata()


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("NIKON CORPORATION", "NIKON D70", "NIKON D70"), ("Apple", "iPhone 4", "Apple iPhone 4"),
        ("Hewlett-Packard", "HP PhotoSmart", "Hewlett-Packard HP PhotoSmart"), ("", "X", "X"), ("Make", "", "Make"),
        ("EASTMAN KODAK COMPANY", "KODAK CX7530", "KODAK CX7530"), ("  ", "", None),
        ("a\x1b[31m\rb", "c\x00hidden", "a [31m b c"), ("x" * 500, "y", "x" * 200),
    ],
)  # fmt: skip
def test_camera(make, model, camera):
    assert read({271: make, 272: model}).camera == camera


def test_text_is_cleaned_of_what_cannot_be_seen():
    assert printable_text("a\u202eb\x00c\ud800d\u200be\n\tf") == "a b c d e f"


@pytest.mark.parametrize(("endian", "utf16"), [("<", "utf-16-le"), (">", "utf-16-be")])
def test_comments_are_in_the_byte_order_of_their_exif_or_of_their_mark(endian, utf16):
    for comment in ("Sturm".encode(utf16), "Sturm".encode("utf-16"), "\ufeffSturm".encode("utf-16-be")):
        entries = exif((), {0x9286: b"UNICODE\0" + comment})
        entries.endian = endian
        data = saved(photo(), "JPEG", exif=entries.tobytes())
        assert decode_image(data, metadata=True).metadata.caption == "Sturm"


def test_times_in_order_of_preference():
    times = {0x9003: "2001:01:01 01:01:01", 0x9004: "2002:02:02 02:02:02"}
    assert read({306: "2003:03:03 03:03:03"}, times).taken == "2001-01-01T01:01:01"
    blank = {0x9003: "    :  :     :  :  ", 0x9004: times[0x9004]}
    assert read({272: "NIKON D70", 306: "2003:03:03 03:03:03"}, blank).taken[:4] == "2002"
    assert read({306: "2003:03:03 03:03:03"}, blank).taken is None  # nobody says that a camera digitized it
    assert read({306: "2003:03:03 03:03:03"}).taken is None  # the day of a change


def test_the_original_of_xmp_goes_before_the_day_of_digitizing():
    """A camera that photographs an old print: XMP says when the print was taken."""
    entries = exif({272: "NIKON D70"}, {0x9004: "2015:03:01 10:00:00"})
    packet = xmp_bytes(attributes='exif:DateTimeOriginal="1965-07-04"')
    data = saved(photo(), "JPEG", exif=entries.tobytes(), xmp=packet)
    facts = decode_image(data, metadata=True).metadata.facts
    assert (facts.taken, facts.taken_from) == ("1965-07-04", "XMP")


@pytest.mark.parametrize("text", ["0000:00:00 00:00:00", "2012:13:01 00:00:00", "2012:02:30 00:00:00", "nonsense", ""])
def test_impossible_times(text):
    assert read({}, {0x9003: text}).taken is None


def test_south_and_west_are_negative():
    found = read((), (), {1: "S", 2: (10.0, 30.0, 0.0), 3: "W", 4: (20.0, 15.0, 36.0)})
    assert (found.latitude, found.longitude) == pytest.approx((-10.5, -20.26))


@pytest.mark.parametrize(
    "changed",
    [
        {2: (91.0, 0.0, 0.0)}, {4: (181.0, 0.0, 0.0)}, {2: (IFDRational(1, 0), 1.0, 1.0)}, {1: "X"}, {3: ""},
        {2: (IFDRational(0, 0),) * 3},
    ],
)  # fmt: skip
def test_impossible_places(changed):
    found = read((), (), {**ATHENS, **changed})
    assert found.latitude is None
    assert found.longitude is None


def test_seconds_with_a_zero_denominator_count_nothing():
    found = read((), (), {**ATHENS, 2: (37.0, 58.0, IFDRational(0, 0))})
    assert found.latitude == pytest.approx(37 + 58 / 60)


@pytest.mark.parametrize("cut", range(6, 200, 7))
def test_broken_exif_never_fails_an_image(cut):
    whole = exif({271: "A", 274: 6}, {0x9003: "2012:07:21 10:11:12"}, ATHENS).tobytes()
    image = decode_image(saved(photo(), "JPEG", exif=whole[:cut]), metadata=True)
    assert {image.width, image.height} == {320, 240}


def test_real_cameras():
    folder = os.environ.get("NEARSIGHT_DATA")
    if not folder:
        pytest.skip("NEARSIGHT_DATA is unset: the camera files lie there")
    index = json.loads((Path(folder) / "gps" / "index.json").read_text())
    heif = pytest.importorskip("pillow_heif") is not None
    assert heif
    for entry in index:
        found = decode_image((Path(folder) / "gps" / entry["file"]).read_bytes(), metadata=True).metadata
        assert (found.latitude, found.longitude) == pytest.approx((entry["lat"], entry["lon"]), abs=1e-5), entry


def test_the_files_own_name_is_no_caption():
    metadata = Metadata("Sunset\nsunset.JPG\nSunset in Rome", ("sunset",))
    assert drop_own_name(metadata, "sunset.jpg") == Metadata("Sunset in Rome", ("sunset",))
    assert drop_own_name(metadata, "other.jpg") == metadata
