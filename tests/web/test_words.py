"""Asking with words on the page, and what it shows of captions and tags."""

from __future__ import annotations

import json
import re
import shutil

import pytest

import nearsight as ns
from tests.conftest import by_default
from tests.web.conftest import ROOT, serving
from tests.web.test_page import HITS, check, expect, settled

HOSTILE = "<img src=x onerror=alert(1)> storm </p><script>window.ran = 1</script>"


@pytest.fixture(scope="module")
def service(images, tmp_path_factory):
    """A service over photographs of which a sidecar speaks."""
    folder = shutil.copytree(images / "Glass plates", tmp_path_factory.mktemp("said") / "Said")
    first, second, *_ = sorted(each.name for each in folder.glob("*.*") if each.suffix in (".jpg", ".png"))
    said = {first: {"captions": ["Waves break on the mole.", "A storm at sea."], "tags": ["storm & rain", HOSTILE]}}
    said |= {second: {"caption": HOSTILE}}
    (folder / "captions.json").write_text(json.dumps(said))
    ns.index(folder).close()
    with serving(str(folder)) as address:
        yield address


def search(page, words):
    """Asks with words."""
    page.get_by_role("button", name="Words").click()
    page.get_by_label("Words", exact=True).fill(words)
    page.keyboard.press("Enter")
    settled(page)


def test_what_can_be_asked_for_is_said(visit):
    page = visit()
    page.get_by_role("button", name="Words").click()
    said = re.compile("name, folder, camera, date, captions or tags")
    expect(page.get_by_label("Words", exact=True)).to_have_accessible_description(said)


def test_captions_and_tags_of_a_hit(visit):
    page = visit()
    search(page, "mole waves")
    expect(page.get_by_role("heading", name="1 image matches the words")).to_be_visible()
    expect(page.locator(HITS).first).to_contain_text("its caption says: Waves break on the mole.")
    page.locator(HITS).first.click()
    dialog = page.get_by_role("dialog")
    assert dialog.locator(".caption").inner_text().split("\n") == ["Waves break on the mole.", "A storm at sea."]
    tags = dialog.get_by_role("list", name="Tags").get_by_role("listitem")
    assert tags.all_inner_texts() == ["storm & rain", HOSTILE]


def test_hostile_captions_are_text(visit):
    page = visit()
    search(page, "onerror")
    expect(page.get_by_role("heading", name="2 images match the words")).to_be_visible()
    for number in range(2):
        page.locator(HITS).nth(number).click()
        expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("[window.ran ?? 0, document.querySelectorAll('img[src=x], body script').length]") == [0, 0]


def test_a_hit_that_nothing_is_said_of_shows_neither(visit):
    page = visit()
    search(page, "retina")
    page.locator(HITS).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("its name, camera or date holds: retina")
    expect(dialog.locator(".caption, .tags")).to_have_count(0)


@pytest.mark.parametrize("width", by_default([390], [1280]))
def test_captions_fit_and_serve_assistive_technology(visit, width):
    source = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not source.is_file():
        pytest.skip("axe-core is not installed: cd web && npm ci")
    page = visit(bypass_csp=True, viewport={"width": width, "height": 800})
    page.add_script_tag(path=source)
    search(page, "storm")
    page.locator(HITS).first.click()
    page.get_by_role("list", name="Tags").wait_for()
    check(page, f"caption {width}")
    bounds = page.get_by_role("dialog").bounding_box()
    assert bounds["x"] + bounds["width"] <= width
    expect(page.get_by_role("button", name="Search with this image")).to_be_in_viewport()
