"""The properties of an XMP packet, whatever prefixes it uses and however it writes them.

A property is an attribute or an element; an element holds a text, a list, alternatives in languages, or fields.
Document types and entities are refused, so nothing can grow or be fetched.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from nearsight.errors import ImageError, Reason
from nearsight.metadata.text_encoding import decode_text

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_PACKET = re.compile(rb"<(x:x[am]pmeta|rdf:RDF)\b.*</\1\s*>", re.DOTALL)

Name = tuple[str, str]
"""Namespace, without a slash or hash at its end, and name of a property."""


@dataclass(frozen=True)
class XmpProperties:
    """The properties of the image itself: not those of other images and steps that a packet tells of too."""

    found: dict[Name, list[str | Element]]

    def texts(self, *names: Name) -> list[str]:
        """The texts of the first of these properties that has any: each item of a list, each language."""
        for name in names:
            texts = [text for value in self.found.get(name, ()) for text in _property_texts(value)]
            if texts:
                return texts
        return []

    def first(self, *names: Name) -> str:
        """The first text of the first of these properties that has any; empty where none has."""
        return next(iter(self.texts(*names)), "")

    def fields(self, *names: Name, field: Name) -> Iterator[dict[Name, str]]:
        """The fields of each structure, at any depth of these properties, that has this field."""
        for name in names:
            for value in self.found.get(name, ()):
                for node in value.iter() if isinstance(value, Element) else ():
                    fields = dict(_node_fields(node))
                    if field in fields:
                        yield fields


def parse_xmp(data: bytes) -> XmpProperties:
    """The properties in a packet, which may have other bytes around it. Raises ImageError where it is no XMP."""
    try:
        root = _parse_xml(data)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as problem:
        raise ImageError(Reason.CORRUPT, f"not XMP: {problem}"[:200]) from None
    found: dict[Name, list[str | Element]] = {}
    for description in _outermost_descriptions(root):
        for tag, text in description.attrib.items():
            found.setdefault(_property_name(tag), []).append(text)
        for child in description:
            found.setdefault(_property_name(child.tag), []).append(child)
    return XmpProperties(found)


def _parse_xml(data: bytes) -> Element:
    """Parses as it is; else without what stands around it and what no XML may hold. Raises as the parser does."""
    if data[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
        return fromstring(decode_text(data), forbid_dtd=True)
    data = data.rstrip(b"\0")
    try:
        return fromstring(data, forbid_dtd=True)
    except ParseError:
        packet = _PACKET.search(data)
        if packet is None:
            raise
        return fromstring(_NO_XML.sub("", decode_text(packet[0])), forbid_dtd=True)


def _outermost_descriptions(root: Element) -> Iterator[Element]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.tag == _RDF + "Description":
            yield node
        else:
            waiting.extend(reversed(node))


def _property_name(tag: str) -> Name:
    namespace, _, name = tag.removeprefix("{").rpartition("}")
    return namespace.rstrip("/#"), name


def _property_texts(value: str | Element) -> Iterator[str]:
    """An attribute, the text of an element, the items of its list, or the value of what has qualifiers."""
    if isinstance(value, str):
        texts: Iterable[str | None] = [value]
    else:
        items = [*value.iter(_RDF + "li")]
        texts = [value.text, *(text for item in items or [value] for text in _item_texts(item))]
    yield from filter(None, dict.fromkeys((text or "").strip() for text in texts))


def _item_texts(item: Element) -> Iterator[str | None]:
    yield item.text
    for node in item.iter():
        yield node.get(_RDF + "value")
        if node.tag == _RDF + "value":
            yield node.text


def _node_fields(node: Element) -> Iterator[tuple[Name, str]]:
    for tag, text in node.attrib.items():
        yield _property_name(tag), text.strip()
    for child in node:
        for text in _property_texts(child):
            yield _property_name(child.tag), text
            break
