"""The copies of a collection on the page: looked for, seen in three ways, decided about by keys, and undone."""

from __future__ import annotations

import re
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from tests.conftest import without_workers
from tests.web.conftest import ROOT, serving

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright").expect

VIEW = "?in=copies&view=duplicates"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def original(images, tmp_path_factory):
    """Photographs: of the cup a re-saved, a mirrored and a captioned copy, and the same flower twice."""
    folder = tmp_path_factory.mktemp("copies") / "Copies"
    shutil.copytree(
        images / "Estate of M. Braun", folder, ignore=shutil.ignore_patterns(".nearsight", "torn*", "notes*")
    )
    cup = np.asarray(Image.open(folder / "coffee.png").convert("RGB"))
    Image.fromarray(cup).save(folder / "saved.jpg", quality=60)
    Image.fromarray(np.ascontiguousarray(cup[:, ::-1])).save(folder / "mirror.png")
    captioned = cup.copy()
    cv2.putText(captioned, "COFFEE", (150, 380), cv2.FONT_HERSHEY_DUPLEX, 3.0, (255, 255, 255), 8, cv2.LINE_AA)
    Image.fromarray(captioned).save(folder / "captioned.png")
    shutil.copy(folder / "flower.jpg", folder / "again.jpg")
    with without_workers():
        ns.index(folder, by=["copy"]).close()
        ns.duplicates(folder, verdicts=["identical", "copy", "edited"])
    return folder


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "Copies")


@pytest.fixture
def service(folder):
    with serving(str(folder)) as address:
        yield address


def find(page, *further):
    """Look for copies; the first group is there then."""
    for each in further:
        page.get_by_label(each).check()
    page.get_by_role("button", name="Find duplicates").click()
    expect(page.get_by_role("heading", name=re.compile(r"Group 1 of \d"))).to_be_visible()


def decided(folder):
    return [(each.decision, each.path, each.other_path) for each in ns.decisions(folder)]


def test_groups_are_found_decided_by_keys_alone_and_taken_back(visit, folder):
    page = visit()
    page.get_by_role("button", name="Duplicates").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("view=duplicates"))
    page.get_by_label("edited copies").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Find duplicates").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Group 1 of 2")).to_be_visible()
    members = page.get_by_role("list", name="The other images of the group").get_by_role("button")
    expect(members).to_have_count(3)
    caption = next(at for at in range(3) if "captioned" in members.nth(at).inner_text())
    for _ in range(caption):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_text("To keep coffee.png")).to_be_visible()
    expect(page.get_by_text("The other captioned.png")).to_be_visible()
    expect(page.locator(".change")).to_have_count(2)
    page.keyboard.press("k")
    expect(page.get_by_text("To keep coffee.png")).to_be_visible()
    expect(page.get_by_text("The other captioned.png")).to_be_hidden()
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="Group 1 of 1")).to_be_visible()
    assert sorted(decided(folder)) == [
        ("duplicate", "mirror.png", "coffee.png"),
        ("duplicate", "saved.jpg", "coffee.png"),
        ("keep both", "captioned.png", "coffee.png"),
    ]
    page.keyboard.press("s")
    page.keyboard.press("d")
    expect(page.get_by_role("heading", name="All groups are decided")).to_be_visible()
    assert len(decided(folder)) == 4
    page.get_by_role("button", name="Undo the last decision").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Group 1 of 1")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_role("heading", name="Group 1 of 2")).to_be_visible()
    assert decided(folder) == [("keep both", "captioned.png", "coffee.png")]


def black_share(page):
    """How much of the canvas is black."""
    page.wait_for_function("() => document.querySelector('canvas')?.width > 400")
    return page.evaluate(
        """() => { const canvas = document.querySelector('canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let black = 0;
        for (let at = 0; at < data.length; at += 4) black += data[at] + data[at + 1] + data[at + 2] < 60;
        return black / (data.length / 4); }"""
    )


def choose(page, name):
    page.get_by_role("list", name="The other images of the group").get_by_role("button", name=name).click()
    expect(page.get_by_text(f"The other {name}")).to_be_visible()


def test_the_difference_shows_what_differs_and_the_overlay_lies_where_it_agrees(visit):
    page = visit(VIEW, expected="willReadFrequently")
    find(page, "edited copies")
    choose(page, "mirror.png")
    page.keyboard.press("3")
    page.wait_for_timeout(500)
    assert black_share(page) > 0.99  # it lies mirrored over the other, and agrees
    page.keyboard.press("1")
    choose(page, "captioned.png")
    page.keyboard.press("3")
    page.wait_for_timeout(500)
    assert 0.85 < black_share(page) < 0.99
    page.keyboard.press("2")
    slider = page.get_by_role("slider")
    slider.fill("100")
    page.wait_for_timeout(500)
    assert black_share(page) < 0.5


def test_a_group_that_is_turned_to_is_in_the_address(visit):
    page = visit(VIEW)
    find(page)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name="Group 2 of 2")).to_be_visible()
    expect(page).to_have_url(re.compile("group=1"))
    page.go_back()
    expect(page.get_by_role("heading", name="Group 1 of 2")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Group 1 of 2")).to_be_visible()


def test_what_cannot_be_decided_is_said(visit):
    page = visit(VIEW, expected="422")
    find(page)
    if (
        "again.jpg"
        not in page.locator("figcaption").all_inner_texts()[0] + page.locator("figcaption").all_inner_texts()[1]
    ):
        page.keyboard.press("ArrowRight")
    expect(page.locator("figcaption", has_text="again.jpg")).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_role("alert")).to_contain_text("equal, byte for byte")


def test_a_phone_shows_and_decides_all_of_it(visit, folder):
    page = visit(VIEW, **PHONE)
    find(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for view in ("Overlay", "Difference", "Side by side"):
        page.get_by_role("button", name=view).click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    bar = page.get_by_role("group", name="What do you decide?")
    expect(bar).to_be_in_viewport()
    for button in bar.get_by_role("button").all():
        assert button.bounding_box()["height"] >= 41
    page.get_by_role("button", name=re.compile("^Duplicate ?D?$")).click()
    others = page.get_by_role("list", name="The other images of the group")
    expect(others.get_by_role("button").filter(has_text=re.compile("duplicate$"))).to_have_count(1)
    assert len(decided(folder)) == 1


def test_nothing_stands_in_the_way_of_assistive_technology(visit):
    source = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not source.is_file():
        pytest.skip("axe-core is not installed: cd web && npm ci")
    page = visit(VIEW, bypass_csp=True)
    page.add_script_tag(path=source)
    for step in (lambda: None, lambda: find(page, "edited copies"), lambda: page.keyboard.press("2")):
        step()
        page.wait_for_timeout(300)
        broken = page.evaluate("axe.run()")["violations"]
        assert not [(each["id"], [node["html"] for node in each["nodes"]]) for each in broken]


def test_a_read_only_page_decides_nothing(browser, folder):
    with serving(str(folder), "--read-only") as address:
        page = browser.new_page()
        page.goto(address + VIEW)
        expect(page.get_by_role("heading", name="Duplicates")).to_be_visible()
        expect(page.get_by_text("0 groups to decide").or_(page.get_by_text("What was compared"))).to_be_visible()
        expect(page.get_by_role("button", name="Find duplicates")).to_have_count(0)
        page.close()
