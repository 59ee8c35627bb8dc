"""The catalogue, for writing: every change is part of a transaction, which ends with the checksums of the lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from nearsight.storage.array_file import CacheEntry, SegmentEntry
from nearsight.storage.catalogue import COUNT_SQL, Catalogue
from nearsight.storage.database import (
    APPLICATION_ID,
    DETAILS_VERSION,
    FORMAT_VERSION,
    MIGRATIONS,
    record_crc,
    translate_errors,
)
from nearsight.storage.details import Details
from nearsight.storage.full_text import FullTextIndex
from nearsight.storage.records import (
    DecisionRecord,
    DetailRecord,
    DoubtRecord,
    FactRecord,
    ImageRecord,
    LabelRecord,
    LabelState,
    NoteRecord,
    SidecarRecord,
    SkipRecord,
)


class CatalogueWriter(Catalogue):
    """A catalogue open for writing; an older format is migrated. The caller holds the writer's lock.

    Attributes
    ----------
    migrated_from : the format version that the file had, where it was migrated; else None
    """

    def __init__(self, index_dir: Path) -> None:
        super().__init__(index_dir, readonly=False)
        self.full_text, self.details = FullTextIndex(self), Details(self)
        self.migrated_from: int | None = None
        try:
            with translate_errors(self.path):
                self._migrate(self.format_version)
        except BaseException:
            self.close()
            raise

    def _migrate(self, version: int) -> None:
        if version == FORMAT_VERSION:
            return
        self.db.execute("PRAGMA journal_mode=WAL")
        with self.transaction():
            for script in MIGRATIONS[version:]:
                for statement in filter(str.strip, script.split(";")):
                    self.db.execute(statement)
            self.full_text.rebuild()
            if version < DETAILS_VERSION:
                self.mark_sidecars_unread()
            self.db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            self.db.execute(f"PRAGMA user_version={FORMAT_VERSION}")
        self.migrated_from = version or None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes or none; each commit is a generation, with the checksums of its lists."""
        with super().transaction():
            yield
            self._put_checksums()

    def put_meta(self, key: str, value: str) -> None:
        """Set a named value."""
        self.db.execute("INSERT OR REPLACE INTO meta VALUES(?,?,?)", (key, value, record_crc((key, value))))

    def put_recipe(self, name: str, text: str) -> None:
        """Add a recipe under its name."""
        self.db.execute("INSERT OR REPLACE INTO recipe VALUES(?,?,?)", (name, text, record_crc((name, text))))

    def drop_recipe(self, name: str) -> None:
        """Remove the recipe of this name; its segments stay."""
        self.db.execute("DELETE FROM recipe WHERE name=?", (name,))

    def put_image(self, image: ImageRecord, detail: DetailRecord | None = None) -> None:
        """Insert an image, or replace the record of the same id; with its detail, both by what is said of it."""
        if detail is not None:
            image, detail = self.details.resolve(image, detail)
            self.details.put(detail)
        values = astuple(image)
        self.db.execute(
            f"INSERT OR REPLACE INTO image VALUES({_placeholders(len(values) + 1)})", (*values, record_crc(values))
        )
        self.full_text.put_text(image)

    def drop_image(self, image_id: int) -> None:
        """Remove an image with its file's notes and its automatic labels; its id is listed as deleted.

        Labels set by a person stay with the path, for the next image there.
        """
        self.db.execute("DELETE FROM note WHERE source=(SELECT path FROM image WHERE id=?)", (image_id,))
        self.details.drop(image_id)
        of_models = "state='automatic' AND image=(SELECT path FROM image WHERE id=?)"
        self.db.execute(f"DELETE FROM label WHERE {of_models}", (image_id,))  # noqa: S608 (our own words)
        self.db.execute("DELETE FROM image WHERE id=?", (image_id,))
        self.full_text.drop_text(image_id)
        self.put_deleted_ids([image_id])

    def move_image(self, image: ImageRecord) -> None:
        """Replace the record of the same id, which had another path; its file's notes and its labels move with it.

        A label that a person confirmed or dropped at the new path is not replaced by a model's.
        """
        old = self.image(image.id).path
        own = [replace(note, image_path=image.path) for note in self.notes(old) if note.source == old]
        self.db.execute("DELETE FROM note WHERE source=?", (old,))
        by_hand = {
            each.label
            for each in self.labels(image.path, include_dropped=True)
            if each.state is not LabelState.AUTOMATIC
        }
        for each in self.labels(old, include_dropped=True):
            self.db.execute("DELETE FROM label WHERE image=? AND label=?", (old, each.label))
            if each.state is not LabelState.AUTOMATIC or each.label not in by_hand:
                self._put_label(replace(each, image_path=image.path))
        self._move_decisions(old, image.path)
        self.details.move_facts(old, image.path)
        self.put_image(image, self.details.find(image.id))
        self.put_notes(image.path, own)

    def _move_decisions(self, old: bytes, new: bytes) -> None:
        """Name a file that was moved in what was decided about it."""
        sql = (
            "SELECT id, batch, content, other, path, other_path, kind, made FROM decision WHERE path=? OR other_path=?"
        )
        for row in self.db.execute(sql, (old, old)).fetchall():
            moved = (*row[:4], *(new if path == old else path for path in row[4:6]), *row[6:])
            self._put_decision(moved)

    def put_decisions(self, decisions: Iterable[DecisionRecord]) -> None:
        """Add decisions, in one batch; their own `id` and `batch` do not count."""
        batch = self.db.execute("SELECT ifnull(max(batch), 0) + 1 FROM decision").fetchone()[0]
        for each in decisions:
            number = self.db.execute("SELECT ifnull(max(id), 0) + 1 FROM decision").fetchone()[0]
            values = (each.content, each.other, each.path, each.other_path, each.kind.value, each.made)
            self._put_decision((number, batch, *values))

    def _put_decision(self, values: tuple[Any, ...]) -> None:
        self.db.execute("INSERT OR REPLACE INTO decision VALUES(?,?,?,?,?,?,?,?,?)", (*values, record_crc(values)))

    def drop_last_decisions(self) -> None:
        """Remove the last batch; what it replaced holds again."""
        self.db.execute("DELETE FROM decision WHERE batch=(SELECT max(batch) FROM decision)")

    def put_notes(self, source: bytes, notes: Iterable[NoteRecord]) -> None:
        """Replace all notes of a source."""
        before = [row[0] for row in self.db.execute("SELECT image FROM note WHERE source=?", (source,))]
        self.db.execute("DELETE FROM note WHERE source=?", (source,))
        rows = [(note.image_path, source, note.caption, note.tags) for note in notes]
        self.db.executemany("INSERT INTO note VALUES(?,?,?,?,?)", [(*row, record_crc(row)) for row in rows])
        for path in {*before, *(row[0] for row in rows)}:
            if (image := self.image_at(path)) is not None:
                self.full_text.put_text(image)

    def put_labels(self, image: ImageRecord, model: str, labels: Iterable[tuple[str, float]]) -> int:
        """Replace a model's labels of an image; return how many were stored.

        Labels that a person confirmed or dropped stay as they are.
        """
        sql = "DELETE FROM label WHERE image=? AND model=? AND state='automatic'"
        self.db.execute(sql, (image.path, model))
        known = {each.label: each.state for each in self.labels(image.path, include_dropped=True)}
        new = [
            (label, sure) for label, sure in labels if known.get(label, LabelState.AUTOMATIC) is LabelState.AUTOMATIC
        ]
        for label, sure in new:
            self._put_label(LabelRecord(image.path, label, sure, model, LabelState.AUTOMATIC))
        self.full_text.put_text(image)
        return len(new)

    def put_label(self, image: ImageRecord, label: str, state: LabelState) -> None:
        """Store a person's decision about a label; the model that set it stays recorded."""
        held = next((each for each in self.labels(image.path, include_dropped=True) if each.label == label), None)
        model, sure = (held.model, held.confidence) if held else ("", 1.0)
        self._put_label(LabelRecord(image.path, label, sure, model, state))
        self.full_text.put_text(image)

    def _put_label(self, label: LabelRecord) -> None:
        values = (label.image_path, label.label, label.confidence, label.model, label.state.value)
        self.db.execute("INSERT OR REPLACE INTO label VALUES(?,?,?,?,?,?)", (*values, record_crc(values)))

    def put_facts(self, source: bytes, facts: Iterable[FactRecord]) -> None:
        """Replace all facts of a source; the images that they are about are resolved again."""
        for path in self.details.put_facts(source, facts):
            if (image := self.image_at(path)) is not None and (detail := self.details.find(image.id)) is not None:
                self.put_image(image, detail)

    def put_sidecar(
        self,
        sidecar: SidecarRecord,
        notes: Iterable[NoteRecord],
        facts: Iterable[FactRecord] = (),
        doubts: Iterable[DoubtRecord] = (),
    ) -> None:
        """Insert or replace a sidecar, with what it says and what is in doubt."""
        values = astuple(sidecar)
        self.db.execute("INSERT OR REPLACE INTO sidecar VALUES(?,?,?,?,?,?)", (*values, record_crc(values)))
        self.put_notes(sidecar.path, notes)
        self.put_facts(sidecar.path, facts)
        self.details.put_doubts(sidecar.path, doubts)

    def drop_sidecar(self, path: bytes) -> None:
        """Remove a sidecar and what it says."""
        self.db.execute("DELETE FROM sidecar WHERE path=?", (path,))
        self.put_notes(path, [])
        self.put_facts(path, [])
        self.details.put_doubts(path, [])

    def mark_sidecars_unread(self) -> None:
        """Have the next ingest read all sidecars again; what they said stays until then."""
        for each in list(self.sidecars()):
            values = astuple(replace(each, seen_ns=0))
            self.db.execute("INSERT OR REPLACE INTO sidecar VALUES(?,?,?,?,?,?)", (*values, record_crc(values)))

    def put_skip(self, skip: SkipRecord) -> None:
        """Insert or replace a skipped file."""
        values = (skip.path, skip.size, skip.mtime_ns, skip.reason.value, skip.detail)
        self.db.execute("INSERT OR REPLACE INTO skipped VALUES(?,?,?,?,?,?)", (*values, record_crc(values)))

    def drop_skip(self, path: bytes) -> None:
        """Remove a skipped file from the list."""
        self.db.execute("DELETE FROM skipped WHERE path=?", (path,))

    def put_deleted_ids(self, ids: Iterable[int]) -> None:
        """List ids that segments still hold although their images are deleted."""
        self.db.executemany("INSERT OR REPLACE INTO deleted VALUES(?,?)", ((i, record_crc((i,))) for i in ids))

    def drop_deleted_ids(self, ids: Iterable[int]) -> None:
        """Remove ids from the list of deleted ones: no segment holds them any more."""
        self.db.executemany("DELETE FROM deleted WHERE id=?", ((image_id,) for image_id in ids))

    def next_ids(self) -> tuple[int, int]:
        """The next image id and the next segment id; ids are never used twice."""
        return self._last_id("image") + 1, self._last_id("segment") + 1

    def next_cache_id(self) -> int:
        """The next id of a cache."""
        return self._last_id("cache") + 1

    def _last_id(self, table: str) -> int:
        row = self.query("SELECT seq FROM sqlite_sequence WHERE name=?", (table,))
        return int(row[0][0]) if row else 0

    def put_segment(self, entry: SegmentEntry) -> None:
        """List a segment whose file is durably written."""
        values = astuple(entry)
        self.db.execute("INSERT OR REPLACE INTO segment VALUES(?,?,?,?,?,?)", (*values, record_crc(values)))

    def drop_segment(self, segment_id: int) -> None:
        """Remove a segment from the list; its file may be removed after the commit."""
        self.db.execute("DELETE FROM segment WHERE id=?", (segment_id,))

    def put_cache(self, entry: CacheEntry) -> None:
        """List a cache whose file is durably written."""
        values = astuple(entry)
        self.db.execute("INSERT INTO cache VALUES(?,?,?,?,?,?)", (*values, record_crc(values)))

    def drop_caches(self, cache_ids: Iterable[int]) -> None:
        """Remove caches from the list; their files may be removed after the commit."""
        self.db.executemany("DELETE FROM cache WHERE id=?", ((cache_id,) for cache_id in cache_ids))

    def _put_checksums(self) -> None:
        rows = list(self.fetch_records("SELECT id, key, count, length, checksums, crc FROM segment ORDER BY id"))
        self.put_meta("segments", str(record_crc(rows)))
        deleted = [row[0] for row in self.fetch_records("SELECT id, crc FROM deleted ORDER BY id")]
        self.put_meta("deleted", str(record_crc(deleted)))
        self.put_meta("images", str(self.query(COUNT_SQL)[0][0]))
        self.db.execute("SAVEPOINT words")  # makes FTS5 write what it holds back
        self.db.execute("RELEASE words")
        self.put_meta("words", str(self.full_text.checksum()))
        self.put_meta("generation", str(self.generation() + 1))


def _placeholders(count: int) -> str:
    return ",".join("?" * count)
