"""Sources inside image files that are damaged, odd or large."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearsight.images.decode import decode_image
from nearsight.metadata.camera import camera_name, is_scanner, lens_name, parse_iso, parse_rating
from nearsight.metadata.embedded.exif_entries import ExifEntries
from nearsight.metadata.embedded.gif_blocks import read_gif_texts
from nearsight.metadata.embedded.iptc import find_iptc, read_iptc
from nearsight.metadata.embedded.png_text import png_profile
from nearsight.metadata.facts import Facts
from nearsight.metadata.image_text import ImageText
from nearsight.metadata.place import parse_number, xmp_place
from nearsight.metadata.sidecars.xmp_file import read_xmp

from .said_bytes import (
    ASCII,
    bag,
    exif_bytes,
    gif_comment,
    gif_with,
    gif_xmp,
    iptc_bytes,
    jpeg,
    jpeg_xmp,
    languages,
    photoshop_bytes,
    xmp_bytes,
)


def read(data):
    return decode_image(data, metadata=True).metadata


def test_iptc_is_read_up_to_where_it_is_cut():
    whole = iptc_bytes([(105, b"Storm"), (120, b"Waves break"), (25, b"sea")])
    assert read_iptc(whole) == ImageText("", "Storm\nWaves break", ("sea",))
    assert read_iptc(whole[:-3]) == ImageText("", "Storm\nWaves break")
    assert read_iptc(b"\0\0" + whole + bytes(9)) == read_iptc(whole)
    extended = b"\x1c\x02\x78\x80\x04\0\0\0\x05Storm"
    assert read_iptc(extended) == ImageText("", "Storm")


def test_iptc_is_found_among_photoshops_resources():
    iptc = iptc_bytes([(120, b"Storm")])
    assert find_iptc(photoshop_bytes(iptc)) == iptc
    assert find_iptc(b"8BIM\x04\x04\x05title\0\0\0\0" + b"") == b""
    named = b"8BIM\x04\x04\x05title" + len(iptc).to_bytes(4) + iptc
    assert find_iptc(named) == iptc


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_gif_blocks_of_any_length(cut):
    whole = gif_with(gif_xmp(xmp_bytes(bag("dc:subject", "sea"))), gif_comment(b"Storm"))
    comments, packet = read_gif_texts(whole[:cut])
    assert comments in ([], [b"Storm"])
    assert packet == b"" or packet.startswith(b"<?xpacket")
    assert read_gif_texts(whole) == ([b"Storm"], xmp_bytes(bag("dc:subject", "sea")))


@given(st.binary(max_size=80))
def test_any_bytes_say_something_or_nothing(data):
    assert isinstance(read_iptc(b"\x1c\x02" + data), ImageText)
    assert isinstance(find_iptc(b"8BIM\x04\x04" + data), bytes)
    assert isinstance(read_gif_texts(b"GIF89a" + data)[1], bytes)
    assert isinstance(png_profile({"Raw profile type xmp": data.decode("latin-1")}, ("xmp",)), bytes)


@given(st.binary(max_size=120), st.integers(0, 200))
def test_no_damage_to_exif_or_xmp_fails_an_image(noise, at):
    exif = exif_bytes([(0x10E, ASCII, b"Storm")], [(0x9003, ASCII, b"2012:07:21 10:11:12")])
    packet = b"http://ns.adobe.com/xap/1.0/\0" + xmp_bytes(bag("dc:subject", "sea"))
    for body in (exif, packet):
        assert read(jpeg((0xE1, body[: at + 6] + noise + body[at + 6 + len(noise) :]))) is not None


def test_a_packet_that_holds_pictures_is_not_read():
    large = xmp_bytes(bag("dc:subject", "sea"), 'photoshop:Headline="' + "x" * (1 << 20) + '"')
    assert read(gif_with(gif_xmp(large))).tags == ()
    assert read(gif_with(gif_xmp(xmp_bytes(bag("dc:subject", "sea"))))).tags == ("sea",)


def test_large_texts_take_no_time():
    start = time.monotonic()
    mean = gif_with(b"\x21\xf9" + b"\x01x" * 4_000_000, gif_comment(b"Storm"))
    assert read_gif_texts(mean) == ([], b"")
    ((first,), _) = read_gif_texts(gif_with(gif_comment(b"x" * 1_000_000)))
    assert len(first) == 1 << 16
    entries = ExifEntries(
        {0x10E: "ü" * 50_000_000, 0x83BB: (1,) * 10_000_000, 0x9286: b"ASCII\0\0\0" + b"x" * 50_000_000}
    )
    assert len(entries.text(0x10E)) == len(entries.comment) + 8 == len(entries.raw(0x83BB)) == 1 << 16
    assert time.monotonic() - start < 3


def test_deep_xmp_takes_no_stack():
    deep = xmp_bytes("<dc:title>" + "<a>" * 30_000 + "</a>" * 30_000 + "</dc:title>" + bag("dc:subject", "sea"))
    (found,) = read_xmp(deep)
    assert found.tags == ("sea",)


def test_facts_of_a_sidecar_are_of_a_sidecar():
    packet = xmp_bytes(attributes='exif:DateTimeOriginal="2012-07-21" exif:GPSLatitude="1,0N" exif:GPSLongitude="2,0E"')
    (found,) = read_xmp(packet)
    assert (found.facts.taken_from, found.facts.place_from) == ("sidecar", "sidecar")
    (found,) = read_xmp(packet, "XMP")
    assert (found.facts.taken_from, found.facts.place_from) == ("XMP", "XMP")
    assert read_xmp(xmp_bytes()) == []


def test_the_camera_of_exif_says_whether_the_day_of_creation_is_that_of_the_picture():
    created = xmp_bytes(attributes='xmp:CreateDate="2012-07-21T10:11:12"')
    packet = b"http://ns.adobe.com/xap/1.0/\0" + created
    for camera, taken in ((b"NIKON D70", "2012-07-21T10:11:12"), (b"CanoScan 9000F", None)):
        assert read(jpeg((0xE1, exif_bytes([(0x110, ASCII, camera)])), (0xE1, packet))).taken == taken
    assert read(jpeg_xmp(created)).taken is None


def test_a_caption_that_is_the_cameras_name_by_another_source_is_none():
    exif = exif_bytes([(0x110, ASCII, b"WG-30W")])
    packet = b"http://ns.adobe.com/xap/1.0/\0" + xmp_bytes(languages("dc:title", x_default="WG-30W"))
    assert read(jpeg((0xE1, exif), (0xE1, packet))).caption == ""


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("48,51.5N", "2,21,7.5E"), (48 + 51.5 / 60, 2 + 21 / 60 + 7.5 / 3600)),
        (("48,51,30S", "2,21,0W"), (-48 - 51.5 / 60, -2.35)),
        (("48.5", "-2.25"), (48.5, -2.25)),
        (("48.5N", "2.25w"), (48.5, -2.25)),
        (("34.05", "118.25", "N", "W"), (34.05, -118.25)),
        (("-34.05", "-118.25", "S", "W"), (-34.05, -118.25)),
        (("34.05", "118.25", "W", "N"), None),
        (("91,0N", "2,0E"), None),
        (("48,0E", "2,0N"), None),
        (("0,0N", "0,0E"), None),
        (("", "2,0E"), None),
        (("nan", "2"), None),
        (("1/2", "2"), None),
        (("inf", "inf"), None),
    ],
)
def test_places_as_xmp_writes_them(texts, expected):
    found = xmp_place(dict(zip(("Latitude", "Longitude", "LatitudeRef", "LongitudeRef"), texts, strict=False)), "XMP")
    if expected is None:
        assert found == Facts()
    else:
        assert (found.latitude, found.longitude) == pytest.approx(expected)


def test_numbers():
    assert [parse_number(value) for value in ("1/4", "3", 2.5, "1/0", "nan", "", None, "a/b", (1,))] == [
        *(0.25, 3.0, 2.5),
        *(None,) * 6,
    ]


def test_sensitivities():
    assert parse_iso(None, 0, 65535, (400, 0)) == 400
    assert parse_iso("100, 0") == 100
    assert parse_iso("", "x", -1, 10**9) is None


def test_ratings():
    assert [parse_rating(value) for value in (-1, "0", 0, 1, "4.0", 5, 6, "x", None)] == [
        *(-1, None, None, 1, 4, 5),
        *(None,) * 3,
    ]
    assert [parse_rating(None, share) for share in (0, 1, 25, 50, 75, 99, 100, 101)] == [None, 1, 2, 3, 4, 5, 5, None]
    assert parse_rating(3, 99) == 3


def test_lenses():
    assert lens_name("Canon", "EF24-105mm f/4L") == "Canon EF24-105mm f/4L"
    assert lens_name("", "AF-S 50mm f/1.8G") == "AF-S 50mm f/1.8G"
    assert lens_name("Nikon", "NIKON Z 24-70mm") == "NIKON Z 24-70mm"
    assert [lens_name("", name) for name in ("----", "", "Unknown (65535)", "0.0 mm f/0.0", "0mm", "N/A")] == [None] * 6
    assert camera_name("NIKON CORPORATION", "NIKON D70") == "NIKON D70"


def test_scanners_are_told_from_cameras():
    assert is_scanner("EPSON Perfection V700", "", None)
    assert is_scanner("CanoScan 9000F", "", None)
    assert is_scanner(None, "VueScan 9 x64", None)
    assert is_scanner("NIKON D70", "", 1)
    assert not is_scanner("NIKON D70", "Ver.1.00", 3)
    assert not is_scanner(None, "", None)
