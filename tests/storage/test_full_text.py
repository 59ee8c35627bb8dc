"""The full-text index: ranking, limits, damage, older formats, and what is said where nothing is found."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing

import pytest

import nearsight as ns
from nearsight.errors import DamagedError
from nearsight.files import LocalFileSystem
from nearsight.storage import full_text
from nearsight.storage.block_checksums import is_file_as_noted
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_checksums import checkpoint_catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.database import CATALOGUE_FILE
from nearsight.storage.filters import parse_filter
from nearsight.storage.full_text import FullTextIndex
from nearsight.storage.records import ImageRecord, NoteRecord
from nearsight.words.tokens import tokenize_texts
from tests.command import nearsight
from tests.storage.older_formats import downgrade

CAPTIONS = [
    "dog",
    "dog cat",
    "dog cat dog bird",
    "bird " * 9 + "dog",
    "Straße in Łódź",
    "東京都庁",
    "고양이가",
    "d'été dog-house",
]


def record(number, path=b"", width=4):
    return ImageRecord(number, path or b"p" * number, 1, 2, 3, b"h" * 32, width, 5, "PNG", None, None, None, None)


@pytest.fixture
def catalogue(tmp_path):
    made = CatalogueWriter(tmp_path)
    with made.transaction():
        for number, caption in enumerate(CAPTIONS, 1):
            image = record(number)
            made.put_image(image)
            made.put_notes(image.path, [NoteRecord(image.path, image.path, caption, "")])
    yield made
    made.close()


def bm25(tokens, prefixes):
    """The formula of SQLite's documentation, with its floor of the weight of a word, over lists of tokens."""
    lengths = [len(each) for each in tokens]
    mean, scores = sum(lengths) / len(lengths), []
    for each in tokens:
        score = 0.0
        for prefix in prefixes:
            holding = sum(any(token.startswith(prefix) for token in other) for other in tokens)
            weight = max(1e-6, math.log((len(tokens) - holding + 0.5) / (holding + 0.5)))
            count = sum(token.startswith(prefix) for token in each)
            score += weight * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * len(each) / mean))
        scores.append(score)
    return scores


def test_hits_are_ranked_by_bm25(catalogue):
    texts = [tokenize_texts(["p" * number, caption]) for number, caption in enumerate(CAPTIONS, 1)]
    for words in ("bird", "cat", "dog", "cat bird", "bird dog"):
        asked = words.split()
        scores = bm25(texts, asked)
        holding = [all(any(token.startswith(word) for token in text) for word in asked) for text in texts]
        wanted = {n: score for n, score in enumerate(scores, 1) if holding[n - 1]}
        found = FullTextIndex(catalogue).search(words, -1)
        assert dict(found) == pytest.approx(wanted, rel=1e-9)
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


def test_the_number_of_hits_and_the_ids_among_which_they_are(catalogue):
    index = FullTextIndex(catalogue)
    everything = index.search("dog", -1)
    assert index.search("dog", 2) == everything[:2]
    assert index.search("dog", 2, among={3, 4, 6}) == [pair for pair in everything if pair[0] in (3, 4)]
    assert index.search("dog", 1, among=set()) == []
    assert index.matching_ids("dog").tolist() == sorted(image_id for image_id, _ in everything) == [1, 2, 3, 4, 8]


def test_words_of_nearly_all_images_are_listed_without_weights(catalogue, monkeypatch):
    monkeypatch.setattr(full_text, "COMMON_COUNT", 3)
    index = FullTextIndex(catalogue)
    assert index.search("dog", 3) == [(1, 1e-6), (2, 1e-6), (3, 1e-6)]
    assert index.search("dog", 3, among=[8, 3]) == [(3, 1e-6), (8, 1e-6)]
    assert index.search("dog OR cat", 1) != [(1, 1e-6)]
    assert index.search("cat", 1)[0][1] > 1e-6


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE words_content SET c0 = 'other' WHERE id = 2",
        "UPDATE words_docsize SET sz = x'09' WHERE id = 2",
        "UPDATE words_data SET block = x'00' || substr(block, 2) WHERE id = (SELECT max(id) FROM words_data)",
        "DELETE FROM words_idx",
        "DELETE FROM words_docsize WHERE id = 3",
    ],
)
def test_damage_of_each_table_is_found(catalogue, change):
    before = catalogue.db.total_changes
    catalogue.db.execute(change)
    assert catalogue.db.total_changes > before
    with pytest.raises(DamagedError, match="repair"):
        FullTextIndex(catalogue).search("cat", -1)


def test_a_text_of_another_image_is_found_by_verification(catalogue):
    assert FullTextIndex(catalogue).count_mismatches() == 0
    with catalogue.transaction():
        catalogue.db.execute("INSERT OR REPLACE INTO words(rowid, tokens) VALUES(2, 'wrong')")
    assert FullTextIndex(catalogue).count_mismatches() == 1
    with pytest.raises(DamagedError):
        FullTextIndex(catalogue).search("wrong", -1)


@pytest.mark.parametrize("version", [2, 4, 7])
def test_words_of_an_older_format_are_read_as_they_were_cut(tmp_path, catalogue, version):
    catalogue.close()
    downgrade(tmp_path, version)
    with closing(Catalogue(tmp_path)) as older:
        index = FullTextIndex(older)
        index.check()
        if version >= 3:
            assert index.count_mismatches() == 0
            for words, wanted in (
                ("DOG cat", [2, 3]),
                ('"cat dog"', [3]),
                ("bird OR straße", [3, 4, 5]),
                ("dog -cat", [1, 4, 8]),
            ):
                assert sorted(image_id for image_id, _ in index.search(words, -1)) == wanted
                assert index.matching_ids(words).tolist() == wanted
            assert [image_id for image_id, _ in index.search("d'ete", -1)] == [8]
    with closing(CatalogueWriter(tmp_path)) as newer:
        assert newer.migrated_from == version
        index = FullTextIndex(newer)
        assert index.count_mismatches() == 0
        if version >= 3:
            for words, wanted in (("lodz", 5), ("京都", 6), ("고양이", 7), ("doghouse", 8)):
                assert [image_id for image_id, _ in index.search(words, -1)] == [wanted]


def test_filters_compare_the_whole_file_instead_of_each_row(tmp_path, catalogue, monkeypatch):
    files = LocalFileSystem()
    assert not is_file_as_noted(tmp_path, catalogue.generation(), files)
    checkpoint_catalogue(tmp_path, catalogue, files)
    assert is_file_as_noted(tmp_path, catalogue.generation(), files)
    assert not is_file_as_noted(tmp_path, catalogue.generation() + 1, files)
    compared = []
    monkeypatch.setattr(Catalogue, "_verify_records", lambda self: compared.append(self))
    with closing(Catalogue(tmp_path)) as reader:
        for _ in range(2):
            assert reader.filter_ids(parse_filter("width = 4")) == list(range(1, 9))
        assert compared == []
        with catalogue.transaction():
            catalogue.put_image(record(9, width=4000))
        assert reader.filter_ids(parse_filter("width > 4")) == [9]
        assert reader.filter_ids(parse_filter("width = 4")) == list(range(1, 9))
        assert compared == [reader]


def test_a_changed_byte_anywhere_makes_the_rows_be_compared(tmp_path, catalogue):
    checkpoint_catalogue(tmp_path, catalogue, LocalFileSystem())
    generation = catalogue.generation()
    catalogue.close()
    sound = (tmp_path / CATALOGUE_FILE).read_bytes()
    for at in range(100, len(sound), 4001):
        harmed = bytearray(sound)
        harmed[at] ^= 4
        (tmp_path / CATALOGUE_FILE).write_bytes(harmed)
        assert not is_file_as_noted(tmp_path, generation, LocalFileSystem())


def test_a_damaged_row_is_found_by_a_filter_after_a_checkpoint(tmp_path, catalogue):
    checkpoint_catalogue(tmp_path, catalogue, LocalFileSystem())
    catalogue.close()
    with closing(sqlite3.connect(tmp_path / CATALOGUE_FILE)) as db:
        db.execute("UPDATE note SET caption = 'nothing' WHERE caption = 'dog'")
        db.commit()
    with closing(Catalogue(tmp_path)) as reader, pytest.raises(DamagedError):
        reader.filter_ids(parse_filter("caption = dog"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"words": "nowhere"}, 'no image holds the words "nowhere"'),
        ({"where": "width > 99999"}, "no image passes the filter: width > 99999"),
        ({"words": "china", "where": "width > 99999"}, "no image passes the filter: width > 99999"),
        (
            {"words": "china", "where": "format = PNG"},
            '1 image holds the words "china", but none of them passes the filter: format = PNG',
        ),
    ],
)
def test_an_empty_answer_says_what_was_empty(photographs, asked, said):
    with ns.index(photographs, recipe="phash") as photos:
        for image in (None, photographs / "coffee.png"):
            results = photos.search(image, recipe="phash" if image else (), **asked)
            assert (results.hits, results.verdict, results.empty_because) == ((), "no image matches", said)
        assert photos.search(words="china").empty_because == ""
    options = [part for name, value in asked.items() for part in (f"--{name}", value)]
    done = nearsight("search", "--in", photographs, *options)
    assert (done.returncode, done.stdout.split("; ")[0]) == (1, said)
    assert json.loads(nearsight("search", "--in", photographs, *options, "--json").stdout)["empty_because"] == said
