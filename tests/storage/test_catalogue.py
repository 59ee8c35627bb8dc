from __future__ import annotations

import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from nearsight.errors import DamagedError, FormatError, NearsightError, Reason
from nearsight.storage.array_file import SegmentEntry
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.database import CATALOGUE_FILE, FORMAT_VERSION
from nearsight.storage.records import ImageRecord, LabelState, SkipRecord

IMAGE = ImageRecord(1, b"a/\xff\n.jpg", 10, 20, 30, b"s" * 32, 640, 480, "JPEG", "2012-01-02T03:04:05", "X", 1.5, None)


@pytest.fixture
def filled(tmp_path):
    catalogue = CatalogueWriter(tmp_path)
    with catalogue.transaction():
        catalogue.put_image(IMAGE)
        catalogue.put_skip(SkipRecord(b"b", 1, 2, Reason.TIMEOUT, "slow"))
        catalogue.put_segment(SegmentEntry(1, "key", 1, 100, b"abcd"))
        catalogue.put_recipe("copy", "gist")
        catalogue.put_deleted_ids([7])
    yield catalogue
    catalogue.close()


def test_what_was_put_is_read(filled):
    assert filled.image(1) == IMAGE
    assert filled.image_at(IMAGE.path) == IMAGE
    assert filled.image_at(b"nothing") is None
    assert list(filled.skips()) == [SkipRecord(b"b", 1, 2, Reason.TIMEOUT, "slow")]
    assert filled.segments() == [SegmentEntry(1, "key", 1, 100, b"abcd")]
    assert filled.recipes() == {"copy": "gist"}
    assert filled.deleted_ids() == [7]
    assert filled.skip_counts() == {"timeout": 1}
    assert filled.next_ids() == (2, 2)


def test_stored_keys_never_change(filled):
    keys = {row[0] for row in filled.query("SELECT key FROM meta")}
    assert keys == {"segments", "deleted", "images", "words", "generation"}


def test_a_failed_transaction_leaves_nothing(filled):
    before = filled.generation()

    def fail():
        with filled.transaction():
            filled.drop_image(1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert filled.image(1) == IMAGE
    assert filled.generation() == before


@pytest.mark.parametrize("state", [LabelState.CONFIRMED, LabelState.DROPPED])
def test_a_moved_image_leaves_what_a_person_said_at_its_new_path(filled, state):
    moved = replace(IMAGE, path=b"new.jpg")
    with filled.transaction():
        filled.put_label(moved, "dog", state)
        filled.put_labels(IMAGE, "model", [("dog", 0.4), ("cat", 0.3)])
        filled.put_label(IMAGE, "tree", LabelState.CONFIRMED)
        filled.move_image(moved)
    assert filled.labels(IMAGE.path, include_dropped=True) == []
    found = {each.label: (each.state, each.model) for each in filled.labels(b"new.jpg", include_dropped=True)}
    by_model, by_hand = (LabelState.AUTOMATIC, "model"), (LabelState.CONFIRMED, "")
    assert found == {"dog": (state, ""), "cat": by_model, "tree": by_hand}


def test_ids_are_never_used_twice(filled):
    with filled.transaction():
        filled.drop_image(1)
        filled.drop_segment(1)
    assert filled.next_ids() == (2, 2)
    assert filled.deleted_ids() == [1, 7]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE image SET width=641",
        "UPDATE image SET path=x'61'",
        "UPDATE image SET taken=NULL",
        "UPDATE image SET latitude=1.25",
    ],
)
def test_a_changed_row_is_found_when_it_is_read(filled, change):
    filled.db.execute(change)
    with pytest.raises(DamagedError, match="repair"):
        list(filled.images())


@pytest.mark.parametrize(
    "change", ["DELETE FROM segment", "UPDATE segment SET length=99", "INSERT INTO segment VALUES(9,'k',1,1,x'',0)"]
)
def test_a_changed_list_of_segments_is_found(filled, change):
    filled.db.execute(change)
    with pytest.raises(DamagedError):
        filled.segments()


@pytest.mark.parametrize(
    "change", ["DELETE FROM deleted", "UPDATE deleted SET id=8", "INSERT INTO deleted VALUES(9,0)"]
)
def test_a_changed_list_of_deleted_ids_is_found(filled, change):
    filled.db.execute(change)
    with pytest.raises(DamagedError):
        filled.deleted_ids()


def test_a_newer_format_is_refused_and_left_alone(tmp_path, filled):
    filled.db.execute(f"PRAGMA user_version={FORMAT_VERSION + 1}")
    filled.close()
    before = (tmp_path / CATALOGUE_FILE).read_bytes()
    for kind in (Catalogue, CatalogueWriter):
        with pytest.raises(FormatError, match="update nearsight"):
            kind(tmp_path)
    assert (tmp_path / CATALOGUE_FILE).read_bytes() == before


def test_another_database_is_refused_and_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / CATALOGUE_FILE) as db:
        db.execute("CREATE TABLE t(x)")
    db.close()
    before = (tmp_path / CATALOGUE_FILE).read_bytes()
    with pytest.raises(FormatError, match="not a catalogue"):
        CatalogueWriter(tmp_path)
    assert (tmp_path / CATALOGUE_FILE).read_bytes() == before


def test_flipped_bits_never_answer_wrong(tmp_path, filled):
    """Whatever bit flips in the file: the old answers, or an error of ours; never other values, never a crash."""
    with filled.transaction():
        for number in range(2, 300):
            path = f"holiday{number}".encode()
            filled.put_image(ImageRecord(number, path, 1, 2, 3, b"h" * 32, 4, 5, "PNG", None, None, None, None))
    right = list(filled.images()), filled.segments(), filled.deleted_ids(), filled.recipes()
    known = set(right[0])
    filled.close()
    sound = (tmp_path / CATALOGUE_FILE).read_bytes()
    rng = np.random.default_rng(5)
    wrong = found = 0
    for at in rng.integers(0, len(sound), 500).tolist():
        broken = bytearray(sound)
        broken[at] ^= 1 << int(rng.integers(8))
        (tmp_path / CATALOGUE_FILE).write_bytes(broken)
        try:
            catalogue = Catalogue(tmp_path)
            try:
                answer = list(catalogue.images()), catalogue.segments(), catalogue.deleted_ids(), catalogue.recipes()
            finally:
                catalogue.close()
            wrong += not known.issuperset(answer[0]) or answer[1:] != right[1:]
        except NearsightError:
            found += 1
    assert wrong == 0
    assert found > 50
