"""Asking with a drawing on the page."""

from __future__ import annotations

import math
import re

import pytest
from PIL import Image, ImageFilter, ImageOps

from tests.conftest import by_default
from tests.web.conftest import ROOT
from tests.web.test_page import HITS, asked, asks, check, expect, settled

SKETCHED = "?in=glass-plates"
READS = "Multiple readback operations"
"""What the browser says of the tests, which look at the ink."""
INK = """(canvas) => { const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let dark = 0; for (let at = 0; at < data.length; at += 4) dark += data[at] < 128; return dark; }"""


def sheet(page):
    """The drawing area, opened."""
    page.get_by_role("button", name="Sketch", exact=True).click()
    return page.locator("canvas")


def stroke(page, points):
    """A line of the mouse through points in units of the drawing area."""
    bounds = page.locator("canvas").bounding_box()
    at = [(bounds["x"] + x * bounds["width"], bounds["y"] + y * bounds["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for each in at[1:]:
        page.mouse.move(*each, steps=2)
    page.mouse.up()


def touch(page, points):
    """The same with a finger, as the browser itself gets it."""
    bounds = page.locator("canvas").bounding_box()
    browser = page.context.new_cdp_session(page)
    for number, (x, y) in enumerate(points):
        place = {"x": bounds["x"] + x * bounds["width"], "y": bounds["y"] + y * bounds["height"]}
        kind = "touchMove" if number else "touchStart"
        browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [place]})
    browser.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def circle(x=0.5, y=0.5, radius=0.45):
    """A closed line; on the sheet of 4:3 it lies as the image's own circle does when that is stretched over it."""
    turns = [2 * math.pi * step / 40 for step in range(41)]
    return [(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns]


def test_a_drawn_circle_finds_the_retina(visit):
    page = visit(SKETCHED, expected=READS)
    canvas = sheet(page)
    expect(page.get_by_role("heading", name="Draw a sketch to search for")).to_be_visible()
    assert canvas.evaluate(INK) == 0
    with page.expect_request(re.compile("/search")) as request:
        stroke(page, circle())
    assert "by=sketch" in request.value.url
    assert canvas.evaluate(INK) > 1000
    expect(page.locator(HITS)).to_have_count(5)
    expect(page.locator(HITS).first).to_contain_text("retina.jpg")
    asks(page, ask="sketch", upload=True)
    assert re.fullmatch("[0-9a-f]{32}", asked(page)["upload"])
    page.locator(HITS).first.click()
    href = page.locator(".stage svg svg image").get_attribute("href")
    assert href == f"api/uploads/{asked(page)['upload']}"


def test_one_question_for_lines_drawn_in_one_go(visit):
    page = visit(SKETCHED, expected=READS)
    sheet(page)
    page.clock.install()
    page.clock.pause_at("2100-01-01")
    uploads = []
    page.on("request", lambda request: request.method == "POST" and uploads.append(request.url))
    stroke(page, [(0.2, 0.2), (0.8, 0.2)])
    expect(page.locator("main")).to_have_attribute("aria-busy", "true")
    page.clock.run_for(300)
    page.mouse.down()  # a line is begun, and takes its time
    page.clock.run_for(3000)
    page.mouse.up()
    page.clock.run_for(300)
    stroke(page, [(0.2, 0.8), (0.8, 0.8)])
    page.clock.run_for(3000)
    expect(page.locator(HITS)).to_have_count(5)
    settled(page)
    assert len(uploads) == 1


def test_undo_eraser_clear_and_the_address(visit):
    page = visit(SKETCHED, expected=READS)
    canvas = sheet(page)
    stroke(page, [(0.2, 0.5), (0.8, 0.5)])
    settled(page)
    expect(page.locator(HITS)).to_have_count(5)
    one, first = canvas.evaluate(INK), asked(page)["upload"]
    stroke(page, [(0.5, 0.1), (0.5, 0.9)])
    assert canvas.evaluate(INK) > 1.5 * one
    settled(page)
    page.get_by_role("button", name="Undo").click()
    assert canvas.evaluate(INK) == one
    settled(page)
    asks(page, upload=first)
    page.get_by_role("button", name="Eraser").click()
    with page.expect_response(re.compile("/search")):
        stroke(page, [(0.1, 0.5), (0.5, 0.5)])
    settled(page)
    assert 0 < canvas.evaluate(INK) < 0.7 * one
    erased, second = canvas.evaluate(INK), asked(page)["upload"]
    assert second != first
    page.reload()
    expect(page.get_by_role("button", name="Sketch", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("img", name="Your drawing")).to_be_visible()
    assert canvas.evaluate(INK) == pytest.approx(erased, rel=0.05)
    page.get_by_role("button", name="Clear").click()
    assert canvas.evaluate(INK) == 0
    asks(page, upload=None)
    expect(page.locator(HITS)).to_have_count(0)
    page.go_back()
    expect(page.locator(HITS)).to_have_count(5)
    expect(page.get_by_role("img", name="Your drawing")).to_be_visible()
    assert canvas.evaluate(INK) == pytest.approx(erased, rel=0.05)


def test_a_drawing_from_a_file_finds_what_it_was_drawn_from(visit, images, tmp_path):
    with Image.open(images / "Glass plates/sub/chelsea.png") as opened:
        edges = opened.convert("L").filter(ImageFilter.GaussianBlur(3)).filter(ImageFilter.FIND_EDGES)
    ImageOps.invert(edges.point(lambda value: 255 * (value > 12))).save(tmp_path / "drawing.png")
    page = visit(SKETCHED, expected=READS)
    canvas = sheet(page)
    page.locator("input[type=file]").set_input_files(tmp_path / "drawing.png")
    expect(page.locator(HITS).first).to_contain_text("chelsea.png")
    expect(page.get_by_role("img", name="Your drawing")).to_be_visible()
    assert canvas.evaluate(INK) > 1000
    with page.expect_request(re.compile("/search")):
        stroke(page, [(0.1, 0.1), (0.3, 0.1)])


def test_a_drawing_is_no_image_to_ask_with(visit):
    page = visit(SKETCHED, expected=READS)
    sheet(page)
    stroke(page, circle())
    expect(page.locator(HITS)).to_have_count(5)
    page.get_by_role("button", name="Image", exact=True).click()
    expect(page.get_by_role("button", name="Choose an image")).to_be_visible()
    asks(page, upload=None)


def test_a_sketch_is_offered_where_the_collection_has_the_sense(visit):
    page = visit(SKETCHED, expected=READS)
    expect(page.get_by_role("button", name="Sketch", exact=True)).to_be_visible()
    sheet(page)
    stroke(page, circle())
    expect(page.locator(HITS)).to_have_count(5)
    page.get_by_role("combobox", name="Collection").select_option(label="Estate of M. Braun")
    expect(page.get_by_role("button", name="Choose an image")).to_be_visible()
    asks(page, upload=None)
    expect(page.get_by_role("button", name="Words", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sketch", exact=True)).to_have_count(0)


@pytest.mark.parametrize("scheme", by_default(["light"], ["dark"]))
def test_the_sketch_on_a_phone_and_for_assistive_technology(visit, scheme):
    source = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not source.is_file():
        pytest.skip("axe-core is not installed: cd web && npm ci")
    page = visit(SKETCHED, color_scheme=scheme, bypass_csp=True, has_touch=True, viewport={"width": 390, "height": 800})
    page.add_script_tag(path=source)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    canvas = sheet(page)
    assert canvas.evaluate("(each) => getComputedStyle(each).touchAction") == "none"
    assert page.evaluate(wide) <= 0
    check(page, "empty")
    touch(page, circle())
    assert page.evaluate("scrollY") == 0
    assert canvas.evaluate(INK) > 1000
    expect(page.locator(HITS)).to_have_count(5)
    assert page.evaluate(wide) <= 0
    check(page, "drawn")
