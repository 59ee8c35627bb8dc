"""What a person reads when something is wrong: a plain sentence with the name of the file, and what to do."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.cli._left_out import skipped_file_line
from nearsight.cli._options import ingest_settings
from nearsight.errors import Reason, Technical, plain_detail
from nearsight.storage.records import SkipRecord
from tests.command import nearsight

DOCS = Path(__file__).resolve().parents[2] / "docs" / "files.md"
MACHINE_WORDS = re.compile(
    r"vanished|Error\b|Exception|Traceback|errno|\bpid\b|process \d|SIG[A-Z]{3}|exit code|\w+\.(py|cpp)\b|<\w|\^\[",
    re.IGNORECASE,
)
TECHNICAL = (
    "OSError: image file is truncated (12 bytes not processed)",
    "error: OpenCV(4.10) resize.cpp:4155: error: (-215:Assertion failed)",
    "error: unpack requires a buffer of 4 bytes",
    "UnidentifiedImageError",
    "the decoder died of SIGSEGV",
    "the decoder ended with exit code 1",
    "no end after 10 seconds",
    "ValueError: bad (decode.py:12)",
)


@pytest.mark.parametrize("detail", ["", "Permission denied", *TECHNICAL])
@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_the_name_what_is_wrong_and_what_to_do(reason, detail):
    line = skipped_file_line(SkipRecord(b"2012/my photo.jpg", 9, 9, reason, detail))
    assert re.fullmatch(r"2012/my photo\.jpg: [^;\n]+; [^\n]+", line)
    assert not MACHINE_WORDS.search(line.removeprefix("2012/my photo.jpg")), line
    assert reason.value not in line or reason.value in ("empty", "corrupt")
    assert line.endswith(f"; {reason.advice}")
    assert len(reason.advice.split()) > 3
    assert ("Permission denied" in line) == (detail == "Permission denied")


@pytest.mark.parametrize("detail", TECHNICAL)
def test_what_libraries_say_is_known_by_how_it_begins(detail):
    assert plain_detail(detail) == ""
    assert plain_detail(Technical("anything")) == ""


@pytest.mark.parametrize(
    "said", ["Permission denied", "PDF is not read", "1200 x 900 pixels", "it leads to Errors/a.jpg", "a FIFO", ""]
)
def test_what_is_ours_is_told(said):
    assert plain_detail(said) == said


def test_the_table_of_the_documentation_has_every_reason():
    rows = set(re.findall(r"^\| `([a-z-]+)` \| (.+?) \| (.+?) \|$", DOCS.read_text("utf8"), re.M))
    assert rows == {(reason.value, reason.sentence, reason.advice) for reason in Reason}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Some pictures, and one file of several kinds that is none."""
    place = tmp_path_factory.mktemp("messages") / "p"
    (place / "sub").mkdir(parents=True)
    random = np.random.default_rng(3)
    for name in ("a.png", "sub/b.jpg", "large.png"):
        size = (1000, 1200, 3) if name == "large.png" else (40, 60, 3)
        Image.fromarray(random.integers(0, 256, size, np.uint8)).save(place / name)
    (place / "empty.jpg").touch()
    (place / "notes.txt").write_text("no image, but long enough")
    (place / "list.txt").write_text("nor is this an image of any kind")
    (place / "cut.jpg").write_bytes((place / "sub" / "b.jpg").read_bytes()[:-700])
    (place / "link.png").symlink_to("a.png")
    return place


def test_the_end_of_an_index_says_what_was_skipped_and_what_to_do(folder):
    done = nearsight("index", folder, "--recipe", "tiny", "--max-decoded", 1)
    (start,) = (at for at, line in enumerate(done.stdout.splitlines()) if line == "skipped 6 files:")
    lines = done.stdout.splitlines()[start + 1 : start + 7]
    assert lines[0].startswith("       2  such as list.txt: this is not an image (")
    rest = sorted(line.split("  ")[-1].split(":")[0] for line in lines[1:5])
    assert rest == ["cut.jpg", "empty.jpg", "large.png", "link.png"]
    assert lines[5] == f"list all of them: nearsight export --skipped --in {folder}"
    assert not MACHINE_WORDS.search(done.stdout)
    assert nearsight("info", "--in", folder).stdout.splitlines()[-6:] == lines


def test_a_large_scan_says_which_limit_would_do(folder):
    done = nearsight("index", folder, "--recipe", "tiny", "--max-decoded", 1)
    (needed,) = set(re.findall(r"large\.png: .*: --max-decoded (\d+) reads it", done.stdout))
    (asked,) = re.findall(r"1200 x 1000 pixels take (\d+) MiB, and 1 MiB are allowed", done.stdout)
    assert needed == asked
    assert "large.png" in nearsight("index", folder, "--max-decoded", int(needed) - 1).stdout
    assert "large.png" not in nearsight("index", folder, "--max-decoded", needed).stdout
    with ns.open(folder) as photos:
        assert b"large.png" in {image.path for image in photos.images()}


def test_the_limit_of_a_file_is_raised_with_the_limit_of_its_pixels():
    assert ingest_settings(0, 256).limits.file == ingest_settings(0, 1).limits.file == 256 << 20
    assert ingest_settings(0, 600).limits.file == 600 << 20


def test_an_export_says_it_in_words_and_in_codes(folder):
    nearsight("index", folder, "--recipe", "tiny")
    rows = {
        row["path"]: row for row in csv.DictReader(io.StringIO(nearsight("export", "--skipped", "--in", folder).stdout))
    }
    assert rows["empty.jpg"]["reason"] == "empty"
    assert rows["empty.jpg"]["message"] == f"{Reason.EMPTY.sentence}; {Reason.EMPTY.advice}"
    assert (rows["cut.jpg"]["reason"], rows["cut.jpg"]["detail"]) == ("truncated", "")
    assert not MACHINE_WORDS.search("\n".join(f"{row['detail']} {row['message']}" for row in rows.values()))
    listed = json.loads(nearsight("export", "--skipped", "--json", "--in", folder).stdout)
    assert {row["path"] for row in listed} == rows.keys()


def test_the_service_says_it_too(folder):
    from tests.server.conftest import serving

    nearsight("index", folder, "--recipe", "tiny")
    with serving(folder) as (client, _):
        slug = client.get("/api/collections").json()[0]["id"]
        files = client.get(f"/api/collections/{slug}/skipped").json()["files"]
        assert {each["path"]: each["message"] for each in files}["link.png"] == (
            f"{Reason.LINK.sentence}; {Reason.LINK.advice}"
        )
        assert not MACHINE_WORDS.search(json.dumps([[each["message"], each["detail"]] for each in files]))
        wrong = client.get(f"/api/collections/{slug}/search", params={"upload": "nothing"})
        assert wrong.status_code == 422
        assert not MACHINE_WORDS.search(wrong.json()["error"])


MISTAKES = [
    ("index", "none"),
    ("index", "a.png"),
    ("index", ".", "a.png"),
    ("index", ".", "--exclude", "[z-a]"),
    ("index", ".", "--exclude", "a.png", "large.png"),
    ("index", ".", "--again", "none.jpg"),
    ("index", ".", "--by", "meaning"),
    ("index", ".", "--recipe", "phasch"),
    ("index", ".", "--max-decoded", "much"),
    ("index", ".", "--colection", "x"),
    ("search", "none.jpg"),
    ("search", "cut.jpg", "--recipe", "tiny"),
    ("search", "a.png", "--recipe", "tiny", "--html", "/nowhere/x.html"),
    ("search", "a.png", "--recipe", "tiny", "--where", "width >"),
    ("search", "a.png", "--by", "copy"),
    ("export", "--out", "/nowhere/x.csv"),
    ("export", "--out", "sub"),
    ("info", "--in", "/"),
    ("frobnicate",),
    ("match", "a.png", "none.png"),
    ("serve", "--port", "99999"),
]


@pytest.mark.parametrize("words", MISTAKES, ids=" ".join)
def test_a_mistake_ends_with_a_message_and_never_with_a_trace(folder, words):
    nearsight("index", folder, "--recipe", "tiny")
    done = nearsight(*words, cwd=folder, NEARSIGHT_MODELS="/nowhere")
    assert done.returncode in (2, 3), done.stdout
    assert done.stderr.strip()
    assert not MACHINE_WORDS.search(re.sub(r"^(Usage|Try|Error): ?", "", done.stderr, flags=re.M)), done.stderr


def test_a_port_in_use_is_said_in_plain_words(folder):
    import socket

    nearsight("index", folder, "--recipe", "tiny")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = nearsight("serve", folder, "--port", taken.getsockname()[1])
    assert done.returncode == 2
    assert "is in use by another program: choose another with --port" in done.stderr
    assert "(" not in done.stderr


def test_what_is_stopped_at_the_keyboard_says_that_it_goes_on(tmp_path):
    program = (
        "import signal, os, threading\n"
        "from nearsight.cli.main import main\n"
        "import nearsight.api.indexing as indexing\n"
        "def stop(*a, **k): os.kill(os.getpid(), signal.SIGINT); threading.Event().wait(5)\n"
        "indexing.walk_folder = stop\n"
        "import nearsight.ingest.scan as scan\n"
        "scan.walk_folder = stop\n"
        "main()\n"
    )
    (tmp_path / "p").mkdir()
    words = [sys.executable, "-c", program, "index", str(tmp_path / "p"), "--recipe", "tiny"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))}
    start = time.monotonic()
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode, time.monotonic() - start < 30) == (130, True)
    assert done.stderr == "\nnearsight: stopped; what was committed is kept, the same command continues from there\n"
