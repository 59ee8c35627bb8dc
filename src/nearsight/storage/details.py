"""What is known of an image besides its record: what each source says, and what they say together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import astuple, fields, replace
from datetime import UTC, datetime, timedelta

from nearsight.images.formats import RAW_FORMATS
from nearsight.images.pages import split_page_path
from nearsight.metadata.facts import Facts, merge_facts
from nearsight.metadata.name_date import date_in_name
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.database import DETAILS_VERSION, record_crc
from nearsight.storage.records import DetailRecord, DoubtRecord, FactRecord, ImageRecord

_RESOLVED = [each.name for each in fields(DetailRecord) if each.name in {fact.name for fact in fields(Facts)}]
"""The columns of a detail that come from facts."""
_FACT_COLUMNS = ", ".join(["image", "source", *(each.name for each in fields(Facts))])


class Details:
    """The details and facts of a catalogue; none in one of an older format. Changes are parts of a transaction."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    @property
    def _kept(self) -> bool:
        return self._catalogue.format_version >= DETAILS_VERSION

    def find(self, image_id: int) -> DetailRecord | None:
        """The detail of an image; None where none was read."""
        if not self._kept:
            return None
        row = self._catalogue.fetch_record("SELECT * FROM detail WHERE image=?", (image_id,))
        return None if row is None else DetailRecord(*row)

    def of(self, image_id: int) -> DetailRecord:
        """The detail of an image, with nothing known where none was read."""
        return self.find(image_id) or DetailRecord(image_id)

    def ids(self) -> list[int]:
        """Ids of the images with a detail, rising."""
        rows = self._catalogue.query("SELECT image FROM detail ORDER BY image") if self._kept else []
        return [row[0] for row in rows]

    def counts(self) -> dict[str, int]:
        """Count the images that are pages or frames after the first of their file, and those that are damaged."""
        return {"pages": len(self.further_pages()), "damaged": len(self.damaged_ids())}

    def damaged_ids(self) -> frozenset[int]:
        """Ids of the images of which a part could not be read."""
        return self._ids_where("read_share < 1")

    def ids_in_larger_files(self) -> frozenset[int]:
        """Ids of the images that are not all of their file, or of which that is not known.

        It has several pages or frames, it is a camera raw of which they are the preview, or it was not read since.
        """
        if not self._kept:
            return frozenset(self._catalogue.ids())
        unread = self._catalogue.query("SELECT id FROM image WHERE id NOT IN (SELECT image FROM detail)")
        marks = ",".join("?" * len(RAW_FORMATS))
        raws = self._catalogue.query(f"SELECT id FROM image WHERE format IN ({marks})", RAW_FORMATS)  # noqa: S608
        return self._ids_where("pages > 1").union(row[0] for row in (*unread, *raws))

    def further_pages(self) -> frozenset[int]:
        """Ids of the images that are pages or frames after the first of their file."""
        return self._ids_where("page > 1")

    def _ids_where(self, condition: str) -> frozenset[int]:
        sql = f"SELECT image FROM detail WHERE {condition}"  # noqa: S608 (our own words)
        return frozenset(row[0] for row in (self._catalogue.query(sql) if self._kept else ()))

    def facts(self, path: bytes) -> list[FactRecord]:
        """What each source says of the image at a path: first its own file, then sidecars in the order of paths."""
        if not self._kept:
            return []
        sql = f"SELECT {_FACT_COLUMNS}, crc FROM fact WHERE image=? ORDER BY source <> image, source"  # noqa: S608
        rows = self._catalogue.fetch_records(sql, (path,))
        return [FactRecord(image, source, Facts(*values)) for image, source, *values in rows]

    def doubts(self) -> Iterator[DoubtRecord]:
        """The names in sidecars that are not certain to mean an image."""
        sql = "SELECT sidecar, name, reason, crc FROM doubt ORDER BY sidecar, name"
        rows = self._catalogue.fetch_records(sql) if self._kept else ()
        return (DoubtRecord(*row) for row in rows)

    def resolve(self, image: ImageRecord, detail: DetailRecord) -> tuple[ImageRecord, DetailRecord]:
        """Both records with what all sources say together; where none has a date, with that in the file's name."""
        name = os.fsdecode(os.path.basename(split_page_path(image.path)[0]))
        named = date_in_name(name, latest=_day_after(image.seen_ns))
        last = Facts(taken=named, taken_from="file name" if named else "")
        merged = merge_facts([*(each.facts for each in self.facts(image.path)), last])
        image = replace(
            image,
            taken=merged.taken,
            camera=merged.camera,
            latitude=merged.latitude,
            longitude=merged.longitude,
        )
        return image, replace(detail, **{name: getattr(merged, name) for name in _RESOLVED})

    def put(self, detail: DetailRecord) -> None:
        """Insert or replace the detail of an image."""
        values = astuple(detail)
        marks = ",".join("?" * (len(values) + 1))
        self._catalogue.db.execute(f"INSERT OR REPLACE INTO detail VALUES({marks})", (*values, record_crc(values)))

    def put_facts(self, source: bytes, facts: Iterable[FactRecord]) -> set[bytes]:
        """Replace all facts of a source; return the paths of the images that they are about, old and new."""
        db = self._catalogue.db
        touched = {row[0] for row in db.execute("SELECT image FROM fact WHERE source=?", (source,))}
        db.execute("DELETE FROM fact WHERE source=?", (source,))
        for each in facts:
            values = (each.image_path, source, *astuple(each.facts))
            marks = ",".join("?" * (len(values) + 1))
            db.execute(f"INSERT INTO fact VALUES({marks})", (*values, record_crc(values)))
            touched.add(each.image_path)
        return touched

    def put_doubts(self, sidecar: bytes, doubts: Iterable[DoubtRecord]) -> None:
        """Replace the doubts about a sidecar."""
        db = self._catalogue.db
        db.execute("DELETE FROM doubt WHERE sidecar=?", (sidecar,))
        for each in doubts:
            values = (sidecar, each.name, each.reason)
            db.execute("INSERT OR REPLACE INTO doubt VALUES(?,?,?,?)", (*values, record_crc(values)))

    def drop(self, image_id: int) -> None:
        """Remove the detail of an image, and what its own file says."""
        db = self._catalogue.db
        db.execute("DELETE FROM fact WHERE source=(SELECT path FROM image WHERE id=?)", (image_id,))
        db.execute("DELETE FROM detail WHERE image=?", (image_id,))

    def move_facts(self, old: bytes, new: bytes) -> None:
        """Give what an image's own file says to its new path."""
        own = [replace(each, image_path=new) for each in self.facts(old) if each.source == old]
        self.put_facts(old, [])
        self.put_facts(new, own)

    def forget(self, image_id: int) -> None:
        """Remove the detail of an image, so that the next ingest reads its file again."""
        self._catalogue.db.execute("DELETE FROM detail WHERE image=?", (image_id,))

    def forget_all(self) -> None:
        """Remove all details, so that the next ingest reads all files again."""
        self._catalogue.db.execute("DELETE FROM detail")


def _day_after(time_ns: int) -> str:
    """The day after a time, in UTC: what was taken by then anywhere on earth has no later date."""
    return f"{datetime.fromtimestamp(time_ns / 1e9, UTC) + timedelta(days=1):%Y-%m-%d}"
