"""Drawn sets of images that resemble each other: what is drawn, and what is counted."""

from __future__ import annotations

import io

import numpy as np
import pytest
from benchmarks import judged_answers, judged_sets
from benchmarks.drawn import icons
from benchmarks.drawn.alterations import ALTERATIONS
from benchmarks.drawn.canvas import generator, part_of, quarter_of
from benchmarks.judged_answers import ITSELF, Answer, Question
from benchmarks.judged_sets import SETS
from PIL import Image

from tests.conftest import by_default


def decoded(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), np.float32)


@pytest.mark.parametrize("kind", SETS)
def test_a_number_is_drawn_the_same_again_and_another_number_differs(kind):
    draw, count = SETS[kind]
    first = draw(0)
    assert first == draw(0)
    assert first != draw(count - 1)


def test_every_icon_has_a_symbol_of_its_own():
    shown = {icons.symbol(number).tobytes() for number in range(SETS["icons"][1])}
    assert len(shown) == SETS["icons"][1]


def test_quarters_of_a_photograph_have_nothing_in_common():
    left, right = (np.asarray(quarter_of("coffee.png", number, (90, 60)), np.float32) for number in (0, 1))
    assert np.abs(left - right).mean() > 20


@pytest.fixture(scope="module")
def photo():
    return part_of("coffee.png", (240, 180), generator("test"))


def altered(photo, name):
    return decoded(ALTERATIONS[name].alter(photo, generator("test", 1)))


def test_copies_show_the_original(photo):
    pixels = np.asarray(photo, np.float32)
    assert np.abs(altered(photo, "saved again") - pixels).mean() < 6
    assert np.abs(altered(photo, "mirrored")[:, ::-1] - pixels).mean() < 6
    assert altered(photo, "scaled").shape == (126, 168, 3)
    height, width, _ = altered(photo, "cropped").shape
    assert height * width / (240 * 180) == pytest.approx(0.8, abs=0.01)


def test_sticker_changes_a_small_part_and_a_page_holds_the_whole(photo):
    pixels = np.asarray(photo, np.float32)
    changed = np.abs(altered(photo, "sticker") - pixels).max(axis=2) > 40
    assert 0.005 < changed.mean() < 0.05
    page = altered(photo, "in a page")
    left, top = round(0.05 * page.shape[1]), page.shape[0] // 6
    assert np.array_equal(page[top : top + 180, left : left + 240], pixels)


@pytest.mark.parametrize("step", by_default([4], [1]))
def test_two_tiny_sets_are_drawn_asked_and_counted(step, monkeypatch):
    some = dict(list(ALTERATIONS.items())[::step])
    monkeypatch.setattr(judged_sets, "ALTERATIONS", some)
    asked = [each for kind in ("icons", "tickets") for each in judged_sets.ask_set(kind, 2, 1)]
    assert [each.alteration for each in asked] == [ITSELF, *some, ITSELF] * 2
    assert all(each.right for each in asked if each.alteration == ITSELF)
    assert {len(each.answers) for each in asked} == {2}
    written = judged_sets.report(asked)
    rows = [line.strip("| ").split(" | ") for line in written.splitlines() if line.startswith(("| icons", "| tickets"))]
    assert [row[:3] for row in rows] == [["icons", "2", "2"], ["tickets", "2", "2"]]
    assert [row[5] for row in rows] == [str(len(some))] * 2


def question(alteration, *answers):
    """A question of a.png; each answer is an image, its verdict and whether it is alike."""
    hits = tuple(Answer(image, at + 1, verdict, alike, "why") for at, (image, verdict, alike) in enumerate(answers))
    return Question("icons", "a.png", alteration, hits)


OWN, OTHER, WRONG = ("a.png", "copy", True), ("b.png", "not a copy", False), ("c.png", "part", True)


def test_counts_are_those_by_hand():
    asked = [
        question(ITSELF, ("a.png", "identical file", True), WRONG, OTHER),
        question(ITSELF, ("a.png", "identical file", True), OTHER),
        question("scaled", OWN, OTHER),
        question("cropped", WRONG, OWN),
        question("sticker", OTHER, ("a.png", "same template", False)),
        question("mirrored", OTHER),
    ]
    assert judged_answers.set_row("icons", asked) == ["icons", "2", "2", "1", "1", "4", "1", "2", "1", "1"]
    assert [line[:4] for line in judged_answers.wrong_lines(asked)] == [
        ["icons", "itself", "part", "1"],
        ["icons", "a copy", "part", "1"],
    ]
    assert [line[1:4] for line in judged_answers.missed_lines(asked)] == [
        ["cropped", "copy", "1"],
        ["sticker", "same template", "1"],
        ["mirrored", "not found", "1"],
    ]
