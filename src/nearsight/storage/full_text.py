"""Full-text search over names of files and folders, camera, date, captions, tags and labels.

SQLite's full-text index is a cache of the catalogue's records: a hit counts only if the record itself, which has a
checksum, contains the words.
"""

from __future__ import annotations

import os
import re
import unicodedata
import zlib
from collections.abc import Sequence

from nearsight.errors import DamagedError, UsageError
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.database import translate_errors
from nearsight.storage.records import ImageRecord, LabelRecord, LabelState, NoteRecord


class FullTextIndex:
    """The full-text index of a catalogue. Call `put_text`, `drop_text` and `rebuild` within a transaction."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._verified_generation = -1

    def search(self, words: str, most: int) -> list[tuple[int, float]]:
        """Ids of the images with all of these words, best first, with their BM25 scores (larger is better)."""
        wanted, generation = match_expression(words), self._catalogue.generation()
        if self._verified_generation != generation:
            self.check()
            self._verified_generation = generation
        sql = "SELECT rowid, -bm25(words), text FROM words WHERE words MATCH ? ORDER BY bm25(words), rowid LIMIT ?"
        found = self._catalogue.query(sql, (wanted, most))
        if any(self._text(self._catalogue.image(image_id)) != text for image_id, _, text in found):
            raise self._damage_error()
        return [(image_id, score) for image_id, score, text in found if contains_words(text, words)]

    def check(self) -> None:
        """Raise DamagedError if the index does not agree with its checksum."""
        known = self._catalogue.meta("words")
        if known is not None and known != str(self.checksum()):
            raise self._damage_error()

    def checksum(self) -> int:
        """CRC-32 of the blocks of the index; its copies of the texts are compared with the records instead."""
        check = 0
        for sql in ("SELECT id, block FROM words_data ORDER BY id", "SELECT segid, term, pgno FROM words_idx"):
            with translate_errors(self._catalogue.path):
                for row in self._catalogue.db.execute(sql):
                    check = zlib.crc32(repr(row).encode(), check)
        return check

    def count_mismatches(self) -> int:
        """Count the images that the index lacks, has in excess or has with another text."""
        lacking = "SELECT count(*) FROM (SELECT id FROM image EXCEPT SELECT rowid FROM words)"
        surplus = "SELECT count(*) FROM (SELECT rowid FROM words EXCEPT SELECT id FROM image)"
        counts = [int(self._catalogue.query(sql)[0][0]) for sql in (lacking, surplus)]
        texts: dict[int, str] = dict(self._catalogue.query("SELECT rowid, text FROM words"))
        said = ((each.id, self._text(each)) for each in self._catalogue.images())
        return sum(counts) + sum(texts.get(image_id, text) != text for image_id, text in said)

    def put_text(self, image: ImageRecord) -> None:
        """Insert or replace the text of an image."""
        sql = "INSERT OR REPLACE INTO words(rowid, text) VALUES(?,?)"
        self._catalogue.db.execute(sql, (image.id, self._text(image)))

    def drop_text(self, image_id: int) -> None:
        """Remove the text of an image."""
        self._catalogue.db.execute("DELETE FROM words WHERE rowid=?", (image_id,))

    def rebuild(self) -> None:
        """Rebuild the index from the records."""
        self._catalogue.db.execute("DELETE FROM words")
        rows = ((image.id, self._text(image)) for image in self._catalogue.images())
        self._catalogue.db.executemany("INSERT INTO words(rowid, text) VALUES(?,?)", rows)

    def _text(self, image: ImageRecord) -> str:
        return searchable_text(image, self._catalogue.notes(image.path), self._catalogue.labels(image.path))

    def _damage_error(self) -> DamagedError:
        return DamagedError(f"the full-text index of {self._catalogue.path} is damaged: run nearsight repair")


def searchable_text(image: ImageRecord, notes: Sequence[NoteRecord], labels: Sequence[LabelRecord] = ()) -> str:
    """Searchable text of an image."""
    noted = (f"{note.caption} {note.tags}" for note in notes)
    return " ".join([name_text(image), *noted, *(each.label for each in labels)])


def explain_text_match(
    image: ImageRecord, notes: Sequence[NoteRecord], words: str, labels: Sequence[LabelRecord] = ()
) -> str:
    """Say in a sentence which text of an image contains the words."""
    if contains_words(name_text(image), words):
        return f"its name, camera or date holds: {words}"
    for note in notes:
        for line in note.caption.splitlines():
            if contains_words(line, words):
                return f"its caption says: {line}"
        if contains_words(note.tags, words):
            return f"its tags are: {', '.join(note.tags.splitlines())}"
    for each in labels:
        if contains_words(each.label, words):
            return f"it is labelled: {each.label} ({label_origin(each)})"
    return f"its name, camera, date, captions, tags and labels together hold: {words}"


def label_origin(label: LabelRecord) -> str:
    """Describe who set a label."""
    if label.state is LabelState.AUTOMATIC:
        return f"by {label.model}, {label.confidence:.0%} sure"
    return f"by {label.model}, confirmed" if label.model else "by hand"


def name_text(image: ImageRecord) -> str:
    """Path, camera and date; compound words (IMG2012, redBike) also split."""
    name = os.fsdecode(image.path).encode("utf8", "replace").decode().replace("_", " ")
    apart = re.sub(r"(?<=[^\W\dA-Z])(?=[A-Z])|(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])", " ", name)
    return " ".join([name, apart, image.camera or "", (image.taken or "")[:10]])


def tokenize(text: str) -> list[str]:
    """Split a text into words as the index does: letters and digits, lower case, without accents."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", plain)


def match_expression(words: str) -> str:
    """Full-text query for all of these words, matched as prefixes.

    Raises
    ------
    UsageError
        the text contains no word
    """
    found = tokenize(words)
    if not found:
        raise UsageError(
            f'there is no word in "{words}"; ask with names of files or folders, cameras, dates, captions, tags, labels'
        )
    return " AND ".join(f'"{token}"*' for token in found)


def contains_words(text: str, words: str) -> bool:
    """Whether a text contains all of these words, matched as prefixes."""
    said = tokenize(text)
    return all(any(word.startswith(token) for word in said) for token in tokenize(words))
