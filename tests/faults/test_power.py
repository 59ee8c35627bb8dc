"""Bar 3: the power goes. What survives is a committed state, and none that is older than what was acknowledged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.faults import disk, tracing
from tests.faults.acts import RECIPES

SCRIPT = [
    ["take", "{source}", [f"{n:04}.jpg" for n in range(24)]],
    ["index"],
    ["take", "{source}", [f"{n:04}.jpg" for n in range(24, 40)]],
    ["index"],
    ["remove", [f"{n:04}.jpg" for n in range(0, 30, 2)]],
    ["take", "{source}", ["0040.jpg"]],
    ["index"],
]
"""Two ingests of several commits with merges, a removal, and an ingest that writes half-dead segments anew."""


@pytest.fixture
def lived(forks, many, tmp_path):
    """A collection's life as it is."""
    return live(forks, many, tmp_path, "life")


def live(forks, many, tmp_path, life):
    """The operations of a collection's life, its committed states, and the rows that its images must have."""
    tracing.needed()
    source, folder, home = many(41, "source"), tmp_path / "p", tmp_path / "home"
    folder.mkdir()
    told = (f"{number:04}.jpg,a lantern {number}" for number in range(60))
    (folder / "said.csv").write_text("\n".join(["file,caption", *told]))
    script = json.loads(json.dumps(SCRIPT).replace("{source}", str(source)))
    pipe = []

    def tracer(pid):
        pipe.append(_pipe_of(pid))
        attach(pid)

    with tracing.attached(tmp_path / "log", "-xx", "-s", "99999999", "-e", f"trace={disk.TRACED}") as attach:
        child = forks.run(life, folder, home, script, list(RECIPES), 3, tracer=tracer)
    ops = disk.read_log(tmp_path / "log", home, pipe[0])
    rows = forks.run("described", source, list(RECIPES)).result
    return folder, home, ops, child.result, {name: sorted(each.values()) for name, each in rows.items()}


def _pipe_of(pid):
    """The descriptor to which a child writes its lines."""
    held = {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    return next(fd for fd, target in held.items() if fd > 2 and target.startswith("pipe:") and _writes(pid, fd))


def _writes(pid, fd):
    return any(line.startswith("flags:") and int(line.split()[1], 8) & 1 for line in _info(pid, fd))


def _info(pid, fd):
    return Path(f"/proc/{pid}/fdinfo/{fd}").read_text().splitlines()


def lose_power(lived, forks, target, sequences, seed):
    """Cut the power that often, each time at another point; the seconds that the slowest opening took."""
    folder, home, ops, states, rows = lived
    assert {op.kind for op in ops} >= {"create", "write", "sync", "sync folder", "rename", "unlink", "folder", "said"}
    rng = np.random.default_rng(seed)
    slowest, cut_short = 0.0, 0
    for number in range(sequences):
        cut = int(rng.integers(1, len(ops) + 1))
        acknowledged = max([json.loads(op.data).get("ack", 0) for op in ops[:cut] if op.kind == "said"], default=0)
        place = target / str(number)
        disk.written(disk.surviving(ops[:cut], home, rng), home, place)
        seen = forks.run("reopened", place, folder, list(RECIPES), number % 20 == 0)
        told = (number, cut, acknowledged, seen)
        assert seen.code == 0, told
        result = seen.result
        if result["state"] is None:  # before the first commit there need not be a collection yet
            assert not acknowledged, told
            cut_short += 1
        else:
            assert result["state"] in states[max(0, acknowledged - 1) :], told
            assert result["problems"] == [], told
            assert all(sorted(each.values()) == rows[name] for name, each in result["rows"].items()), told
            slowest = max(slowest, result["seconds"])
        if number % 20 == 0:
            assert result["after"] == [], told
    assert cut_short < sequences / 2
    return slowest


def test_the_power_goes_at_any_moment(lived, forks, tmp_path):
    lose_power(lived, forks, tmp_path / "survived", 50, 3)


def test_a_writer_that_does_not_sync_is_found_out(forks, many, tmp_path):
    lived = live(forks, many, tmp_path, "careless_life")
    with pytest.raises(AssertionError):
        lose_power(lived, forks, tmp_path / "survived", 60, 3)


@pytest.mark.slow
def test_the_power_goes_a_thousand_times(lived, forks, tmp_path, figures):
    slowest = lose_power(lived, forks, tmp_path / "survived", 1000, 33)
    figures("power loss", sequences=1000, operations=len(lived[2]), slowest_opening=slowest)
