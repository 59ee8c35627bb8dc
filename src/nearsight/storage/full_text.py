"""Full-text search over names of files and folders, camera, date, captions, tags and labels.

SQLite's full-text index is a cache of the catalogue's records: it has a checksum of its own, and of each hit that is
shown the record itself, which has a checksum too, must contain the words. SQLite sees only what `nearsight.words` made
of a text: tokens between spaces, which its `ascii` tokenizer neither cuts nor folds.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Collection, Sequence

import numpy as np

from nearsight.errors import DamagedError
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.database import translate_errors
from nearsight.storage.details import Details
from nearsight.storage.records import DetailRecord, ImageRecord, LabelRecord, LabelState, NoteRecord
from nearsight.types import Ids
from nearsight.words.query import WordsQuery, parse_words
from nearsight.words.tokens import tokenize_texts

TOKENS_VERSION = 8
"""Format version since which the index holds tokens of `nearsight.words`; before, SQLite cut the texts."""

COMMON_COUNT = 20_000
COMMON_SCORE = 1e-6
"""Words that more than half of all images hold have no weight in BM25; from so many hits on they all get this score."""
_SIZES = "SELECT group_concat(id || ':' || hex(sz)) FROM (SELECT id, sz FROM words_docsize ORDER BY id)"
_AMONG, _BEST_FIRST = "AND +rowid IN (SELECT value FROM json_each(?))", "ORDER BY score DESC, rowid LIMIT ?"
_COMPOUND = re.compile(r"(?<=[^\W\dA-ZÀ-ÖØ-ÞА-ЯЁΑ-Ω])(?=[A-ZÀ-ÖØ-ÞА-ЯЁΑ-Ω])|(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])")
_OLDER_COMPOUND = re.compile(r"(?<=[^\W\dA-Z])(?=[A-Z])|(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])")


class FullTextIndex:
    """The full-text index of a catalogue. Call `put_text`, `drop_text` and `rebuild` within a transaction."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._verified_generation = -1

    def search(self, words: str, most: int, among: Collection[int] | None = None) -> list[tuple[int, float]]:
        """Ids of the images that hold these words, best first, with their BM25 scores (larger is better).

        Parameters
        ----------
        words : what is asked for, as `nearsight.words.query` reads it
        most : how many at most; all with -1
        among : only these ids
        """
        query = parse_words(words)
        self._check_once()
        ranked = self._rank(words, query, most, among)
        return [(image_id, score) for image_id, score in ranked if self._record_matches(image_id, query)]

    def matching_ids(self, words: str) -> Ids:
        """Ids of all images that hold these words, rising."""
        self._check_once()
        rows = self._catalogue.query("SELECT rowid FROM words WHERE words MATCH ?", (self._expression(words),))
        return np.sort(np.fromiter((row[0] for row in rows), np.int64, len(rows)))

    def check(self) -> None:
        """Raise DamagedError if the index does not agree with its checksum."""
        known = self._catalogue.meta("words")
        if known is not None and known != str(self.checksum()):
            raise self._damage_error()

    def checksum(self) -> int:
        """CRC-32 of the index; its copies of the tokens are compared with the records instead."""
        with translate_errors(self._catalogue.path):
            return self._older_checksum() if self._is_older else self._checksum()

    def _checksum(self) -> int:
        """CRC-32 of the blocks, of the list of segments and of the number of tokens of each image."""
        check = 0
        for number, block in self._catalogue.db.execute("SELECT id, block FROM words_data ORDER BY id"):
            check = zlib.crc32(block, zlib.crc32(b"%d" % number, check))
        for row in self._catalogue.db.execute("SELECT segid, term, pgno FROM words_idx"):
            check = zlib.crc32(repr(row).encode(), check)
        ((sizes,),) = self._catalogue.db.execute(_SIZES)
        return zlib.crc32((sizes or "").encode(), check)

    def _older_checksum(self) -> int:
        check = 0
        for sql in ("SELECT id, block FROM words_data ORDER BY id", "SELECT segid, term, pgno FROM words_idx"):
            for row in self._catalogue.db.execute(sql):
                check = zlib.crc32(repr(row).encode(), check)
        return check

    def count_mismatches(self) -> int:
        """Count the images that the index lacks, has in excess or has with other words."""
        lacking = "SELECT count(*) FROM (SELECT id FROM image EXCEPT SELECT rowid FROM words)"
        surplus = "SELECT count(*) FROM (SELECT rowid FROM words EXCEPT SELECT id FROM image)"
        counts = [int(self._catalogue.query(sql)[0][0]) for sql in (lacking, surplus)]
        stored: dict[int, str] = dict(self._catalogue.query("SELECT rowid, * FROM words"))
        said = ((each.id, self._held_text(each)) for each in self._catalogue.images())
        return sum(counts) + sum(stored.get(image_id, text) != text for image_id, text in said)

    def put_text(self, image: ImageRecord) -> None:
        """Insert or replace the words of an image."""
        sql = "INSERT OR REPLACE INTO words(rowid, tokens) VALUES(?,?)"
        self._catalogue.db.execute(sql, (image.id, self._tokens(image)))

    def drop_text(self, image_id: int) -> None:
        """Remove the words of an image."""
        self._catalogue.db.execute("DELETE FROM words WHERE rowid=?", (image_id,))

    def rebuild(self) -> None:
        """Rebuild the index from the records."""
        self._catalogue.db.execute("DELETE FROM words")
        rows = ((image.id, self._tokens(image)) for image in self._catalogue.images())
        self._catalogue.db.executemany("INSERT INTO words(rowid, tokens) VALUES(?,?)", rows)

    @property
    def _is_older(self) -> bool:
        return 0 < self._catalogue.format_version < TOKENS_VERSION

    def _check_once(self) -> None:
        """Check the index where this generation was not checked yet."""
        generation = self._catalogue.generation()
        if self._verified_generation != generation:
            self.check()
            self._verified_generation = generation

    def _expression(self, words: str) -> str:
        return parse_words(words, as_typed=self._is_older).expression()

    def _rank(self, words: str, query: WordsQuery, most: int, among: Collection[int] | None) -> list[tuple[int, float]]:
        """Ids and scores, best first; SQLite scores no other ids than those of `among`."""
        expression = self._expression(words)
        only, values = ("", ()) if among is None else (_AMONG, (json.dumps(list(among)),))
        if self._are_common(query, expression):
            sql = f"SELECT rowid FROM words WHERE words MATCH ? {only} ORDER BY rowid LIMIT ?"  # noqa: S608 (our words)
            found = self._catalogue.query(sql, (expression, *values, most))
            return [(row[0], COMMON_SCORE) for row in found]
        sql = f"SELECT rowid, -bm25(words) AS score FROM words WHERE words MATCH ? {only} {_BEST_FIRST}"  # noqa: S608
        return [(image_id, score) for image_id, score in self._catalogue.query(sql, (expression, *values, most))]

    def _are_common(self, query: WordsQuery, expression: str) -> bool:
        """Whether each word is in more than half of very many images, so that BM25 gives it no weight."""
        if query.has_alternatives:
            return False
        some = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
        half = max(COMMON_COUNT, self._catalogue.count_images() // 2)
        return all(self._catalogue.query(some, (expression, n + 1))[0][0] > n for n in (COMMON_COUNT, half))

    def _record_matches(self, image_id: int, query: WordsQuery) -> bool:
        """Whether the record of an image holds the words. DamagedError where the index has others than the record."""
        image = self._catalogue.image(image_id)
        text = self._held_text(image)
        if self._catalogue.query("SELECT * FROM words WHERE rowid=?", (image_id,)) != [(text,)]:
            raise self._damage_error()
        return query.matches(tokenize_texts(self._texts(image)) if self._is_older else text.split(" "))

    def _texts(self, image: ImageRecord) -> list[str]:
        detail = Details(self._catalogue).of(image.id)
        return searchable_texts(image, self._catalogue.notes(image.path), self._catalogue.labels(image.path), detail)

    def _tokens(self, image: ImageRecord) -> str:
        return " ".join(tokenize_texts(self._texts(image)))

    def _held_text(self, image: ImageRecord) -> str:
        """What the index holds of an image."""
        if self._is_older:
            return _older_text(image, self._catalogue.notes(image.path), self._catalogue.labels(image.path))
        return self._tokens(image)

    def _damage_error(self) -> DamagedError:
        return DamagedError(f"the full-text index of {self._catalogue.path} is damaged: run nearsight repair")


def searchable_texts(
    image: ImageRecord,
    notes: Sequence[NoteRecord],
    labels: Sequence[LabelRecord] = (),
    detail: DetailRecord | None = None,
) -> list[str]:
    """The searchable texts of an image: its name, camera, date, place and creator; captions by line, tags, labels."""
    lines = [line for note in notes for text in (note.caption, note.tags) for line in text.splitlines()]
    return [*name_texts(image), *detail_texts(detail), *lines, *(each.label for each in labels)]


def detail_texts(detail: DetailRecord | None) -> list[str]:
    """The names in a detail: of the creator, the city and the country."""
    return [] if detail is None else [each for each in (detail.creator, detail.city, detail.country) if each]


def explain_text_match(
    image: ImageRecord,
    notes: Sequence[NoteRecord],
    words: str,
    labels: Sequence[LabelRecord] = (),
    detail: DetailRecord | None = None,
) -> str:
    """Say in a sentence which text of an image contains the words."""
    query = parse_words(words)
    if query.contained_in(tokenize_texts(name_texts(image))):
        return f"its name, camera or date holds: {words}"
    if query.contained_in(tokenize_texts(detail_texts(detail))):
        return f"its creator, city or country holds: {words}"
    for note in notes:
        for line in note.caption.splitlines():
            if query.contained_in(tokenize_texts([line])):
                return f"its caption says: {line}"
        if query.contained_in(tokenize_texts(note.tags.splitlines())):
            return f"its tags are: {', '.join(note.tags.splitlines())}"
    for each in labels:
        if query.contained_in(tokenize_texts([each.label])):
            return f"it is labelled: {each.label} ({label_origin(each)})"
    return f"its name, camera, date, captions, tags and labels together hold: {words}"


def label_origin(label: LabelRecord) -> str:
    """Describe who set a label."""
    if label.state is LabelState.AUTOMATIC:
        return f"by {label.model}, {label.confidence:.0%} sure"
    return f"by {label.model}, confirmed" if label.model else "by hand"


def name_texts(image: ImageRecord) -> list[str]:
    """Path, camera and date; compound words of the path (IMG2012, redBike) also split."""
    name = _printable_path(image)
    compounds = dict.fromkeys(word for word in re.findall(r"[^\W_]+", name) if _COMPOUND.search(word))
    return [name, *(_COMPOUND.sub(" ", word) for word in compounds), image.camera or "", (image.taken or "")[:10]]


def contains_words(text: str, words: str) -> bool:
    """Whether a text is what these words ask for."""
    return parse_words(words).matches(tokenize_texts([text]))


def _printable_path(image: ImageRecord) -> str:
    return os.fsdecode(image.path).encode("utf8", "replace").decode().replace("_", " ")


def _older_text(image: ImageRecord, notes: Sequence[NoteRecord], labels: Sequence[LabelRecord]) -> str:
    """What an index of an older format holds of an image."""
    name = _printable_path(image)
    named = " ".join([name, _OLDER_COMPOUND.sub(" ", name), image.camera or "", (image.taken or "")[:10]])
    return " ".join([named, *(f"{note.caption} {note.tags}" for note in notes), *(each.label for each in labels)])
