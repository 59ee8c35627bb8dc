"""Bars 1 and 2: killed at any moment, nothing that was acknowledged is lost, and the next run ends the work."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import nearsight as ns
from nearsight.errors import FormatError, UsageError
from tests.conftest import by_default
from tests.faults import tracing
from tests.faults.acts import RECIPES
from tests.faults.forks import copied

BOTH = ["gist | flat", "phash"]
BATCH = 8


@dataclass
class Ingest:
    """One ingest that is killed again and again, and the test's own list of what was acknowledged."""

    forks: object
    folder: Path
    home: Path
    acknowledged: set[str] = field(default_factory=set)
    slowest: float = 0.0

    @property
    def names(self):
        return sorted(path.name for path in self.folder.iterdir())

    def stored(self):
        """What is there after a kill; reopening it is timed."""
        if not (self.home / "catalogue.sqlite").exists():
            return set()
        seen = self.forks.run("reopening", self.home, self.folder / self.names[0])
        if seen.error and "half-made" in seen.error[1]:
            return set()
        self.slowest = max(self.slowest, seen.result["seconds"])
        assert seen.result["problems"] == []
        return set(seen.result["names"])

    def killed(self, acknowledged, later):
        """Go on, and be killed some time after so many images were acknowledged; whether the kill hit."""
        stored = self.stored()
        assert stored >= self.acknowledged
        left = [name for name in self.names if name not in stored]
        child = self.forks.start("pooled_index", self.folder, self.home, BOTH, BATCH)
        deadline = time.monotonic() + 120
        while child.read(deadline - time.monotonic()) and _acked(child.lines) < acknowledged:
            assert time.monotonic() < deadline, child.lines
        time.sleep(later)
        child.kill()
        ending = child.end()
        assert ending.killed or ending.result is None
        self.acknowledged.update(left[: ending.last("ack", 0)])
        return ending.killed


def _acked(lines):
    return max((line.get("ack", 0) for line in lines), default=-1)


def kill_often(forks, folder, home, kills, seed, step):
    """So many kills over as few ingests as it takes; each that ends is compared with an undisturbed one."""
    forks.run("pooled_index", folder, home / "undisturbed", BOTH, 1024, seconds=600).result  # noqa: B018
    rng = np.random.default_rng(seed)
    run, hit, slowest, ended = Ingest(forks, folder, home / "0"), 0, 0.0, 0
    while hit < kills:
        wanted, later = int(rng.integers(-1, step)), rng.random() * 0.03
        if run.killed(wanted, later if wanted >= 0 else 5 * later):
            hit += 1
        else:
            check_end(run, home / "undisturbed")
            ended, slowest = ended + 1, max(slowest, run.slowest)
            run = Ingest(forks, folder, home / str(ended))
    forks.run("pooled_index", folder, run.home, BOTH, 1024, seconds=600).result  # noqa: B018
    check_end(run, home / "undisturbed")
    return {"kills": hit, "ingests": ended + 1, "images": len(run.names), "slowest": max(slowest, run.slowest)}


def check_end(run, undisturbed):
    """Nothing is lost, nothing twice, each image is its own first hit, each row is what it is undisturbed."""
    assert run.stored() == set(run.names)
    assert run.acknowledged <= set(run.names)
    seen = run.forks.run("inspect", run.home, run.names, seconds=1200).result
    assert seen["problems"] == []
    assert len(seen["images"]) == len(set(seen["images"].values())) == len(run.names)
    assert seen["first"] == {name: name for name in run.names}
    for home in (run.home, undisturbed):
        run.forks.run("save_rows", home, home / "rows").result  # noqa: B018
    for mine in sorted((run.home / "rows").iterdir()):
        rows, right = np.load(mine), np.load(undisturbed / "rows" / mine.name)
        apart = np.abs(rows.astype(float) - right).max() if rows.shape == right.shape else "all"
        assert np.array_equal(rows, right), f"{mine.name}: rows differ by {apart}"


def test_killed_at_any_moment_the_ingest_ends_as_an_undisturbed_one(forks, many, tmp_path):
    kill_often(forks, many(100, side=64), tmp_path / "homes", 5, 11, 24)


@pytest.mark.slow
def test_two_hundred_kills_over_five_thousand_images(forks, many, tmp_path, figures):
    numbers = kill_often(forks, many(5000, side=64), tmp_path / "homes", 200, 12, 8)
    figures("random kills", **numbers, lost=0, twice=0)
    assert numbers["slowest"] <= 5
    assert numbers["kills"] == 200
    assert numbers["ingests"] == 1


LEARNS = "sift(n=60) | asmk(words=kmeans(k=16), several=1) | inverted"


def records(home):
    """The features of each image, what was learnt, and what is wrong with the collection."""
    with ns.open(collection=home) as photos:
        snapshot, plan = photos._reader.snapshot(), photos.pipeline(recipe=LEARNS)
        ready = snapshot.trained_pipeline(plan)
        rows = {os.fsdecode(each.path): snapshot.vector(ready, each.id).tobytes() for each in photos.images()}
        first = {name: photos.search(photos.root / name, recipe=LEARNS, k=1)[0].path for name in list(rows)[:3]}
        return ready.key, rows, first, [problem.what for problem in photos.verify()]


def left_behind(home, query):
    """What is wrong with what a kill has left, which opens and answers as far as it has come."""
    said, problems = "", []
    try:
        with ns.open(collection=home) as photos:
            problems = [problem.what for problem in photos.verify()]
            photos.search(query, recipe=LEARNS)
    except (UsageError, FormatError) as problem:
        said = str(problem)
    assert not said or re.search("holds no collection|half-made|is not trained|holds no vectors", said), said
    return problems


@pytest.mark.parametrize("shares", by_default([(0.65,)], [(0.4, 0.65, 0.9)]))
def test_killed_before_while_and_after_it_learns_the_ingest_ends_as_an_undisturbed_one(forks, many, tmp_path, shares):
    """What was committed stays whole: at most, rows of the recipe are still to come."""
    folder, undisturbed = many(40, side=96), tmp_path / "undisturbed"
    ending = forks.run("pooled_index", folder, undisturbed, [LEARNS], BATCH)
    ending.result  # noqa: B018
    rng, right = np.random.default_rng(21), records(undisturbed)
    for share in shares:
        home = tmp_path / f"{share}"
        child = forks.start("pooled_index", folder, home, [LEARNS], BATCH)
        while len(child.lines) < share * len(ending.lines):
            assert child.read(60)
        time.sleep(rng.random() * 0.03)
        child.kill()
        assert child.end().killed
        assert all("images lack this vector" in problem for problem in left_behind(home, folder / "0000.jpg"))
        forks.run("pooled_index", folder, home, [LEARNS], BATCH).result  # noqa: B018
        key, rows, first, problems = records(home)
        assert problems == []
        assert first == {name: name for name in first}
        assert len(rows) == 40
        assert (key, rows, first, problems) == right
        assert len(list((home / "indexes").iterdir())) == 3  # what was learnt, what was fitted, one part


@dataclass(frozen=True)
class Case:
    """An act on a prepared home, the states that may be found after a kill, and the one that it ends in."""

    act: str
    arguments: tuple
    home: Path
    states: list
    batch: int


def _names(start, stop, step=1):
    return [f"{number:04}.jpg" for number in range(start, stop, step)]


GONE = _names(0, 40, 2)


def prepared(forks, kind, folder, home):
    """What is killed: an ingest of 50 images, the removal of 20 of them, or an ingest that compacts what is left."""
    present = sorted(path.name for path in folder.iterdir())
    work = home.parent / "work"
    if kind == "ingest":
        states = [[present[:count], []] for count in range(51) if count % 6 == 0 or count == 50]
        return Case("index", (folder, work, list(RECIPES), 6), home, states, 6)
    forks.run("index", folder, home, list(RECIPES), 8).result  # noqa: B018
    if kind == "remove":
        return Case("remove", (work, GONE), home, [[present, []], [sorted({*present} - {*GONE}), GONE]], 0)
    forks.run("remove", home, GONE).result  # noqa: B018
    before = sorted({*present} - {*GONE})
    return Case("index", (folder, work, list(RECIPES), 8), home, [[before, GONE], [[*before, "0050.jpg"], GONE]], 8)


def kill_at_calls(forks, many, tmp_path, kind, every):
    """Kill at the entry of every n-th mutating call, and look; how many calls there are, and how many were killed."""
    tracing.needed()
    folder = many(50)
    case = prepared(forks, kind, folder, tmp_path / "before")
    if kind == "compaction":
        many(1, start=50)
    expected = forks.run("described", folder, list(RECIPES)).result
    expected = {name: sorted(rows.values()) for name, rows in expected.items()}
    work = tmp_path / "work"
    fresh(case, work)
    calls = tracing.traced(forks, case.act, *case.arguments, within=work)
    shrunk = case.home.exists() and len(list((work / "segments").iterdir())) < len(list(case.home.rglob("*.seg")))
    assert (kind == "compaction") == shrunk
    for call in calls[::every]:
        fresh(case, work)
        ending = tracing.killed_at(forks, call, case.act, *case.arguments)
        assert ending.code == -signal.SIGKILL, (call, ending)
        check(forks, case, work, expected, (call, ending), ending.last("ack", 0))
        assert forks.run(case.act, *case.arguments).code == 0, call
        check(forks, case, work, expected, (call, "the next run"), 99)
    return len(calls), len(calls[::every])


def fresh(case, work):
    """The home as it was before."""
    if case.home.exists():
        copied(case.home, work)
    else:
        shutil.rmtree(work, ignore_errors=True)


def check(forks, case, work, expected, told, acknowledged):
    """It opens, is whole, holds what was acknowledged, and is in one of the states; after 99 only in the last one."""
    seen = forks.run("inspect", work)
    if not case.home.exists() and not acknowledged and seen.error:
        assert seen.error[0] in ("UsageError", "FormatError", "StorageError"), (told, seen)
        return
    assert seen.code == 0, (told, seen)
    found = seen.result
    state = [sorted(found["images"]), sorted(found["skips"])]
    assert found["problems"] == [], (told, found["problems"])
    assert state in (case.states if acknowledged < 99 else case.states[-1:]), (told, state)
    assert acknowledged == 99 or case.act == "remove" or len(state[0]) + len(state[1]) >= acknowledged, told
    assert all(sorted(found["rows"][name].values()) == expected[name] for name in found["images"]), told


@pytest.mark.parametrize("kind", ["ingest", "remove", "compaction"])
def test_killed_at_a_system_call(forks, many, tmp_path, kind):
    kill_at_calls(forks, many, tmp_path, kind, {"ingest": 40, "remove": 10, "compaction": 20}[kind])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ingest", "remove", "compaction"])
def test_killed_at_every_system_call(forks, many, tmp_path, kind, figures):
    calls, killed = kill_at_calls(forks, many, tmp_path, kind, 1)
    figures(f"kills at system calls: {kind}", calls=calls, killed=killed, violations=0)


DROPPED = "dhash | flat"


def kill_while_dropping(forks, many, tmp_path, every):
    """Kill at the entry of every n-th mutating call: the recipe is there with all its rows, or gone with them."""
    tracing.needed()
    folder, before, work = many(12), tmp_path / "before", tmp_path / "work"
    forks.run("index", folder, before, [*RECIPES, DROPPED], 1024).result  # noqa: B018
    states = [sorted(recipe.partition(" ")[0] for recipe in each) for each in ([*RECIPES, DROPPED], RECIPES)]
    copied(before, work)
    calls = tracing.traced(forks, "drop", folder, work, [DROPPED], within=work)
    assert sum(call.name.startswith("unlink") and ".seg" in call.line for call in calls) == 1
    seen = set()
    for call in calls[::every]:
        copied(before, work)
        ending = tracing.killed_at(forks, call, "drop", folder, work, [DROPPED])
        assert ending.code == -signal.SIGKILL, (call, ending)
        state = dropped_state(forks, work)
        assert state in states, (call, state)
        seen.add(states.index(state))
        if state == states[0]:
            forks.run("drop", folder, work, [DROPPED]).result  # noqa: B018
        else:
            forks.run("index", folder, work, [], 1024).result  # noqa: B018
        assert dropped_state(forks, work) == states[1], call
        assert len(list((work / "segments").iterdir())) == 2, call  # thumbnails and rows: nothing is left behind
    assert seen == {0, 1}
    return len(calls), len(calls[::every])


def dropped_state(forks, work):
    """The recipes of a sound collection, each of whose images has just their rows."""
    found = forks.run("inspect", work).result
    assert found["problems"] == []
    assert len(found["rows"]) == 12
    (held,) = {tuple(sorted(rows)) for rows in found["rows"].values()}
    return sorted(name.lower() for name in held)


def test_killed_while_a_recipe_is_dropped(forks, many, tmp_path):
    kill_while_dropping(forks, many, tmp_path, 6)


@pytest.mark.slow
def test_killed_at_every_system_call_while_a_recipe_is_dropped(forks, many, tmp_path, figures):
    calls, killed = kill_while_dropping(forks, many, tmp_path, 1)
    figures("kills at system calls: drop", calls=calls, killed=killed, violations=0)


def test_no_process_outlives_a_killed_run(forks, many, tmp_path):
    """The workers end with the one that they work for, even though they are in sessions of their own."""
    import psutil

    child = forks.start("pooled_index", many(60, side=64), tmp_path / "home", BOTH, 8, 0.3)
    deadline = time.monotonic() + 60
    while _acked(child.lines) < 8:
        assert child.read(1)
        assert time.monotonic() < deadline
    started = psutil.Process(child.pid).children(recursive=True)
    assert len(started) >= 3  # the process that forks workers, and two of them
    child.kill()
    assert child.end().killed
    assert not psutil.wait_procs(started, 10)[1]
