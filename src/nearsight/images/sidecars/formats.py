"""Which files are sidecars, and how each kind is read."""

from __future__ import annotations

import os
from collections.abc import Callable

from nearsight.images.image_text import ImageText
from nearsight.images.sidecars import csv_file, json_file, xmp_file

MAX_SIDECAR_BYTES = 64 << 20
"""Bytes of a sidecar that is read."""

READERS: dict[bytes, Callable[[bytes], list[ImageText]]] = {
    b".json": json_file.read_json,
    b".jsonl": json_file.read_json_lines,
    b".csv": csv_file.read_csv,
    b".xmp": xmp_file.read_xmp,
}


def is_sidecar(path: bytes) -> bool:
    """Whether a file of this name may say something of images."""
    return _suffix(path) in READERS


def read_sidecar(path: bytes, data: bytes) -> list[ImageText]:
    """Read a sidecar of this name: an `ImageText` for each image, none where it names no images.

    Raises
    ------
    ImageError
        where the file is not what its name says
    """
    return READERS[_suffix(path)](data)


def _suffix(path: bytes) -> bytes:
    return os.path.splitext(path)[1].lower()
