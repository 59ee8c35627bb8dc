"""Kills, full disks, two writers, read-only folders: slices in every run, the long versions behind `slow`."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import nearsight as ns
from nearsight.collection.catalogue import NAME, Catalogue
from nearsight.collection.home import writing
from nearsight.errors import LockedError, NearsightError, StorageError
from nearsight.files import LocalFiles

RECIPES = ["gist | flat", "phash"]


@pytest.fixture
def folder(tmp_path, random_picture):
    made = tmp_path / "p"
    made.mkdir()
    for number in range(150):
        random_picture(made / f"{number:04}.jpg", number)
    return made


def results(folder):
    """Ids, paths and distances: what an undisturbed run gives, a disturbed one must give too."""
    with ns.open(folder) as photos:
        assert photos.verify() == []
        known = [(p.path, p.width, p.sha256) for p in photos.pictures()]
        hits = {}
        for number in range(0, len(known), 10):
            found = photos.search(folder / f"{number:04}.jpg", recipe="gist | flat", k=5)
            hits[number] = {hit.path: hit.distance for hit in found}
            assert found[0].path == f"{number:04}.jpg"
        return known, hits


CHILD = """
import sys
import time
import nearsight as ns
import nearsight.collection.ingest as ingest
ingest.BATCH_PICTURES = 8

def done(progress):
    print(progress.step, progress.done, flush=True)
    time.sleep(float(sys.argv[2]))

ns.index(sys.argv[1], recipe=["gist | flat", "phash"], watch=done)
print("end", flush=True)
"""


def killed_run(folder, acknowledged, later=0.0, pause=0.02):
    """Index in a process group of its own and kill it some time after it acknowledged so many pictures.

    Returns how many it acknowledged in all, and whether it ended before it was killed.
    """
    command = [sys.executable, "-c", CHILD, str(folder), str(pause)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, text=True)
    seen = 0
    for line in child.stdout if acknowledged else ():
        seen = max(seen, _acknowledged(line))
        if seen >= acknowledged:
            break
    time.sleep(later)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    rest = child.communicate()[0].split("\n")
    ended = child.returncode == 0
    assert ended or child.returncode == -signal.SIGKILL
    return max([seen, *map(_acknowledged, rest)]), ended


def _acknowledged(line):
    return int(line.split()[1]) if line.startswith("describing") else 0


def index_through_kills(folder, kills):
    """Kill again and again, look after each kill that nothing that was acknowledged is lost; how many kills hit."""
    hit = 0
    for acknowledged, later in kills:
        before = _count(folder)
        got, ended = killed_run(folder, acknowledged, later)
        if ended:
            break
        hit += 1
        assert _count(folder) >= before + got
    ns.index(folder, recipe=RECIPES).close()
    return hit


def _count(folder):
    if not (folder / ".nearsight" / NAME).exists():
        return 0
    try:
        catalogue = Catalogue(folder / ".nearsight", readonly=True)
    except NearsightError:
        return 0
    try:
        return catalogue.count()
    finally:
        catalogue.close()


def test_killed_at_any_moment_the_next_run_ends_as_an_undisturbed_one(folder, tmp_path):
    ns.index(folder, recipe=RECIPES).close()
    undisturbed = results(folder)
    (folder / ".nearsight").rename(tmp_path / "undisturbed")
    rng = np.random.default_rng(11)
    early = [(0, 0.05), (0, 0.2), (0, 0.35)]
    assert index_through_kills(folder, early + [(int(rng.integers(1, 25)), rng.random() * 0.05) for _ in range(5)]) >= 6
    assert results(folder) == undisturbed


@pytest.mark.slow
def test_two_hundred_kills_over_five_thousand_pictures(tmp_path, random_picture):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(5000):
        random_picture(folder / f"{number:04}.jpg", number, side=64)
    rng = np.random.default_rng(12)
    hit = 0
    while hit < 200:
        hit += index_through_kills(folder, [(int(rng.integers(0, 200)), rng.random() * 0.3) for _ in range(40)])
        disturbed = results(folder)
        for file in sorted((folder / ".nearsight").rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
    ns.index(folder, recipe=RECIPES).close()
    assert results(folder) == disturbed


class Failing(LocalFiles):
    """Fails the n-th call of a kind."""

    def __init__(self, call: str, number: int, code: int) -> None:
        self.left = number
        self.code = code
        real = getattr(self, call)

        def failing(*arguments):
            self.left -= 1
            if self.left == 0:
                raise OSError(self.code, os.strerror(self.code))
            return real(*arguments)

        setattr(self, call, failing)

    def __reduce__(self):
        return (LocalFiles, ())


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["full", "failing"])
@pytest.mark.parametrize(
    ("call", "number"), [("_write", 1), ("_write", 3), ("_fsync", 1), ("_fsync", 4), ("_rename", 2)]
)
def test_a_refusing_disk_is_one_line_and_the_old_generation_answers(folder, call, number, code):
    later = folder.parent / "later"
    later.mkdir()
    for each in sorted(folder.iterdir())[60:]:
        each.rename(later / each.name)
    ns.index(folder, recipe=RECIPES).close()
    before = results(folder)
    for each in later.iterdir():
        each.rename(folder / each.name)
    with pytest.raises(StorageError) as caught:
        ns.index(folder, files=Failing(call, number, code))
    assert "\n" not in str(caught.value)
    assert results(folder) == before
    ns.index(folder).close()
    assert len(results(folder)[0]) == 150


class Short(LocalFiles):
    """Writes a thousand bytes at a time."""

    def _write(self, descriptor, view):
        return super()._write(descriptor, view[:1000])

    def __reduce__(self):
        return (LocalFiles, ())


def test_a_short_write_is_completed(folder):
    ns.index(folder, recipe=RECIPES, files=Short()).close()
    assert len(results(folder)[0]) == 150


def test_the_second_writer_hears_at_once_who_the_first_is(folder):
    ns.index(folder, recipe=RECIPES).close()
    with writing(folder / ".nearsight", LocalFiles()):
        start = time.monotonic()
        code = "import sys, nearsight as ns; ns.index(sys.argv[1])"
        done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=60)
        assert "LockedError" in done.stderr
        assert str(os.getpid()) in done.stderr
        with pytest.raises(LockedError):
            ns.index(folder)
        assert time.monotonic() - start < 10
        assert ns.open(folder).search(folder / "0000.jpg", recipe="phash")[0].path == "0000.jpg"
    ns.index(folder).close()


def test_a_killed_writer_leaves_no_lock(folder):
    killed_run(folder, 1)
    ns.index(folder, recipe=RECIPES).close()
    assert len(results(folder)[0]) == 150


def test_every_answer_comes_from_one_generation(folder):
    """Readers search while a writer adds and removes: each answer is of the old state or of the new, whole."""
    ns.index(folder, recipe="gist | flat").close()
    stop, wrong, counted = threading.Event(), [], []

    def read():
        with ns.open(folder) as photos:
            while not stop.is_set():
                hits = photos.search(folder / "0001.jpg", recipe="gist | flat", k=400)
                paths = [hit.path for hit in hits]
                counted.append(len(paths))
                if len(set(paths)) != len(paths) or len(paths) not in (149, 150):
                    wrong.append(len(paths))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    last = folder / "0149.jpg"
    data = last.read_bytes()
    for _ in range(6):
        last.unlink()
        ns.index(folder).close()
        last.write_bytes(data)
        ns.index(folder).close()
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert len(counted) > 5


def test_a_log_that_a_kill_left_is_read_on_read_only_media(folder, tmp_path, monkeypatch):
    home = tmp_path / "home"
    ns.index(folder, recipe="phash", collection=home).close()
    writer = Catalogue(home, readonly=False)
    with writer.transaction():
        writer.put_meta("root", str(folder))
        writer.put_recipe("note", "phash")
    assert (home / (NAME + "-wal")).stat().st_size
    frozen = tmp_path / "frozen"
    frozen.mkdir()
    for name in (NAME, NAME + "-wal"):
        (frozen / name).write_bytes((home / name).read_bytes())
    writer.close()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    reader = Catalogue(frozen, readonly=True)
    assert reader.recipes()["note"] == "phash"
    reader.close()
    assert sorted(path.name for path in frozen.iterdir()) == [NAME, NAME + "-wal"]


def _mounted(arguments: list[str]) -> bool:
    try:
        return subprocess.run(["mount", *arguments], capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _nearsight(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "nearsight", *map(str, arguments)], capture_output=True, text=True, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


def test_a_read_only_folder_is_searched_and_not_written(folder):
    ns.index(folder, recipe=RECIPES).close()
    if not _mounted(["--bind", str(folder), str(folder)]):
        pytest.skip("cannot mount here: needs root")
    try:
        if not _mounted(["-o", "remount,ro,bind", str(folder)]):
            pytest.skip("cannot remount read-only here")
        code, out, _ = _nearsight("search", folder / "0003.jpg", "--in", folder, "--recipe", "phash", "--json")
        assert code == 0
        assert json.loads(out)["hits"][0]["path"] == "0003.jpg"
        assert _nearsight("verify", "--in", folder)[0] == 0
        code, _, err = _nearsight("index", folder)
        assert code == 3
        assert "--collection" in err
        code, _, err = _nearsight("index", folder, "--recipe", "phash", "--collection", folder.parent / "other")
        assert code == 0, err
    finally:
        subprocess.run(["umount", str(folder)], check=False)


def test_a_full_disk_keeps_what_was_committed_and_goes_on_when_there_is_room(folder, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if not _mounted(["-t", "tmpfs", "-o", "size=900k", "tmpfs", str(small)]):
        pytest.skip("cannot mount here: needs root")
    home = small / "home"
    try:
        code, _, err = _nearsight("index", folder, "--recipe", "gist | flat", "--collection", home)
        assert code == 3, err
        assert len(err.strip().split("\n")) == 1
        assert _mounted(["-o", "remount,size=64m", str(small)])
        code, out, err = _nearsight("index", folder, "--recipe", "gist | flat", "--collection", home, "--json")
        assert code == 0, err
        assert json.loads(out)["images"] == 150
        assert _nearsight("verify", "--collection", home)[0] == 0
    finally:
        subprocess.run(["umount", str(small)], check=False)


def test_no_process_outlives_a_killed_run(folder, monkeypatch):
    monkeypatch.setenv("NEARSIGHT_TEST_RUN", str(folder))
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder), "0.1"], stdout=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while len(_marked(str(folder))) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert child.poll() is None
    child.kill()
    child.communicate()
    deadline = time.monotonic() + 10
    while _marked(str(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _marked(str(folder))


def _marked(mark: str) -> list[str]:
    """The processes that were started with this mark in their environment, this one excepted."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with suppress(OSError):
                if f"NEARSIGHT_TEST_RUN={mark}".encode() in (process / "environ").read_bytes():
                    found.append(process.name)
    return found
