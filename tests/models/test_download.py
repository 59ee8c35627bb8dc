"""Downloads from a server on this machine that speaks enough of Hugging Face's API; the command as its user runs it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.models.network import card, network, sha256

DATA = network() + b"".join(b"\xa2\x06\x80\x40" + bytes(range(256)) * 32 for _ in range(12))  # unknown fields: 98 kB
COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = '[source]\nrepo = "some/means"\nfile = "model.onnx"'


class Hub(ThreadingHTTPServer):
    """Serves DATA at every address. `breaks` is after how many bytes each of the first answers ends."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.daemon_threads = True
        self.data, self.breaks, self.asked, self.silent = DATA, [], [], False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """The other side went away: nothing to say."""


class _Answer(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.server.asked.append(("HEAD", self.path, None))
        if self.server.silent:
            time.sleep(25)
        self._head(200, len(self.server.data))

    def do_GET(self):
        if self.path.startswith("/api/"):  # the library's own questions, which are none of ours
            self.send_error(404)
            return
        span = self.headers.get("Range")
        self.server.asked.append(("GET", self.path, span))
        start = int(re.fullmatch(r"bytes=(\d+)-", span)[1]) if span else 0
        if span and start >= len(self.server.data):
            self.send_error(416)
            return
        rest = self.server.data[start:]
        self._head(206 if span else 200, len(rest))
        self.wfile.write(rest[: self.server.breaks.pop(0) if self.server.breaks else None])

    def _head(self, status, length):
        self.send_response(status)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{sha256(self.server.data)}"')
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *args):
        """Quietly."""


@pytest.fixture
def hub():
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def models(tmp_path, hub):
    """Runs a command about models, as a user whose models folder has just a card."""
    folder = tmp_path / "cards"
    folder.mkdir()

    def run(*arguments, source=HUB, known="", **environment):
        text = card(sha256=known).replace("[input]", f"{source}\n[input]")
        (folder / "means.toml").write_text(text)
        set_aside = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"}
        inherited = {key: value for key, value in os.environ.items() if key not in set_aside}
        own = {
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(tmp_path / "shared"),
            "HF_HUB_DISABLE_XET": "1",
            "NEARSIGHT_MODELS": str(folder),
            "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path))),
        }
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "nearsight", "models", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            env={**inherited, **own, **environment},
        )
        assert "Traceback" not in done.stderr, done.stderr
        done.seconds = time.monotonic() - began
        return done

    return run


def got(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_file_of_a_repository_goes_into_the_shared_cache(hub, models, tmp_path):
    made = got(models("get", "means", "--json", known=sha256(DATA)))
    assert made["sha256"] == sha256(DATA)
    assert made["path"].startswith(str(tmp_path / "shared"))
    with open(made["path"], "rb") as file:
        assert file.read() == DATA
    asked = len(hub.asked)
    assert got(models("get", "means", "--json", known=sha256(DATA))) == made
    assert len(hub.asked) == asked
    assert {path for _, path, _ in hub.asked} == {"/some/means/resolve/main/model.onnx"}


@pytest.mark.parametrize("of", ["a repository", "an address"])
def test_a_broken_connection_is_taken_up_where_it_broke(hub, models, of):
    hub.data = bytes(range(256)) * (100 << 10)  # 25 MiB; the library keeps what came in parts of 10
    hub.breaks = [12 << 20, 11 << 20]
    source = HUB if of == "a repository" else f'[source]\nurl = "{hub.address}/model.onnx"'
    made = got(models("get", "means", "--json", source=source, known=sha256(hub.data)))
    with open(made["path"], "rb") as file:
        assert file.read() == hub.data
    assert [span for kind, _, span in hub.asked if kind == "GET"] == [None, "bytes=10485760-", "bytes=20971520-"]


def test_a_killed_download_from_an_address_goes_on_next_time(hub, models, home):
    (home / "means").mkdir(parents=True)
    (home / "means" / "means.onnx.part").write_bytes(DATA[:60_000])
    source = f'[source]\nurl = "{hub.address}/model.onnx"'
    made = got(models("get", "means", "--json", source=source, known=sha256(DATA)))
    assert made["path"] == str(home / "means" / "means.onnx")
    assert hub.asked[-1] == ("GET", "/model.onnx", "bytes=60000-")
    assert sorted(each.name for each in (home / "means").iterdir()) == ["means.onnx"]


@pytest.mark.parametrize(("more", "last"), [(b"", ("HEAD", None)), (b"x", ("GET", None))])
def test_a_download_killed_before_it_was_renamed_is_finished(hub, models, home, more, last):
    (home / "means").mkdir(parents=True)
    (home / "means" / "means.onnx.part").write_bytes(DATA + more)
    source = f'[source]\nurl = "{hub.address}/model.onnx"'
    made = got(models("get", "means", "--json", source=source, known=sha256(DATA)))
    assert made["sha256"] == sha256(DATA)
    assert hub.asked[-1] == (last[0], "/model.onnx", last[1])
    assert sorted(each.name for each in (home / "means").iterdir()) == ["means.onnx"]


def test_without_a_checksum_it_begins_anew(hub, models, home):
    (home / "means").mkdir(parents=True)
    (home / "means" / "means.onnx.part").write_bytes(b"of another file")
    made = got(models("get", "means", "--json", source=f'[source]\nurl = "{hub.address}/model.onnx"'))
    assert made["sha256"] == sha256(DATA)
    assert hub.asked[-1] == ("GET", "/model.onnx", None)


@pytest.mark.parametrize("of", ["a repository", "an address"])
def test_what_is_not_what_the_card_says_is_refused(hub, models, home, of):
    source = HUB if of == "a repository" else f'[source]\nurl = "{hub.address}/model.onnx"'
    done = models("get", "means", source=source, known=sha256(network()))
    assert done.returncode == 2
    assert sha256(DATA) in done.stderr
    assert sha256(network()) in done.stderr
    assert not (home / "means" / "means.onnx").exists()
    assert models("get", "means", source=source, known=sha256(network())).returncode == 2


def test_the_first_file_of_an_unverified_card_is_the_only_one(hub, models, tmp_path):
    assert got(models("get", "means", "--json"))["sha256"] == sha256(DATA)
    hub.data = DATA + b"\x72\x00"
    other = {"HF_HOME": str(tmp_path / "another")}
    done = models("get", "means", **other)
    assert done.returncode == 2
    assert sha256(DATA) in done.stderr
    assert sha256(hub.data) in done.stderr
    assert models("verify", **other).returncode == 3


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("refused", "Connection refused"),
        ("no name", "nearsight.invalid"),
        ("offline", "HF_HUB_OFFLINE is set"),
        ("silent", "timed out"),
    ],
)
@pytest.mark.parametrize("of", ["a repository", "an address"])
def test_without_a_network_it_says_so_soon(hub, models, of, how, says):
    hub.silent = how == "silent"
    base = {
        "refused": f"http://127.0.0.1:{closed_port()}",
        "no name": "http://nearsight.invalid",
    }.get(how, hub.address)
    environment = {"HF_ENDPOINT": base} | ({"HF_HUB_OFFLINE": "1"} if how == "offline" else {})
    source = HUB if of == "a repository" else f'[source]\nurl = "{base}/model.onnx"'
    done = models("get", "means", source=source, known=sha256(DATA), **environment)
    assert done.returncode == 2
    assert done.seconds < 20
    message = done.stderr.strip().split("\n")[-1]
    assert message.startswith("nearsight: the model means could not be downloaded from ")
    assert message.endswith("bring the file from elsewhere: nearsight models add means FILE")
    assert says in message or (how == "no name" and "Name or service not known" in message)


def test_a_model_without_a_source_is_to_be_brought(models):
    done = models("get", "mobilenetv2")
    assert done.returncode == 2
    assert "nearsight models add mobilenetv2 FILE" in done.stderr


def test_list_and_add(models, tmp_path):
    (tmp_path / "brought.onnx").write_bytes(DATA)
    rows = {row["name"]: row for row in json.loads(models("list", "--json").stdout)}
    assert rows["means"]["path"] is None
    assert rows["means"]["get"] == "nearsight models get means"
    assert "not on this machine: nearsight models get means" in models("list").stdout
    added = got(models("add", "means", str(tmp_path / "brought.onnx"), "--json"))
    assert added["sha256"] == sha256(DATA)
    assert added["path"] in models("list").stdout
    assert json.loads(models("verify", "--json").stdout) == {
        "clean": True,
        "checked": ["means"],
        "problems": {},
        "runs_on": {"means": "CPU"},
    }
    assert "means runs on CPU" in models("verify").stdout
