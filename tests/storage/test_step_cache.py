"""Steps of a long computation: made once, kept, made again where they are missing or damaged."""

from __future__ import annotations

import os

import numpy as np
import pytest

from nearsight.storage.step_cache import STEPS_FOLDER, StepCache


class Counter:
    def __init__(self):
        self.made = 0

    def __call__(self):
        self.made += 1
        return {"pairs": np.arange(6).reshape(3, 2), "dropped": np.array(7)}


def test_a_step_is_made_once(tmp_path):
    make = Counter()
    for _ in range(2):
        found = StepCache(tmp_path, "one").compute("first", make)
        assert found["pairs"].tolist() == [[0, 1], [2, 3], [4, 5]]
        assert int(found["dropped"]) == 7
    assert make.made == 1


def test_steps_of_another_state_are_dropped(tmp_path):
    make = Counter()
    StepCache(tmp_path, "one").compute("first", make)
    StepCache(tmp_path, "two").compute("first", make)
    assert make.made == 2
    assert os.listdir(tmp_path / STEPS_FOLDER) == ["two"]


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:-30], lambda data: data[:200] + b"x" + data[201:]]
)
def test_a_damaged_step_is_made_again(tmp_path, damage):
    make = Counter()
    StepCache(tmp_path, "one").compute("first", make)
    (path,) = (tmp_path / STEPS_FOLDER / "one").iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert StepCache(tmp_path, "one").compute("first", make)["pairs"].shape == (3, 2)
    assert make.made == 2


def test_a_step_that_fails_leaves_nothing(tmp_path):
    def fail():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        StepCache(tmp_path, "one").compute("first", fail)
    assert not (tmp_path / STEPS_FOLDER / "one").exists()


def test_where_nothing_can_be_written_steps_are_made(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    make = Counter()
    for _ in range(2):
        assert StepCache(tmp_path, "one").compute("first", make)["pairs"].shape == (3, 2)
    assert make.made == 2
    assert not (tmp_path / STEPS_FOLDER).exists()
