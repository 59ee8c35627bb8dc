"""The page in a real browser, over a service in its own process, on real photographs."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import PHOTOGRAPHS, without_workers

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "src/nearsight/server/static"
PATIENCE = 60_000
"""Milliseconds after which a state that does not come is a failure, on a busy machine too; nothing takes this long."""
STILL = {"viewport": {"width": 1200, "height": 800}, "reduced_motion": "reduce"}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium: the system's, or playwright's own. Its event loop ends with the module."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    api.expect.set_options(timeout=PATIENCE)
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(playwright), args=FLAGS)
        yield started
        started.close()


def chromium(playwright) -> str | None:
    """The path of the system's Chromium; None for playwright's own."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path and not Path(playwright.chromium.executable_path).exists():
        pytest.skip("there is no Chromium: install one, or set CHROMIUM to its path")
    return path


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Two indexed folders of photographs, the first with two files that are none, and images to ask with."""
    import nearsight as ns

    place = tmp_path_factory.mktemp("page")
    for folder, given in (("Estate of M. Braun", PHOTOGRAPHS), ("Glass plates", PHOTOGRAPHS[::3])):
        (place / folder / "sub").mkdir(parents=True)
        for number, (package, name) in enumerate(given):
            target = place / folder / ("sub" if number < 2 else "") / name
            target.write_bytes(files(package).joinpath(name).read_bytes())
        if folder != "Glass plates":
            (place / folder / "torn.jpg").write_bytes((place / folder / "china.jpg").read_bytes()[:5000])
            (place / folder / "notes.jpg").write_text("not an image")
        drawn = ["sketch"] if folder == "Glass plates" else []
        with without_workers():
            ns.index(place / folder, by=["copy", "colour", "scene", *drawn]).close()
    with Image.open(place / "Estate of M. Braun/sub/astronaut.png") as opened:
        astronaut = opened.convert("RGB")
    astronaut.crop((60, 20, 400, 420)).save(place / "crop.jpg", quality=85)
    astronaut.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(place / "mirror.jpg", quality=85)
    noise = Image.effect_noise((400, 300), 90).convert("RGB")
    noise.save(place / "noise.png")
    return place


@contextmanager
def modelled(place: Path, models: Path):
    """A machine whose only models are these; services that are started meanwhile have them too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        patch.setenv("NEARSIGHT_MODELS", str(models))
        yield


@contextmanager
def serving(*arguments: str):
    """The address of a service in its own process."""
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built: cd web && npm ci && npm run build")
    command = [sys.executable, "-m", "nearsight", "serve", *arguments, "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "400"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            lines = iter(process.stdout.readline, "")
            yield next(found[0] for line in lines if (found := re.search(r"http://\S+?:\d+/", line)))
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def service(images):
    """The address of a running service."""
    with serving(*(str(images / name) for name in ("Estate of M. Braun", "Glass plates"))) as address:
        yield address


@pytest.fixture
def visit(browser, service):
    """Opens the page in a new context; at the end nothing may have gone wrong in the console or left the machine."""
    contexts, troubles = [], []

    def open_page(query: str = "", expected: str = "(?!)", **options):
        context = browser.new_context(**{**STILL, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on(
            "console",
            lambda m: m.type in ("error", "warning") and not re.search(expected, m.text) and troubles.append(m.text),
        )
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "request",
            lambda r: r.url.startswith(("http", "ws")) and not r.url.startswith(service) and troubles.append(r.url),
        )
        page.goto(service + query)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not troubles


def png(path: Path) -> bytes:
    """An image file as the clipboard would hold it."""
    out = io.BytesIO()
    with Image.open(path) as image:
        image.save(out, "PNG")
    return out.getvalue()
