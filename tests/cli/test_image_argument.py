"""An image on the command line: a file, standard input, and no address."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from tests.command import nearsight


@pytest.fixture(scope="module", autouse=True)
def _without_workers(in_this_process):
    """A collection is indexed here once, and is small."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("argument") / "photos"
    made.mkdir()
    for name, colour in (("red", (230, 20, 30)), ("blue", (20, 45, 230))):
        Image.new("RGB", (40, 30), colour).save(made / f"{name}.png")
    assert nearsight("index", made, "--by", "colour,copy").returncode == 0
    return made


@pytest.fixture
def piped(monkeypatch):
    """Sets standard input."""

    def pipe(data, terminal=False):
        stream = io.TextIOWrapper(io.BytesIO(data))
        stream.isatty = lambda: terminal
        monkeypatch.setattr("sys.stdin", stream)

    return pipe


def test_search_reads_an_image_from_standard_input(folder, piped, tmp_path):
    piped((folder / "blue.png").read_bytes())
    done = nearsight("search", "-", "--in", folder, "--by", "colour", "--json", "--html", tmp_path / "a.html")
    assert done.returncode == 0
    answer = json.loads(done.stdout)
    assert answer["hits"][0]["path"] == "blue.png"
    assert answer["query"]["image"] == "-"
    assert "standard input" in (tmp_path / "a.html").read_text("utf8")


def test_match_describe_and_colours_do_too(folder, piped):
    piped((folder / "blue.png").read_bytes())
    for words in ((folder / "blue.png", "-"), ("-", folder / "blue.png")):
        piped((folder / "blue.png").read_bytes())
        assert nearsight("match", *words).stdout.startswith("identical")
    piped((folder / "blue.png").read_bytes())
    assert not nearsight("match", "-", folder / "red.png").stdout.startswith("identical")
    piped((folder / "blue.png").read_bytes())
    rows = json.loads(nearsight("describe", folder / "red.png", "-", "--recipe", "tiny", "--json").stdout)
    assert [each["path"] for each in rows] == [str(folder / "red.png"), "-"]
    assert not np.array_equal(rows[0]["row"], rows[1]["row"])
    piped((folder / "blue.png").read_bytes())
    assert nearsight("colours", "-").stdout.strip() == "#142de6:1"


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"", "standard input: the file is empty"), (b"words", "this is not an image"), (b"%PDF-1.7", "PDF is not read")],
)
def test_what_comes_in_is_no_image(folder, piped, data, says):
    piped(data)
    done = nearsight("search", "-", "--in", folder)
    assert done.returncode == 2
    assert says in done.stderr


def test_nothing_comes_in(folder, piped):
    piped(b"", terminal=True)
    done = nearsight("search", "-", "--in", folder)
    assert done.returncode == 2
    assert "nearsight search - <" in done.stderr
    assert nearsight("match", "-", "-").returncode == 2


@pytest.mark.parametrize(
    "address", ["https://example.org/a.jpg", "http://example.org/b/c.png", "data:image/png;base64,A"]
)
def test_an_address_is_refused_by_name(folder, address):
    for words in (
        ("search", address, "--in", folder), ("match", folder / "red.png", address), ("describe", address),
        ("colours", address), ("check", address, "--in", folder), ("search", "--sketch", address, "--in", folder),
    ):  # fmt: skip
        done = nearsight(*words)
        assert done.returncode == 2
        assert done.stderr.startswith(f"nearsight: {address} is an address")
        assert "download" in done.stderr
