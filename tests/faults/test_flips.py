"""Bar 6: a flipped bit anywhere is detected or changes nothing; never a signal, never a wrong answer."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from tests.faults.harm import tally, victim


def flip(harmed, name, at, bit):
    """The verdict over the collection with one bit flipped."""
    data = bytearray(harmed.sound[name])
    data[at] ^= 1 << bit
    (harmed.home / name).write_bytes(data)
    verdict = harmed.judged((name, at, bit))
    harmed.restore([name])
    return verdict


def positions(harmed, count, rng):
    """So many random bits, evenly over the kinds of files: catalogue, segments, caches of indexes."""
    kinds = list(harmed.kinds().values())
    for number in range(count):
        names = kinds[number % len(kinds)]
        sizes = np.array([len(harmed.sound[name]) for name in names])
        at = int(rng.integers(sizes.sum()))
        which = int(np.searchsorted(np.cumsum(sizes), at, side="right"))
        yield names[which], at - int(sizes[:which].sum()), int(rng.integers(8))


def segment_list(harmed):
    """Where the rows of the table `segment` lie in the catalogue's file: the pages that SQLite says are its own."""
    path = harmed.home / "catalogue.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as db:
        size = db.execute("PRAGMA page_size").fetchone()[0]
        root = db.execute("SELECT rootpage FROM sqlite_schema WHERE name='segment'").fetchone()[0]
        rows = db.execute("SELECT id, key, checksums FROM segment").fetchall()
    db.close()
    start, data = (root - 1) * size, harmed.sound["catalogue.sqlite"]
    page = data[start : start + size]
    assert page[0] == 13, "the list of segments has outgrown its page: follow its tree here"
    first = int.from_bytes(page[5:7]) or 65536
    assert all(page.find(key.encode()) >= first and page.find(sums) >= first for _, key, sums in rows)
    return [*range(start, start + 8 + 2 * len(rows)), *range(start + first, start + size)]


def words_pages(harmed):
    """The last bytes, which are those of its first rows, of the pages of SQLite's full-text index."""
    with sqlite3.connect(f"file:{harmed.home / 'catalogue.sqlite'}?mode=ro&immutable=1", uri=True) as db:
        size = db.execute("PRAGMA page_size").fetchone()[0]
        roots = db.execute("SELECT rootpage FROM sqlite_schema WHERE name GLOB 'words_*' AND rootpage").fetchall()
    db.close()
    return [root * size - 1 for (root,) in roots]


def test_bits_of_the_words(harmed):
    places = words_pages(harmed)
    assert places
    for at in places:
        flip(harmed, "catalogue.sqlite", at, 1)


def test_bits_anywhere(harmed):
    rng = np.random.default_rng(6)
    verdicts = [flip(harmed, *place) for place in positions(harmed, 60, rng)]
    assert verdicts.count("detected") > 25


def test_bits_of_the_segment_list(harmed):
    rng = np.random.default_rng(7)
    verdicts = [flip(harmed, "catalogue.sqlite", at, int(rng.integers(8))) for at in segment_list(harmed)[::40]]
    assert verdicts.count("detected") > 0.9 * len(verdicts)


@pytest.mark.slow
def test_every_byte_of_the_segment_list(harmed, figures):
    rng = np.random.default_rng(66)
    verdicts = [flip(harmed, "catalogue.sqlite", at, int(rng.integers(8))) for at in segment_list(harmed)]
    figures("flips in the segment list", flips=len(verdicts), **tally(verdicts), wrong=0)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_ten_thousand_bits(forks, many, tmp_path, part, figures):
    harmed = victim(forks, many, tmp_path, 120)
    rng = np.random.default_rng(600 + part)
    verdicts = [flip(harmed, *place) for place in positions(harmed, 2500, rng)]
    kinds = len(harmed.kinds())
    figures("flips anywhere", flips=len(verdicts), kinds_of_files=kinds, **tally(verdicts), wrong=0)
