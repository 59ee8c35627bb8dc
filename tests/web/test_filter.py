"""The filter on the page: with every way of asking, and on its own."""

from __future__ import annotations

import re

import pytest

from tests.conftest import by_default
from tests.web.conftest import ROOT
from tests.web.test_page import HITS, asks, check, expect, pick, settled


def apply(page, text):
    """Type a filter and apply it."""
    if not page.get_by_label("Only images where").is_visible():
        page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("Only images where").fill(text)
    page.keyboard.press("Enter")
    settled(page)


def names(page) -> list[str]:
    """The names under the hits."""
    return re.findall(r"[\w]+\.(?:png|jpg)", " ".join(page.locator(HITS).all_inner_texts()))


def test_a_filter_alone_lists_what_passes_by_path(visit, images):
    page = visit()
    expect(page.get_by_label("Only images where")).to_have_count(0)
    apply(page, "format = JPEG")
    expect(page.get_by_role("heading", name="5 images match the filter")).to_be_visible()
    folder = images / "Estate of M. Braun"
    wanted = sorted(each.name for each in folder.glob("*.jpg") if each.name not in ("torn.jpg", "notes.jpg"))
    assert names(page) == wanted
    assert not re.search(r"\d\.\d\d|matches the filter", " ".join(page.locator(HITS).all_inner_texts()))
    expect(page.get_by_role("status").filter(has_text="5 images match the filter.")).to_have_count(1)
    page.locator(HITS).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("matches the filter: format = JPEG")
    expect(dialog).not_to_contain_text("score")


def test_a_filter_narrows_a_search_by_an_image_colours_and_words(visit, images):
    page = pick(visit(), images / "crop.jpg")
    everything = page.locator(HITS).count()
    apply(page, "not folder like 'sub/%' and format = PNG")
    expect(page.get_by_text("filtered, in")).to_be_visible()
    found = set(names(page))
    assert "astronaut.png" not in found
    assert 0 < len(found) < everything
    assert all(name.endswith(".png") for name in found)
    page.get_by_role("button", name="Colours", exact=True).click()
    page.get_by_role("button", name="Add orange").click()
    expect(page.get_by_role("heading", name="The nearest images")).to_be_visible()
    settled(page)
    assert set(names(page)) == found
    page.get_by_role("button", name="Words", exact=True).click()
    page.get_by_label("Words", exact=True).fill("coffee")
    page.keyboard.press("Enter")
    expect(page.locator(HITS)).to_have_count(1)
    apply(page, "format = JPEG")
    expect(page.locator(HITS)).to_have_count(0)
    why = '1 image holds the words "coffee", but none of them passes the filter: format = JPEG'
    expect(page.get_by_role("heading", name=why)).to_be_visible()


def test_a_wrong_filter_is_shown_where_it_is_wrong(visit):
    page = visit(expected="422")
    apply(page, "format = JPEG und width > 3")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("a filter compares fields with values")
    text, caret = alert.locator("pre").inner_text().split("\n")
    assert text == "format = JPEG und width > 3"
    assert caret.index("^") == text.index("und")
    assert "mono" in alert.locator("pre").evaluate("(each) => getComputedStyle(each).fontFamily").lower()
    expect(page.get_by_label("Only images where")).to_have_attribute("aria-invalid", "true")
    apply(page, "format = JPEG and width > 3")
    expect(alert).to_have_count(0)
    expect(page.get_by_label("Only images where")).to_have_attribute("aria-invalid", "false")
    expect(page.locator(HITS)).to_have_count(5)


def test_the_address_holds_the_filter(visit):
    page = visit()
    apply(page, "folder like 'sub/%' and width >= 512")
    asks(page, where="folder like 'sub/%' and width >= 512")
    expect(page.locator(HITS)).to_have_count(2)
    page.reload()
    expect(page.get_by_label("Only images where")).to_have_value("folder like 'sub/%' and width >= 512")
    expect(page.locator(HITS)).to_have_count(2)
    apply(page, "name = 'brick.png'")
    expect(page.get_by_role("heading", name="1 image matches the filter")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Only images where")).to_have_value("folder like 'sub/%' and width >= 512")
    expect(page.locator(HITS)).to_have_count(2)
    page.go_forward()
    expect(page.locator(HITS)).to_have_count(1)
    page.get_by_role("button", name="Remove filter").click()
    expect(page.get_by_role("button", name="Filter", exact=True)).to_be_focused()
    expect(page.get_by_role("button", name="Choose an image")).to_be_visible()
    asks(page, where=None)


def test_the_examples_fill_the_field_and_can_be_read_by_the_service(visit):
    page = visit()
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_label("Only images where")).to_be_focused()
    examples = page.locator("#where-help button")
    expect(examples).to_have_count(3)
    expect(examples.first).to_be_visible()
    for number, each in enumerate(examples.all()):
        if number:
            page.get_by_text("Examples", exact=True).click()
        each.click()
        expect(page.get_by_label("Only images where")).to_have_value(each.inner_text())
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=re.compile("(match|matches|passes) the filter"))).to_be_visible()
        expect(examples.first).to_be_hidden()
        asks(page, where=each.text_content())


@pytest.mark.parametrize("scheme", by_default(["light"], ["dark"]))
def test_the_filter_on_a_phone_and_for_assistive_technology(visit, scheme):
    source = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not source.is_file():
        pytest.skip("axe-core is not installed: cd web && npm ci")
    page = visit(expected="422", color_scheme=scheme, bypass_csp=True, viewport={"width": 390, "height": 800})
    page.add_script_tag(path=source)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    wrong = "folder like 'a folder with a name that is far too long for the width of a phone/%' und width > 3"
    for text in ("format = JPEG", wrong):
        apply(page, text)
        expect(page.locator("ol.grid, pre")).to_have_count(1)
        assert page.evaluate(wide) <= 0
        check(page, text)
