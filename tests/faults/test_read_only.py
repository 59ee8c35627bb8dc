"""Bar 9: what cannot be written is searched; what a newer release wrote is refused, and left as it was."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from contextlib import contextmanager

import pytest

import nearsight as ns
from nearsight.api.indexing import repair
from nearsight.errors import FormatError
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.database import CATALOGUE_FILE
from tests.faults.acts import RECIPES
from tests.faults.harm import LOCKS
from tests.faults.test_refusals import nearsight


@pytest.fixture
def indexed(forks, many):
    folder = many(30)
    forks.run("index", folder, folder / ".nearsight", list(RECIPES), 8).result  # noqa: B018
    return folder


@contextmanager
def read_only(folder):
    """The folder as a read-only medium; skips without root."""

    def mount(*options):
        return subprocess.run(["mount", *options], capture_output=True, timeout=20).returncode == 0

    if not shutil.which("mount") or not mount("--bind", folder, folder):
        pytest.skip("cannot mount here: needs root")
    try:
        if not mount("-o", "remount,ro,bind", folder):
            pytest.skip("cannot remount read-only here")
        yield
    finally:
        subprocess.run(["umount", folder], check=False)


def contents(home):
    """Every file but the lock's and SQLite's scratch file, with its bytes and its time; an empty log is none."""
    files = [path for path in home.rglob("*") if path.is_file() and path.name not in {*LOCKS, f"{CATALOGUE_FILE}-shm"}]
    files = [path for path in files if path.name != f"{CATALOGUE_FILE}-wal" or path.stat().st_size]
    return {path.relative_to(home): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_read_only_folder_is_searched_and_not_written(indexed, tmp_path, figures):
    before = contents(indexed / ".nearsight")
    with read_only(indexed):
        ask = ("search", indexed / "0003.jpg", "--in", indexed, "--recipe", RECIPES[0], "--json")
        code, out, _ = nearsight(*ask)
        assert (code, json.loads(out)["hits"][0]["path"]) == (0, "0003.jpg")
        assert nearsight("verify", "--in", indexed)[:2] == (0, "clean\n")
        for refused in (("index", indexed), ("remove", "0001.jpg", "--in", indexed)):
            code, _, said = nearsight(*refused)
            assert code == 3
            assert len(said.strip().split("\n")) == 1
            assert "--collection" in said
        elsewhere = ("index", indexed, "--recipe", RECIPES[0], "--collection", tmp_path / "other")
        assert nearsight(*elsewhere)[0] == 0
    assert contents(indexed / ".nearsight") == before
    figures("read-only folder", writes_refused=2, searches=1)


def test_a_log_that_a_kill_left_is_read_on_a_read_only_medium(indexed, tmp_path):
    """A copy taken while a writer is at work has a log that SQLite cannot take in where nothing can be written."""
    frozen = tmp_path / "frozen"
    writer = CatalogueWriter(indexed / ".nearsight")
    with writer.transaction():
        writer.put_recipe("note", "phash")
    assert (indexed / ".nearsight" / (CATALOGUE_FILE + "-wal")).stat().st_size
    shutil.copytree(indexed, frozen)
    writer.close()
    (frozen / ".nearsight" / (CATALOGUE_FILE + "-shm")).unlink()
    with read_only(frozen):
        found = json.loads(nearsight("info", "--in", frozen, "--json")[1])
        assert (found["recipes"]["note"], found["images"]) == ("phash", 30)


def test_a_newer_format_is_refused_and_left_as_it_was(indexed, figures):
    home = indexed / ".nearsight"
    with sqlite3.connect(home / CATALOGUE_FILE) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    before = contents(home)
    acts = {
        "search": lambda: ns.open(indexed),
        "index": lambda: ns.index(indexed),
        "repair": lambda: repair(indexed),
        "elsewhere": lambda: ns.open(collection=home),
    }
    for name, act in acts.items():
        with pytest.raises(FormatError, match=r"format 99.*update nearsight"):
            act()
        assert contents(home) == before, name
    code, _, said = nearsight("index", indexed)
    assert (code, len(said.strip().split("\n"))) == (3, 1)
    assert contents(home) == before
    figures("newer format", refused=5, bytes_changed=0)
