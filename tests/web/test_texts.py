"""What images show and do not show, in words, alone and beside an image, by a pair that knows three colours."""

from __future__ import annotations

import re

import pytest
from PIL import Image

import nearsight as ns
from tests.api.conftest import COLOURS
from tests.conftest import by_default
from tests.models.pairs import paired
from tests.web.conftest import ROOT, modelled, serving
from tests.web.test_marks import mark
from tests.web.test_page import HITS, check, pick, settled

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright").expect

RECIPE = "joint(model=colours)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images of one colour each, indexed by the pair."""
    place = tmp_path_factory.mktemp("texts")
    with modelled(place, paired(place / "models")):
        (place / "plain").mkdir()
        for name, colour in COLOURS.items():
            Image.new("RGB", (160, 120), colour).save(place / "plain" / f"{name}.png")
        ns.index(place / "plain", by=["colour"], recipe=[RECIPE]).close()
        yield place / "plain"


@pytest.fixture(scope="module")
def service(folder):
    with serving(str(folder)) as address:
        yield address


def opened(visit, **options):
    page = visit(**options)
    page.get_by_role("button", name="Description").click()
    return page


def search(page, act):
    """Do what asks anew; what was asked, as pairs."""
    with page.expect_response(re.compile("/search")) as found:
        act()
    assert found.value.ok, found.value.text()
    settled(page)
    return found.value.url


def say(page, label, text):
    page.get_by_label(label, exact=True).last.fill(text)
    return search(page, lambda: page.keyboard.press("Enter"))


def names(page):
    return [each.inner_text().partition(".png")[0].split()[-1] for each in page.locator(HITS).all()]


def test_a_text_finds_what_it_says(visit):
    page = opened(visit)
    assert page.get_by_role("button", name="Search").is_disabled()
    assert "text=a+blue+thing" in say(page, "What the images show", "a blue thing")
    assert names(page)[0] == "blue"
    expect(page.get_by_role("heading", name="The nearest images")).to_be_visible()
    expect(page.locator(HITS).first).to_contain_text("in the order of the distance to: a blue thing")
    page.locator(HITS).first.click()
    expect(page.get_by_role("dialog")).to_contain_text("in the order of the distance to: a blue thing")


def test_several_texts_and_others_left_out(visit):
    page = opened(visit)
    say(page, "What the images show", "red")
    page.get_by_role("button", name="And…").click()
    expect(page.get_by_label("and", exact=True)).to_be_focused()
    assert "text=red&text=green" in say(page, "and", "green")
    assert names(page)[0] == "yellow"
    page.get_by_role("button", name="But not…").click()
    expect(page.get_by_label("but not", exact=True)).to_be_focused()
    assert "minus_text=red" in say(page, "but not", "red")
    assert names(page)[0] == "green"
    expect(page.locator(HITS).first).to_contain_text("in the order of the distance to: red, green; away from: red")
    without = search(page, lambda: page.get_by_role("button", name="Remove this text").last.click())
    assert "minus_text" not in without
    assert names(page)[0] == "yellow"
    expect(page.get_by_label("What the images show")).to_be_focused()


def test_the_address_brings_the_texts_back(visit):
    page = opened(visit)
    say(page, "What the images show", "grey & such")
    page.get_by_role("button", name="But not…").click()
    say(page, "but not", "blue")
    address = page.evaluate("location.search")
    found = names(page)
    assert found[0] == "yellow"
    search(page, page.go_back)
    expect(page.get_by_label("but not")).to_have_count(0)
    again = visit(address)
    again.locator(HITS).first.wait_for()
    settled(again)
    assert names(again) == found
    expect(again.get_by_label("What the images show")).to_have_value("grey & such")
    expect(again.get_by_label("but not")).to_have_value("blue")


def test_texts_move_an_image(visit, folder):
    page = pick(visit("?by=colour"), folder / "yellow.png")
    expect(page.get_by_label("Also shows")).to_have_count(0)
    assert "text" not in search(page, lambda: page.get_by_role("radio", name=re.compile("^Joint")).check())
    assert names(page)[0] == "yellow"
    page.get_by_role("button", name="But not…").click()
    assert "minus_text=red" in say(page, "but not", "red")
    assert names(page)[0] == "green"
    expect(page.locator(HITS).first).to_contain_text("in the order of the distance to: the image; away from: red")
    page.get_by_label("but not", exact=True).fill("")
    back = search(page, lambda: page.get_by_role("button", name="Search", exact=True).click())
    assert "text" not in back
    assert names(page)[0] == "yellow"


def test_by_another_sense_texts_are_not_asked_with(visit, folder):
    page = pick(visit("?by=joint(model=colours)"), folder / "yellow.png")
    expect(page.get_by_role("radio", name=re.compile("^Joint"))).to_be_checked()
    say(page, "Also shows", "blue")
    assert "text" not in search(page, lambda: page.get_by_role("radio", name=re.compile("^Colour")).check())
    assert "text=blue" in search(page, lambda: page.get_by_role("radio", name=re.compile("^Joint")).check())
    page.locator(HITS).first.click()
    more = search(page, lambda: page.get_by_role("dialog").get_by_role("button", name="Search with this image").click())
    assert "text" not in more


def test_marks_refine_a_text(visit):
    page = opened(visit)
    say(page, "What the images show", "red")
    assert names(page)[:2] == ["red", "yellow"]
    assert "text=red" in mark(page, "red.png", "less like this")
    assert "red" not in names(page)


def test_what_is_being_typed_stays_when_something_else_changes(visit):
    page = opened(visit)
    say(page, "What the images show", "red")
    page.get_by_role("button", name="And…").click()
    page.get_by_label("and", exact=True).fill("gre")
    mark(page, "blue.png", "less like this")
    expect(page.get_by_label("and", exact=True)).to_have_value("gre")


@pytest.mark.parametrize("width", by_default([1280], [390]))
def test_texts_fit_and_serve_assistive_technology(visit, width):
    source = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not source.is_file():
        pytest.skip("axe-core is not installed: cd web && npm ci")
    page = opened(visit, bypass_csp=True, viewport={"width": width, "height": 800})
    page.add_script_tag(path=source)
    say(page, "What the images show", "red")
    page.get_by_role("button", name="And…").click()
    page.get_by_role("button", name="But not…").click()
    check(page, f"texts {width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
