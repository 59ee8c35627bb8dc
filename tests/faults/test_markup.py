"""Bar 13: markup and control codes inside of images are text wherever they come out."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re

import pytest
from PIL import Image

import nearsight as ns
from tests.faults.names import command, on_terminal
from tests.faults.test_names import RAW
from tests.server.conftest import serving
from tests.web.conftest import STATIC, browser  # noqa: F401 - a fixture

MARKUP = "<script>document.title='owned'</script>\"'><img src=x onerror=document.title='owned'>{{7*7}}${7*7}"
CONTROL = "\x1b]0;owned\x07\x1b[2J\r\n\x08\u202e\x9b31m\x00"
XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:title>{MARKUP}{CONTROL[:4]}</dc:title></x:xmpmeta>'
NAME = "<img src=x onerror=document.title='owned'>.jpg"
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images that say harmful things in each field that is read, and in some that are not."""
    made = tmp_path_factory.mktemp("markup") / "<b>p"
    made.mkdir()
    for number, (name, said) in enumerate({NAME: MARKUP, "control.jpg": CONTROL[:-1] + " Leica " + CONTROL}.items()):
        exif = Image.Exif()
        exif[271], exif[272], exif[270], exif[315] = said[:90], "M" + said, said, said
        exif[306] = "2012:07:21 10:11:12"
        exif.get_ifd(0x8769)[0x9003] = ("2012:07:21 10:11:12" + said)[:190]
        exif.get_ifd(0x8825)[1] = said[:30]
        image = Image.effect_mandelbrot((96, 96), (-3 + number, -2.5, 2, 2.5), 60).convert("RGB")
        image.save(made / name, exif=exif.tobytes(), comment=said.encode("utf8"), xmp=XMP.encode())
    (made / "broken\x1b[2J<script>.jpg").write_bytes(b"\xff\xd8\xff\xe1" + MARKUP.encode() + CONTROL.encode())
    told = [{"file": "control.jpg", "caption": f"zebra {MARKUP} {CONTROL}", "tags": [f"okapi{MARKUP}", CONTROL]}]
    (made / "said.json").write_text(json.dumps(told))
    ns.index(made, by=["copy"]).close()
    return made


class Tags(html.parser.HTMLParser):
    """The tags and the attributes' names of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}

    def handle_data(self, data):
        self.text.append(data)


def test_what_is_kept_is_clean_text(folder):
    with ns.open(folder) as photos:
        cameras = [image.camera or "" for image in photos.images()]
        taken = {image.taken for image in photos.images()}
    assert any("Leica" in camera for camera in cameras)
    assert any("<script>" in camera for camera in cameras)
    assert not any(UNSEEN.search(camera) for camera in cameras)
    assert taken == {"2012-07-21T10:11:12"}


@pytest.mark.parametrize("how", [("--words", "script"), ("--words", "zebra"), ("--words", "okapi"), ()])
def test_the_report_shows_it_as_text(folder, tmp_path, how):
    page, asked = tmp_path / "page.html", () if how else (folder / NAME,)
    assert command("search", *asked, *how, "--in", folder, "--html", page)[0] == 0
    text = page.read_text("utf8")
    found = Tags(text)
    assert not found.tags & {"script", "iframe", "object", "embed", "link", "base", "form"}
    assert not any(name.startswith("on") for name in found.attributes)
    assert not UNSEEN.search(text)
    assert "default-src 'none'" in text


def test_exports_hold_it_as_text(folder, tmp_path):
    command("export", "--in", folder, "--out", tmp_path / "p.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "p.csv").read_text("utf8"), newline="")))
    assert {row["path"] for row in rows} == {NAME, "control.jpg"}
    assert all(not UNSEEN.search(row[name]) for row in rows for name in ("camera", "caption", "tags"))
    assert any("zebra <script>" in row["caption"] for row in rows)
    rows = json.loads(command("export", "--in", folder, "--json")[1])
    assert any(MARKUP[:80] in (row["camera"] or "") for row in rows)
    skipped = json.loads(command("export", "--in", folder, "--json", "--skipped")[1])
    assert len(skipped) == 1
    assert not UNSEEN.search(skipped[0]["detail"])


@pytest.mark.parametrize("what", ["index", "search", "search words", "search captions", "info"])
def test_a_terminal_gets_no_control_code(folder, what):
    arguments = {
        "index": ("index", folder),
        "search": ("search", folder / NAME, "--in", folder),
        "search words": ("search", "--words", "leica", "--in", folder),
        "search captions": ("search", "--words", "zebra", "--in", folder),
        "info": ("info", "--in", folder),
    }[what]
    if what == "search":
        code, data = on_terminal(*map(str, arguments))
    else:
        code, *said = command(*arguments)
        data = "".join(said).encode("utf8", "surrogateescape")
    assert code == 0, data
    assert not RAW.search(data), data


def test_the_service_sends_it_as_json_and_says_so(folder, caplog):
    with serving(folder) as (client, _):
        slug = client.get("/api/collections").json()[0]["id"]
        for address in ("search?words=script", "search?words=zebra", "search?id=1", "skipped", ""):
            told = client.get(f"/api/collections/{slug}/{address}".rstrip("/"))
            assert told.status_code == 200
            assert told.headers["content-type"] == "application/json"
            assert told.headers["x-content-type-options"] == "nosniff"
            assert not re.search(r"[\x00-\x1f]", told.text)
        image = client.get(f"/api/collections/{slug}/images/1").content
        assert b"script" not in image
        assert b"xmpmeta" not in image
    assert not any(UNSEEN.search(record.getMessage()) for record in caplog.records)


def test_the_page_shows_it_as_text(folder, browser):  # noqa: F811
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built: cd web && npm ci && npm run build")
    with serving(folder) as (client, _):
        page = browser.new_page()
        dialogs, asked = [], []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{client.base_url}/")
        page.get_by_role("button", name="Words").click()
        page.get_by_label("Words", exact=True).fill("script")
        page.keyboard.press("Enter")
        page.get_by_text(NAME).first.wait_for(timeout=20_000)
        page.get_by_label("Words", exact=True).fill("zebra")
        page.keyboard.press("Enter")
        page.get_by_text("zebra <script>").first.wait_for(timeout=20_000)
        page.wait_for_timeout(300)
        assert "owned" not in page.title()
        assert not dialogs
        assert not any(url.endswith("/x") for url in asked)
        assert page.locator("img[src=x]").count() == 0
        page.close()
