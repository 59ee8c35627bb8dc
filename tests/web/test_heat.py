"""The heat map of a hit: drawn over both images, taken away and put back, by pointer and by keyboard."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from tests.models.network import convolving
from tests.web.conftest import modelled, serving
from tests.web.test_page import HITS, asked, pick, settled

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright").expect

CELLS = "feature_map(model=cells, output=map, side=192) | average | flat"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images that are grey but for a bright quarter, which a network of one value sees, and nothing else."""
    place = tmp_path_factory.mktemp("heat")
    weights = np.zeros((2, 3, 8, 8), np.float32)
    weights[0], weights[1, :, :4], weights[1, :, 4:] = 1 / 192, 1 / 96, -1 / 96
    with modelled(place, convolving(place / "models", weights)):
        (place / "lights").mkdir()
        for number in range(12):
            pixels = np.zeros((128, 192, 3), np.uint8)
            top, left = 64 * (number % 2), 96 * (number // 2 % 2)
            pixels[top : top + 64, left : left + 96] = 150 + 8 * number
            Image.fromarray(pixels).save(place / "lights" / f"{number:02}.png")
        ns.index(place / "lights", by=["colour"], recipe=[CELLS]).close()
        yield place / "lights"


@pytest.fixture(scope="module")
def service(folder):
    with serving(str(folder)) as address:
        yield address


def opened(visit, folder, **options):
    """The page with the third hit of the first image open, by the network."""
    page = pick(visit(**options), folder / "00.png")
    fold = page.locator(".fold")
    if fold.is_visible():
        fold.click()
    with page.expect_response(re.compile("/search.*feature_map")):
        page.get_by_role("radio", name=re.compile("^Feature map")).check()
    settled(page)
    page.locator(HITS).nth(2).click()
    page.locator("image.heat.shown").nth(1).wait_for(state="attached")
    return page


HOT = """(image) => { const paint = new Image(); paint.src = image.getAttribute("href");
  return paint.decode().then(() => {
    const sheet = document.createElement("canvas"); sheet.width = sheet.height = 160;
    const context = sheet.getContext("2d"); context.drawImage(paint, 0, 0);
    const { data } = context.getImageData(0, 0, 160, 160);
    return [[40, 40], [120, 40], [40, 120], [120, 120]].map(([x, y]) => data[4 * (160 * y + x)]);
  }); }"""


def test_the_map_is_warm_where_the_images_are_alike(visit, folder):
    page = opened(visit, folder)
    asked_with, hit = (page.locator("image.heat").nth(at).evaluate(HOT) for at in (0, 1))
    assert asked_with[0] > 230  # the quarter that is bright in the query
    assert max(asked_with[1:]) < 60
    name = page.get_by_role("heading", level=2, name=re.compile(r"\d+\.png")).inner_text().split()[-1]
    bright = int(name[:2]) % 4
    wanted = [at for at, (x, y) in enumerate([(0, 0), (1, 0), (0, 1), (1, 1)]) if (y, x) == (bright % 2, bright // 2)]
    assert [at for at, value in enumerate(hit) if value > 230] == wanted
    expect(page.get_by_text("which is 1 minus the distance")).to_be_visible()


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=["desktop", "phone"])
def test_each_map_lies_on_its_image(visit, folder, size):
    page = opened(visit, folder, viewport={"width": size[0], "height": size[1]})
    boxes = page.evaluate(
        """() => [...document.querySelectorAll(".stage image")].map((each) => {
        const b = each.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })"""
    )
    query, thumbnail, image, first, second = boxes
    assert first == pytest.approx(query, abs=1)
    assert second == pytest.approx(image, abs=1)
    assert thumbnail == pytest.approx(image, abs=1)
    assert second[0] >= 0
    assert second[0] + second[2] <= size[0]


def test_it_is_taken_away_and_put_back(visit, folder):
    page = opened(visit, folder)
    stage = page.locator(".stage svg").first
    expect(stage).to_have_attribute("aria-label", re.compile("with a heat map, warm in the regions"))
    switch = page.get_by_role("checkbox", name="Show the heat map")
    expect(switch).to_be_checked()
    switch.uncheck()
    expect(page.locator("image.heat.shown")).to_have_count(0)
    expect(page.locator("image.heat").first).to_have_css("opacity", "0")
    expect(stage).to_have_attribute("aria-label", re.compile(r"^Your image beside \d+\.png$"))
    page.keyboard.press("h")
    expect(switch).to_be_checked()
    expect(page.locator("image.heat").first).to_have_css("opacity", "0.6")
    page.keyboard.press("h")
    page.keyboard.press("ArrowRight")
    page.locator("image.heat").nth(1).wait_for(state="attached")
    expect(page.locator("image.heat.shown")).to_have_count(0)  # as it was left


def test_nothing_moves_where_nothing_should(visit, folder):
    page = opened(visit, folder, reduced_motion="reduce")
    expect(page.locator("image.heat").first).to_have_css("transition-duration", "0s")
    page = opened(visit, folder, reduced_motion="no-preference")
    expect(page.locator("image.heat").first).to_have_css("transition-duration", "0.2s")


def test_a_box_has_a_map_of_its_own(visit, folder):
    page = opened(visit, folder)
    page.keyboard.press("Escape")
    expect(page.locator(HITS).nth(2)).to_be_focused()
    area = page.get_by_role("application")
    area.focus()
    with page.expect_response(re.compile("/search.*box=")):
        page.keyboard.press("ArrowRight")
    settled(page)
    page.locator(HITS).first.click()
    page.locator("image.heat.shown").nth(1).wait_for(state="attached")
    hot = page.locator("image.heat").first.evaluate(HOT)
    assert hot[0] > 230
    assert max(hot[1:]) < 60


def test_a_sense_without_places_has_no_map(visit, folder):
    page = pick(visit(), folder / "00.png")
    expect(page.get_by_role("radio", name=re.compile("^Colour"))).to_be_checked()
    assert asked(page).get("by", "colour") == "colour"
    with page.expect_response(re.compile("/explain")):
        page.locator(HITS).first.click()
    expect(page.get_by_role("checkbox")).to_have_count(0)
    expect(page.locator("image.heat")).to_have_count(0)
