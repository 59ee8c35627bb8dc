"""Each layer of checksums catches a flipped bit that no other layer catches.

Without it an answer is wrong, or, between the rows of the catalogue, nothing notices.
"""

from __future__ import annotations

import re
import sqlite3

import pytest

import nearsight as ns
from nearsight.errors import DamagedError
from tests.faults.harm import RECIPES, WORDS

CATALOGUE = "catalogue.sqlite"


def page(harmed, table):
    """Where the first page of a table or an index begins, and where its cells begin."""
    with sqlite3.connect(f"file:{harmed.home / CATALOGUE}?mode=ro&immutable=1", uri=True) as db:
        size = db.execute("PRAGMA page_size").fetchone()[0]
        root = db.execute("SELECT rootpage FROM sqlite_schema WHERE name=?", (table,)).fetchone()[0]
    db.close()
    start = (root - 1) * size
    return start, start + int.from_bytes(harmed.sound[CATALOGUE][start + 5 : start + 7]), start + size


def fewer(harmed, table):
    """A bit of the number of cells of a table's page: without it the last rows are gone."""
    start, _, _ = page(harmed, table)
    count = int.from_bytes(harmed.sound[CATALOGUE][start + 3 : start + 5])
    return CATALOGUE, start + 4, (count & -count).bit_length() - 1


def path_of_an_image(harmed):
    """In its row: the format of the image comes behind it there."""
    row = re.search(rb"0001\.jpg.{0,120}?JPEG", harmed.sound[CATALOGUE], re.DOTALL)
    return CATALOGUE, row.start() + 3, 1


def between_rows(harmed):
    """Space that no row uses."""
    _, cells, _ = page(harmed, "recipe")
    return CATALOGUE, cells - 16, 0


def word(harmed):
    """In the full-text index, the last digit of the word that is asked for."""
    _, cells, stop = page(harmed, "words_data")
    return CATALOGUE, harmed.sound[CATALOGUE].index(b"\x0200\x01\x02\x05", cells, stop) + 2, 0


def row_of_a_segment(harmed):
    names = [name for name in harmed.sound if name.startswith("segments/")]
    name = max(names, key=lambda each: len(harmed.sound[each]))
    return name, len(harmed.sound[name]) // 2, 6


def flip(harmed, name, at, bit):
    data = bytearray(harmed.sound[name])
    data[at] ^= 1 << bit
    (harmed.home / name).write_bytes(data)


def verdict(harmed, *act):
    ending = harmed.forks.run(*act, harmed.home, harmed.queries, WORDS, RECIPES, harmed.known, seconds=60)
    return ending.result[0]


@pytest.mark.parametrize(
    ("layer", "place", "without"),
    [
        ("rows", path_of_an_image, "wrong"),
        ("lists", lambda harmed: fewer(harmed, "segment"), "wrong"),
        ("words", word, "wrong"),
        ("blocks", row_of_a_segment, "wrong"),
        ("file", between_rows, "without effect"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bit_that_only_one_layer_catches(harmed, layer, place, without):
    flip(harmed, *place(harmed))
    assert verdict(harmed, "judge") == "detected"
    assert verdict(harmed, "judge_without", layer) == without


def test_images_that_are_gone_from_a_page_are_missed(harmed):
    """Neither their number nor what a filter leaves is taken from the page."""
    flip(harmed, *fewer(harmed, "sqlite_autoindex_image_1"))
    assert verdict(harmed, "judge") == "detected"
    with ns.open(collection=harmed.home) as photos, pytest.raises(DamagedError, match="list of images"):
        photos.search(where="width > 0")
