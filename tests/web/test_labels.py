"""Labels of a hit: who says them and how sure, confirmed, dropped and added by hand."""

from __future__ import annotations

import re
import shutil

import pytest

import nearsight as ns
from nearsight.files import LocalFileSystem
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.lock import writer_lock
from tests.conftest import by_default
from tests.web.conftest import ROOT, serving
from tests.web.test_page import HITS, check

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright").expect

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def folders(images, tmp_path_factory):
    """A folder for each test, since each changes labels."""
    place = tmp_path_factory.mktemp("labelled")
    return [labelled(images / "Glass plates", place / f"Labelled {number}") for number in range(8)]


def labelled(source, target):
    """Photographs of which a model has said something, as it would be stored."""
    made = shutil.copytree(source, target)
    catalogue = CatalogueWriter(made / ".nearsight")
    try:
        with catalogue.transaction():
            for ident in catalogue.ids():
                said = [("palace", 0.834), (HOSTILE, 0.3)]
                catalogue.put_labels(catalogue.image(ident), "mobilenetv2", said)
    finally:
        catalogue.close()
    return made


@pytest.fixture(scope="module")
def service(folders):
    with serving(*map(str, folders)) as address:
        yield address


@pytest.fixture(scope="module")
def unused(folders):
    return iter(folders)


@pytest.fixture
def folder(unused):
    """The folder of this test alone."""
    return next(unused)


def opened(visit, folder, **options):
    page = visit(f"?in={folder.name.lower().replace(' ', '-')}&ask=words&words=palace", **options)
    page.locator(HITS).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("list", name="Labels").wait_for()
    return page, dialog


def labels(dialog):
    return [
        " ".join(each.split()) for each in dialog.get_by_role("list", name="Labels").locator("li").all_inner_texts()
    ]


def change(page, act):
    with page.expect_response(re.compile("/labels")) as answered:
        act()
    assert answered.value.ok
    expect(page.locator(".labels")).to_have_attribute("aria-busy", "false")


def test_labels_are_confirmed_dropped_and_added(visit, folder):
    page, dialog = opened(visit, folder)
    name = dialog.get_by_role("heading").inner_text().split()[-1]
    assert labels(dialog) == ["palace mobilenetv2, 83 % confidence", f"{HOSTILE} mobilenetv2, 30 % confidence"]
    change(page, lambda: dialog.get_by_role("button", name="Confirm palace").click())
    assert labels(dialog)[0] == "palace mobilenetv2, confirmed"
    expect(dialog.get_by_role("button", name="Confirm palace")).to_have_count(0)
    change(page, lambda: dialog.get_by_role("button", name=f"Reject {HOSTILE}").click())
    dialog.get_by_label("Another label").fill("  summer house ")
    change(page, lambda: page.keyboard.press("Enter"))
    assert labels(dialog) == ["summer house set by hand", "palace mobilenetv2, confirmed"]
    expect(dialog.get_by_label("Another label")).to_have_value("")
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.locator(HITS).first.click()
    expect(dialog.get_by_role("list", name="Labels").locator("li")).to_have_count(2)
    with ns.open(folder) as photos:
        assert [hit.path.rpartition("/")[2] for hit in photos.search(words="summer")] == [name]
        assert not photos.verify()


def test_keys_that_are_typed_are_not_for_the_dialog(visit, folder):
    page, dialog = opened(visit, folder)
    before = dialog.get_by_role("heading").inner_text()
    dialog.get_by_label("Another label").fill("ab")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    assert dialog.get_by_role("heading").inner_text() == before


def test_what_is_half_typed_is_not_for_the_next_image(visit, folder):
    _, dialog = opened(visit, folder)
    dialog.get_by_label("Another label").fill("half")
    dialog.get_by_role("button", name="Next image").click()
    expect(dialog.get_by_label("Another label")).to_have_value("")


def test_the_focus_stays_with_the_labels(visit, folder):
    page, dialog = opened(visit, folder)
    dialog.get_by_role("button", name="Confirm palace").focus()
    change(page, lambda: page.keyboard.press("Enter"))
    expect(dialog.locator(".labels")).to_be_focused()
    page.keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="Reject palace")).to_be_focused()


def test_while_another_writes_the_page_says_so(visit, folder):
    page, dialog = opened(visit, folder, expected="503")
    with writer_lock(folder / ".nearsight", LocalFileSystem()):
        dialog.get_by_role("button", name="Confirm palace").click()
        expect(dialog.get_by_role("alert")).to_contain_text("is being written by process")
    assert labels(dialog)[0] == "palace mobilenetv2, 83 % confidence"
    change(page, lambda: dialog.get_by_role("button", name="Confirm palace").click())
    expect(dialog.get_by_role("alert")).to_have_count(0)


def test_where_the_service_only_reads_labels_are_only_shown(browser, folder):
    with serving(str(folder), "--read-only") as address:
        page = browser.new_page()
        page.goto(address + "?ask=words&words=palace")
        page.locator(HITS).first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("list", name="Labels").wait_for()
        expect(dialog.get_by_role("list", name="Labels").locator("li")).to_have_count(2)
        expect(dialog.get_by_role("button", name=re.compile("^(Confirm|Reject) "))).to_have_count(0)
        expect(dialog.get_by_label("Another label")).to_have_count(0)
        page.close()


@pytest.mark.parametrize("width", by_default([390], [1280]))
def test_labels_fit_and_serve_assistive_technology(visit, folder, width):
    source = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not source.is_file():
        pytest.skip("axe-core is not installed: cd web && npm ci")
    page, dialog = opened(visit, folder, bypass_csp=True, viewport={"width": width, "height": 800})
    page.add_script_tag(path=source)
    check(page, f"labels {width}")
    bounds = dialog.bounding_box()
    assert bounds["x"] + bounds["width"] <= width
    dialog.get_by_label("Another label").scroll_into_view_if_needed()
    expect(dialog.get_by_label("Another label")).to_be_in_viewport()
