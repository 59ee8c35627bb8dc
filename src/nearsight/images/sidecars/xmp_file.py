"""XMP, as photo programs write it beside an image (`dog.xmp`, `dog.jpg.xmp`) or into it.

Title, description, headline and keywords of Dublin Core, Photoshop, IPTC and Lightroom, as elements or as attributes,
in every language that is there. Document types and entities are refused, so nothing can grow or be fetched.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from nearsight.errors import ImageError, Reason
from nearsight.images.image_text import ImageText, build_image_text, split_hierarchy

_DC = "{http://purl.org/dc/elements/1.1/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
_LIGHTROOM = "{http://ns.adobe.com/lightroom/1.0/}"
_DIGIKAM = "{http://www.digikam.org/ns/1.0/}"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"

_CAPTIONS = (_DC + "title", _PHOTOSHOP + "Headline", _DC + "description")
_TAGS = (_DC + "subject", _IPTC + "PersonInImage", _LIGHTROOM + "hierarchicalSubject", _DIGIKAM + "TagsList")


def read_xmp(data: bytes) -> list[ImageText]:
    """What an XMP file says of the image beside it. Raises ImageError where it is no XMP."""
    try:
        root = fromstring(data.rstrip(b"\0"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as problem:
        raise ImageError(Reason.CORRUPT, f"not XMP: {problem}"[:200]) from None
    captions: list[str] = []
    tags: list[str] = []
    for about in root.iter(_RDF + "Description"):
        captions += [text for name in _CAPTIONS for text in _xmp_sidecar_values(about, name)]
        tags += [word for name in _TAGS for text in _xmp_sidecar_values(about, name) for word in split_hierarchy(text)]
    found = build_image_text("", captions, tags)
    return [] if found is None else [found]


def _xmp_sidecar_values(about: Element, name: str) -> list[str]:
    """The values of a property: an attribute, the text of an element, or the items of its list."""
    values = [about.get(name, "")]
    for each in about.iterfind(name):
        values += [each.text or "", *(item.text or "" for item in each.iter(_RDF + "li"))]
    return [value.strip() for value in values if value.strip()]
