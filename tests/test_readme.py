"""What README.md and the documentation tell to type must run."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.command import nearsight

pytestmark = pytest.mark.usefixtures("in_this_process")

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
START = ROOT / "docs" / "index.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
ELSEWHERE = {"nearsight demo"}
"""What takes long, and is run by tests/cli/test_cli.py."""
NEEDS_A_NETWORK = "nearsight models get"
"""What downloads; tests/models/test_download.py runs it against a server of its own."""
NEEDS_A_COLLECTION = {"search", "info", "export", "verify", "repair"}
DEMO_PORT = 8765


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```(?:{language})\n(.*?)^```", text, re.S | re.M)


def commands(text: str) -> list[str]:
    """Every command of ours that a page shows, in blocks and within lines, in the order of the page."""
    block = r"^```(?:sh|bash|shell|console|zsh)\n(?P<block>.*?)^```"
    found = []
    for shown in re.finditer(rf"{block}|`(?P<line>nearsight\s[^`]+)`", text, re.S | re.M):
        lines = [shown["line"]] if shown["line"] else shown["block"].split("\n")
        found += [" ".join(line.split()) for line in lines if line.startswith("nearsight ")]
    return found


EVERY = list(dict.fromkeys(command for page in (README, START) for command in commands(page.read_text("utf8"))))
BLOCKS = [(page, at) for page in PAGES for at in range(len(blocks(page.read_text("utf8"), "python")))]


@pytest.fixture
def home(photographs, tmp_path, monkeypatch):
    """A home folder with photographs, some of a trip to Moscow, and images to ask with."""
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copytree(photographs, folder / "photos")
    (folder / "photos" / "sub").rename(folder / "photos" / "moscow 2012")
    shutil.copy(photographs / "coins.png", folder / "photos" / "coins again.png")
    for name, source in (("a.jpg", "rocket.jpg"), ("b.jpg", "flower.jpg")):
        shutil.copy(photographs / source, folder / name)
    with Image.open(photographs / "china.jpg") as image:
        image.save(folder / "found.jpg", quality=80)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(os.path.abspath, filter(None, sys.path))))
    monkeypatch.chdir(folder)
    return folder


def test_the_python_block_runs(home, capsys):
    (block,) = blocks(README.read_text("utf8"), "python")
    names = executed(block, home)
    assert capsys.readouterr().out.startswith("1 china.jpg 1.0 copy ")
    assert names["vectors"].shape == (2, 960)


@pytest.mark.parametrize(("page", "at"), BLOCKS, ids=[f"{page.name} {at}" for page, at in BLOCKS])
def test_every_python_block_runs(page, at, home):
    executed(blocks(page.read_text("utf8"), "python")[at], home)


def executed(block: str, home: Path) -> dict[str, object]:
    """The names that a block leaves behind."""
    (home / "block.py").write_text(block)
    return runpy.run_path(str(home / "block.py"))


def test_every_command_runs(home):
    assert len(EVERY) > 15
    here = [command for command in EVERY if command not in ELSEWHERE and not command.startswith(NEEDS_A_NETWORK)]
    said = {command: run(command, home) for command in here}
    assert (home / "result.html").is_file()
    assert "1.000  copy" in said["nearsight search found.jpg --in ~/photos"].split("\n")[1]
    assert "astronaut.png" in said['nearsight search --in ~/photos --words "moscow 2012"']


def run(command: str, home: Path) -> str:
    """What one command prints; it must end well."""
    words = [word.replace("~", str(home)) for word in shlex.split(command, comments=True)[1:]]
    if words[0] == "serve" or "--serve" in words:
        return served(words, home)
    here = home / "photos" if words[0] in NEEDS_A_COLLECTION and "--in" not in words else home
    done = nearsight(*words, cwd=here)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def served(words: list[str], home: Path) -> str:
    """Start a service, ask it once, stop it."""
    given = [*words, "--port", "0"] if words[0] == "serve" else words
    if given is words and taken(DEMO_PORT):
        return f"port {DEMO_PORT}, which the demo always takes, is taken: not run"
    command = [sys.executable, "-m", "nearsight", *given]
    with subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            lines = iter(process.stdout.readline, "")
            address = next((found[1] for line in lines if (found := re.search(r"at (http://\S+)", line))), None)
            assert address, process.stderr.read()
            assert httpx.get(f"{address}api/collections").json()[0]["images"] >= 13
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        finally:
            process.kill()
    return address


def taken(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def test_the_first_two_shell_blocks_are_the_demo_and_the_tests():
    """Tools that follow the README run just these; other examples are marked zsh, which renders alike."""
    first, second = blocks(README.read_text("utf8"), "sh|bash|shell|console")
    assert first.split("\n")[-2] == "nearsight demo"
    assert second.split("\n")[-2].startswith("pytest")


@pytest.mark.parametrize("page", [README, START], ids=["README", "index"])
def test_the_first_lines_hold_the_words_that_people_search_for(page):
    first = " ".join(page.read_text("utf8").partition("```")[0].split()).lower()
    for wanted in (
        "similar images",
        "near-duplicate detection",
        "reverse image search",
        "content-based image retrieval",
    ):
        assert wanted in first


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README.read_text("utf8")))
def test_every_link_leads_somewhere(link):
    assert (README.parent / link).exists()
