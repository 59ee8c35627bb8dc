"""XMP, as photo programs write it beside an image (`dog.xmp`, `dog.jpg.xmp`) or into it.

Title, description, headline, keywords and people of Dublin Core, Photoshop, IPTC, Lightroom, digiKam, Microsoft and the
Metadata Working Group, in every language that is there; and when, where, with what and by whom the image was taken.
"""

from __future__ import annotations

from collections.abc import Iterator

from nearsight.metadata.camera import camera_name, is_scanner, lens_name, parse_iso, parse_rating
from nearsight.metadata.facts import Facts, merge_facts
from nearsight.metadata.image_text import ImageText, split_hierarchy
from nearsight.metadata.machine_text import build_human_text, creator_name, place_name
from nearsight.metadata.place import parse_number, xmp_place
from nearsight.metadata.taken import parse_taken
from nearsight.metadata.xmp_tree import Name, XmpProperties, parse_xmp

_DC = "http://purl.org/dc/elements/1.1"
_XMP = "http://ns.adobe.com/xap/1.0"
_EXIF = "http://ns.adobe.com/exif/1.0"
_EXIF_EX = "http://cipa.jp/exif/1.0"
_AUX = "http://ns.adobe.com/exif/1.0/aux"
_TIFF = "http://ns.adobe.com/tiff/1.0"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29"
_IPTC_CORE = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns"
_LIGHTROOM = "http://ns.adobe.com/lightroom/1.0"
_DIGIKAM = "http://www.digikam.org/ns/1.0"
_MICROSOFT = "http://ns.microsoft.com/photo/1.0"
_MP = "http://ns.microsoft.com/photo/1.2"
_MP_REGION = "http://ns.microsoft.com/photo/1.2/t/Region"
_REGIONS = "http://www.metadataworkinggroup.com/schemas/regions"
_KEYWORDS = "http://www.metadataworkinggroup.com/schemas/keywords"
_MEDIA_PRO = "http://ns.iview-multimedia.com/mediapro/1.0"
_ACDSEE = "http://ns.acdsee.com/iptc/1.0"
_ACDSEE_REGIONS = "http://ns.acdsee.com/regions"

_CAPTIONS: tuple[Name, ...] = (
    (_DC, "title"),
    (_PHOTOSHOP, "Headline"),
    (_DC, "description"),
    (_TIFF, "ImageDescription"),
    (_EXIF, "UserComment"),
    (_IPTC_CORE, "AltTextAccessibility"),
    (_IPTC_CORE, "ExtDescrAccessibility"),
    (_ACDSEE, "caption"),
    (_ACDSEE, "notes"),
)
_TAGS: tuple[Name, ...] = (
    (_DC, "subject"),
    (_LIGHTROOM, "hierarchicalSubject"),
    (_DIGIKAM, "TagsList"),
    (_MICROSOFT, "LastKeywordXMP"),
    (_MEDIA_PRO, "CatalogSets"),
    (_PHOTOSHOP, "SupplementalCategories"),
)
_PEOPLE: tuple[Name, ...] = ((_IPTC, "PersonInImage"), (_MEDIA_PRO, "People"))
_NO_FACES = {"focus", "barcode"}
"""Regions that are no beings."""


def read_xmp(data: bytes, source: str = "sidecar", camera: str | None = None) -> list[ImageText]:
    """What XMP says of its image; nothing where it says nothing.

    Parameters
    ----------
    source : what the facts are from: "sidecar", or "XMP" for a packet inside the image's own file
    camera : what took the image, where something else says so: the date of creation is then that of the picture

    Raises
    ------
    ImageError
        where it is no XMP
    """
    xmp = parse_xmp(data)
    facts = _xmp_facts(xmp, source, camera)
    captions = [text for name in _CAPTIONS for text in xmp.texts(name)]
    names = (xmp.first((_TIFF, "Make")), xmp.first((_TIFF, "Model")), xmp.first((_XMP, "CreatorTool")))
    found = build_human_text(captions, [*_keywords(xmp), *_people(xmp)], facts, names)
    return [found] if found != ImageText("") else []


def _keywords(xmp: XmpProperties) -> Iterator[str]:
    for name in _TAGS:
        for text in xmp.texts(name):
            yield from split_hierarchy(text)
    for fields in xmp.fields((_KEYWORDS, "Keywords"), field=(_KEYWORDS, "Keyword")):
        yield fields[_KEYWORDS, "Keyword"]


def _people(xmp: XmpProperties) -> Iterator[str]:
    """The names of people and animals: listed, or of regions in which their faces are."""
    for name in _PEOPLE:
        yield from xmp.texts(name)
    for fields in xmp.fields((_IPTC, "PersonInImageWDetails"), field=(_IPTC, "PersonName")):
        yield fields[_IPTC, "PersonName"]
    for regions in (_REGIONS, _ACDSEE_REGIONS):
        for fields in xmp.fields((regions, "Regions"), (regions, "RegionInfo"), field=(regions, "Name")):
            if fields.get((regions, "Type"), "").lower() not in _NO_FACES:
                yield fields[regions, "Name"]
    for fields in xmp.fields((_MP, "RegionInfo"), field=(_MP_REGION, "PersonDisplayName")):
        yield fields[_MP_REGION, "PersonDisplayName"]
    for fields in xmp.fields((_IPTC, "ImageRegion"), field=(_IPTC, "PersonInImage")):
        yield fields[_IPTC, "PersonInImage"]


def _xmp_facts(xmp: XmpProperties, source: str, camera: str | None) -> Facts:
    own_camera = camera_name(xmp.first((_TIFF, "Make")), xmp.first((_TIFF, "Model")))
    lens = xmp.first((_EXIF_EX, "LensModel"), (_AUX, "Lens"), (_EXIF, "LensModel"))
    about = Facts(
        camera=own_camera,
        lens=lens_name(xmp.first((_EXIF_EX, "LensMake")), lens),
        iso=parse_iso(*(xmp.first(name) for name in _ISO)),
        rating=parse_rating(xmp.first((_XMP, "Rating"), (_ACDSEE, "rating")), xmp.first((_MICROSOFT, "Rating"))),
        creator=creator_name("; ".join(xmp.texts((_DC, "creator"), (_TIFF, "Artist"), (_ACDSEE, "author")))),
        city=place_name(_location(xmp, "City", (_PHOTOSHOP, "City"))),
        country=place_name(_location(xmp, "CountryName", (_PHOTOSHOP, "Country"))),
    )
    place = xmp_place({each: xmp.first((_EXIF, f"GPS{each}")) for each in _GPS}, source)
    return merge_facts([about, place, _xmp_taken(xmp, source, own_camera or camera)])


_ISO: tuple[Name, ...] = (
    (_EXIF_EX, "PhotographicSensitivity"),
    (_EXIF, "ISOSpeedRatings"),
    (_EXIF_EX, "RecommendedExposureIndex"),
    (_EXIF_EX, "ISOSpeed"),
    (_EXIF_EX, "StandardOutputSensitivity"),
)
_GPS = ("Latitude", "LatitudeRef", "Longitude", "LongitudeRef", "Altitude", "AltitudeRef")


def _location(xmp: XmpProperties, field: str, plain: Name) -> str:
    """A part of the place: its own property, or that of where the camera stood, or of what is shown."""
    places = (xmp.fields((_IPTC, place), field=(_IPTC, field)) for place in ("LocationCreated", "LocationShown"))
    return xmp.first(plain) or next((fields[_IPTC, field] for each in places for fields in each), "")


def _xmp_taken(xmp: XmpProperties, source: str, camera: str | None) -> Facts:
    """When the image was taken; when its file was made counts only where a camera made it."""
    sources: list[Name] = [(_EXIF, "DateTimeOriginal"), (_PHOTOSHOP, "DateCreated")]
    if camera and not is_scanner(
        camera, xmp.first((_XMP, "CreatorTool")), parse_number(xmp.first((_EXIF, "FileSource")))
    ):
        sources += [(_EXIF, "DateTimeDigitized"), (_XMP, "CreateDate")]
    return merge_facts(parse_taken(xmp.first(name), source) for name in sources)
