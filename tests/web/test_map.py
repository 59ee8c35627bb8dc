"""The map on the served page."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.conftest import by_default
from tests.web.conftest import ROOT
from tests.web.test_filter import apply
from tests.web.test_page import HITS, asked, asks, check, expect

BOXES = """(frame) => [...frame.querySelectorAll("img")].map((img) => {
  const { x, y, width, height } = img.getBoundingClientRect();
  return { id: Number(/images\\/(\\d+)|$/.exec(img.src)[1]), x, y, width, height }; })"""


def opened(page):
    """The map, opened by its link, with all thirteen images where nothing lies over them."""
    page.get_by_role("button", name="Map", exact=True).click()
    return ready(page)


def ready(page):
    frame = page.get_by_role("application", name=re.compile("^Map of"))
    frame.locator("img").first.wait_for()
    expect(page.locator("section[aria-busy]")).to_have_attribute("aria-busy", "false")
    expect(frame).to_have_attribute("data-shown", re.compile(r"\d"))
    return drawn(frame)


def drawn(frame):
    """The frame, when it shows where everything lies now."""
    expect(frame).to_have_attribute("aria-busy", "false")
    return frame


def overlap(boxes):
    pairs = [(a, b) for number, a in enumerate(boxes) for b in boxes[:number]]
    return [
        (a, b)
        for a, b in pairs
        if abs(a["x"] + a["width"] / 2 - b["x"] - b["width"] / 2) < (a["width"] + b["width"]) / 2
        and abs(a["y"] + a["height"] / 2 - b["y"] - b["height"] / 2) < (a["height"] + b["height"]) / 2
    ]


@pytest.mark.parametrize("size", by_default([(390, 844)], [(1200, 800)]))
def test_images_lie_where_the_service_says_none_over_another(visit, service, size):
    page = visit(viewport={"width": size[0], "height": size[1]})
    frame = opened(page)
    boxes = frame.evaluate(BOXES)
    assert len(boxes) >= 6
    assert overlap(boxes) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    told = httpx.get(f"{service}api/collections/estate-of-m-braun/map", params={"by": "copy"}).json()
    places = {each["id"]: (each["x"], each["y"]) for each in told["images"]}
    axes = ("y", "x") if size[1] > size[0] else ("x", "y")
    for axis, side, place in zip(
        axes, ("width", "height") if axes[0] == "x" else ("height", "width"), (0, 1), strict=True
    ):
        seen = [each[axis] + each[side] / 2 for each in boxes]
        wanted = [places[each["id"]][place] for each in boxes]
        scale = (max(seen) - min(seen)) / (max(wanted) - min(wanted))
        assert seen == pytest.approx([min(seen) + (each - min(wanted)) * scale for each in wanted], abs=1)


def test_a_click_asks_with_the_image_and_back_is_the_map(visit):
    page = visit()
    frame = opened(page)
    asks(page, view="map")
    image = frame.locator("img").last
    ident = re.search(r"images/(\d+)", image.get_attribute("src"))[1]
    image.hover()
    expect(page.locator("#looked")).to_have_text(re.compile(r"\.(png|jpg)$"))
    name = page.locator("#looked").inner_text()
    image.click()
    expect(page.locator(HITS).first).to_contain_text(name.rpartition("/")[2])
    asks(page, id=ident, view=None)
    page.go_back()
    ready(page)
    page.get_by_role("button", name="Map", exact=True).click()
    expect(page.get_by_role("button", name="Choose an image")).to_be_visible()


def test_sense_and_filter_are_in_the_address(visit):
    page = visit()
    opened(page)
    before = page.get_by_text("Two dimensions explain").inner_text()
    page.get_by_role("combobox", name="Similarity").select_option("colour")
    expect(page.get_by_text("Two dimensions explain")).not_to_have_text(before)
    asks(page, by="colour")
    page.get_by_text("How the map was computed").click()
    expect(page.get_by_text("jensen shannon")).to_be_visible()
    apply(page, "format = JPEG")
    expect(page.get_by_role("application", name=re.compile("^Map of 5 images"))).to_be_visible()
    page.reload()
    expect(page.get_by_role("application", name=re.compile("^Map of 5 images"))).to_be_visible()
    expect(page.get_by_role("combobox", name="Similarity")).to_have_value("colour")
    apply(page, "width > 99999")
    expect(page.get_by_role("heading", name="No image matches the filter")).to_be_visible()


def test_a_wrong_filter_is_said_and_forgotten_with_the_map(visit):
    page = visit(expected="422")
    opened(page)
    apply(page, "format = JPEG und width > 3")
    expect(page.get_by_role("alert")).to_contain_text("a filter compares fields with values")
    apply(page, "format = JPEG and width > 3")
    expect(page.get_by_role("application", name=re.compile("^Map of 5 images"))).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    apply(page, "width <")
    expect(page.get_by_role("alert")).to_have_count(1)
    page.get_by_role("link", name="nearsight").click()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_keyboard_goes_from_image_to_image(visit):
    page = visit()
    frame = opened(page)
    frame.focus()
    names = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
        names.append(page.locator("#looked").inner_text())
    assert all(re.search(r"\.(png|jpg)$", name) for name in names)
    assert len(set(names)) >= 2
    expect(frame.locator("img.current")).to_have_count(1)
    page.keyboard.press("+")
    expect(frame).to_have_attribute("data-zoom", "1.50")
    page.keyboard.press("0")
    expect(frame).to_have_attribute("data-zoom", "1.00")
    page.keyboard.press("Enter")
    expect(page.locator(HITS).first).to_contain_text(names[-1].rpartition("/")[2])


def test_wheel_drag_and_buttons_move_the_map(visit):
    page = visit()
    frame = opened(page)
    bounds = frame.bounding_box()
    middle = bounds["x"] + bounds["width"] / 2, bounds["y"] + bounds["height"] / 2
    page.mouse.move(*middle)
    page.mouse.wheel(0, -300)
    expect(frame).to_have_attribute("data-zoom", "1.82")
    before = {each["id"]: each for each in drawn(frame).evaluate(BOXES)}
    page.mouse.down()
    page.mouse.move(middle[0] + 60, middle[1] - 30, steps=4)
    page.mouse.up()
    after = {each["id"]: each for each in drawn(frame).evaluate(BOXES)}
    both = before.keys() & after.keys()
    assert both
    assert all(after[each]["x"] - before[each]["x"] == pytest.approx(60, abs=1) for each in both)
    assert all(after[each]["y"] - before[each]["y"] == pytest.approx(-30, abs=1) for each in both)
    assert asked(page)["view"] == "map"  # a drag is no click
    page.get_by_role("button", name="Zoom out").click()
    expect(frame).to_have_attribute("data-zoom", "1.21")
    page.get_by_role("button", name="All", exact=True).click()
    expect(frame).to_have_attribute("data-zoom", "1.00")


def test_two_fingers_zoom(visit):
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    frame = opened(page)
    bounds = frame.bounding_box()
    x, y = bounds["x"] + bounds["width"] / 2, bounds["y"] + bounds["height"] / 2
    browser = page.context.new_cdp_session(page)
    for apart in (30, 60, 90):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        kind = "touchStart" if apart == 30 else "touchMove"
        browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    browser.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(frame).to_have_attribute("data-zoom", re.compile(r"^(2\.9|3\.0)"))
    assert asked(page)["view"] == "map"


@pytest.mark.parametrize("scheme", by_default(["dark"], ["light"]))
def test_the_map_for_assistive_technology(visit, scheme):
    source = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not source.is_file():
        pytest.skip("axe-core is not installed: cd web && npm ci")
    page = visit(color_scheme=scheme, bypass_csp=True)
    page.add_script_tag(path=source)
    opened(page)
    expect(page.get_by_role("status").filter(has_text="Map of 13 images.")).to_have_count(1)
    check(page, "map")
