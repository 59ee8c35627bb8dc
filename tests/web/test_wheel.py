"""The page is in what people install."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built as pip builds it; where the page is not built yet, Node and its libraries are fetched."""
    out = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--wheel-dir", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode and ("No matching distribution" in built.stderr or "registry.npmjs.org" in built.stderr):
        pytest.skip("a build needs PyPI and the npm registry, and one of them cannot be reached")
    assert built.returncode == 0, built.stdout + built.stderr
    with zipfile.ZipFile(next(out.glob("nearsight-*.whl"))) as opened:
        yield opened


def test_the_wheel_holds_the_page(wheel):
    names = wheel.namelist()
    page = wheel.read("nearsight/server/static/index.html").decode()
    assert any(name.startswith("nearsight/server/static/assets/") and name.endswith(".js") for name in names)
    for name in names:
        if name.startswith("nearsight/server/static/assets/index-"):
            assert name.removeprefix("nearsight/server/static/") in page


def test_the_wheel_holds_no_source_of_the_page(wheel):
    assert not [name for name in wheel.namelist() if "node_modules" in name or name.endswith((".svelte", ".ts"))]


def test_the_page_has_no_inline_script_and_asks_no_other_host(wheel):
    page = wheel.read("nearsight/server/static/index.html").decode()
    assert "<script>" not in page
    assert "//" not in page.replace("<!doctype html>", "")
