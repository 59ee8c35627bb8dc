"""Bar 8: two writers, and readers beside a writer."""

from __future__ import annotations

import socket
import time

import pytest

from tests.faults.acts import RECIPES


def races(forks, folder, homes, count):
    """Two writers at the same moment, so many times; the slowest loser's seconds."""
    slowest = 0.0
    for number in range(count):
        home = homes / str(number // 5)  # the first of five finds nothing, the others what the last writer left
        at = time.monotonic() + 0.02
        writers = [forks.start("race", folder, home, at, 0.3) for _ in range(2)]
        endings = [writer.end(30).result for writer in writers]
        assert sorted(ending[0] for ending in endings) == ["lost", "won"], (number, endings)
        winner = next(i for i, ending in enumerate(endings) if ending[0] == "won")
        _, seconds, said = endings[1 - winner]
        assert f"process {writers[winner].pid} on {socket.gethostname()}" in said, (number, said)
        assert seconds <= 1
        slowest = max(slowest, seconds)
    return slowest


def test_of_two_writers_one_hears_who_the_other_is(forks, many, tmp_path):
    races(forks, many(5), tmp_path / "homes", 6)


@pytest.mark.slow
def test_fifty_races_of_two_writers(forks, many, tmp_path, figures):
    slowest = races(forks, many(5), tmp_path / "homes", 50)
    figures("races of two writers", races=50, slowest_loser=slowest)


def test_who_reads_is_not_kept_waiting_by_who_writes(forks, many, tmp_path):
    folder, home = many(5), tmp_path / "home"
    forks.run("index", folder, home, list(RECIPES), 8).result  # noqa: B018
    writer = forks.start("race", folder, home, 0, 2.0)
    time.sleep(0.3)
    start = time.monotonic()
    seen = forks.run("inspect", home, ["0001.jpg"]).result
    assert time.monotonic() - start < 1.5
    assert seen["first"] == {"0001.jpg": "0001.jpg"}
    assert writer.end().result[0] == "won"


def read_beside(forks, many, tmp_path, rounds, readers):
    """Readers in processes of their own beside a writer; how many answers there were, and how many commits."""
    source, folder, home = many(40, "source"), tmp_path / "p", tmp_path / "home"
    folder.mkdir()
    forks.run("index", source, tmp_path / "whole", list(RECIPES), 99).result  # noqa: B018
    (tmp_path / "stopped").touch()
    whole = forks.run("read_on", tmp_path / "whole", source / "0001.jpg", tmp_path / "stopped")
    distances = dict(whole.last("answer")[1])
    begun = forks.run("toggle", folder, home, source, 1, 1).result
    asking = [forks.start("read_on", home, source / "0001.jpg", tmp_path / "stop") for _ in range(readers)]
    states = [begun[-1]]
    for number in range(rounds):
        told = [len(reader.lines) for reader in asking]
        states += forks.run("toggle", folder, home, source, 1, 2 + number).result
        for reader, count in zip(asking, told, strict=True):
            reader.wait(count + 1)  # however slow the machine is, each sees something new of each round
    (tmp_path / "stop").touch()
    endings = [reader.end() for reader in asking]
    for ending in endings:
        in_order([line["answer"] for line in ending.lines if "answer" in line], states, distances)
    return sum(ending.result for ending in endings), len(states)


def in_order(answers, states, distances):
    """Each answer is one committed state, whole, and none is older than the one before."""
    at = 0
    for total, hits in answers:
        names = [name for name, _ in hits]
        at = next((i for i in range(at, len(states)) if states[i] == names), None)
        assert at is not None, names
        assert total == len(names)
        assert all(distances[name] == distance for name, distance in hits)
    assert len(answers) > 3


def test_every_answer_comes_from_one_generation(forks, many, tmp_path):
    read_beside(forks, many, tmp_path, 8, 2)


@pytest.mark.slow
def test_four_readers_beside_a_hundred_commits(forks, many, tmp_path, figures):
    answers, commits = read_beside(forks, many, tmp_path, 60, 4)
    assert commits >= 100
    figures("readers beside a writer", readers=4, commits=commits, answers=answers, mixed=0)
