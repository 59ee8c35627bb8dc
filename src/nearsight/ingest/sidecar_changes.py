"""Which sidecars must be read again although they are as they were, because files were added, removed or moved.

A sidecar that names no image depends on the names of the files beside it. One that names images depends on all: a file
that came, moved or went can change what any name means. The state of all folders with sidecars is stored after each
run, so that a run that was killed is made up for.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from nearsight.metadata.sidecars.formats import READER_VERSION, is_text
from nearsight.storage.catalogue_writer import CatalogueWriter

META_KEY = "sidecar_folders"
_ALL = "*"
_FILES = """
SELECT path, 1 FROM image UNION ALL
SELECT path, 0 FROM skipped WHERE path NOT IN (SELECT path FROM temp.aside) UNION ALL
SELECT path, 0 FROM temp.aside WHERE path NOT IN (SELECT path FROM image)
"""


@dataclass(frozen=True)
class KnownSidecar:
    """What is known of a sidecar from the last time: whether it was skipped."""

    path: bytes
    is_skipped: bool


class SidecarChanges:
    """Compares the folders with those of the last run."""

    def __init__(self, catalogue: CatalogueWriter) -> None:
        self._catalogue = catalogue
        state = json.loads(catalogue.meta(META_KEY) or "{}")
        self.is_other_version = state.get("version") != READER_VERSION
        self._before: dict[str, int] = state.get("folders", {})
        self._lists: set[str] = set(state.get("lists", ()))
        self._now = self._digest_folders()

    @property
    def is_changed(self) -> bool:
        """Whether any file was added, removed or moved."""
        return self._before.get(_ALL) != self._now.get(_ALL)

    def concerns(self, sidecar: KnownSidecar, *, added: bool) -> bool:
        """Whether a sidecar may now mean other images; `added`: images were added, changed or moved in this run."""
        if sidecar.is_skipped:
            return is_text(sidecar.path) and self._is_folder_changed(sidecar.path)
        if _path_key(sidecar.path) in self._lists:
            return added or self.is_changed
        return self._is_folder_changed(sidecar.path)

    def note_kind(self, path: bytes, *, names_images: bool) -> None:
        """Note whether a sidecar names the images that it means."""
        (self._lists.add if names_images else self._lists.discard)(_path_key(path))

    def save(self, paths: Iterable[bytes]) -> None:
        """Store the state of the folders, where it is another; `paths` are those of all sidecars."""
        lists = sorted(self._lists & {_path_key(path) for path in paths})
        text = json.dumps({"version": READER_VERSION, "folders": self._now, "lists": lists})
        if text != self._catalogue.meta(META_KEY):
            with self._catalogue.transaction():
                self._catalogue.put_meta(META_KEY, text)

    def _is_folder_changed(self, path: bytes) -> bool:
        key = _path_key(os.path.dirname(path))
        return self._before.get(key) != self._now.get(key)

    def _digest_folders(self) -> dict[str, int]:
        """A sum over the names of each folder that has sidecars, and over all paths; the order does not count."""
        wanted = {os.path.dirname(path) for (path,) in self._catalogue.query("SELECT path FROM temp.aside")}
        sums, total = dict.fromkeys(wanted, 0), 0
        for path, is_image in self._catalogue.db.execute(_FILES) if wanted else ():
            check = zlib.crc32(b"%d%b" % (is_image, path)) + 1
            total += check
            folder = os.path.dirname(path)
            if folder in sums:
                sums[folder] += check
        return {_ALL: total, **{_path_key(folder): value for folder, value in sorted(sums.items())}}


def _path_key(path: bytes) -> str:
    return f"{zlib.crc32(path):08x}{zlib.adler32(path):08x}"
