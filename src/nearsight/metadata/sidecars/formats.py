"""Which files are sidecars, and how each kind is read."""

from __future__ import annotations

import os
from collections.abc import Callable

from nearsight.metadata.image_text import ImageText
from nearsight.metadata.sidecars import csv_file, json_file, txt_file, xmp_file
from nearsight.metadata.sidecars.claimed_text import ClaimedText
from nearsight.metadata.sidecars.xmp_owner import read_xmp_owner

MAX_SIDECAR_BYTES = 64 << 20
"""Bytes of a sidecar that is read."""

READER_VERSION = 3
"""Raised whenever sidecars are read in another way: all are then read again."""

READERS: dict[bytes, Callable[[bytes], list[ImageText]]] = {
    b".json": json_file.read_json,
    b".jsonl": json_file.read_json_lines,
    b".csv": csv_file.read_csv,
    b".tsv": csv_file.read_csv,
    b".xmp": xmp_file.read_xmp,
}
TEXT_SUFFIX = b".txt"
"""The ending of texts, which are sidecars only where an image of their name lies beside them."""


def is_sidecar(path: bytes) -> bool:
    """Whether a file of this name may say something of images."""
    return _suffix(path) in READERS


def is_text(path: bytes) -> bool:
    """Whether a file of this name is a text that is about one image, if such an image lies beside it."""
    stem = os.fsdecode(os.path.basename(path)[: -len(TEXT_SUFFIX)]).lower()
    return _suffix(path) == TEXT_SUFFIX and stem.replace("-", "_") not in txt_file.NOT_ABOUT_IMAGES


def read_sidecar(path: bytes, data: bytes) -> list[ImageText]:
    """Read a sidecar of this name: an `ImageText` for each image, none where it names no images.

    Raises
    ------
    ImageError
        where the file is not what its name says, or is about no image
    """
    suffix = _suffix(path)
    if suffix == b".json":
        return json_file.read_json(data, path)
    if suffix == b".xmp":
        return _read_xmp_sidecar(data)
    return txt_file.read_text_file(data) if suffix == TEXT_SUFFIX else READERS[suffix](data)


def _read_xmp_sidecar(data: bytes) -> list[ImageText]:
    """XMP, with the ending of the image's file where it says that."""
    texts, owner = xmp_file.read_xmp(data), read_xmp_owner(data)
    if not owner:
        return texts
    return [ClaimedText(each.name, each.caption, each.tags, each.facts, owner=owner) for each in texts]


def _suffix(path: bytes) -> bytes:
    return os.path.splitext(path)[1].lower()
