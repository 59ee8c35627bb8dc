"""While hits are judged: the order of the index at once, nothing claimed, and what the user holds stays."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from nearsight.rerankers import verify
from nearsight.rerankers.verify import Verify
from tests.conftest import by_default
from tests.server.conftest import serving
from tests.web.conftest import STATIC
from tests.web.test_page import HITS, check, settled

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright").expect

FIRST = "not judged yet"
QUERIES = {
    "near": ("sub/astronaut.png", (60, 20, 400, 420)),
    "second": ("sub/astronaut.png", (50, 20, 400, 420)),
    "third": ("sub/astronaut.png", (40, 20, 400, 420)),
    "fourth": ("coffee.png", (20, 20, 580, 380)),
    "fifth": ("coffee.png", (10, 20, 580, 380)),
    "far": ("flower.jpg", (192, 128, 448, 298)),
    "beyond": ("flower.jpg", (190, 128, 448, 298)),
    "axe390": ("sub/astronaut.png", (30, 20, 400, 420)),
    "axe1280": ("sub/astronaut.png", (20, 20, 400, 420)),
}
"""A part of a photograph for each test: what was asked before is known and not judged again."""
WATCH = """() => {
  window.said = [];
  const status = document.querySelector("[role=status]");
  const all = { childList: true, characterData: true, subtree: true };
  new MutationObserver(() => said.push(status.textContent)).observe(status, all);
}"""
"""Collects what screen readers are told."""


class Gate:
    """Lets hits be judged one by one, or all."""

    def __init__(self):
        self.turns, self.open, self.last = threading.Semaphore(0), False, 0.0

    def judge(self, count):
        for _ in range(count):
            self.turns.release()

    def judge_all(self):
        self.open = True
        self.judge(100)

    def close(self):
        """From now on; what was asked before takes no turn of what is asked next."""
        self.judge_all()
        while time.monotonic() < self.last + 0.5:
            time.sleep(0.1)
        self.turns, self.open = threading.Semaphore(0), False

    def wait(self):
        if not self.open:
            assert self.turns.acquire(timeout=60)
        self.last = time.monotonic()


@pytest.fixture(scope="module")
def everything():
    return Gate()


@pytest.fixture
def gate(everything):
    yield everything
    everything.judge_all()


@pytest.fixture(scope="module")
def service(images, everything):
    """A service in this process, whose hits are judged when the test says so, four between two lines."""
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built: cd web && npm ci && npm run build")
    prove = Verify._prove

    def judge(self, *given):
        everything.wait()
        return prove(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify.os, "cpu_count", lambda: 2)
        patch.setattr(Verify, "_prove", judge)
        with serving(images / "Estate of M. Braun") as (client, _):
            yield f"{client.base_url}/"


@pytest.fixture(scope="module")
def queries(images, tmp_path_factory):
    place = tmp_path_factory.mktemp("queries")
    for name, (path, box) in QUERIES.items():
        with Image.open(images / "Estate of M. Braun" / path) as opened:
            opened.convert("RGB").crop(box).save(place / f"{name}.png")
    shutil.copy(images / "noise.png", place)
    return place


@pytest.fixture
def begun(visit, queries, gate):
    """Opens the page, which shows the first answer to a query."""

    def pick(name, **options):
        gate.close()
        page = visit(**options)
        page.locator("input[type=file]").wait_for(state="attached")
        page.evaluate(WATCH)
        page.locator("input[type=file]").set_input_files(queries / f"{name}.png")
        page.locator(HITS).first.wait_for()
        return page

    return pick


def waits(page, text):
    expect(page.locator(".head p")).to_contain_text(text)


def test_the_nearest_images_are_shown_at_once_and_settle(begun, gate):
    page = begun("near")
    expect(page.locator(HITS)).to_have_count(13)
    expect(page.locator(HITS).filter(has_text=FIRST)).to_have_count(13)
    expect(page.get_by_role("heading", name="Looking for copies…")).to_be_visible()
    expect(page.locator("main")).to_have_attribute("aria-busy", "true")
    waits(page, "among 13 images, 0 of 13 judged…")
    gate.judge(4)
    waits(page, "4 of 13 judged…")
    expect(page.get_by_role("heading", name="1 copy so far")).to_be_visible()
    expect(page.locator(HITS).first).to_contain_text("astronaut.png")
    expect(page.locator(HITS).filter(has_text=FIRST)).to_have_count(9)
    gate.judge_all()
    settled(page)
    expect(page.get_by_role("heading", name="1 copy", exact=True)).to_be_visible()
    expect(page.locator(HITS).filter(has_text=FIRST)).to_have_count(0)
    expect(page.locator(".head p")).to_have_text(re.compile(r"^among 13 images, in [\d.]+ m?s$"))
    assert page.evaluate("said") == [
        "The nearest 13 images are shown and compared with yours.",
        "1 copy, 12 other images.",
    ]


def test_that_there_is_no_copy_is_said_at_the_end(begun, gate):
    page = begun("noise")
    for count in (4, 8, 12):
        gate.judge(4)
        waits(page, f"{count} of 13 judged…")
        expect(page.get_by_role("heading", name="Looking for copies…")).to_be_visible()
        assert not re.search("No copy|is a copy of yours|nearsight index", page.locator("#results").inner_text())
    gate.judge_all()
    expect(page.get_by_role("heading", name="No copy found")).to_be_visible()


def test_the_focus_stays_with_its_card(begun, gate):
    page = begun("far")
    card = page.locator(HITS).filter(has_text="flower.jpg")
    place = page.locator(HITS).evaluate_all("(all) => all.findIndex((each) => each.textContent.includes('flower.jpg'))")
    assert place > 4
    card.focus()
    ident = card.get_attribute("id")
    gate.judge_all()
    settled(page)
    expect(page.locator(HITS).first).to_contain_text("flower.jpg")
    assert page.evaluate("document.activeElement.id") == ident


def test_images_that_stay_are_not_made_again(begun, gate):
    page = begun("fifth")
    page.evaluate("(hits) => document.querySelectorAll(hits).forEach((each) => (each.held = true))", HITS)
    gate.judge_all()
    settled(page)
    held = page.evaluate("(hits) => [...document.querySelectorAll(hits)].map((each) => each.held === true)", HITS)
    assert held.count(False) == 1, "the copy alone goes to another list"


def test_an_open_hit_stays_open_and_is_explained_at_the_end(begun, gate):
    page, explained = begun("second"), []
    page.on("request", lambda request: "/explain" in request.url and explained.append(request.url))
    page.locator(HITS).filter(has_text="astronaut.png").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(FIRST)
    gate.judge(8)
    expect(dialog).to_contain_text("the query is")
    assert not explained, "it would be judged a second time"
    gate.judge_all()
    settled(page)
    expect(dialog).to_be_visible()
    expect(dialog.locator(".stage line").first).to_be_attached()
    assert len(explained) == 1
    page.keyboard.press("Escape")
    expect(page.locator(HITS).first).to_be_focused()


def test_an_open_hit_stays_open_though_a_copy_takes_its_place(begun, gate):
    page = begun("beyond")
    gate.judge_all()
    settled(page)
    gate.close()
    page.goto(f"{page.url}&k=5")
    expect(page.locator(HITS)).to_have_count(5)
    expect(page.locator(HITS).filter(has_text="flower.jpg")).to_have_count(0)
    page.locator(HITS).last.click()
    title = page.get_by_role("dialog").get_by_role("heading")
    name = title.inner_text()
    gate.judge_all()
    settled(page)
    expect(page.locator(HITS).first).to_contain_text("flower.jpg")
    expect(title).to_have_text(name)
    expect(page.get_by_role("dialog")).to_contain_text("no longer among the hits")
    page.get_by_role("button", name="Next image").click()
    expect(title).to_contain_text("flower.jpg")


def test_a_new_query_drops_what_was_being_judged(begun, queries, gate):
    page = begun("third")
    gate.judge(4)
    page.locator("input[type=file]").set_input_files(queries / "fourth.png")
    gate.judge_all()
    settled(page)
    expect(page.get_by_role("heading", name="1 copy", exact=True)).to_be_visible()
    expect(page.locator(HITS).first).to_contain_text("coffee.png")


@pytest.mark.parametrize("left", [0, 1])
def test_where_the_lines_break_off_the_whole_answer_is_asked_for(visit, images, gate, left):
    gate.judge_all()
    page, accepted = visit(), []

    def cut(route):
        accepted.append(route.request.headers["accept"])
        if "ndjson" not in accepted[-1]:
            return route.continue_()
        response = route.fetch()
        lines = [json.dumps({**json.loads(response.text().splitlines()[-1]), "final": False}) + "\n"] * left
        return route.fulfill(response=response, body="".join(lines) + '{"query": ')

    page.route("**/search?*", cut)
    page.locator("input[type=file]").set_input_files(images / "crop.jpg")
    expect(page.get_by_role("heading", name="1 copy", exact=True)).to_be_visible()
    settled(page)
    assert accepted == ["application/x-ndjson", "*/*"]


def test_an_error_in_the_last_line_is_shown(visit, images, gate):
    gate.judge_all()
    page = visit()
    lines = '{"error": "the disk is gone", "hint": "plug it in"}\n'
    page.route("**/search?*", lambda route: route.fulfill(content_type="application/x-ndjson", body=lines))
    page.locator("input[type=file]").set_input_files(images / "crop.jpg")
    expect(page.get_by_role("alert")).to_contain_text("the disk is gone")
    settled(page)


@pytest.mark.parametrize("width", by_default([390], [1280]))
def test_no_barrier_is_there_while_hits_are_judged(begun, gate, width):
    source = Path(__file__).resolve().parents[2] / "web/node_modules/axe-core/axe.min.js"
    if not source.is_file():
        pytest.skip("axe is not installed: cd web && npm ci")
    page = begun(f"axe{width}", bypass_csp=True, viewport={"width": width, "height": 800})
    page.add_script_tag(path=source)
    check(page, "first")
    gate.judge(4)
    waits(page, "4 of 13 judged…")
    check(page, "some are judged")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
