"""The command, as its user runs it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from nearsight.cli.serve import serve_collections
from nearsight.server.run import page_url
from nearsight.server.settings import ServerSettings


@contextmanager
def command(*arguments):
    """The running command, and the address that it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nearsight", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path))),
        },
    )
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"at (http://\S+)", line):
                yield process, found[1], said
                break
        else:
            pytest.fail(process.stderr.read())
    finally:
        process.kill()
        process.communicate()


def refused(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "nearsight", "serve", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))},
    )


def test_a_new_folder_is_indexed_and_served_until_sigterm(tmp_path, random_image):
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in range(3):
        random_image(folder / f"{seed}.jpg", seed)
    with command("serve", folder, "--port", 0) as (process, address, said):
        assert "not indexed yet" in said[0]
        assert httpx.get(f"{address}api/collections").json()[0]["images"] == 3
        image = (folder / "1.jpg").read_bytes()
        upload = httpx.post(f"{address}api/uploads", files={"image": image}).json()["upload"]
        asked = urlsplit(address)
        asking = http.client.HTTPConnection(asked.hostname, asked.port, timeout=30)
        asking.request("GET", f"/api/collections/images/search?upload={upload}")
        assert httpx.get(f"{address}api/health").status_code == 200  # it came later, so the question has been read
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        assert time.monotonic() - start < 10
        assert json.loads(asking.getresponse().read())["hits"][0]["path"] == "1.jpg"
        asking.close()


def test_a_slow_sender_does_not_keep_it_from_ending(indexed):
    import socket

    with command("serve", indexed, "--port", 0) as (process, address, _):
        where = httpx.URL(address)
        with socket.create_connection((where.host, where.port)) as line:
            line.sendall(b"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n")
            line.sendall(b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x")
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def test_a_running_job_does_not_keep_it_from_ending(tmp_path, random_image):
    import nearsight as ns

    folder = tmp_path / "images"
    folder.mkdir()
    random_image(folder / "0.jpg", 0)
    ns.index(folder).close()
    for seed in range(1, 400):
        random_image(folder / f"{seed}.jpg", seed)
    with command("serve", folder, "--port", 0) as (process, address, _):
        assert httpx.post(f"{address}api/collections/images/jobs", json={}).status_code == 202
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    with ns.open(folder) as photos:
        assert photos.verify() == []


def test_beyond_this_machine(indexed):
    done = refused(indexed, "--host", "0.0.0.0", "--token", "")
    assert (done.returncode, "token" in done.stderr) == (2, True)
    with command("serve", indexed, "--host", "0.0.0.0", "--port", 0, "--read-only") as (_, address, said):
        assert said[-1].startswith(
            "serving 1 collection at all IPv4 addresses of this machine; open it here at http://"
        )
        assert httpx.URL(address).host == "127.0.0.1"
        token = httpx.URL(address).params["token"]
        assert len(token) >= 32
        plain = address.partition("?")[0]
        assert httpx.get(f"{plain}api/health").status_code == 401
        assert httpx.get(f"{plain}api/health", headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8765/?token=t"),
        ("0.0.0.0", "http://127.0.0.1:8765/?token=t"),
        ("", "http://127.0.0.1:8765/?token=t"),
        ("::", "http://[::1]:8765/?token=t"),
        ("192.168.1.5", "http://192.168.1.5:8765/?token=t"),
        ("fe80::1", "http://[fe80::1]:8765/?token=t"),
    ],
)
def test_the_address_of_the_page_is_one_that_the_service_listens_at(host, url):
    assert page_url(ServerSettings(host=host, token="t"), 8765) == url


@pytest.mark.parametrize(("host", "family"), [("0.0.0.0", "IPv4"), ("", "IPv4"), ("::", "IPv6")])
def test_all_addresses_are_told_as_such(host, family, monkeypatch, capsys):
    monkeypatch.setattr("nearsight.server.run.run_server", lambda homes, settings, ready: ready("http://here/"))
    serve_collections([], ServerSettings(host=host, token="t"), open_=False)
    said = f"serving 0 collections at all {family} addresses of this machine; open it here at http://here/ "
    assert capsys.readouterr().out.startswith(said)
    serve_collections([], ServerSettings(host="192.168.1.5", token="t"), open_=False)
    assert capsys.readouterr().out.startswith("serving 0 collections at http://here/ ")


def test_what_cannot_be_served(tmp_path, indexed):
    import socket

    assert refused(tmp_path / "none").returncode == 2
    assert refused(tmp_path, "--read-only").returncode == 2
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = refused(indexed, "--port", taken.getsockname()[1])
        assert (done.returncode, "--port" in done.stderr) == (2, True)
