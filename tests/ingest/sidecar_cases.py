"""Folders with sidecars as programs and people leave them, each with what is right: who said what of which image.

`make_folder` writes all cases, each into a folder of its own, into one folder; `CASES` says what must come out of it.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

IMAGE, FILM = object(), b"\0\0\0\x18ftypmp42 no film"
"""What stands for an image of its own, and the content of a film."""


@dataclass(frozen=True)
class Said:
    """What sidecars say of one image; everything else is None."""

    caption: str = ""
    tags: tuple[str, ...] = ()
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """Files of one folder, and what is right.

    Parameters
    ----------
    kind : whose sidecars they are
    what : what is particular about this case
    files : `IMAGE`, bytes, text, or a value that becomes JSON
    said : of each image that something is said of; of all others nothing is
    doubts : of each sidecar that is in doubt, a part of the reason
    skipped : sidecars that are of no image, with a part of the reason
    """

    kind: str
    what: str
    files: dict[str, object]
    said: dict[str, Said] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return f"case{CASES.index(self):03d}"


def takeout(title, description="", **more):
    """What Takeout writes of one photo."""
    return {
        "title": title,
        "description": description,
        "imageViews": "3",
        "creationTime": {"timestamp": "1609459200", "formatted": "Jan 1, 2021, 12:00:00 AM UTC"},
        "photoTakenTime": {"timestamp": "1564650000", "formatted": "Aug 1, 2019, 9:00:00 AM UTC"},
        "geoData": {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0, "latitudeSpan": 0.0, "longitudeSpan": 0.0},
        "url": "https://photos.google.com/photo/AF1",
        **more,
    }


TAKEN = {"taken": "2019-08-01T09:00:00", "taken_from": "sidecar", "time_zone": "+00:00"}


def by_takeout(caption, *tags, **facts):
    """What is right of a photo of `takeout`."""
    return Said(caption, tags, {**TAKEN, **facts})


def place(latitude, longitude, **more):
    """A place from a sidecar."""
    return {"latitude": latitude, "longitude": longitude, "place_from": "sidecar", **more}


LONG = "A_walk_along_the_coast_from_Camogli_to_San_Fruttuoso_in_the_rain"
"""A title whose file is cut: 47 characters and `.jpg`, and 46 and `.json`."""


def _takeout_cases():
    kind = "Google Takeout"
    for suffix in (
        ".json",
        ".supplemental-metadata.json",
        ".supplemental-metad.json",
        ".supplementa.json",
        ".suppl.json",
        ".supp.json",
        ".s.json",
        "..json",
    ):
        name = f"IMG_1.jpg{suffix}"
        yield Case(
            kind, name, {"IMG_1.jpg": IMAGE, name: takeout("IMG_1.jpg", "Rex")}, {"IMG_1.jpg": by_takeout("Rex")}
        )
    yield Case(
        kind,
        "IMG_1.json",
        {"IMG_1.jpg": IMAGE, "IMG_1.json": takeout("IMG_1.jpg", "Rex")},
        {"IMG_1.jpg": by_takeout("Rex")},
    )
    for suffix in ("", ".supplemental-metadata", ".supp"):
        yield Case(
            kind,
            f"counters: IMG_1.jpg{suffix}(1).json is of IMG_1(1).jpg",
            {
                "IMG_1.jpg": IMAGE,
                "IMG_1(1).jpg": IMAGE,
                f"IMG_1.jpg{suffix}.json": takeout("IMG_1.jpg", "the first"),
                f"IMG_1.jpg{suffix}(1).json": takeout("IMG_1.jpg", "the second"),
            },
            {"IMG_1.jpg": by_takeout("the first"), "IMG_1(1).jpg": by_takeout("the second")},
        )
    yield Case(
        kind,
        "a counter without its image",
        {"IMG_1.jpg": IMAGE, "IMG_1.jpg(1).json": takeout("IMG_1.jpg", "the second")},
        doubts={"IMG_1.jpg(1).json": "no image"},
    )
    yield Case(
        kind,
        "an image with a counter, and the sidecar of the first only",
        {"IMG_1(1).jpg": IMAGE, "IMG_1.jpg.json": takeout("IMG_1.jpg", "the first")},
        doubts={"IMG_1.jpg.json": "no image"},
    )
    yield Case(
        kind,
        "a counter in the title itself",
        {"IMG_1(1).jpg": IMAGE, "IMG_1(1).jpg.json": takeout("IMG_1(1).jpg", "so it was called")},
        {"IMG_1(1).jpg": by_takeout("so it was called")},
    )
    yield Case(
        kind,
        "IMG_1(1).json beside IMG_1(1).jpg",
        {
            "IMG_1.jpg": IMAGE,
            "IMG_1(1).jpg": IMAGE,
            "IMG_1.json": takeout("IMG_1.jpg", "the first"),
            "IMG_1(1).json": takeout("IMG_1.jpg", "the second"),
        },
        {"IMG_1.jpg": by_takeout("the first"), "IMG_1(1).jpg": by_takeout("the second")},
    )
    yield Case(
        kind,
        "two sidecars are named after one image",
        {
            "IMG_1(1).jpg": IMAGE,
            "IMG_1(1).jpg.json": takeout("IMG_1(1).jpg", "so it was called"),
            "IMG_1.jpg(1).json": takeout("IMG_1.jpg", "the second"),
        },
        {"IMG_1(1).jpg": by_takeout("so it was called")},
        {"IMG_1.jpg(1).json": "named after"},
    )
    yield from _cut_cases(kind)
    yield from _edited_cases(kind)
    yield from _title_cases(kind)
    yield from _field_cases(kind)


def _cut_cases(kind):
    title = f"{LONG}.jpg"
    yield Case(
        kind,
        "names cut at 51 characters",
        {f"{LONG[:47]}.jpg": IMAGE, f"{title[:46]}.json": takeout(title, "rain")},
        {f"{LONG[:47]}.jpg": by_takeout("rain")},
    )
    yield Case(
        kind,
        "names cut, with counters",
        {
            f"{LONG[:47]}.jpg": IMAGE,
            f"{LONG[:47]}(1).jpg": IMAGE,
            f"{title[:46]}.json": takeout(title, "rain"),
            f"{title[:46]}(1).json": takeout(title, "sun"),
        },
        {f"{LONG[:47]}.jpg": by_takeout("rain"), f"{LONG[:47]}(1).jpg": by_takeout("sun")},
    )
    ones = [f"{LONG[:46]}{letter}_and_more.jpg" for letter in "AB"]
    yield Case(
        kind,
        "titles that differ where images are cut, but not where sidecars are",
        {
            f"{LONG[:46]}A.jpg": IMAGE,
            f"{LONG[:46]}B.jpg": IMAGE,
            f"{LONG[:46]}.json": takeout(ones[0], "of A"),
            f"{LONG[:46]}(1).json": takeout(ones[1], "of B"),
        },
        {f"{LONG[:46]}A.jpg": by_takeout("of A"), f"{LONG[:46]}B.jpg": by_takeout("of B")},
    )
    yield Case(
        kind,
        "a cut name that fits, but the image of this number is missing",
        {
            f"{LONG[:47]}.jpg": IMAGE,
            f"{title[:46]}.json": takeout(title, "rain"),
            f"{title[:46]}(1).json": takeout(title, "sun"),
        },
        {f"{LONG[:47]}.jpg": by_takeout("rain")},
        {f"{title[:46]}(1).json": "no image"},
    )
    yield Case(
        kind,
        "a cut name, title of another",
        {f"{LONG[:47]}.jpg": IMAGE, f"{title[:46]}.json": takeout(f"{LONG[:46]}X_other.jpg", "of X")},
        doubts={f"{title[:46]}.json": "no image"},
    )
    yield Case(
        kind,
        "a cut name without a title that fits two images",
        {
            f"{LONG[:46]}A.jpg": IMAGE,
            f"{LONG[:46]}B.jpg": IMAGE,
            f"{LONG[:46]}.json": {"description": "of whom?"},
        },
        doubts={f"{LONG[:46]}.json": "2 files fit"},
    )
    middle = "Sunset_behind_the_lighthouse_of_Genoa_1234.jpg"
    assert len(middle) == 46
    yield Case(
        kind,
        "46 characters: nothing is left of the suffix",
        {middle: IMAGE, f"{middle}.json": takeout(middle, "light")},
        {middle: by_takeout("light")},
    )
    for length in (44, 45, 40):
        name = f"{'Sunset_behind_the_lighthouse_of_Genoa_12345'[: length - 4]}.jpg"
        cut = f"{name}.supplemental-metadata"[:46]
        yield Case(
            kind,
            f"{len(cut) - len(name)} characters of the suffix",
            {
                name: IMAGE,
                f"{cut}.json": takeout(name, "light"),
                f"{cut}(1).json": takeout(name, "dark"),
                name.replace(".jpg", "(1).jpg"): IMAGE,
            },
            {name: by_takeout("light"), name.replace(".jpg", "(1).jpg"): by_takeout("dark")},
        )
    japanese = "ジェノヴァの灯台の後ろに沈む夕日を見ながら港を歩いた日の写真その一枚目"
    yield Case(
        kind,
        "a name in Japanese, cut by bytes",
        {f"{japanese[:15]}.jpg": IMAGE, f"{japanese[:15]}.json": takeout(f"{japanese}.jpg", "灯台")},
        {f"{japanese[:15]}.jpg": by_takeout("灯台")},
    )


def _edited_cases(kind):
    for suffix in (
        "-edited", "-bearbeitet", "-modifié", "-editado", "-bewerkt", "-edytowane", "-編集済み", "-modificato",
        "-redigerad", "-muokattu", "-upraveno", "-измененный", "-수정됨", "-已编辑", "-düzenlendi", "-modifie\u0301",
    ):  # fmt: skip
        yield Case(
            kind,
            f"edited: IMG_1{suffix}.jpg has the words of IMG_1.jpg",
            {"IMG_1.jpg": IMAGE, f"IMG_1{suffix}.jpg": IMAGE, "IMG_1.jpg.json": takeout("IMG_1.jpg", "Rex")},
            {"IMG_1.jpg": by_takeout("Rex"), f"IMG_1{suffix}.jpg": by_takeout("Rex")},
        )
    yield Case(
        kind,
        "only the edited one, of a counted HEIC",
        {"IMG_1-edited(1).jpg": IMAGE, "IMG_1.HEIC.supplemental-metadata(1).json": takeout("IMG_1.HEIC", "Rex")},
        {"IMG_1-edited(1).jpg": by_takeout("Rex")},
    )
    yield Case(
        kind,
        "edited, with a sidecar of its own",
        {
            "IMG_1.jpg": IMAGE,
            "IMG_1-edited.jpg": IMAGE,
            "IMG_1.jpg.json": takeout("IMG_1.jpg", "Rex"),
            "IMG_1-edited.jpg.json": takeout("IMG_1-edited.jpg", "Rex in grey"),
        },
        {"IMG_1.jpg": by_takeout("Rex"), "IMG_1-edited.jpg": by_takeout("Rex in grey")},
    )
    yield Case(
        kind,
        "edited ones keep their counters",
        {
            "IMG_1.jpg": IMAGE,
            "IMG_1-edited.jpg": IMAGE,
            "IMG_1(1).jpg": IMAGE,
            "IMG_1-edited(1).jpg": IMAGE,
            "IMG_1.jpg.json": takeout("IMG_1.jpg", "first"),
            "IMG_1.jpg(1).json": takeout("IMG_1.jpg", "second"),
        },
        {
            "IMG_1.jpg": by_takeout("first"),
            "IMG_1-edited.jpg": by_takeout("first"),
            "IMG_1(1).jpg": by_takeout("second"),
            "IMG_1-edited(1).jpg": by_takeout("second"),
        },
    )
    yield Case(
        kind,
        "a longer name is another image",
        {"IMG_1.jpg": IMAGE, "IMG_10.jpg": IMAGE, "IMG_1-copy.jpg": IMAGE, "IMG_1.json": takeout("IMG_1.jpg", "one")},
        {"IMG_1.jpg": by_takeout("one")},
    )


def _title_cases(kind):
    yield Case(
        kind,
        "the title is another image's",
        {"IMG_1.jpg": IMAGE, "IMG_1.jpg.json": takeout("IMG_2.jpg", "of 2")},
        doubts={"IMG_1.jpg.json": 'called "IMG_2.jpg"'},
    )
    yield Case(
        kind,
        "the title has no ending, and is another's",
        {"IMG_1.jpg": IMAGE, "IMG_1.jpg.json": takeout("Harbour", "of the harbour")},
        doubts={"IMG_1.jpg.json": 'called "Harbour"'},
    )
    yield Case(
        kind,
        "the title has no ending",
        {"Harbour.jpg": IMAGE, "Harbour.jpg.json": takeout("Harbour", "boats")},
        {"Harbour.jpg": by_takeout("boats")},
    )
    for title, name in (
        ("What? When: now.jpg", "What_ When_ now.jpg"),
        ("Tom &amp; Ann.jpg", "Tom & Ann.jpg"),
        ("Tom & Ann.jpg", "Tom _ Ann.jpg"),
        ("Ann&#39;s dog.jpg", "Ann_s dog.jpg"),
        ("Ann's dog.jpg", "Ann&#39;s dog.jpg"),
        ("a/b.jpg", "a_b.jpg"),
        ("IMG_1.HEIC", "IMG_1.jpg"),
        ("Zu\u0308rich.jpg", "Z\u00fcrich.jpg"),
    ):
        yield Case(
            kind,
            f"title {title}, file {name}",
            {name: IMAGE, f"{name}.json": takeout(title, "fits")},
            {name: by_takeout("fits")},
        )
    yield Case(
        kind,
        "the ending was replaced, by the sidecar's title",
        {"IMG_1.jpg": IMAGE, "IMG_1.HEIC.json": takeout("IMG_1.HEIC", "Rex")},
        {"IMG_1.jpg": by_takeout("Rex")},
    )
    yield Case(
        kind,
        "a JPEG beside a HEIC that is not read is not the HEIC",
        {"IMG_1.jpg": IMAGE, "IMG_1.HEIC": b"no image", "IMG_1.HEIC.json": takeout("IMG_1.HEIC", "Rex")},
        doubts={"IMG_1.HEIC.json": "belongs to IMG_1.HEIC"},
    )
    yield Case(
        kind,
        "live photo: one sidecar, an image and a film",
        {"IMG_1.HEIC": IMAGE, "IMG_1.MP4": FILM, "IMG_1.HEIC.json": takeout("IMG_1.HEIC", "Rex runs")},
        {"IMG_1.HEIC": by_takeout("Rex runs")},
    )
    yield Case(
        kind,
        "live photo: IMG_1.json",
        {"IMG_1.HEIC": IMAGE, "IMG_1.MOV": FILM, "IMG_1.json": takeout("IMG_1.HEIC", "Rex runs")},
        {"IMG_1.HEIC": by_takeout("Rex runs")},
    )
    for name, title in (("IMG_1.mp4.json", "IMG_1.mp4"), ("IMG_1.json", "IMG_1.mp4"), ("IMG_1.jpg.json", "IMG_1.mp4")):
        yield Case(
            kind,
            f"the sidecar of a film: {name}",
            {"IMG_1.jpg": IMAGE, "IMG_1.mp4": FILM, name: takeout(title, "a film")},
            doubts={name: "IMG_1.mp4"},
        )
    yield Case(
        kind,
        "the film is not there",
        {"IMG_1.jpg": IMAGE, "IMG_1.mp4.supplemental-metadata.json": takeout("IMG_1.mp4", "a film")},
        doubts={"IMG_1.mp4.supplemental-metadata.json": "no image"},
    )
    for ending in ("jpg", "png"):
        yield Case(
            kind,
            f"IMG_1.json beside a JPEG and a PNG, title IMG_1.{ending}",
            {"IMG_1.jpg": IMAGE, "IMG_1.png": IMAGE, "IMG_1.json": takeout(f"IMG_1.{ending}", "this one")},
            {f"IMG_1.{ending}": by_takeout("this one")},
        )
    for name, value in (
        ("metadata.json", {"title": "Genoa", "description": "a trip", "access": "protected"}),
        ("metadata(1).json", {"title": "Genoa", "description": "a trip"}),
        ("Metadaten.json", {"title": "Genua", "description": "", "date": {"timestamp": "1564650000"}}),
        ("métadonnées.json", {"title": "Gênes", "description": "un voyage"}),
        ("print-subscriptions.json", {"printSubscriptions": []}),
        ("shared_album_comments.json", {"title": "Genoa", "text": "What a day!"}),
        ("user-generated-memory-titles.json", {"title": "Years ago"}),
    ):
        yield Case(kind, f"of an album: {name}", {"IMG_1.jpg": IMAGE, name: value}, skipped={name: "album"})


def _field_cases(kind):
    yield Case(
        kind,
        "description, people, place of the owner before that of EXIF, a favourite",
        {
            "a.jpg": IMAGE,
            "a.jpg.json": takeout(
                "a.jpg",
                "Ann &amp; Rex",
                people=[{"name": "Ann"}, {"name": "Ünal"}],
                favorited=True,
                geoData={"latitude": 44.4, "longitude": 8.93, "altitude": 12.5},
                geoDataExif={"latitude": 1.0, "longitude": 2.0, "altitude": 0.0},
            ),
        },
        {"a.jpg": by_takeout("Ann & Rex", "Ann", "Ünal", "favorite", **place(44.4, 8.93, altitude=12.5))},
    )
    yield Case(
        kind,
        "place by EXIF only; before 1970; no words",
        {
            "a.jpg": IMAGE,
            "a.jpg.json": takeout(
                "a.jpg",
                photoTakenTime={"timestamp": "-631152000"},
                geoDataExif={"latitude": -33.9, "longitude": 151.2, "altitude": 0.0},
            ),
        },
        {
            "a.jpg": Said(
                facts={
                    **place(-33.9, 151.2),
                    **{"taken": "1950-01-01T00:00:00", "taken_from": "sidecar", "time_zone": "+00:00"},
                }
            )
        },
    )
    yield Case(
        kind,
        "the day of the upload is no day of the photo",
        {
            "a.jpg": IMAGE,
            "a.jpg.json": {
                "title": "a.jpg", "description": "x y", "creationTime": {"timestamp": "1609459200"},
                "photoLastModifiedTime": {"timestamp": "1609459201"},
            },
        },
        {"a.jpg": Said("x y")},
    )  # fmt: skip
    yield Case(
        kind,
        "nothing is said",
        {"a.jpg": IMAGE, "a.jpg.json": {"title": "a.jpg", "description": ""}},
        skipped={"a.jpg.json": "says nothing"},
    )


FRACTION = "44 deg 24' 18.00\" N"


def _exiftool_cases():
    kind = "exiftool"
    yield Case(
        kind,
        "what a camera wrote by itself is no caption",
        {
            "e0.jpg": IMAGE,
            "exif.json": [
                {
                    "SourceFile": "./e0.jpg",
                    "ImageDescription": "OLYMPUS DIGITAL CAMERA",
                    "Make": "OLYMPUS",
                    "Model": "E-M5",
                    "XPComment": "Storm",
                }
            ],
        },
        {"e0.jpg": Said("Storm", (), {"camera": "OLYMPUS E-M5"})},
    )
    yield Case(
        kind,
        "-j: lists, degrees in words, a zone",
        {
            "e1.jpg": IMAGE,
            "exif.json": [
                {
                    "SourceFile": "./e1.jpg",
                    "Title": "Storm",
                    "Description": "Waves break on the mole.",
                    "Keywords": ["sea", "Genoa, port"],
                    "HierarchicalSubject": ["places|Italy"],
                    "Rating": 4,
                    "DateTimeOriginal": "2012:07:21 10:11:12",
                    "OffsetTimeOriginal": "+02:00",
                    "CreateDate": "2020:01:01 00:00:00",
                    "ModifyDate": "2021:01:01 00:00:00",
                    "GPSLatitude": FRACTION,
                    "GPSLongitude": "8 deg 55' 48.00\" E",
                    "GPSAltitude": "3.5 m Below Sea Level",
                    "Creator": ["Ann Other"],
                    "City": "Genoa",
                    "Country": "Italy",
                    "Make": "NIKON CORPORATION",
                    "Model": "NIKON D90",
                    "LensModel": "AF-S 35mm",
                    "ISO": 400,
                }
            ],
        },
        {
            "e1.jpg": Said(
                "Storm\nWaves break on the mole.",
                ("sea", "Genoa, port", "places", "Italy"),
                {
                    **place(44.405, 8.93, altitude=-3.5),
                    "taken": "2012-07-21T10:11:12",
                    "taken_from": "sidecar",
                    "time_zone": "+02:00",
                    "rating": 4,
                    "creator": "Ann Other",
                    "city": "Genoa",
                    "country": "Italy",
                    "camera": "NIKON D90",
                    "lens": "AF-S 35mm",
                    "iso": 400,
                },
            )
        },
    )
    yield Case(
        kind,
        "-j -G -n: groups, numbers, south and west by their letters",
        {
            "e2.jpg": IMAGE,
            "exif.json": [
                {
                    "SourceFile": "e2.jpg",
                    "EXIF:ImageDescription": "Bay",
                    "IPTC:Keywords": "bay",
                    "XMP:Subject": ["bay", 2012],
                    "XMP:Rating": -1,
                    "EXIF:DateTimeOriginal": "2012:07:21 10:11:12",
                    "EXIF:GPSLatitude": 33.9,
                    "EXIF:GPSLatitudeRef": "S",
                    "EXIF:GPSLongitude": 70.5,
                    "EXIF:GPSLongitudeRef": "W",
                }
            ],
        },
        {
            "e2.jpg": Said(
                "Bay",
                ("bay", "2012"),
                {**place(-33.9, -70.5), "taken": "2012-07-21T10:11:12", "taken_from": "sidecar", "rating": -1},
            )
        },
    )
    yield Case(
        kind,
        "EXIF's degrees without their letters are on no side",
        {"e3.jpg": IMAGE, "exif.json": [{"SourceFile": "e3.jpg", "Title": "t t", "EXIF:GPSLatitude": 33.9,
                                          "EXIF:GPSLongitude": 70.5}]},
        {"e3.jpg": Said("t t")},
    )  # fmt: skip
    yield Case(
        kind,
        "-csv: a position in one text, joined keywords, a part of a date",
        {
            "e4.jpg": IMAGE,
            "e5.jpg": IMAGE,
            "exif.csv": "SourceFile,Title,Keywords,GPSPosition,DateTimeOriginal,Artist\r\n"
            'e4.jpg,Storm,"sea, mole","44 deg 24\' 18.00"" N, 8 deg 55\' 48.00"" E",1965:07:00 00:00:00,Ann\r\n'
            "/elsewhere/case/e5.jpg,-,sea,44.405 8.93,2012:07:21 10:11:12+05:30,\r\n",
        },
        {
            "e4.jpg": Said(
                "Storm",
                ("sea", "mole"),
                {**place(44.405, 8.93), "taken": "1965-07", "taken_from": "sidecar", "creator": "Ann"},
            ),
            "e5.jpg": Said(
                "",
                ("sea",),
                {
                    **place(44.405, 8.93),
                    "taken": "2012-07-21T10:11:12",
                    "taken_from": "sidecar",
                    "time_zone": "+05:30",
                },
            ),
        },
    )
    yield Case(
        kind,
        "the same file name in two folders, told by the folder",
        {
            "2012/e6.jpg": IMAGE,
            "2013/e6.jpg": IMAGE,
            "all.csv": "SourceFile,Title\n/old/disk/2012/e6.jpg,of 2012\n/old/disk/2013/e6.jpg,of 2013\n",
        },
        {"2012/e6.jpg": Said("of 2012"), "2013/e6.jpg": Said("of 2013")},
    )
    yield Case(
        kind,
        "two names of one list fit one image: the other's is not here",
        {"2019/e9.jpg": IMAGE, "all.csv": "SourceFile,Title\n/old/2018/e9.jpg,of 2018\n/old/2019/e9.jpg,of 2019\n"},
        {"2019/e9.jpg": Said("of 2019")},
        {"all.csv": "another name"},
    )
    yield Case(
        kind,
        "two names of one list fit one image alike",
        {"e10.jpg": IMAGE, "all.csv": "SourceFile,Title\n/old/2016/e10.jpg,of 2016\n/old/2017/e10.jpg,of 2017\n"},
        doubts={"all.csv": "another name"},
    )
    yield Case(
        kind,
        "the same file name in two folders, not told",
        {"x/e7.jpg": IMAGE, "y/e7.jpg": IMAGE, "all.csv": "SourceFile,Title\n/old/disk/e7.jpg,of which?\n"},
        doubts={"all.csv": "2 files fit"},
    )
    yield Case(
        kind,
        "one file for each of two images of one name",
        {
            "x/e11.jpg": IMAGE,
            "y/e11.jpg": IMAGE,
            "x/e11.jpg.json": [{"SourceFile": "/old/e11.jpg", "Title": "of x"}],
            "y/e11.json": [{"SourceFile": "/old/e11.jpg", "Title": "of y"}],
        },
        {"x/e11.jpg": Said("of x"), "y/e11.jpg": Said("of y")},
    )
    yield Case(
        kind,
        "the folder that is named is here, but not with this image",
        {"2015/e8.jpg": IMAGE, "2014/other.jpg": IMAGE, "all.csv": "SourceFile,Title\n/old/2014/e8.jpg,of 2014\n"},
        doubts={"all.csv": "lies elsewhere"},
    )


def _osxphotos_cases():
    kind = "osxphotos"
    yield Case(
        kind,
        "a sidecar of export",
        {
            "o1.jpg": IMAGE,
            "o1.jpg.json": [
                {
                    "SourceFile": "o1.jpg",
                    "ExifTool:ExifToolVersion": "12.00",
                    "File:FileName": "o1.jpg",
                    "EXIF:ImageDescription": "Rex on the beach",
                    "XMP:Description": "Rex on the beach",
                    "XMP:Title": "Rex",
                    "XMP:TagsList": ["dog"],
                    "IPTC:Keywords": ["dog"],
                    "XMP:PersonInImage": ["Ann"],
                    "EXIF:GPSLatitude": 44.405,
                    "EXIF:GPSLatitudeRef": "N",
                    "EXIF:GPSLongitude": 8.93,
                    "EXIF:GPSLongitudeRef": "E",
                    "EXIF:DateTimeOriginal": "2019:07:27 09:16:49",
                    "EXIF:CreateDate": "2019:07:27 09:16:49",
                    "EXIF:OffsetTimeOriginal": "-04:00",
                    "EXIF:ModifyDate": "2020:04:09 01:02:03",
                }
            ],
        },
        {
            "o1.jpg": Said(
                "Rex\nRex on the beach",
                ("dog", "Ann"),
                {**place(44.405, 8.93), "taken": "2019-07-27T09:16:49", "taken_from": "sidecar", "time_zone": "-04:00"},
            )
        },
    )
    photo = {
        "uuid": "7B1E",
        "filename": "7B1E.jpeg",
        "original_filename": "o2.jpg",
        "path": "/Users/ann/Pictures/Photos Library.photoslibrary/originals/7/7B1E.jpeg",
        "title": "Rex",
        "description": "On the beach",
        "keywords": ["dog"],
        "persons": ["Ann", "_UNKNOWN_"],
        "date": "2019-07-27T09:16:49.778432-04:00",
        "date_modified": "2020-01-01T00:00:00+00:00",
        "latitude": 44.405,
        "longitude": 8.93,
        "favorite": True,
    }
    facts = {**place(44.405, 8.93), "taken": "2019-07-27T09:16:49", "taken_from": "sidecar", "time_zone": "-04:00"}
    yield Case(
        kind,
        "query --json",
        {"o2.jpg": IMAGE, "photos.json": [photo, {**photo, "uuid": "8C", "original_filename": "o2b.jpg"}]},
        {"o2.jpg": Said("Rex\nOn the beach", ("dog", "Ann", "favorite"), facts)},
        {"photos.json": 'no image is called "o2b.jpg"'},
    )
    yield Case(
        kind,
        "two photos of one name",
        {
            "o3.jpg": IMAGE,
            "photos.json": [{**photo, "original_filename": "o3.jpg"}, {**photo, "original_filename": "O3.JPG"}],
        },
        doubts={"photos.json": "2 photos"},
    )


def xmp(body, **attributes):
    """An XMP packet with elements and attributes of a description."""
    named = "".join(f' {key.replace("_", ":")}="{value}"' for key, value in attributes.items())
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" xmlns:digiKam="http://www.digikam.org/ns/1.0/"{named}>
{body}</rdf:Description></rdf:RDF></x:xmpmeta>"""


def titled(text):
    """A title in XMP."""
    return f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></dc:title>'


def _xmp_cases():
    yield Case(
        "Lightroom",
        "the date with its zone, the place, the rating, the creator",
        {
            "x0.jpg": IMAGE,
            "x0.xmp": xmp(
                titled("Storm")
                + "<exif:DateTimeOriginal>2012-05-31T14:30:00+02:00</exif:DateTimeOriginal>"
                + "<exif:GPSLatitude>44,24.6N</exif:GPSLatitude><exif:GPSLongitude>8,55.2E</exif:GPSLongitude>"
                + "<xmp:Rating>4</xmp:Rating><photoshop:City>Genoa</photoshop:City>"
                + "<dc:creator><rdf:Seq><rdf:li>Ann</rdf:li></rdf:Seq></dc:creator>"
            ),
        },
        {
            "x0.jpg": Said(
                "Storm",
                (),
                {
                    "taken": "2012-05-31T14:30:00",
                    "taken_from": "sidecar",
                    "time_zone": "+02:00",
                    **place(44.41, 8.92),
                    "rating": 4,
                    "city": "Genoa",
                    "creator": "Ann",
                },
            )
        },
    )
    for name in ("x1.xmp", "x1.jpg.xmp", "x1.XMP", "x1.JPG.XMP"):
        yield Case("digiKam, darktable", name, {"x1.jpg": IMAGE, name: xmp(titled("Storm"))}, {"x1.jpg": Said("Storm")})
    yield Case(
        "Lightroom",
        "a raw file and its JPEG share one sidecar",
        {"x2.CR2": IMAGE, "x2.jpg": IMAGE, "x2.xmp": xmp(titled("Storm"))},
        {"x2.CR2": Said("Storm"), "x2.jpg": Said("Storm")},
    )
    yield Case(
        "Lightroom",
        "the sidecar says that it is the raw file's",
        {"x3.CR2": IMAGE, "x3.jpg": IMAGE, "x3.xmp": xmp(titled("Storm"), photoshop_SidecarForExtension="CR2")},
        {"x3.CR2": Said("Storm")},
    )
    yield Case(
        "Lightroom",
        "RawFileName says it, and the raw file is not here",
        {"x4.jpg": IMAGE, "x4.xmp": xmp(titled("Storm") + "<crs:RawFileName>x4.NEF</crs:RawFileName>")},
        doubts={"x4.xmp": "x4.nef, which is not here"},
    )
    yield Case(
        "darktable",
        "x5.CR2.xmp is of the raw file only",
        {"x5.CR2": IMAGE, "x5.jpg": IMAGE, "x5.CR2.xmp": xmp(titled("Storm"))},
        {"x5.CR2": Said("Storm")},
    )
    yield Case(
        "digiKam",
        "the sidecar of a film",
        {"x6.jpg": IMAGE, "x6.mp4": FILM, "x6.mp4.xmp": xmp(titled("Storm"))},
        doubts={"x6.mp4.xmp": "belongs to x6.mp4"},
    )
    yield Case("digiKam", "no image", {"x7.jpg": IMAGE, "x8.xmp": xmp(titled("Storm"))}, doubts={"x8.xmp": "no image"})
    yield Case("Apple", "what an edit was", {"x9.jpg": IMAGE, "x9.AAE": "<plist/>"})


def _text_cases():
    kind = "a text beside the image"
    yield Case(
        kind, "t1.txt", {"t1.jpg": IMAGE, "t1.txt": "Rex on the beach.\n"}, {"t1.jpg": Said("Rex on the beach.")}
    )
    yield Case(
        kind, "t2.jpg.txt", {"t2.jpg": IMAGE, "t2.jpg.txt": "Größe\nder Welle"}, {"t2.jpg": Said("Größe\nder Welle")}
    )
    yield Case(
        kind,
        "cp1252, cyrillic",
        {"t3.jpg": IMAGE, "t3.txt": "Größe".encode("cp1252"), "t4.jpg": IMAGE, "t4.txt": "Собака на пляже"},
        {"t3.jpg": Said("Größe"), "t4.jpg": Said("Собака на пляже")},
    )
    yield Case(
        kind,
        "tags with commas",
        {"t5.png": IMAGE, "t5.txt": "1girl, solo, long hair, blue_sky"},
        {"t5.png": Said("", ("1girl", "solo", "long hair", "blue_sky"))},
    )
    yield Case(
        kind,
        "the prompt of a generator without what should not be in it",
        {
            "t6.png": IMAGE,
            "t6.txt": "A cat in a hat.\nNegative prompt: dog, ugly\nSteps: 20, Sampler: Euler a, Seed: 1",
        },
        {"t6.png": Said("A cat in a hat.")},
    )
    for name in ("README.txt", "notes.txt", "index.txt"):
        yield Case(
            kind, f"{name} is none", {"notes.jpg": IMAGE, "readme.jpg": IMAGE, "index.jpg": IMAGE, name: "Some words"}
        )
    yield Case(
        kind,
        "not for people: boxes, markup, a document",
        {
            "t7.jpg": IMAGE, "t7.txt": "0 0.5 0.5 0.2 0.3\n1 0.1 0.1 0.2 0.2\n", "t8.jpg": IMAGE,
            "t8.txt": '{"a": "some words here"}', "t9.jpg": IMAGE, "t9.txt": "word " * 20_000,
        },
        skipped={"t7.txt": "not written for people", "t8.txt": "not written for people", "t9.txt": "too long"},
    )  # fmt: skip
    yield Case(
        kind,
        "two images of the stem",
        {"t10.jpg": IMAGE, "t10.png": IMAGE, "t10.txt": "Which one?"},
        doubts={"t10.txt": "2 files fit: t10.jpg, t10.png"},
    )
    yield Case(kind, "of no image", {"t11.jpg": IMAGE, "t12.txt": "Another day", "t13.mp4": FILM, "t13.txt": "A film"})


def _other_cases():
    flickr = {
        "id": "52001234567",
        "name": "Storm",
        "description": "The mole of Genoa",
        "date_taken": "2012-07-21 10:11:12",
        "date_imported": "2013-01-01 00:00:00",
        "tags": [{"tag": "sea"}, {"tag": "mole"}],
        "geo": [{"latitude": "44.405", "longitude": "8.93", "accuracy": "16"}],
        "photopage": "https://www.flickr.com/photos/ann/52001234567/",
    }
    said = Said(
        "Storm\nThe mole of Genoa",
        ("sea", "mole"),
        {**place(44.405, 8.93), "taken": "2012-07-21T10:11:12", "taken_from": "sidecar"},
    )
    yield Case(
        "Flickr",
        "the number is in the file's name, in another folder",
        {"data/storm_52001234567_o.jpg": IMAGE, "data/IMG_52001234568.jpg": IMAGE,
         "about/photo_52001234567.json": flickr},
        {"data/storm_52001234567_o.jpg": said},
    )  # fmt: skip
    yield Case(
        "Flickr",
        "no image of the number; the upload is no day",
        {"a_1_o.jpg": IMAGE, "IMG_77.jpg": IMAGE, "photo_77.json": {**flickr, "id": "77", "geo": []}},
        doubts={"photo_77.json": "no image"},
    )
    yield Case(
        "Instagram",
        "a post of two images, with broken letters",
        {
            "media/posts/201912/i1_n.jpg": IMAGE,
            "media/posts/201912/i2_n.jpg": IMAGE,
            "content/posts_1.json": [
                {
                    "title": "Z\u00c3\u00bcrich",
                    "creation_timestamp": 1577836800,
                    "media": [
                        {"uri": "media/posts/201912/i1_n.jpg", "creation_timestamp": 1577836800, "title": ""},
                        {
                            "uri": "media/posts/201912/i2_n.jpg",
                            "creation_timestamp": 1577836800,
                            "title": "the lake",
                            "media_metadata": {
                                "photo_metadata": {"exif_data": [{"latitude": 47.37, "longitude": 8.54}]}
                            },
                        },
                    ],
                }
            ],
        },
        {
            "media/posts/201912/i1_n.jpg": Said("Zürich"),
            "media/posts/201912/i2_n.jpg": Said("the lake\nZürich", (), place(47.37, 8.54)),
        },
    )
    yield Case(
        "Facebook",
        "an album",
        {
            "photos/i3_n.jpg": IMAGE,
            "album/0.json": {
                "name": "Genoa",
                "description": "The whole album",
                "photos": [
                    {"uri": "posts/photos/i3_n.jpg", "creation_timestamp": 1577836800, "description": "The mole"}
                ],
            },
        },
        {"photos/i3_n.jpg": Said("The mole")},
    )
    yield Case(
        "Facebook",
        "posts, whose words stand beside their images",
        {
            "photos/i4_n.jpg": IMAGE,
            "posts/your_posts_1.json": [
                {
                    "timestamp": 1577836800,
                    "attachments": [{"data": [{"media": {"uri": "posts/photos/i4_n.jpg", "creation_timestamp": 15}}]}],
                    "data": [{"post": "On the mole"}],
                    "title": "Ann added a new photo.",
                }
            ],
        },
        {"photos/i4_n.jpg": Said("On the mole")},
    )
    yield Case(
        "Apple Photos (iCloud)",
        "Photo Details.csv",
        {
            "p1.jpg": IMAGE,
            "p2.jpg": IMAGE,
            "Photo Details.csv": "imgName,fileChecksum,favorite,hidden,deleted,originalCreationDate,importDate\n"
            'p1.jpg,Aa,yes,no,no,"Sunday March 4,2018 10:28 AM GMT","Monday March 5,2018 7:00 PM GMT"\n'
            'p2.jpg,Bb,no,no,no,"Sunday March 4,2018 10:28 AM GMT","Monday March 5,2018 7:00 PM GMT"\n'
            'p2.jpg,Cc,no,no,no,"Sunday March 4,2012 10:28 AM GMT","Monday March 5,2018 7:00 PM GMT"\n',
        },
        {
            "p1.jpg": Said(
                "", ("favorite",), {"taken": "2018-03-04T10:28:00", "taken_from": "sidecar", "time_zone": "+00:00"}
            )
        },
        {"Photo Details.csv": "2 photos"},
    )
    yield Case(
        "any JSON",
        "facts under plain names",
        {
            "j1.jpg": IMAGE,
            "list.json": [
                {"file": "j1.jpg", "caption": "Storm", "taken": "1993", "lat": 44.405, "lon": 8.93, "rating": 5}
            ],
        },
        {"j1.jpg": Said("Storm", (), {**place(44.405, 8.93), "taken": "1993", "taken_from": "sidecar", "rating": 5})},
    )
    yield Case(
        "any JSON",
        "one object beside two images, or beside an image and a film",
        {
            "j2.jpg": IMAGE, "j2.png": IMAGE, "j2.json": {"caption": "which?"},
            "j3.jpg": IMAGE, "j3.mp4": FILM, "j3.json": {"caption": "which?"},
        },
        doubts={"j2.json": "2 files fit", "j3.json": "2 files fit"},
    )  # fmt: skip
    yield Case(
        "any table",
        "semicolons, a line for Excel, quoted lines, names without endings",
        {
            "k1.jpg": IMAGE,
            "k2.jpg": IMAGE,
            "list.csv": 'sep=;\r\nfile;caption;tags\r\nk1;"Storm, ""big""\r\nand wet";"sea|mole"\r\nk9.jpg;none;\r\n',
            "list.tsv": "file\tcaption\ttaken\nk2.jpg\tCalm, at last\t2012-05-31\n",
        },
        {
            "k1.jpg": Said('Storm, "big" and wet', ("sea", "mole")),
            "k2.jpg": Said("Calm, at last", (), {"taken": "2012-05-31", "taken_from": "sidecar"}),
        },
        {"list.csv": 'no image is called "k9.jpg"'},
    )


CASES = [*_takeout_cases(), *_exiftool_cases(), *_osxphotos_cases(), *_xmp_cases(), *_text_cases(), *_other_cases()]


def make_folder(root: Path) -> None:
    """Write the files of all cases."""
    for case in CASES:
        for name, content in case.files.items():
            path = root / case.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is IMAGE:
                save_image(path, f"{case.folder}/{name}")
            elif isinstance(content, bytes):
                path.write_bytes(content)
            else:
                text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
                path.write_bytes(text.encode())


def save_image(path: Path, seed: str) -> None:
    """Write a small image that no other seed has; a PNG by its name, else a JPEG."""
    rng = np.random.default_rng(zlib.crc32(seed.encode()))
    pixels = np.repeat(np.repeat(rng.integers(0, 256, (4, 4, 3), np.uint8), 6, axis=0), 6, axis=1)
    Image.fromarray(pixels).save(path, "PNG" if path.suffix == ".png" else "JPEG")
