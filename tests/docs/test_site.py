"""The built site: whole, without a broken link, and asking for nothing from anywhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from docs_build import verdicts

from nearsight.registry import methods
from nearsight.rerankers._copy_verdict import CopyVerdict

ROOT = Path(__file__).resolve().parents[2]
ASSETS = {"img": "src", "script": "src", "source": "src", "iframe": "src", "link": "href"}
CHANGED = ("edited copy", "same template", "same surroundings", "same scene")
"""Verdicts whose pair differs in an area."""
ELSEWHERE = ("http:", "https:", "//")


class Addresses(HTMLParser):
    """What a page loads, and where its links lead."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.feed(page.read_text("utf8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if (address := given.get(ASSETS.get(tag, ""))) and given.get("rel") not in ("canonical", "next", "prev"):
            self.loads.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built strictly: a link that leads nowhere is an error."""
    pytest.importorskip("material", reason='mkdocs-material is not installed: pip install ".[docs]"')
    place = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(place)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def pages(site):
    return [page for page in site.rglob("*.html") if page.name != "404.html"]


def test_every_page_is_there(site):
    built = {page.relative_to(site).as_posix() for page in pages(site)}
    assert {"index.html", "alike.html", "page.html", "commands.html", "python.html", "http.html"} < built
    assert {"storage.html", "trace.html", "copies.html", "adding.html", "recipes/index.html"} < built
    assert {f"recipes/{name}.html" for name, cls in methods().items() if cls.__module__.startswith("nearsight")} < built


def test_nothing_is_loaded_from_elsewhere(site):
    loaded = 0
    for page in pages(site):
        for address in Addresses(page).loads:
            assert not address.startswith(ELSEWHERE), (page, address)
            if not address.startswith("data:"):
                assert (page.parent / unquote(urlsplit(address).path)).is_file(), (page, address)
                loaded += 1
    assert loaded > 100
    for style in site.rglob("*.css"):
        for address in re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", style.read_text("utf8")):
            assert not "".join(address).startswith(ELSEWHERE), (style, address)


def test_every_link_within_the_site_leads_to_a_page_and_its_heading(site):
    for page in pages(site):
        for link in Addresses(page).links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert target.is_file(), (page, link)
            if parts.fragment and target.suffix == ".html":
                assert f'id="{unquote(parts.fragment)}"' in target.read_text("utf8"), (page, link)


def test_the_senses_are_shown_with_their_verdicts(site):
    page = (site / "alike.html").read_text("utf8")
    assert "<!-- made" not in page
    assert page.count('<figure class="neighbours">') == 10
    assert '<b class="alike">part</b><span>1.00</span><span>coffee</span>' in page
    assert page.count('<b class="other">not a copy</b>') == 4
    assert page.count('<b class="alike">the same thing</b>') == 3
    assert "nothing like it here; 28 images searched" in page


def test_a_pair_is_shown_for_each_verdict_and_has_it():
    assert set(verdicts.PAIRS) == set(CopyVerdict)
    for verdict, (jpeg, explanation) in verdicts.judged().items():
        assert explanation.verdict == verdict, explanation.sentence
        assert explanation.alike == CopyVerdict(verdict).alike
        assert jpeg[:2] == b"\xff\xd8"
        assert (len(explanation.changes) > 0) == (verdict in CHANGED), verdict


def test_the_page_of_senses_shows_a_pair_for_each_verdict(site):
    page = (site / "alike.html").read_text("utf8")
    for verdict in verdicts.PAIRS:
        assert f'alt="two images, verdict: {verdict}"' in page
        assert (site / verdicts._address(verdict)).is_file()


def test_colours_a_drawing_words_and_a_filter_are_shown_with_what_they_find(site):
    page = (site / "alike.html").read_text("utf8")
    shown = re.findall(r'<img src="images/made/[^"]+" alt="([^"]+)"', page)
    assert shown[shown.index("a drawing") + 1] == "coffee"
    assert "coffee" in shown[shown.index("two colours") :][1:5]
    assert shown[shown.index("china") :][:2] == ["china", "china, cropped"]


def test_pages_can_be_searched(site):
    found = (site / "search" / "search_index.json").read_text("utf8")
    assert "recipes/gist.html" in found
    assert "commands.html#export" in found


def test_a_phone_shows_every_kind_of_page_without_scrolling_sideways(site):
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    from tests.web.conftest import FLAGS, chromium

    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(playwright), args=FLAGS)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        for name in (
            "index",
            "alike",
            "recipes/index",
            "recipes/gist",
            "commands",
            "python",
            "copies",
            "evaluation",
            "adding",
            "trace",
        ):
            page.goto((site / f"{name}.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
            assert page.evaluate("[...document.images].every(one => one.loading == 'lazy' || one.naturalWidth > 0)"), (
                name
            )
        browser.close()
