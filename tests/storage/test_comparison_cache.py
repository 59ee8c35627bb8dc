"""The cache of comparisons: what it does not know surely is computed again."""

from __future__ import annotations

import sqlite3

import pytest

from nearsight.storage.comparison_cache import CACHE_FILE, ComparisonCache

PAIR = b"a" * 32, b"b" * 32


@pytest.fixture
def kept(tmp_path):
    cache = ComparisonCache(tmp_path, "verify 1")
    cache.put([(PAIR, "copy")])
    cache.close()
    return tmp_path


def test_it_is_there_after_reopening_and_has_a_direction(kept):
    cache = ComparisonCache(kept, "verify 1")
    assert list(cache.find([PAIR, PAIR[::-1]])) == [(PAIR, "copy")]
    cache.put([(PAIR, "part")])
    assert dict(cache.find([PAIR])) == {PAIR: "part"}


def test_what_another_method_found_is_not_known(kept):
    assert not list(ComparisonCache(kept, "verify 2").find([PAIR]))


def test_a_changed_record_is_not_known(kept):
    db = sqlite3.connect(kept / CACHE_FILE)
    with db:
        db.execute("UPDATE comparison SET found='identical file'")
    db.close()
    assert not list(ComparisonCache(kept, "verify 1").find([PAIR]))


def test_a_damaged_file_is_begun_anew(kept):
    (kept / CACHE_FILE).write_bytes(b"no database " * 500)
    cache = ComparisonCache(kept, "verify 1")
    assert not list(cache.find([PAIR]))
    cache.put([(PAIR, "copy")])
    assert dict(cache.find([PAIR])) == {PAIR: "copy"}


def test_in_a_folder_that_cannot_be_written_it_lasts_as_long_as_it_is_open(kept, monkeypatch):
    monkeypatch.setattr("nearsight.storage.comparison_cache.os.access", lambda path, mode: False)
    before = (kept / CACHE_FILE).read_bytes()
    cache = ComparisonCache(kept, "verify 1")
    cache.put([(PAIR, "copy")])
    assert dict(cache.find([PAIR])) == {PAIR: "copy"}
    assert (kept / CACHE_FILE).read_bytes() == before
