"""Bars 4 and 5: a disk that refuses is one line and exit code 3, and the old generation answers."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import by_default
from tests.faults import tracing
from tests.faults.acts import RECIPES
from tests.faults.conftest import maker
from tests.faults.forks import copied

CODES = {"_open": "EIO ENOSPC EINTR", "_read": "EIO EINTR", "_write": "EIO ENOSPC EINTR short"}
CODES |= {"_fsync": "EIO ENOSPC EINTR", "_rename": "EIO ENOSPC EINTR"}
KINDS = [(call, code) for call, codes in CODES.items() for code in codes.split()]
USUAL = [("_open", "EIO"), ("_open", "EINTR"), ("_read", "EIO"), ("_write", "ENOSPC"), ("_write", "short")]
USUAL += [("_write", "EINTR"), ("_fsync", "EIO"), ("_rename", "ENOSPC")]
"""Each call once, and each answer."""
GONE = [f"{number:04}.jpg" for number in range(0, 20, 2)]


@pytest.fixture(scope="module")
def stage(forks, tmp_path_factory, random_image):
    """A folder with more images than its collection knows, the collection, and what it says of itself.

    Every test changes a copy.
    """
    place = tmp_path_factory.mktemp("refusals")
    many = maker(place, random_image)
    folder, home = many(20), place / "before"
    forks.run("index", folder, home, list(RECIPES), 3).result  # noqa: B018
    many(12, start=20)
    work = place / "work"
    return folder, home, work, forks.run("inspect", home).result


def told_well(ending, told):
    """Our own error, one line, exit code 3."""
    kind, message, kinds = ending.error
    assert "CollectionError" in kinds, (told, kind, message)
    assert ending.code == 1
    assert ending.lines[-1]["code"] == 3, told
    assert message, told
    assert "\n" not in message, told


def refused(forks, stage, ending, told):
    """After a refusal: one line of reason, nothing of what was committed is lost, and all that is there is whole."""
    _, _, work, before = stage
    told_well(ending, told)
    after = forks.run("inspect", work).result
    assert after["problems"] == [], told
    removed = set(GONE) if "remove" in told else set()
    kept = {name: ident for name, ident in before["images"].items() if name not in removed}
    assert kept.items() <= after["images"].items(), told
    assert removed <= after["images"].keys() or not removed & after["images"].keys(), told
    assert all(after["rows"][name] == before["rows"][name] for name in kept), told


def each_call(forks, stage, call, code, every):
    """Make every n-th call of a kind fail, until a run passes undisturbed; how many were made to fail."""
    folder, home, work, _ = stage
    number = 0
    for number in range(1, 10_000, every):
        copied(home, work)
        given = (folder, work, list(RECIPES), 3, call, number, getattr(errno, code, code))
        ending = forks.run("failing_index", *given)
        if ending.code == 0:
            whole(forks, work, (call, code, number))
            if ending.last("count") < number:
                break
            assert code in ("short", "EINTR"), (call, code, number)
            continue
        refused(forks, stage, ending, (call, code, number))
        if number % 10 == 1:
            assert forks.run("index", folder, work, [], 3).code == 0
            whole(forks, work, (call, code, number))
    return number // every


def whole(forks, work, told):
    found = forks.run("inspect", work).result
    assert (found["problems"], len(found["images"])) == ([], 32), told


@pytest.mark.parametrize(("call", "code"), by_default(USUAL, *(kind for kind in KINDS if kind not in USUAL)))
def test_a_refusing_disk(forks, stage, call, code):
    each_call(forks, stage, call, code, 11)


@pytest.mark.slow
@pytest.mark.parametrize(("call", "code"), KINDS)
def test_a_disk_that_refuses_any_call(forks, stage, call, code, figures):
    figures("refused calls of our own", failed=each_call(forks, stage, call, code, 1), not_told=0)


@pytest.mark.parametrize("call", ["_open", "_write", "_fsync", "_rename"])
def test_a_removal_that_the_disk_refuses(forks, stage, call):
    _, home, work, _ = stage
    for number in range(1, 50):
        copied(home, work)
        ending = forks.run("failing_remove", work, GONE, call, number, errno.EIO)
        if ending.code == 0:
            break
        refused(forks, stage, ending, ("remove", call, number))
    assert 1 < number < 49


FAULTS = {
    "pwrite64": "EIO ENOSPC EINTR", "fdatasync": "EIO ENOSPC", "fsync": "EIO ENOSPC EINTR", "write": "EIO ENOSPC EINTR",
    "ftruncate": "EIO", "rename": "EIO ENOSPC", "mkdir": "ENOSPC EROFS",
}  # fmt: skip
"""What the kernel is made to answer; these reach SQLite as well as our own calls."""
ALL = [(name, code) for name in FAULTS for code in FAULTS[name].split()]
SOME = [("pwrite64", "EIO"), ("pwrite64", "EINTR"), ("fdatasync", "ENOSPC"), ("fsync", "EINTR"), ("write", "ENOSPC")]
SOME += [("ftruncate", "EIO"), ("rename", "EIO"), ("mkdir", "EROFS")]
"""Each call once, and each answer."""


def each_system_call(forks, stage, name, code, every):
    """The kernel refuses every n-th call of a name that concerns the home; how many it refused, how many failed."""
    folder, home, work, _ = stage
    given = ("index", folder, work, list(RECIPES), 3)
    copied(home, work)
    calls = [each for each in tracing.traced(forks, *given, within=work) if each.name == name]
    refused_runs = 0
    for call in calls[::every]:
        copied(home, work)
        ending = tracing.injected(forks, f"{name}:error={code}:when={call.number}", *given)
        if ending.code == 0:
            whole(forks, work, (call, code))
            continue
        refused(forks, stage, ending, (call, code))
        refused_runs += 1
    return len(calls[::every]), refused_runs


@pytest.mark.parametrize(("name", "code"), by_default(SOME, *(fault for fault in ALL if fault not in SOME)))
def test_a_kernel_that_refuses(forks, stage, name, code):
    tracing.needed()
    each_system_call(forks, stage, name, code, 25)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "code"), ALL)
def test_a_kernel_that_refuses_any_call(forks, stage, name, code, figures):
    tracing.needed()
    calls, failed = each_system_call(forks, stage, name, code, 1)
    figures("refused system calls", calls=calls, runs_that_failed=failed, not_told=0)


def nearsight(*arguments, before=()):
    command = [*before, sys.executable, "-m", "nearsight", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "fault",
    [
        "pwrite64:error=EIO:when=20",
        pytest.param("fsync:error=ENOSPC:when=2", marks=pytest.mark.slow),
        pytest.param("rename:error=EIO:when=2", marks=pytest.mark.slow),
    ],
)
def test_the_command_says_it_in_one_line(stage, fault, tmp_path):
    tracing.needed()
    folder, before, home, _ = stage
    copied(before, home)
    strace = ["strace", "-o", str(tmp_path / "log"), "-e", f"trace={fault.partition(':')[0]}", "-e", f"inject={fault}"]
    code, _, said = nearsight("index", folder, "--collection", home, "--recipe", "phash | flat", before=strace)
    assert "INJECTED" in (tmp_path / "log").read_text()
    assert code == 3, said
    assert len(said.strip().split("\n")) == 1
    assert said.startswith("nearsight: ")
    assert nearsight("verify", "--collection", home) == (0, "clean\n", "")
    code, out, _ = nearsight("search", folder / "0003.jpg", "--collection", home, "--recipe", "phash | flat", "--json")
    assert (code, json.loads(out)["hits"][0]["path"]) == (0, "0003.jpg")
    assert nearsight("index", folder, "--collection", home)[0] == 0


@contextmanager
def small_disk(size):
    """A file system in memory of so many kilobytes, and a function that gives it another size; skips without root."""
    with tempfile.TemporaryDirectory() as place:

        def mount(*options):
            return subprocess.run(["mount", *options, place], capture_output=True, timeout=20).returncode == 0

        if not shutil.which("mount") or not mount("-t", "tmpfs", "-o", f"size={size}k", "tmpfs"):
            pytest.skip("cannot mount here: needs root")
        try:
            yield Path(place), lambda size: mount("-o", f"remount,size={size}k")
        finally:
            subprocess.run(["umount", place], check=False)


@pytest.mark.parametrize(
    "room", [300, pytest.param(60, marks=pytest.mark.slow), pytest.param(900, marks=pytest.mark.slow)]
)
def test_a_full_disk_keeps_what_was_committed_and_goes_on_when_there_is_room(many, room):
    folder = many(150, side=96)
    with small_disk(room) as (place, resize):
        home = place / "home"
        code, _, err = nearsight("index", folder, "--recipe", "gist | flat", "--collection", home)
        assert code == 3, err
        assert len(err.strip().split("\n")) == 1
        assert resize(64_000)
        code, out, err = nearsight("index", folder, "--recipe", "gist | flat", "--collection", home, "--json")
        assert code == 0, err
        assert json.loads(out)["images"] == 150
        assert nearsight("verify", "--collection", home)[0] == 0


def test_a_disk_that_fills_up_later_goes_on_answering(forks, many):
    """What was there before answers as before while the disk is full; with room, the ingest goes on."""
    folder = many(30)
    with small_disk(64_000) as (place, resize):
        home = place / "home"
        forks.run("index", folder, home, list(RECIPES), 8).result  # noqa: B018
        before = forks.run("inspect", home, ["0003.jpg"]).result
        held = sum(path.stat().st_blocks for path in home.rglob("*")) // 2
        assert resize(held + 60)
        many(60, start=30)
        ending = forks.run("index", folder, home, list(RECIPES), 8)
        told_well(ending, "full")
        after = forks.run("inspect", home, ["0003.jpg"]).result
        assert after["problems"] == []
        assert before["images"].items() <= after["images"].items()
        assert after["first"] == before["first"] == {"0003.jpg": "0003.jpg"}
        assert resize(64_000)
        assert forks.run("index", folder, home, [], 8).code == 0
        assert len(forks.run("inspect", home).result["images"]) == 90
