"""What the page says of a hit besides its pixels: when, where and with what it was taken, and which page it is."""

from __future__ import annotations

import pytest
from PIL import Image

import nearsight as ns
from tests.metadata.said_bytes import ASCII, RATIONAL, SHORT, exif_bytes
from tests.web.conftest import serving
from tests.web.test_page import HITS

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright").expect


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("facts") / "photos"
    folder.mkdir()
    place = [(1, ASCII, b"N"), (2, RATIONAL, ((48, 1), (51, 1), (30, 1))), (3, ASCII, b"E")]
    place += [(4, RATIONAL, ((2, 1), (21, 1), (0, 1)))]
    details = [(0x9003, ASCII, b"2012:05:31 14:30:00"), (0x8827, SHORT, 100)]
    exif = exif_bytes([(0x110, ASCII, b"Canon EOS 5D")], details, place)
    Image.new("RGB", (80, 60), "red").save(folder / "a.jpg", exif=exif)
    pages = [Image.new("RGB", (80, 60), colour) for colour in ("green", "blue")]
    pages[0].save(folder / "scan.tif", save_all=True, append_images=pages[1:])
    ns.index(folder, by=["colour"]).close()
    with serving(str(folder)) as address:
        yield address


def test_an_opened_hit_says_what_is_known_of_it_and_what_said_so(visit):
    page = visit("?where=taken+is+known")
    page.locator(HITS).first.click()
    known = page.get_by_role("list", name="What is known of it")
    expect(known).to_contain_text("Taken 2012-05-31 14:30:00 (EXIF)")
    expect(known).to_contain_text("Canon EOS 5D, ISO 100")
    expect(known).to_contain_text("48.85833, 2.35000 (EXIF)")


def test_a_page_says_which_one_it_is(visit):
    page = visit("?where=page+%3E+1")
    expect(page.locator(HITS)).to_have_count(1)
    page.locator(HITS).first.click()
    expect(page.get_by_role("dialog")).to_contain_text("scan.tif, page 2")
    expect(page.get_by_role("list", name="What is known of it")).to_contain_text("Page 2 of 2")
