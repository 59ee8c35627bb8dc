"""The fields of an image that a filter can use: of which kind, and where they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What a field holds, and so how it is compared."""

    NUMBER = auto()
    TEXT = auto()
    PATH = auto()
    FOLDER = auto()
    """With its subfolders."""
    LINES = auto()
    """Several texts: captions, tags, labels; a comparison holds if it holds for one of them."""
    DATE = auto()
    """As far as it is known: a year, a month, a day, a second."""


@dataclass(frozen=True)
class FilterField:
    """A field: its kind, a query of `(id, value)` for each image that may have one, and the table that it needs.

    A field without a query is computed from others.
    """

    kind: Kind
    sql: str = ""
    table: str = "image"


def _of_image(kind: Kind, expression: str) -> FilterField:
    return FilterField(kind, f"SELECT id, {expression} FROM image")  # noqa: S608 (our own names)


def _of_detail(kind: Kind, column: str) -> FilterField:
    return FilterField(kind, f"SELECT image, {column} FROM detail", "detail")  # noqa: S608 (our own names)


def _of_notes(column: str) -> FilterField:
    sql = f"SELECT image.id, {column} FROM note JOIN image ON image.path = note.image"  # noqa: S608 (our own names)
    return FilterField(Kind.LINES, sql, "note")


_LABELS = (
    "SELECT image.id, label.label FROM label JOIN image ON image.path = label.image WHERE label.state <> 'dropped'"
)

FIELDS = {
    "path": _of_image(Kind.PATH, "path"),
    "folder": FilterField(Kind.FOLDER),
    "name": FilterField(Kind.TEXT),
    "format": _of_image(Kind.TEXT, "format"),
    "camera": _of_image(Kind.TEXT, "camera"),
    "lens": _of_detail(Kind.TEXT, "lens"),
    "taken": _of_image(Kind.DATE, "taken"),
    "year": FilterField(Kind.NUMBER),
    "month": FilterField(Kind.NUMBER),
    "width": _of_image(Kind.NUMBER, "width"),
    "height": _of_image(Kind.NUMBER, "height"),
    "pixels": _of_image(Kind.NUMBER, "width * height"),
    "orientation": FilterField(Kind.TEXT),
    "bytes": _of_image(Kind.NUMBER, "size"),
    "iso": _of_detail(Kind.NUMBER, "iso"),
    "rating": _of_detail(Kind.NUMBER, "rating"),
    "creator": _of_detail(Kind.TEXT, "creator"),
    "latitude": _of_image(Kind.NUMBER, "latitude"),
    "longitude": _of_image(Kind.NUMBER, "longitude"),
    "altitude": _of_detail(Kind.NUMBER, "altitude"),
    "city": _of_detail(Kind.TEXT, "city"),
    "country": _of_detail(Kind.TEXT, "country"),
    "page": _of_detail(Kind.NUMBER, "page"),
    "pages": _of_detail(Kind.NUMBER, "pages"),
    "read_share": _of_detail(Kind.NUMBER, "read_share"),
    "id": _of_image(Kind.NUMBER, "id"),
    "caption": _of_notes("note.caption"),
    "tags": _of_notes("note.tags"),
    "labels": FilterField(Kind.LINES, _LABELS, "label"),
}
"""The fields of an image by name."""

ORIENTATIONS = ("landscape", "portrait", "square")
FORMAT_NAMES = {"jpg": "jpeg", "tif": "tiff"}
"""Usual endings of files whose format has another name."""

MEANT_FIELDS = {
    **dict.fromkeys(("date", "time", "day", "datetime", "created"), "taken"),
    **dict.fromkeys(("size", "filesize"), "bytes"),
    **dict.fromkeys(("file", "filename"), "name"),
    **dict.fromkeys(("dir", "directory", "album"), "folder"),
    **dict.fromkeys(("tag", "keyword", "keywords", "person", "people"), "tags"),
    **dict.fromkeys(("title", "description", "captions", "text"), "caption"),
    **dict.fromkeys(("type", "extension"), "format"),
    **dict.fromkeys(("stars", "score"), "rating"),
    **dict.fromkeys(("author", "artist", "photographer", "by"), "creator"),
    **dict.fromkeys(("lat",), "latitude"),
    **dict.fromkeys(("lon", "lng", "long"), "longitude"),
    **dict.fromkeys(("model", "make"), "camera"),
    **dict.fromkeys(("label", "category", "object"), "labels"),
    **dict.fromkeys(("place", "town"), "city"),
    **dict.fromkeys(("damaged", "damage", "whole"), "read_share"),
    **dict.fromkeys(("frame",), "page"),
    **dict.fromkeys(("frames", "n_pages"), "pages"),
}
"""Other names that people give to fields, for a message that names the right one."""
