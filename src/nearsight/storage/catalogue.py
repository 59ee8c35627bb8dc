"""The catalogue, for reading: where it lies, the records of a collection, and its only commit point.

Each record is compared with its checksum when it is read. The list of segments has a checksum over the whole list, so
that a missing record is noticed too.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from nearsight.errors import DamagedError, FormatError, Reason, UsageError
from nearsight.files import LocalFileSystem
from nearsight.storage.array_file import CacheEntry, SegmentEntry
from nearsight.storage.block_checksums import is_file_as_noted
from nearsight.storage.database import CATALOGUE_FILE, DETAILS_VERSION, OLDER_META_KEYS, Database, record_crc
from nearsight.storage.filters import Condition, FilterColumns
from nearsight.storage.records import (
    DecisionKind,
    DecisionRecord,
    ImageRecord,
    LabelRecord,
    LabelState,
    NoteRecord,
    SidecarRecord,
    SkipRecord,
)

INDEX_DIR_NAME = b".nearsight"
COUNT_SQL = "SELECT count(*) FROM image"


def locate(folder: str | Path = ".", collection: str | Path | None = None) -> Path:
    """Return the directory of a folder's collection: `collection`, or the nearest `.nearsight` upwards of the folder.

    Raises
    ------
    UsageError
        there is no collection
    """
    if collection is not None:
        index_dir = Path(collection).expanduser().resolve()
        if not (index_dir / CATALOGUE_FILE).exists():
            command = f"nearsight index FOLDER --collection {index_dir}"
            raise UsageError(f"{collection} holds no collection; make one: {command}")
        return index_dir
    start = Path(folder).expanduser().resolve()
    for place in (start, *start.parents):
        index_dir = place / os.fsdecode(INDEX_DIR_NAME)
        if (index_dir / CATALOGUE_FILE).exists():
            return index_dir
    raise UsageError(f"no collection holds {start}; make one: nearsight index {folder}")


class Catalogue(Database):
    """An open catalogue that is only read."""

    def __init__(self, index_dir: Path, *, readonly: bool = True) -> None:
        super().__init__(index_dir, readonly=readonly)
        self._columns: FilterColumns | None = None

    def meta(self, key: str) -> str | None:
        """A named value, or None."""
        if key in OLDER_META_KEYS and self.uses_older_names:
            key = OLDER_META_KEYS[key]
        row = self.fetch_record("SELECT key, value, crc FROM meta WHERE key=?", (key,))
        return None if row is None else str(row[1])

    def generation(self) -> int:
        """Number of the last commit."""
        return int(self.meta("generation") or 0)

    def recipes(self) -> dict[str, str]:
        """Recipe texts by name, a sense or the text itself, in the order in which they were added."""
        return dict(self.fetch_records("SELECT name, text, crc FROM recipe ORDER BY rowid"))

    def segments(self) -> list[SegmentEntry]:
        """The segments of this generation, checked against the checksum of the whole list."""
        rows = list(self.fetch_records("SELECT id, key, count, length, checksums, crc FROM segment ORDER BY id"))
        if self.meta("segments") != str(record_crc(rows)) and (rows or self.meta("segments") is not None):
            raise DamagedError(f"the list of segments in {self.path} is damaged: run nearsight repair")
        return [SegmentEntry(*row) for row in rows]

    def caches(self) -> list[CacheEntry]:
        """Entries of all cache files; none in a catalogue of an older format."""
        if self.format_version < 2:
            return []
        rows = self.fetch_records("SELECT id, key, fitted, length, checksums, crc FROM cache ORDER BY id")
        return [CacheEntry(*row) for row in rows]

    def deleted_ids(self) -> list[int]:
        """Ids that segments still hold although their images were deleted."""
        rows = [row[0] for row in self.fetch_records("SELECT id, crc FROM deleted ORDER BY id")]
        if self.meta("deleted") != str(record_crc(rows)) and (rows or self.meta("deleted") is not None):
            raise DamagedError(f"the list of removed images in {self.path} is damaged: run nearsight repair")
        return rows

    def image(self, image_id: int) -> ImageRecord:
        """Return the image of an id that an index returned; DamagedError if there is none."""
        found = self.find_image(image_id)
        if found is None:
            raise DamagedError(f"image {image_id} is in an index but not in {self.path}: run nearsight repair")
        return found

    def find_image(self, image_id: int) -> ImageRecord | None:
        """Return the image of an id, or None."""
        row = self.fetch_record("SELECT * FROM image WHERE id=?", (image_id,))
        return None if row is None else ImageRecord(*row)

    def ids_of_content(self, sha256: bytes) -> list[int]:
        """Return the ids of the images whose files have this SHA-256, rising."""
        rows = self.fetch_records("SELECT * FROM image WHERE sha256=? ORDER BY id", (sha256,))
        return [record.id for record in (ImageRecord(*row) for row in rows) if record.sha256 == sha256]

    def image_at(self, path: bytes) -> ImageRecord | None:
        """The image at a path, or None."""
        row = self.fetch_record("SELECT * FROM image WHERE path=?", (path,))
        return None if row is None else ImageRecord(*row)

    def skip_at(self, path: bytes) -> SkipRecord | None:
        """The skipped file at a path, or None."""
        row = self.fetch_record("SELECT * FROM skipped WHERE path=?", (path,))
        return None if row is None else _to_skip(row)

    def notes(self, path: bytes) -> list[NoteRecord]:
        """Captions and tags of the image at a path; none in a catalogue of an older format."""
        if self.format_version < 3:
            return []
        rows = self.fetch_records(
            "SELECT image, source, caption, tags, crc FROM note WHERE image=? ORDER BY source", (path,)
        )
        return [NoteRecord(*row) for row in rows]

    def labels(self, path: bytes, *, include_dropped: bool = False) -> list[LabelRecord]:
        """Labels of the image at a path, the most confident first; with `include_dropped`, dropped ones too."""
        if self.format_version < 4:
            return []
        rows = self.fetch_records(
            "SELECT image, label, confidence, model, state, crc FROM label WHERE image=? "
            "ORDER BY confidence DESC, label",
            (path,),
        )
        made = [LabelRecord(image, label, sure, model, LabelState(state)) for image, label, sure, model, state in rows]
        return [each for each in made if include_dropped or each.state is not LabelState.DROPPED]

    def decisions(self) -> list[DecisionRecord]:
        """What a person decided about pairs of images, the oldest first; a later one replaces one about the same."""
        if self.format_version < 7:
            return []
        rows = self.fetch_records(
            "SELECT id, batch, content, other, path, other_path, kind, made, crc FROM decision ORDER BY id"
        )
        return [replace(DecisionRecord(*row), kind=DecisionKind(row[6])) for row in rows]

    def note_counts(self) -> dict[str, int]:
        """Count the sidecars, the images with captions or tags, and the names in sidecars that match no image."""
        if self.format_version < 3:
            return {"sidecars": 0, "images": 0, "unknown": 0}
        sidecars, unknown = self.query("SELECT count(*), ifnull(sum(unknown), 0) FROM sidecar")[0]
        images = self.query("SELECT count(DISTINCT note.image) FROM note JOIN image ON path = note.image")[0][0]
        return {"sidecars": sidecars, "images": images, "unknown": unknown}

    def sidecar_at(self, path: bytes) -> SidecarRecord | None:
        """The sidecar at a path, or None."""
        row = self.fetch_record("SELECT * FROM sidecar WHERE path=?", (path,))
        return None if row is None else SidecarRecord(*row)

    def sidecars(self) -> Iterator[SidecarRecord]:
        """All sidecars, in the order of their paths."""
        rows = self.fetch_records("SELECT * FROM sidecar ORDER BY path") if self.format_version >= 3 else ()
        return (SidecarRecord(*row) for row in rows)

    def images(self) -> Iterator[ImageRecord]:
        """All images in the order of their paths."""
        return (ImageRecord(*row) for row in self.fetch_records("SELECT * FROM image ORDER BY path"))

    def skips(self) -> Iterator[SkipRecord]:
        """All skipped files in the order of their paths."""
        return (_to_skip(row) for row in self.fetch_records("SELECT * FROM skipped ORDER BY path"))

    def ids(self) -> list[int]:
        """The ids of all images, rising."""
        return [row[0] for row in self.query("SELECT id FROM image ORDER BY id")]

    def sample_ids(self, count: int) -> list[int]:
        """Ids of up to `count` images, rising; chosen by content hash, so independent of the order of ingest."""
        return sorted(row[0] for row in self.query("SELECT id FROM image ORDER BY sha256, id LIMIT ?", (count,)))

    def ids_by_content(self) -> list[int]:
        """Ids of all images in the order of their content hashes: any prefix is a pseudo-random sample."""
        return [row[0] for row in self.query("SELECT id FROM image ORDER BY sha256, id")]

    def count_images(self) -> int:
        """Number of images, as stored by the last commit: SQLite's own count trusts damaged pages."""
        stored = self.meta("images")
        return int(self.query(COUNT_SQL)[0][0] if stored is None else stored)

    def skip_counts(self) -> dict[str, int]:
        """Number of skipped files by reason."""
        rows = self.query("SELECT reason, count(*) FROM skipped GROUP BY reason ORDER BY 2 DESC, 1")
        return {Reason(reason).value: count for reason, count in rows}

    def filter_ids(self, condition: Condition) -> list[int]:
        """Ids of the images that match a filter, rising. What they are judged by is compared with checksums first.

        Raises
        ------
        UsageError
            the filter uses a field that the catalogue's format does not have
        """
        return list(condition.ids(self._current_columns()).tolist())

    def first_filtered(self, condition: Condition, most: int) -> list[int]:
        """Ids of the images that match a filter, the first by path. Raises as `filter_ids` does."""
        return list(condition.first_ids(self._current_columns(), most).tolist())

    def _current_columns(self) -> FilterColumns:
        """What filters read of this generation; it was compared with its checksums."""
        generation = self.generation()
        if self._columns is None or self._columns.generation != generation:
            if not is_file_as_noted(self.path.parent, generation, LocalFileSystem()):
                self._verify_records()
            self._columns = FilterColumns(self, generation)
        return self._columns

    def _verify_records(self) -> None:
        """Compare the records that filters read with their checksums, and their number."""
        if sum(1 for _ in self.images()) != self.count_images():
            raise DamagedError(f"the list of images in {self.path} is damaged: run nearsight repair")
        for table, since in (("note", 3), ("label", 4), ("detail", DETAILS_VERSION)):
            if self.format_version >= since:
                deque(self.fetch_records(f"SELECT * FROM {table}"), 0)  # noqa: S608 (our own names)


def load_root(catalogue: Catalogue, index_dir: Path) -> Path:
    """Return the folder of the images."""
    known = catalogue.meta("root")
    if known is None:
        raise FormatError(f"{index_dir} is a half-made collection: run nearsight index again")
    return Path(known) if known else index_dir.parent


def _to_skip(row: tuple[Any, ...]) -> SkipRecord:
    path, size, mtime_ns, reason, detail = row
    return SkipRecord(path, size, mtime_ns, Reason(reason), detail)
