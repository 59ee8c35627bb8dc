"""Files with words, each with what must be read of it."""
# ruff: noqa: RUF001

from __future__ import annotations

import struct
import zlib

from .said_bytes import (
    ASCII,
    BYTE,
    NAMESPACES,
    UNDEFINED,
    SaidFile,
    bag,
    exif_bytes,
    gif_comment,
    gif_with,
    gif_xmp,
    iptc_bytes,
    itxt,
    jpeg,
    jpeg_exif,
    jpeg_iptc,
    jpeg_xmp,
    languages,
    photoshop_bytes,
    png_with,
    raw_profile,
    said,
    xmp_bytes,
    xp,
)


def _description(text: bytes) -> bytes:
    return jpeg_exif([(0x10E, ASCII, text)])


def _comment(text: bytes, order: str = "<") -> bytes:
    return jpeg_exif([], [(0x9286, UNDEFINED, text)], order=order)


def exif_words() -> list[SaidFile]:
    """Words in EXIF, by what they are."""
    greek = "Καλημέρα κόσμε"
    return [
        said("EXIF description in UTF-8", _description("Zürich im März".encode()), "Zürich im März"),
        said("EXIF description in cp1252", _description("Zürich, 5 €".encode("cp1252")), "Zürich, 5 €"),
        said("EXIF description in UTF-8, cut within its last letter", _description("Zürich ü".encode()[:-1]), "Zürich"),
        said("EXIF description in cp1252 that ends with an accent", _description("Café".encode("cp1252")), "Café"),
        said("EXIF description with a mark of UTF-8", _description(b"\xef\xbb\xbfSturm"), "Sturm"),
        said("EXIF description in UTF-16", _description("Sturm".encode("utf-16-le")), "Sturm"),
        said("EXIF description, cut by NUL and padded", _description(b"Sturm   \0\0garbage"), "Sturm"),
        said("EXIF description of NULs", _description(bytes(20))),
        said("EXIF description of two lines", _description(b"One\r\ntwo"), "One two"),
        said("EXIF description as bytes, not text", jpeg_exif([(0x10E, BYTE, "Übung".encode())]), "Übung"),
        said("user comment in ASCII", _comment(b"ASCII\0\0\0Storm"), "Storm"),
        said("user comment said to be ASCII, in UTF-8", _comment(b"ASCII\0\0\0" + "Gräser".encode()), "Gräser"),
        said("user comment in the file's order", _comment(b"UNICODE\0" + greek.encode("utf-16-le")), greek),
        said("user comment in big endian", _comment(b"UNICODE\0" + greek.encode("utf-16-be"), ">"), greek),
        said("user comment in the other order", _comment(b"UNICODE\0" + greek.encode("utf-16-be")), greek),
        said("user comment with a mark", _comment(b"UNICODE\0" + b"\xfe\xff" + greek.encode("utf-16-be")), greek),
        said("user comment said to be UTF-16, in UTF-8", _comment(b"UNICODE\0" + greek.encode()), greek),
        said("user comment in JIS", _comment(b"JIS\0\0\0\0\0" + "こんにちは".encode("iso2022_jp")), "こんにちは"),
        said("user comment in Shift JIS", _comment(b"JIS\0\0\0\0\0" + "ねこと犬".encode("shift_jis")), "ねこと犬"),
        said("user comment of no declared encoding", _comment(bytes(8) + "Übung".encode()), "Übung"),
        said("user comment of no prefix", _comment("Übung macht den Meister".encode()), "Übung macht den Meister"),
        said("user comment as text", jpeg_exif([], [(0x9286, ASCII, b"Storm")]), "Storm"),
        said("user comment padded", _comment(b"ASCII\0\0\0Storm" + b" " * 50 + bytes(50)), "Storm"),
        said("empty user comment", _comment(b"ASCII\0\0\0" + bytes(100))),
        said(
            "Windows' title, subject, comment, keywords and author",
            jpeg_exif(
                [
                    (0x9C9B, BYTE, xp("Titel ü")),
                    (0x9C9F, BYTE, xp("Тема")),
                    (0x9C9C, BYTE, xp("注釈")),
                    (0x9C9E, BYTE, xp("sea;storm; Genoa")),
                    (0x9C9D, BYTE, xp("Ann Müller")),
                ]
            ),
            "Titel ü\nТема\n注釈",
            ("sea", "storm", "Genoa"),
            creator="Ann Müller",
        ),
    ]


_DEFAULTS = (
    "OLYMPUS DIGITAL CAMERA         ",
    "SONY DSC",
    "KONICA MINOLTA DIGITAL CAMERA",
    "SAMSUNG",
    r"DCIM\100MEDIA",
    "DCIM/100GOPRO/GOPR0001.JPG",
    "Exif_JPEG_PICTURE",
    "Created with GIMP",
    "AppleMark",
    "Screenshot",
    "Processed with VSCO with a5 preset",
    "<KENOX S730  / Samsung S730>",
    "IMG_1234.JPG",
    "DSC01993",
    "12345",
    "*",
    "Untitled-1",
    "550e8400-e29b-41d4-a716-446655440000",
    "d41d8cd98f00b204e9800998ecf8427e",
    "charset=Ascii Screenshot",
)
_KEPT = (
    "Screenshot of the tax form for Ann",
    "Sony DSC museum visit",
    "Image of a dog",
    "P-51",
    "❤️ 🎂",
    "Left: Ann; Right: Bob",
)
_DATA = (
    '{"MAPAltitude":37,"MAPDeviceMake":"x"}',
    "<?xml version='1.0'?><a/>",
    "https://example.org/a.jpg",
    "maker:..;hw-remosaic: false;touch: (-1.0,-1.0);modeInfo: ;sceneMode: Night;cct_value: 0;",
    "a cat, best quality Negative prompt: dog Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1",
    "aGVsbG8gd29ybGQgdGhpcyBpcyBiYXNlNjQgZGF0YQ12==",
)


def defaults() -> list[SaidFile]:
    """What programs write, and people beside it."""
    camera = [(0x10F, ASCII, b"EASTMAN KODAK COMPANY"), (0x110, ASCII, b"KODAK CX7530 ZOOM")]
    return [
        *(said(f"what a program writes by itself: {text.strip()}", _description(text.encode())) for text in _DEFAULTS),
        *(said(f"a person's words beside it: {text}", _description(text.encode()), text) for text in _KEPT),
        *(
            said(f"data of a program: {text[:24]}", _comment(b"ASCII\0\0\0" + text.encode()), data=text)
            for text in _DATA
        ),
        said(
            "the camera's own name as description",
            jpeg_exif([*camera, (0x10E, ASCII, b"KODAK CX7530 Zoom")]),
            camera="KODAK CX7530 ZOOM",
        ),
        said(
            "the mode of a Huawei as description",
            jpeg_exif([(0x10E, ASCII, b"oznor"), (0x10F, ASCII, b"HUAWEI"), (0x110, ASCII, b"EVA-L09")]),
            camera="HUAWEI EVA-L09",
        ),
        said(
            "the name under which a program keeps its data",
            jpeg_exif(
                [(0x10E, ASCII, b'{"MAPAltitude":37,"MAPOrientation":1}')], [(0x9286, UNDEFINED, b"ASCII\0\0\0MAP")]
            ),
            data='{"MAPAltitude":37,"MAPOrientation":1}',
        ),
        said("a default in XMP", jpeg_xmp(xmp_bytes(languages("dc:description", x_default="OLYMPUS DIGITAL CAMERA")))),
        said("a default in IPTC", jpeg_iptc([(120, b"SONY DSC"), (25, b"sea")]), "", ("sea",)),
    ]


def iptc_words() -> list[SaidFile]:
    """Words in IPTC, by their encodings."""
    words = [(5, "Titel"), (105, "Größe"), (120, "Im März"), (25, "Meer"), (25, "Süd"), (80, "Jörg"), (90, "Köln")]
    found = {"caption": "Titel\nGröße\nIm März", "tags": ("Meer", "Süd"), "creator": "Jörg", "city": "Köln"}

    def encoded(encoding: str) -> list[tuple[int, bytes]]:
        return [(key, text.encode(encoding)) for key, text in words]

    cyrillic = [(120, "Привет, мир".encode("iso8859-5"))]
    return [
        said("IPTC declared UTF-8", jpeg_iptc(encoded("utf-8"), b"\x1b%G"), **found),  # type: ignore[arg-type]
        said("IPTC in UTF-8, undeclared", jpeg_iptc(encoded("utf-8")), **found),  # type: ignore[arg-type]
        said("IPTC in cp1252, undeclared", jpeg_iptc(encoded("cp1252")), **found),  # type: ignore[arg-type]
        said("IPTC in cp1252, declared UTF-8", jpeg_iptc(encoded("cp1252"), b"\x1b%G"), **found),  # type: ignore[arg-type]
        said("IPTC declared ISO 8859-1", jpeg_iptc(encoded("latin-1"), b"\x1b.A"), **found),  # type: ignore[arg-type]
        said("IPTC declared ISO 8859-5", jpeg_iptc(cyrillic, b"\x1b-L"), "Привет, мир"),
        said("IPTC with the country", jpeg_iptc([(101, b"Italia")]), country="Italia"),
        said("IPTC with a long record", jpeg_iptc([(120, b"w" * 2000 + b" end")]), "w" * 2000 + " end"),
    ]


def xmp_words() -> list[SaidFile]:
    """Words in XMP, in all its forms."""
    title = languages("dc:title", x_default="Storm", de_DE="Sturm")
    other = {"d": NAMESPACES["dc"], "p": NAMESPACES["photoshop"]}
    history = '<xmpMM:Pantry><rdf:Bag><rdf:li><rdf:Description dc:format="x"><dc:subject><rdf:Bag><rdf:li>of another'
    history += "</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:li></rdf:Bag></xmpMM:Pantry>"
    broken = xmp_bytes(languages("dc:title", x_default="Grün")).replace("ü".encode(), b"\xfc")
    return [
        said("XMP as elements, all languages", jpeg_xmp(xmp_bytes(title)), "Storm\nSturm"),
        said("XMP as attributes", jpeg_xmp(xmp_bytes(attributes='photoshop:Headline="Wellen"')), "Wellen"),
        said(
            "XMP under other prefixes",
            jpeg_xmp(xmp_bytes(languages("d:description", x_default="Wellen"), 'p:City="Genua"', prefixes=other)),
            "Wellen",
            city="Genua",
        ),
        said(
            "XMP keywords as a Seq",
            jpeg_xmp(xmp_bytes(bag("dc:subject", "sea", "Süd", kind="Seq"))),
            "",
            ("sea", "Süd"),
        ),
        said("XMP keyword as a text", jpeg_xmp(xmp_bytes("<dc:subject>sea</dc:subject>")), "", ("sea",)),
        said(
            "hierarchical keywords of Lightroom, digiKam and Windows",
            jpeg_xmp(
                xmp_bytes(
                    bag("lr:hierarchicalSubject", "animals|dog")
                    + bag("digiKam:TagsList", "places/Genoa", kind="Seq")
                    + bag("MicrosoftPhoto:LastKeywordXMP", "family/Ann")
                )
            ),
            "",
            ("animals", "dog", "places", "Genoa", "family", "Ann"),
        ),
        said("XMP of another image inside", jpeg_xmp(xmp_bytes(bag("dc:subject", "own") + history)), "", ("own",)),
        said("XMP with a byte of cp1252", jpeg_xmp(broken), "Grün"),
        said("XMP with bytes around it", jpeg_xmp(b"\0\0" + xmp_bytes(title) + bytes(300)), "Storm\nSturm"),
        said(
            "XMP whose head was overwritten",
            jpeg((0xE1, b"XMP\0://ns.adobe.com/xap/1.0/\0" + xmp_bytes(title))),
            "Storm\nSturm",
        ),
        said("XMP in UTF-16", jpeg_xmp(xmp_bytes(title).decode().encode("utf-16")), "Storm\nSturm"),
        said("extended XMP", _extended(), "In the packet\nIn the extension", ("far",)),
        said("XMP without any property", jpeg_xmp(xmp_bytes())),
        said("XMP that is no XML", jpeg_xmp(b"<x:xmpmeta>")),
        said("XMP with a document type", jpeg_xmp(b"<!DOCTYPE a [<!ENTITY b 'bb'>]>" + xmp_bytes(title))),
    ]


def _extended() -> bytes:
    digest = b"0123456789ABCDEF" * 2
    packet = xmp_bytes("<dc:title>In the packet</dc:title>", f'xmpNote:HasExtendedXMP="{digest.decode()}"')
    more = xmp_bytes("<dc:description>In the extension</dc:description>" + bag("dc:subject", "far"))
    head, half = b"http://ns.adobe.com/xmp/extension/\0" + digest + struct.pack(">I", len(more)), len(more) // 2
    parts = [(half, more[half:]), (0, more[:half])]
    segments = [(0xE1, head + struct.pack(">I", offset) + part) for offset, part in parts]
    return jpeg((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet), *segments)


def people() -> list[SaidFile]:
    """Names of people in XMP."""

    def region(name: str, kind: str) -> str:
        area = '<mwg-rs:Area stArea:x="0.5" stArea:y="0.5" stArea:w="0.1" stArea:h="0.1"/>'
        return f'<rdf:Description mwg-rs:Name="{name}" mwg-rs:Type="{kind}">{area}</rdf:Description>'

    def nested(name: str) -> str:
        return f"<mwg-rs:Name>{name}</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type>"

    attributes = [region("Ann Müller", "Face"), region("Rex", "Pet"), region("8", "BarCode"), region("f", "Focus")]
    elements = "".join(f'<rdf:li rdf:parseType="Resource">{nested(name)}</rdf:li>' for name in ("Ann", "Øyvind"))
    acdsee = '<rdf:Description acdsee-rs:Name="Ann" acdsee-rs:Type="Face"/>'
    regions = '<mwg-rs:Regions rdf:parseType="Resource">{}</mwg-rs:Regions>'
    microsoft = (
        '<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag>'
        '<rdf:li MPReg:Rectangle="0.1, 0.2, 0.3, 0.4" MPReg:PersonDisplayName="李娜"/>'
        '<rdf:li MPReg:Rectangle="0, 0, 1, 1"/></rdf:Bag></MPRI:Regions></MP:RegionInfo>'
    )
    return [
        said(
            "people in regions, as attributes",
            jpeg_xmp(xmp_bytes(regions.format(bag("mwg-rs:RegionList", *attributes)))),
            "",
            ("Ann Müller", "Rex"),
        ),
        said(
            "people in regions, as elements",
            jpeg_xmp(
                xmp_bytes(regions.format(f"<mwg-rs:RegionList><rdf:Bag>{elements}</rdf:Bag></mwg-rs:RegionList>"))
            ),
            "",
            ("Ann", "Øyvind"),
        ),
        said(
            "people in regions of ACDSee",
            jpeg_xmp(xmp_bytes(regions.replace("mwg-rs", "acdsee-rs").format(bag("acdsee-rs:RegionList", acdsee)))),
            "",
            ("Ann",),
        ),
        said("people in regions of Microsoft", jpeg_xmp(xmp_bytes(microsoft)), "", ("李娜",)),
        said(
            "people in a list of IPTC",
            jpeg_xmp(xmp_bytes(bag("Iptc4xmpExt:PersonInImage", "Ann", "Bob"))),
            "",
            ("Ann", "Bob"),
        ),
        said(
            "people who are keywords too",
            jpeg_xmp(xmp_bytes(bag("dc:subject", "Ann", "sea") + bag("Iptc4xmpExt:PersonInImage", "Ann"))),
            "",
            ("Ann", "sea"),
        ),
    ]


def other_words() -> list[SaidFile]:
    """Words in PNG, in comments, and in several places at once."""
    texts = [(b"tEXt", b"Title\0Sturm"), itxt("Description", "Буря над заливом", "ru"), (b"tEXt", b"Author\0J\xf6rg")]
    texts += [(b"tEXt", b"Keywords\0sea, storm"), (b"tEXt", b"Software\0gnome-screenshot")]
    return [
        said("texts of a PNG", png_with(*texts), "Sturm\nБуря над заливом", ("sea", "storm"), creator="Jörg"),
        said(
            "texts of a PNG behind its pixels",
            png_with(*texts, behind=True),
            "Sturm\nБуря над заливом",
            ("sea", "storm"),
            creator="Jörg",
        ),
        said(
            "compressed text of a PNG",
            png_with((b"zTXt", b"Comment\0\0" + zlib.compress("Wellen ü".encode("latin-1")))),
            "Wellen ü",
        ),
        said(
            "text of a PNG in UTF-8 where Latin-1 should be",
            png_with((b"tEXt", b"Comment\0" + "Wellen ü".encode())),
            "Wellen ü",
        ),
        said("PNG by a program", png_with((b"tEXt", b"Comment\0Created with GIMP"))),
        said(
            "PNG by a generator of images",
            png_with((b"tEXt", b"parameters\0a cat\nSteps: 20")),
            data="a cat Steps: 20",
        ),
        said(
            "EXIF of a PNG as a profile", png_with(raw_profile("exif", exif_bytes([(0x10E, ASCII, b"Sturm")]))), "Sturm"
        ),
        said(
            "EXIF of a PNG as a segment's profile",
            png_with(raw_profile("APP1", exif_bytes([(0x10E, ASCII, b"Sturm")]))),
            "Sturm",
        ),
        said(
            "IPTC of a PNG as a profile",
            png_with(raw_profile("iptc", photoshop_bytes(iptc_bytes([(120, b"Sturm")])))),
            "Sturm",
        ),
        said(
            "XMP of a PNG as a profile", png_with(raw_profile("xmp", xmp_bytes(bag("dc:subject", "sea")))), "", ("sea",)
        ),
        said("comment of a JPEG", jpeg((0xFE, "Sturm über Genua".encode())), "Sturm über Genua"),
        said("comment of a JPEG in cp1252", jpeg((0xFE, "Sturm über Genua".encode("cp1252"))), "Sturm über Genua"),
        said("two comments of a JPEG", jpeg((0xFE, b"One\0"), (0xFE, b"Two")), "One\nTwo"),
        said(
            "comment of a JPEG by a library",
            jpeg((0xFE, b"CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90\n")),
        ),
        said("comment of a GIF", gif_with(gif_comment(b"Sturm " * 60)), ("Sturm " * 60).strip()),
        said("comment of a GIF behind its frame", gif_with(gif_comment("Grüße".encode()), behind=True), "Grüße"),
        said(
            "XMP of a GIF",
            gif_with(gif_xmp(xmp_bytes(bag("dc:subject", "sea"))), gif_comment(b"Sturm")),
            "Sturm",
            ("sea",),
        ),
        said(
            "the same words in EXIF, XMP and IPTC",
            jpeg(
                (0xE1, exif_bytes([(0x10E, ASCII, "Zürich".encode())])),
                (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp_bytes(languages("dc:description", x_default="Zürich"))),
                (0xED, b"Photoshop 3.0\0" + photoshop_bytes(iptc_bytes([(120, "Zürich".encode("cp1252"))]))),
            ),
            "Zürich",
        ),
    ]
