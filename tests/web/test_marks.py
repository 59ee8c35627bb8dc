"""Marks on hits: they refine the answer, stand in the address, can be taken back, and need no pointer."""

from __future__ import annotations

import re

import pytest

from tests.conftest import by_default
from tests.web.conftest import ROOT
from tests.web.test_page import HITS, asks, pick, settled

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright").expect


def by_colour(visit, images, **options):
    page = pick(visit("?by=colour", **options), images / "crop.jpg")
    expect(page.locator("ol.grid .both")).to_have_count(page.locator(HITS).count())
    return page


def mark(page, name, kind):
    """Press the mark of a hit; the answer is there when it returns."""
    with page.expect_response(re.compile("/search")) as found:
        page.get_by_role("group", name=f"Feedback on {name}").get_by_role("button", name=kind, exact=True).click()
    assert found.value.ok
    settled(page)
    return found.value.url.replace("%2C", ",")


def names(page):
    groups = page.locator("ol.grid .both").all()
    return [each.get_attribute("aria-label").removeprefix("Feedback on ") for each in groups]


def ident(page, name):
    return (
        page.get_by_role("group", name=f"Feedback on {name}")
        .get_by_role("button")
        .first.get_attribute("id")
        .split("-")[1]
    )


def test_marks_move_the_answer_and_leave_out_what_is_not_alike(visit, images):
    page = by_colour(visit, images)
    before = names(page)
    liked, unliked = before[-1], before[1]
    ids = ident(page, liked), ident(page, unliked)
    assert f"like={ids[0]}&" in mark(page, liked, "more like this") + "&"
    assert names(page).index(liked) < len(before) - 1
    assert f"unlike={ids[1]}&" in mark(page, unliked, "less like this") + "&"
    assert unliked not in names(page)
    asks(page, like=ids[0], unlike=ids[1])
    pressed = page.get_by_role("group", name=f"Feedback on {liked}").get_by_role(
        "button", name="more like this", exact=True
    )
    expect(pressed).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("status").filter(has_text="Refined by feedback on 2 images")).to_have_count(1)


def test_the_way_back_takes_marks_back_and_the_address_brings_them(visit, images):
    page = by_colour(visit, images)
    before = names(page)
    mark(page, before[2], "less like this")
    address = page.evaluate("location.search")
    with page.expect_response(re.compile("/search")):
        page.go_back()
    expect(page.locator("ol.grid .both")).to_have_count(len(before))
    asks(page, unlike=None)
    settled(page)
    assert names(page) == before
    again = visit(address)
    again.locator(HITS).first.wait_for()
    settled(again)
    expect(again.get_by_role("group", name="Your feedback")).to_be_visible()
    assert before[2] not in names(again)


def test_marks_are_changed_taken_back_and_cleared(visit, images):
    page = by_colour(visit, images)
    before = names(page)
    expect(page.get_by_role("group", name="Your feedback")).to_have_count(0)
    mark(page, before[0], "more like this")
    mark(page, before[0], "less like this")
    asks(page, like=None, unlike=True)
    marks = page.get_by_role("group", name="Your feedback")
    with page.expect_response(re.compile("/search")):
        marks.get_by_role("button", name=f"Remove feedback on {before[0]}").click()
    expect(marks).to_have_count(0)
    expect(page.locator("#results")).to_be_focused()
    mark(page, before[0], "more like this")
    mark(page, before[3], "more like this")
    with page.expect_response(re.compile("/search")):
        marks.get_by_role("button", name="Clear feedback").click()
    asks(page, like=None, unlike=None)
    settled(page)
    assert names(page) == before


def test_by_keyboard_the_focus_stays_with_what_was_marked(visit, images):
    page = by_colour(visit, images)
    last = names(page)[-1]
    page.locator(HITS).last.focus()
    page.keyboard.press("Tab")
    button = page.get_by_role("group", name=f"Feedback on {last}").get_by_role(
        "button", name="more like this", exact=True
    )
    expect(button).to_be_focused()
    expect(page.locator(".marks").last).to_have_css("opacity", "1")
    with page.expect_response(re.compile("/search")):
        page.keyboard.press("Enter")
    settled(page)
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Tab")
    at = names(page).index(last)
    after = [each for each in names(page) if each != last]
    with page.expect_response(re.compile("/search")):
        page.keyboard.press("Enter")
    expect(page.locator("ol.grid .both")).to_have_count(len(after))
    expect(page.locator(HITS).nth(min(at, len(after) - 1))).to_be_focused()


def test_marks_in_the_view_of_a_hit(visit, images):
    page = by_colour(visit, images)
    first, second = names(page)[:2]
    page.locator(HITS).nth(1).click()
    dialog = page.get_by_role("dialog")
    with page.expect_response(re.compile("/search.*like=")):
        dialog.get_by_role("button", name="more like this", exact=True).click()
    expect(dialog.get_by_role("heading", name=second)).to_be_visible()
    expect(dialog.get_by_role("button", name="more like this", exact=True)).to_have_attribute("aria-pressed", "true")
    with page.expect_response(re.compile("/search.*unlike=")):
        dialog.get_by_role("button", name="less like this", exact=True).click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("group", name=f"Feedback on {second}")).to_have_count(0)
    asks(page, hit=None, unlike=True)
    settled(page)
    assert first in names(page)


def test_another_question_has_no_marks(visit, images):
    page = by_colour(visit, images)
    mark(page, names(page)[1], "more like this")
    page.get_by_role("button", name="Colours", exact=True).click()
    asks(page, like=None)
    page.get_by_role("button", name="Add orange").click()
    page.locator(HITS).first.wait_for()
    settled(page)
    assert "colours=" in mark(page, names(page)[2], "more like this")
    page.get_by_role("button", name="Words", exact=True).click()
    page.get_by_label("Words", exact=True).fill("astronaut")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 image matches the words")).to_be_visible()
    expect(page.locator("ol.grid .both")).to_have_count(0)


def test_on_a_phone_marks_are_always_there_beside_the_image(visit, images):
    page = by_colour(visit, images, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    marks = page.locator("ol.grid .marks").first
    expect(marks).to_have_css("opacity", "1")
    places = marks.get_by_role("button"), page.locator("ol.grid .frame")
    button, frame = (each.first.bounding_box() for each in places)
    assert min(button["width"], button["height"]) >= 36
    assert button["y"] >= frame["y"] + frame["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("theme", by_default(["dark"], ["light"]))
def test_assistive_technology_gets_what_it_needs(visit, images, theme):
    axe = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not axe.is_file():
        pytest.skip("axe-core is not installed: cd web && npm ci")
    page = by_colour(visit, images, color_scheme=theme, bypass_csp=True)
    mark(page, names(page)[1], "more like this")
    mark(page, names(page)[2], "less like this")
    page.add_script_tag(path=axe)
    found = page.evaluate("() => axe.run()")["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
