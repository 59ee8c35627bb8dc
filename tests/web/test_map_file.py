"""The page that `nearsight map --html` writes, opened as a file."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from tests.cli.test_cli import nearsight
from tests.conftest import by_default
from tests.web.conftest import ROOT, STILL
from tests.web.test_map import BOXES, drawn, overlap
from tests.web.test_page import check, expect

HOSTILE = ["</script><script>alert(1)</script>.jpg", "<img src=x onerror=alert(1)>.jpg", "<!--.jpg", "a\x1b[31m‮.jpg"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sixty images, some with names that would like to be markup."""
    place = tmp_path_factory.mktemp("map") / "images <b>"
    place.mkdir()
    rng = np.random.default_rng(5)
    for number in range(60):
        small = rng.integers(0, 256, (6, 6, 3), np.uint8)
        name = HOSTILE[number] if number < len(HOSTILE) else f"{number}.jpg"
        # "/" cannot stand in a name.
        target = place / name.replace("/", "\u2215")
        Image.fromarray(small).resize((96, 64 + number % 3 * 32), Image.Resampling.BICUBIC).save(target, "JPEG")
    ns.index(place, by=["colour"]).close()
    return place


@pytest.fixture
def show(browser, tmp_path):
    """Opens a page of the folder; nothing may go wrong in the console, be asked for, or pop up."""
    contexts, troubles = [], []

    def written(folder, *options, **context):
        assert nearsight("map", folder, "--html", tmp_path / "map.html", *options).returncode == 0
        contexts.append(browser.new_context(**{**STILL, **context}))
        page = contexts[-1].new_page()
        page.on("console", lambda m: troubles.append(m.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda r: r.url.startswith(("file:", "data:")) or troubles.append(r.url))
        page.goto((tmp_path / "map.html").as_uri())
        page.locator("#map img").first.wait_for()
        return page

    yield written
    for each in contexts:
        each.close()
    assert not troubles


def test_names_are_text_and_nothing_else_runs(show, folder, tmp_path):
    page = show(folder)
    assert page.title() == "images <b> by colour"
    names = page.evaluate("JSON.parse(document.getElementById('places').textContent).map((each) => each[4])")
    wanted = {name.replace("/", "\u2215") for name in HOSTILE[:3]} | {"a\\x1b[31m\\u202e.jpg"}
    assert wanted <= set(names)
    text = (tmp_path / "map.html").read_text("utf8")
    assert "<img src=x" not in text
    assert len(re.findall("<script", text)) == 2
    page.locator("#map").focus()
    seen = set()
    for key in ["ArrowRight"] * 6 + ["ArrowDown"] * 6 + ["ArrowLeft"] * 12 + ["ArrowUp"] * 12:
        page.keyboard.press(key)
        seen.add(page.locator("#caption").inner_text())
    assert len(seen) > 8
    assert seen <= set(names)


def test_a_script_that_is_not_its_own_is_refused_by_the_page(show, folder, tmp_path, browser):
    show(folder)
    text = (tmp_path / "map.html").read_text("utf8")
    (tmp_path / "changed.html").write_text(text.replace("</body>", "<script>window.ran = 1</script></body>"))
    page, said = browser.new_page(), []
    page.on("console", lambda m: said.append(m.text))
    page.goto((tmp_path / "changed.html").as_uri())
    page.locator("#map img").first.wait_for()
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in each for each in said)
    page.close()


@pytest.mark.parametrize("size", by_default([(320, 480)], [(1200, 800)]))
def test_no_image_lies_over_another_and_closer_shows_more(show, folder, size):
    page = show(folder, viewport={"width": size[0], "height": size[1]})
    frame, inside = page.locator("#map"), "document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(inside)
    few = drawn(frame).evaluate(BOXES)
    assert 3 < len(few) < 60
    assert overlap(few) == []
    for _ in range(7):
        page.get_by_role("button", name="Closer").click()
    expect(frame).to_have_attribute("data-zoom", "17.09")
    assert overlap(drawn(frame).evaluate(BOXES)) == []
    page.get_by_role("button", name="All").click()
    expect(frame).to_have_attribute("data-shown", str(len(few)))


def test_what_is_not_shown_as_an_image_is_said_and_has_its_name(show, folder):
    page = show(folder, "--thumbnails", "1")
    expect(page.locator("header")).to_contain_text("60 images; similar ones lie near each other. 1 of them")
    expect(page.locator("header")).to_contain_text("the other 59 are dots with names")
    expect(page.locator("#map img")).to_have_count(1)
    page.locator("#map").focus()
    names = set()
    for key in ["ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown"]:
        page.keyboard.press(key)
        names.add(page.locator("#caption").inner_text())
    assert len(names) > 2


def test_the_honest_numbers_are_those_of_the_map(show, folder):
    page = show(folder)
    with ns.open(folder) as photos:
        found = photos.map("colour")
    page.get_by_text("How much a map can show").click()
    said = page.locator("details").inner_text()
    assert f"two dimensions explain {found.explained:.0%}" in said.lower()
    assert f"stress {found.stress:.2f}" in said
    assert f"{found.trustworthiness:.2f} (1: all" in said
    assert "classical" in said


@pytest.mark.parametrize("scheme", by_default(["light"], ["dark"]))
def test_the_file_for_assistive_technology(show, folder, scheme):
    source = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not source.is_file():
        pytest.skip("axe-core is not installed: cd web && npm ci")
    page = show(folder, color_scheme=scheme, bypass_csp=True)
    page.evaluate(source.read_text("utf8"))
    check(page, "map file")


def test_the_command_prints_places(folder):
    told = json.loads(nearsight("map", folder, "--json").stdout)
    with ns.open(folder) as photos:
        found = photos.map()
    assert [each["id"] for each in told["images"]] == found.ids.tolist()
    places = [(each["x"], each["y"]) for each in told["images"]]
    assert np.array(places) == pytest.approx(found.positions, abs=1e-4)
    assert (told["landmarks"], told["metric"]) == (60, "jensen_shannon")
    plain = nearsight("map", folder, "--where", "height = 64")
    assert len(plain.stdout.strip().split("\n")) == 20
    assert "two dimensions explain" in plain.stderr
    assert "\x1b" not in nearsight("map", folder).stdout
    assert nearsight("map", folder, "--where", "height > 64000").returncode == 1
    refused = nearsight("map", folder, "--by", "copy")
    assert (refused.returncode, "nearsight index" in refused.stderr) == (2, True)
