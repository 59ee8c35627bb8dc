"""Bar 12: any name comes out everywhere as it went in; what is no image file is skipped, and never waited for."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
import socket
import stat
import time

import pytest

from tests.faults.forks import copied
from tests.faults.names import NAMES, command, made, on_terminal
from tests.server.conftest import serving

RECIPE = "phash | flat"
GONE = "removed-by-user"


@pytest.fixture(scope="module")
def odd(tmp_path_factory, forks):
    """A folder of odd names, indexed."""
    from tests.conftest import random_image

    folder = made(tmp_path_factory.mktemp("odd") / "p", random_image.__wrapped__())
    forks.run("index", folder, folder / ".nearsight", [RECIPE], 99).result  # noqa: B018
    return folder


def path_of(folder, name):
    return os.fsdecode(os.path.join(os.fsencode(folder), name))


def test_all_are_indexed(odd):
    found = json.loads(command("info", "--in", odd, "--json")[1])
    assert (found["images"], found["skipped"]) == (len(NAMES), {})


def test_search_says_the_name_as_it_is(odd):
    for name in NAMES:
        code, out, _ = command("search", path_of(odd, name), "--in", odd, "--recipe", RECIPE, "-k", 1, "--json")
        assert code == 0
        assert os.fsencode(json.loads(out)["hits"][0]["path"]) == name


def test_a_name_that_looks_like_an_option_is_asked_with_behind_two_dashes(odd):
    code, out, _ = command("search", "--recipe", RECIPE, "-k", 1, "--json", "--", "-rf", cwd=odd)
    assert (code, json.loads(out)["hits"][0]["path"]) == (0, "-rf")


def test_exports_hold_the_names_as_they_are(odd, tmp_path):
    rows = json.loads(command("export", "--in", odd, "--json")[1])
    assert sorted(os.fsencode(row["path"]) for row in rows) == sorted(NAMES)
    assert command("export", "--in", odd, "--out", tmp_path / "p.csv")[0] == 0
    text = (tmp_path / "p.csv").read_bytes().decode("utf8", "surrogateescape")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert sorted(os.fsencode(row["path"]) for row in rows) == sorted(NAMES)


def test_removed_and_let_in_again(odd, tmp_path, forks):
    folder = copied(odd, tmp_path / "p")
    remove, left = ("remove", "--in", folder, "--json"), set(NAMES)
    for some in (NAMES[:1], NAMES[2:3], NAMES[4:5], NAMES[7:8], NAMES):
        names = [os.fsdecode(name) for name in some]
        assert json.loads(command(*remove, "--", *names)[1]) == {"removed": len(left & {*some})}
        left -= {*some}
        rows = json.loads(command("export", "--in", folder, "--json", "--skipped")[1])
        assert {os.fsencode(row["path"]): row["reason"] for row in rows} == dict.fromkeys({*NAMES} - left, GONE)
    assert json.loads(command(*remove, "--undo", "--", *map(os.fsdecode, NAMES))[1]) == {"restored": len(NAMES)}
    forks.run("index", folder, folder / ".nearsight", [], 99).result  # noqa: B018
    assert json.loads(command("info", "--in", folder, "--json")[1])["images"] == len(NAMES)


def test_the_report_shows_each_name_and_obeys_none(odd, tmp_path):
    page, asked = tmp_path / "page.html", path_of(odd, NAMES[2])
    assert command("search", asked, "--in", odd, "--recipe", RECIPE, "-k", 99, "--html", page)[0] == 0
    text = page.read_text("utf8")
    assert "<img src=x" not in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    shown = html.unescape(text)
    for name in NAMES:
        plain = os.fsdecode(name)
        assert "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in plain) in shown


def test_the_service_serves_each_by_its_id(odd):
    with serving(odd) as (client, _):
        slug = client.get("/api/collections").json()[0]["id"]
        hits = client.get(f"/api/collections/{slug}/search", params={"id": 1, "k": 99}).json()["hits"]
        assert sorted(hit["path"] for hit in hits) == sorted(
            os.fsdecode(name).encode("utf8", "backslashreplace").decode() for name in NAMES
        )
        for hit in hits:
            assert client.get(hit["thumbnail"]).headers["content-type"] == "image/jpeg"
            assert client.get(hit["image"]).status_code == 200
        words = client.get(f"/api/collections/{slug}/search", params={"words": "gpj"}).json()["hits"]
        assert [hit["path"] for hit in words] == ["\u202egpj.exe"]


RAW = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]")
"""What moves a cursor, changes a title or turns text around; the terminal itself makes \\r\\n of each new line."""


@pytest.mark.parametrize("what", ["search", "search --html", "remove", "info", "match", "describe", "verify", "index"])
def test_a_terminal_gets_no_control_code_of_a_name(odd, what, tmp_path):
    evil = path_of(odd, NAMES[2])
    arguments = {
        "search": ("search", evil, "--in", odd, "--recipe", RECIPE, "-k", "99"),
        "search --html": ("search", evil, "--in", odd, "--recipe", RECIPE, "--html", path_of(tmp_path, NAMES[2])),
        "remove": ("remove", evil, "--in", odd),
        "info": ("info", "--in", odd),
        "match": ("match", evil, path_of(odd, NAMES[3])),
        "describe": ("describe", evil, "--recipe", "phash"),
        "verify": ("verify", "--in", evil),
        "index": ("index", evil),
    }[what]
    if what in ("search --html", "index"):  # what prints a name of the user's own, as a message and as an error
        code, data = on_terminal(*map(str, arguments))
    else:
        code, *said = command(*arguments)
        data = "".join(said).encode("utf8", "surrogateescape")
    assert code in (0, 1, 2), data
    assert data
    assert not RAW.search(data), data


def test_an_export_on_a_terminal_is_shown_and_not_obeyed(odd):
    code, data = on_terminal("export", "--in", str(odd))
    assert code == 0
    assert not RAW.search(data), data


def test_what_is_no_file_is_skipped_with_a_reason_and_never_waited_for(forks, many, tmp_path, figures):
    folder, outside = many(12), many(3, "outside")
    os.mkfifo(folder / "fifo.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket.jpg"))
    expected = {"fifo.jpg": "not-a-regular-file", "socket.jpg": "not-a-regular-file"}
    if os.geteuid() == 0:
        os.mknod(folder / "zero.jpg", stat.S_IFCHR | 0o600, os.makedev(1, 5))
        expected["zero.jpg"] = "not-a-regular-file"
    links = {"self.jpg": "self.jpg", "a.jpg": "b.jpg", "b.jpg": "a.jpg", "up": "..", "nowhere.jpg": "none.jpg"}
    links |= {"out.jpg": str(outside / "0001.jpg"), "out": str(outside), "passwd.jpg": "/etc/passwd", "here": "."}
    for name, target in links.items():
        (folder / name).symlink_to(target)
    expected |= dict.fromkeys(links, "symbolic-link")
    vanishing = {"0003.jpg": "gone", "0005.jpg": "fifo", "0007.jpg": "link", "0009.jpg": "folder"}
    expected |= {"0003.jpg": "vanished", "0005.jpg": "not-a-regular-file", "0007.jpg": "symbolic-link"}
    expected |= {"0009.jpg": "not-a-regular-file"}
    start = time.monotonic()
    ending = forks.run("pooled_surprise", folder, tmp_path / "home", [RECIPE], vanishing, seconds=60)
    seconds = time.monotonic() - start
    assert not ending.late
    ending.result  # noqa: B018
    found = forks.run("inspect", tmp_path / "home").result
    assert found["skips"] == expected
    assert sorted(found["images"]) == [f"{n:04}.jpg" for n in range(12) if f"{n:04}.jpg" not in vanishing]
    assert seconds < 20
    figures("what is no image file", kinds=len(expected), skipped_with_a_reason=len(expected), names=len(NAMES))
