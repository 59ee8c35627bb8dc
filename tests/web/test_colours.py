"""Colours picked from an image on the page, and histograms as numbers."""

from __future__ import annotations

import base64
import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from tests.conftest import by_default
from tests.web.conftest import ROOT, png
from tests.web.test_page import CARRY, HITS, asked, asks, check, expect, pick, settled

WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def flag(tmp_path):
    """Three hundred by two hundred: the left third red, the rest a slope from white to blue."""
    pixels = np.full((200, 300, 3), (200, 30, 30), np.uint8)
    slope = np.linspace(255, 20, 200).astype(np.uint8)
    pixels[:, 100:, 0] = pixels[:, 100:, 1] = slope
    pixels[:, 100:, 2] = 255
    Image.fromarray(pixels).save(tmp_path / "flag.png")
    return tmp_path / "flag.png"


def picker(page, image=None):
    """The area to pick in; with an image, after it was chosen."""
    page.get_by_role("button", name="Colours", exact=True).click()
    page.get_by_role("button", name="Pick from an image").click()
    if image is not None:
        page.locator("input[type=file]").set_input_files(image)
    area = page.get_by_role("application")
    expect(page.get_by_alt_text("Source of the colours")).to_have_js_property("complete", True)
    area.wait_for()
    return area


def picking(page):
    """Waits for what is asked of the service: the colours at a place, or the main ones."""
    return page.expect_response(re.compile("/colours"))


def point(response):
    """The place that was asked for."""
    return tuple(float(each) for each in parse_qs(urlsplit(response.url).query)["at"][0].split(","))


def palette(page):
    """The colours of the address, with their shares."""
    return asked(page).get("colours", "")


def test_colours_picked_by_the_pointer_are_those_of_the_library(visit, flag):
    page = visit()
    area = picker(page, flag)
    wanted = []
    for x, y in ((0.1, 0.5), (0.8, 0.25)):
        bounds = area.bounding_box()
        with picking(page) as told:
            page.mouse.click(bounds["x"] + x * bounds["width"], bounds["y"] + y * bounds["height"])
        assert point(told.value) == pytest.approx((x * 300, y * 200), abs=2)
        wanted += ns.colours(flag, [point(told.value)])
        expect(page.get_by_text(f"{wanted[-1]} is in the palette")).to_be_visible()
        asks(page, colours=",".join(f"{each[1:]}:50" for each in wanted))
    assert wanted[0] == "#c81e1e"
    expect(page.locator(HITS)).not_to_have_count(0)
    expect(page.get_by_role("slider")).to_have_count(2)


def test_the_main_colours_fill_the_palette_with_their_shares(visit, images):
    page = visit()
    image = images / "Estate of M. Braun/sub/astronaut.png"
    area = picker(page, image)
    area.click(position={"x": 9, "y": 9})
    expect(page.get_by_role("slider")).to_have_count(1)
    page.get_by_role("button", name="Use its main colours").click()
    expect(page.get_by_role("slider")).to_have_count(5)
    wanted = ns.colours(image, n_colours=5)
    asks(page, colours=",".join(f"{each[1:]}:{max(1, round(100 * share))}" for each, share in wanted.items()))
    settled(page)
    assert "astronaut.png" in " ".join(page.locator(HITS).all_inner_texts()[:2])


def test_colours_picked_by_keyboard_alone(visit, flag):
    page = visit()
    area = picker(page, flag)
    page.get_by_role("button", name="Pick from an image").focus()
    page.keyboard.press("Tab")
    expect(area).to_be_focused()
    assert area.evaluate("(each) => getComputedStyle(each).outlineStyle") != "none"
    page.keyboard.press("ArrowLeft")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowDown")
    expect(area).to_have_attribute("aria-label", re.compile("At 144, 103 of 300 by 200 pixels"))
    with picking(page) as told:
        page.keyboard.press("Enter")
    assert point(told.value) == (144, 103)
    (wanted,) = ns.colours(flag, [(144, 103)])
    expect(page.get_by_text(f"{wanted} is in the palette")).to_be_visible()
    expect(area).to_be_focused()
    for _ in range(60):
        page.keyboard.press("ArrowLeft")
    expect(area).to_have_attribute("aria-label", re.compile("At 0, 103"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("#c81e1e is in the palette")).to_be_visible()
    asks(page, colours=f"{wanted[1:]}:50,c81e1e:50")


@pytest.mark.parametrize("way", by_default(["paste"], ["drop"]))
def test_a_dropped_or_pasted_image_is_picked_from_while_picking(visit, images, way):
    page = visit()
    page.get_by_role("button", name="Colours", exact=True).click()
    page.get_by_role("button", name="Pick from an image").click()
    carried = [way, base64.b64encode(png(images / "mirror.jpg")).decode()]
    page.evaluate(CARRY, carried)
    expect(page.get_by_alt_text("Source of the colours")).to_have_js_property("naturalWidth", 512)
    asks(page, ask="colours")
    page.get_by_role("button", name="Pick from an image").click()
    page.evaluate(CARRY, carried)
    expect(page.locator(HITS).first).to_contain_text("copy")
    asks(page, ask=None)


def test_the_image_that_was_asked_with_is_picked_from(visit, images):
    page = pick(visit(), images / "crop.jpg")
    page.locator(HITS).first.click()
    page.get_by_role("button", name="Search with this image").click()
    expect(page.locator(HITS).first).to_contain_text("astronaut.png")
    area = picker(page)
    bounds = area.bounding_box()
    with picking(page) as told:
        area.click(position={"x": bounds["width"] / 2, "y": bounds["height"] / 4})
    assert re.search(r"/images/\d+/colours", told.value.url)
    wanted = list(ns.colours(images / "Estate of M. Braun/sub/astronaut.png", [point(told.value)]))
    assert list(told.value.json()["colours"]) == wanted
    expect(page.get_by_text(f"{wanted[0]} is in the palette")).to_be_visible()
    page.get_by_role("button", name="Image", exact=True).click()
    expect(page.get_by_alt_text("Your query")).to_have_js_property("naturalWidth", 512)


def test_a_full_palette_takes_no_more(visit, flag):
    page = visit()
    area = picker(page, flag)
    for name in ("black", "grey", "white", "red", "orange", "yellow", "green", "teal"):
        page.get_by_role("button", name=f"Add {name}", exact=True).click()
    before = palette(page)
    expect(page.get_by_text("The palette is full")).to_be_visible()
    expect(area).to_have_attribute("aria-disabled", "true")
    settled(page)
    page.evaluate(
        "() => { window.fetched = 0; const own = fetch; window.fetch = (...how) => (fetched++, own(...how)); }"
    )
    area.click(force=True)
    expect(area.locator(".cross")).to_have_count(1)
    assert page.evaluate("fetched") == 0, "no colour is asked for"
    assert palette(page) == before
    page.get_by_role("button", name="Remove teal").click()
    expect(area).to_have_attribute("aria-disabled", "false")
    area.click()
    expect(page.get_by_text("is in the palette. The palette is full")).to_be_visible()
    expect(page.get_by_role("slider")).to_have_count(8)
    assert palette(page).count(":") == 8


def test_an_image_that_is_not_kept_any_more(visit, flag):
    page = visit(f"?ask=colours&upload={'0' * 32}", expected="404")
    page.get_by_role("button", name="Pick from an image").click()
    expect(page.get_by_text("This image cannot be shown")).to_be_visible()
    page.locator("input[type=file]").set_input_files(flag)
    area = page.get_by_role("application")
    area.wait_for()
    page.route("**/colours?*", lambda route: route.fulfill(status=404, json={"error": "it went", "hint": "again"}))
    area.click()
    expect(page.get_by_role("alert")).to_contain_text("it went")
    assert palette(page) == ""


@pytest.mark.parametrize("scheme", by_default(["dark"], ["light"]))
def test_picking_on_a_phone_and_for_assistive_technology(visit, flag, scheme):
    source = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not source.is_file():
        pytest.skip("axe-core is not installed: cd web && npm ci")
    page = visit(color_scheme=scheme, bypass_csp=True, viewport={"width": 390, "height": 800}, has_touch=True)
    page.add_script_tag(path=source)
    area = picker(page, flag)
    check(page, "picking")
    place = area.bounding_box()
    for x, count in ((0.1, 1), (0.9, 2)):
        bounds = area.bounding_box()
        page.touchscreen.tap(bounds["x"] + x * bounds["width"], bounds["y"] + bounds["height"] / 2)
        expect(page.get_by_role("slider")).to_have_count(count)
    assert palette(page).startswith("c81e1e:50,")
    assert area.bounding_box() == place, "the image stays where it is"
    page.get_by_text("Histogram", exact=True).click()
    page.get_by_label("Values of a colour histogram").fill(", ".join(["0.00390625"] * 256))
    settled(page)
    check(page, "picked")
    assert page.evaluate(WIDE) <= 0


def numbers(page, text):
    """Asks with numbers."""
    field = page.get_by_label("Values of a colour histogram")
    if not field.is_visible():
        page.get_by_text("Histogram", exact=True).click()
    field.fill(text)
    page.locator("form", has=field).get_by_role("button").click()
    settled(page)
    return field


@pytest.mark.parametrize("form", by_default(["{0}\t{1}", "[{2}]"], ["{2}"]))
def test_a_histogram_as_numbers_finds_the_image(visit, images, form):
    folder = images / "Estate of M. Braun"
    said = [f"{value:.6g}" for value in ns.describe([folder / "rocket.jpg"], "colour_histogram")[0].tolist()]
    page = visit()
    page.get_by_role("button", name="Colours", exact=True).click()
    field = numbers(page, form.format(folder / "rocket.jpg", "\t".join(said), ", ".join(said)))
    expect(page.locator(HITS).first).to_contain_text("rocket.jpg")
    asks(page, histogram=",".join(said))
    page.reload()
    expect(page.locator(HITS).first).to_contain_text("rocket.jpg")
    expect(field).to_have_value(",".join(said))
    page.locator(HITS).first.click()
    expect(page.get_by_role("dialog")).to_contain_text("jensen shannon")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Add orange").click()
    asks(page, colours="e07b24:50", histogram=None)
    expect(field).to_have_value("")
    page.go_back()
    expect(field).to_have_value(",".join(said))


def test_wrong_numbers_are_said(visit):
    page = visit(expected="422")
    page.get_by_role("button", name="Colours", exact=True).click()
    field = numbers(page, "1 2 3")
    expect(page.get_by_role("alert")).to_contain_text("256 numbers of 0 or larger, not all 0; got 3")
    expect(field).to_have_attribute("aria-invalid", "true")
    numbers(page, "1, two, 3")
    expect(page.get_by_role("alert")).to_contain_text("a histogram is a comma-separated list of numbers; got '1,two,3'")
    numbers(page, " ".join(["1"] * 256))
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(field).to_have_attribute("aria-invalid", "false")
    expect(page.locator(HITS)).not_to_have_count(0)
