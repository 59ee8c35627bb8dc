"""The checksums of the catalogue's file: each flipped bit is noticed, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.api.indexing import repair
from nearsight.files import LocalFileSystem
from nearsight.storage import database
from nearsight.storage.catalogue_checksums import CHECKSUMS_FILE, find_catalogue_damage
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.database import CATALOGUE_FILE


@pytest.fixture
def home(photographs):
    ns.index(photographs, recipe="phash").close()
    return photographs / ".nearsight"


def problems(home):
    with ns.open(collection=home) as photos:
        return photos.verify()


def flipped(path, at, bit=0):
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def unused(home):
    """Where the largest run of zeros in the file begins, which is space that no row lies in."""
    data = np.frombuffer((home / CATALOGUE_FILE).read_bytes(), np.uint8)
    edges = np.flatnonzero(np.diff(np.concatenate([[1], data != 0, [1]])))
    start = int(edges[:-1][np.argmax(np.diff(edges))])
    assert not data[start : start + 500].any()
    return start


def test_every_bit_of_unused_space_is_noticed(home):
    assert not problems(home)
    start = unused(home)
    for at in range(start, start + 500, 50):
        flipped(home / CATALOGUE_FILE, at, at % 8)
        assert [each.where for each in problems(home)] == [CATALOGUE_FILE]
        flipped(home / CATALOGUE_FILE, at, at % 8)
    assert not problems(home)


def test_each_run_that_writes_renews_the_note(home, photographs):
    for number in range(2):
        Image.effect_noise((80, 60), 40 + number).convert("RGB").save(photographs / f"new{number}.png")
        ns.index(photographs, recipe="phash").close()
        assert not problems(home)
        at = unused(home)
        flipped(home / CATALOGUE_FILE, at)
        with ns.open(collection=home) as photos:
            (problem,) = find_catalogue_damage(home, photos._catalogue, LocalFileSystem())
        assert "does not agree with its checksum" in problem.what
        flipped(home / CATALOGUE_FILE, at)


def test_every_byte_of_the_note_is_noticed(home):
    for at in range((home / CHECKSUMS_FILE).stat().st_size):
        flipped(home / CHECKSUMS_FILE, at)
        assert [each.where for each in problems(home)] == [CHECKSUMS_FILE]
        flipped(home / CHECKSUMS_FILE, at)
    assert not problems(home)


def test_a_longer_file_is_noticed(home):
    (home / CATALOGUE_FILE).write_bytes((home / CATALOGUE_FILE).read_bytes() + bytes(4096))
    assert [each.where for each in problems(home)] == [CATALOGUE_FILE]


def test_repair_writes_the_file_anew(home):
    data = (home / CATALOGUE_FILE).read_bytes()
    flipped(home / CATALOGUE_FILE, data.rindex(bytes(64)))
    dropped, summary = repair(collection=home)
    assert dropped[0].where == CATALOGUE_FILE
    assert (summary.unchanged, summary.added, summary.completed) == (13, 0, 0)
    assert not problems(home)


def test_a_kill_leaves_no_false_alarm(home):
    """A writer that commits and folds its log, but ends before it notes anything."""
    writer = CatalogueWriter(home)
    with writer.transaction():
        writer.put_meta("key", "value")
    writer.close()
    assert not problems(home)
    flipped(home / CATALOGUE_FILE, (home / CATALOGUE_FILE).read_bytes().rindex(bytes(64)))
    assert not problems(home)
    ns.index(home.parent).close()
    assert not problems(home)


def test_a_reader_that_keeps_the_log_is_no_problem(home, photographs, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.3)
    with ns.open(collection=home) as photos:
        with photos._catalogue.read_transaction():
            assert photos._catalogue.count_images() == 13
            ns.open(collection=home).remove([sorted(path.name for path in photographs.glob("*.jpg"))[0]])
            assert not list(find_catalogue_damage(home, photos._catalogue, LocalFileSystem()))
        assert not photos.verify()
    ns.index(photographs).close()
    before = (home / CHECKSUMS_FILE).read_bytes()
    ns.index(photographs).close()
    assert (home / CHECKSUMS_FILE).read_bytes() == before
    assert not problems(home)
