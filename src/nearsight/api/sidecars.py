"""What became of each sidecar of a collection: the images that it was understood to mean, and what is in doubt."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from nearsight.storage.catalogue import Catalogue
from nearsight.storage.database import DETAILS_VERSION
from nearsight.storage.details import Details


@dataclass(frozen=True)
class SidecarLine:
    """One image that a sidecar means, or one name in it that is in doubt.

    Attributes
    ----------
    sidecar : its path, relative to the folder; a table that lies elsewhere has its whole path
    name : what is in doubt: a name in the sidecar, or empty for the image beside it
    image : the path of the image; empty where there is a doubt
    reason : why it is in doubt; empty where it is not
    """

    sidecar: str
    name: str
    image: str
    reason: str


def list_sidecars(catalogue: Catalogue) -> Iterator[SidecarLine]:
    """What became of each sidecar, in the order of their paths, the images of each before its doubts."""
    doubts: dict[bytes, list[tuple[str, str]]] = {}
    for doubt in Details(catalogue).doubts():
        doubts.setdefault(doubt.sidecar, []).append((doubt.name, doubt.reason))
    for record in catalogue.sidecars():
        sidecar = os.fsdecode(record.path)
        for image in _images_of(catalogue, record.path):
            yield SidecarLine(sidecar, "", os.fsdecode(image), "")
        for name, reason in doubts.get(record.path, ()):
            yield SidecarLine(sidecar, name, "", reason)


def _images_of(catalogue: Catalogue, sidecar: bytes) -> list[bytes]:
    """The paths of the images of the collection of which a sidecar says something."""
    said = "SELECT image FROM note WHERE source=?"
    values: tuple[bytes, ...] = (sidecar,)
    if catalogue.format_version >= DETAILS_VERSION:
        said, values = f"{said} UNION SELECT image FROM fact WHERE source=?", (sidecar, sidecar)  # noqa: S608
    rows = catalogue.query(f"SELECT path FROM image WHERE path IN ({said}) ORDER BY path", values)  # noqa: S608
    return [row[0] for row in rows]
