"""The page over real collections, of photographs and of landmarks; of some hundred images in the long version."""

from __future__ import annotations

import base64
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import by_default
from tests.web.conftest import png, serving
from tests.web.test_page import CARRY, HITS, asks, drag, pick, settled

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright").expect


@pytest.fixture(scope="module", params=["some", pytest.param("all", marks=pytest.mark.slow)])
def place(request, data, tmp_path_factory):
    """Collections of the two sets, kept elsewhere, and an altered copy out of each."""
    import nearsight as ns

    made = tmp_path_factory.mktemp("sets")
    for name in ("photos", "landmarks"):
        folder = data / name if request.param == "all" else sixth(data / name, made / "images" / name)
        with ns.index(folder, by=["copy", "colour", "scene"], collection=made / name) as photos:
            found = [each.path.decode() for each in photos.images() if each.format == "JPEG"]
        (made / f"{name}.txt").write_text(found[-5])
        with Image.open(folder / found[-5]) as image:
            width, height = image.size
            crop = image.convert("RGB").crop((width // 10, height // 10, width, height))
            crop.resize((width // 2, height // 2)).save(made / f"{name}.jpg", quality=60)
    return made


def sixth(whole, folder):
    """A folder with every sixth image of a set, and all that are named kodak."""
    images = sorted(path for path in whole.rglob("*") if path.is_file())
    for at, path in enumerate(images):
        if at % 6 == 0 or "kodak" in path.as_posix().lower().removeprefix(whole.as_posix().lower()):
            target = folder / path.relative_to(whole)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return folder


@pytest.fixture(scope="module")
def service(place):
    """Both collections, served."""
    with serving("--collection", str(place / "photos"), "--collection", str(place / "landmarks")) as address:
        yield address


@pytest.mark.parametrize("name", ["photos", "landmarks"])
def test_an_altered_copy_is_found_with_its_points_and_asked_on_from(visit, place, name):
    page = visit()
    page.get_by_role("combobox").select_option(label=name)
    pick(page, place / f"{name}.jpg")
    first, wanted = page.locator(HITS).first, Path((place / f"{name}.txt").read_text()).name
    expect(first).to_contain_text(wanted)
    expect(first).to_contain_text(re.compile(r"all of \d+ compared cells agree"))
    first.click()
    page.locator(".stage line").first.wait_for()
    page.get_by_role("button", name="Search with this image").click()
    expect(page.locator(HITS).first).to_contain_text(wanted)
    page.get_by_role("radio", name=re.compile("Scene")).check()
    expect(page.locator(HITS).first).to_contain_text(wanted)


def test_colours_and_words_ask_real_images(visit, place):
    page = visit()
    page.get_by_role("combobox").select_option(label="photos")
    page.get_by_role("button", name="Colours", exact=True).click()
    page.get_by_role("button", name="Add orange").click()
    expect(page.locator(HITS).first).to_be_visible()
    page.get_by_role("button", name="Words", exact=True).click()
    page.get_by_role("searchbox").fill("kodak")
    page.keyboard.press("Enter")
    expect(page.locator(HITS)).to_have_count(12)


@pytest.mark.parametrize("way", by_default(["drop"], ["paste"]))
def test_a_carried_image_and_a_box_on_it_at_phone_size(visit, place, way):
    page = visit(viewport={"width": 360, "height": 740})
    page.get_by_role("combobox").select_option(label="landmarks")
    page.get_by_role("button", name="Choose an image").wait_for()
    page.evaluate(CARRY, [way, base64.b64encode(png(place / "landmarks.jpg")).decode()])
    wanted = Path((place / "landmarks.txt").read_text()).name
    expect(page.locator(HITS).first).to_contain_text(wanted)
    page.get_by_role("application").scroll_into_view_if_needed()
    bounds = page.get_by_role("application").bounding_box()
    start, end = ((bounds["x"] + a * bounds["width"], bounds["y"] + a * bounds["height"]) for a in (0.03, 0.95))
    drag(page, start, end)
    asks(page, box=True)
    settled(page)
    expect(page.locator(HITS).first).to_contain_text(wanted)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.reload()
    expect(page.locator(HITS).first).to_contain_text(wanted)
    page.locator(HITS).first.focus()
    page.keyboard.press("Enter")
    page.locator(".stage line").first.wait_for()
    page.keyboard.press("Escape")
    expect(page.locator(HITS).first).to_be_focused()
