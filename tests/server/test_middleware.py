"""Who may ask, and how much may be sent."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import suppress
from urllib.parse import quote

import httpx
import pytest

from nearsight.errors import UsageError
from nearsight.server import settings
from nearsight.server.errors import RefusedError
from nearsight.server.executor import BoundedExecutor
from nearsight.server.settings import ServerSettings, strip_port
from tests.server.conftest import C, send, serving

TOKEN = "the right one"
HALF = (
    b"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x"
)
"""An upload of which nothing more comes."""


def raw(client, request):
    """The whole answer to bytes that httpx would tidy, or would not send."""
    where = client.base_url
    with socket.create_connection((where.host, where.port), timeout=10) as line:
        line.sendall(request)
        return b"".join(iter(lambda: line.recv(65536), b""))


@pytest.fixture(scope="module")
def locked(indexed):
    with serving(indexed, token=TOKEN) as (client, _):
        yield client


def test_every_answer_carries_the_headers(client):
    for path in ("/", "/api/health", "/api/none", f"{C}/images/1/thumbnail", "/api/openapi.json"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'; img-src 'self' data: blob:;")
        assert "script-src" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"]
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "", "127.0.0.1.evil.example", "10.0.0.1"])
def test_another_name_leads_nowhere(client, host):
    told = client.get("/api/health", headers={"Host": host})
    assert told.status_code in (400, 421)
    assert "version" not in told.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:9"])
def test_own_names(client, host):
    assert client.get("/api/health", headers={"Host": host}).status_code == 200


def test_names_by_address():
    beyond = ServerSettings(host="0.0.0.0", token="t", hosts=("photos.example",))
    assert all(map(beyond.allows_host, ("10.1.2.3:80", "photos.example", "localhost", socket.gethostname())))
    assert not beyond.allows_host("evil.example")
    assert not ServerSettings(host="10.0.0.5", token="t").allows_host("10.0.0.6")
    assert [strip_port(each) for each in ("A:1", "[::1]:2", "::1", "b")] == ["a", "::1", "::1", "b"]


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_page_changes_nothing(client, headers):
    for method, path in (("POST", "/api/uploads"), ("POST", f"{C}/jobs"), ("DELETE", "/api/jobs/1")):
        assert client.request(method, path, headers=headers).status_code == 403


def test_the_own_page_may(client, indexed):
    own = str(client.base_url).rstrip("/")
    data = (indexed / "china.jpg").read_bytes()
    assert client.post("/api/uploads", files={"image": data}, headers={"Origin": own}).status_code == 200


def test_beyond_this_machine_a_token_is_needed():
    for host in ("0.0.0.0", "", "::", "192.168.1.5", "photos.example"):
        with pytest.raises(UsageError, match="token"):
            ServerSettings(host=host)
    for host in ("127.0.0.1", "127.9.9.9", "localhost", "::1"):
        ServerSettings(host=host)


@pytest.mark.parametrize("path", ["/", "/api/health", "/api/openapi.json", f"{C}/images/1/thumbnail", "/api/none"])
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}, {"Cookie": "a=b"}]
)
def test_nothing_without_the_token(locked, path, headers):
    told = locked.get(path, headers=headers)
    assert told.status_code == 401
    assert told.headers["www-authenticate"] == "Bearer"
    assert locked.get(f"{path}?token=the%20wrong%20one").status_code == 401
    assert locked.get(f"{path}?token=%ff").status_code == 401


def test_the_token_opens(locked):
    assert locked.get("/api/health", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    with httpx.Client(base_url=locked.base_url) as browser:
        first = browser.get("/view", params={"token": TOKEN, "k": "5"})
        assert (first.status_code, first.headers["location"]) == (303, "/view?k=5")
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert TOKEN not in cookie
        assert browser.get("/api/health").status_code == 200
    with httpx.Client(base_url=locked.base_url) as program:
        told = program.get("/api/health", params={"token": TOKEN})
        assert (told.status_code, "set-cookie" in told.headers) == (200, True)
    path = b"//evil.example?token=the%20right%20one"
    told = raw(locked, b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert b"\r\nlocation: /evil.example\r\n" in told


def test_bodies_end_at_the_limit(indexed):
    limit = 1 << 20
    taken = 0

    def endless():
        nonlocal taken
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        while taken < 200 * limit:
            taken += 1 << 16
            yield bytes(1 << 16)

    form = {"Content-Type": "multipart/form-data; boundary=x"}
    with serving(indexed, body=limit) as (client, _):
        declared = client.post("/api/uploads", files={"image": bytes(2 * limit)})
        assert declared.status_code == 413
        with suppress(httpx.TransportError):  # it was cut off while still sending
            assert client.post("/api/uploads", content=endless(), headers=form).status_code == 413
        assert taken < 50 * limit
        assert client.post(f"{C}/jobs", content=b" " * 70_000).status_code == 413
        for length, status in (("10737418240", 413), ("9" * 19, 413), ("9" * 400, 400), ("-1", 400), ("x", 400)):
            head = f"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
            assert raw(client, head.encode()).startswith(f"HTTP/1.1 {status}".encode())
        assert send(client, (indexed / "china.jpg").read_bytes()).status_code == 200


def test_a_chunked_body_gets_its_answer(indexed):
    with serving(indexed, body=1000) as (client, _):
        told = raw(
            client,
            b"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n7d0\r\n" + b"-" * 2000 + b"\r\n",
        )
        assert told.startswith(b"HTTP/1.1 413")
        assert b'"hint"' in told


def test_a_body_that_does_not_come_is_not_waited_for(indexed):
    with serving(indexed, body_seconds=0.3) as (client, _):
        assert raw(client, HALF).startswith(b"HTTP/1.1 408")
        assert client.get("/api/health").status_code == 200


SECRET = "nobody-may-read-this"


def payloads():
    """500 ways to ask for a file that is not the asker's."""
    ups = ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..\\", "..%5c", "....//", "..;/", "%252e%252e%252f", "..%c0%af"]
    targets = ["secret.txt", "etc/passwd", "china.jpg", ".nearsight/catalogue.sqlite", "secret.txt%00.jpg"]
    starts = ["/", "/assets/", f"{C}/images/", "/api/uploads/", f"{C}/"]
    for start in starts:
        for up in ups:
            for target in targets:
                yield f"{start}{up * 2}{target}"
                yield f"{start}{up * 7}{quote(target, safe='%')}"


def test_who_hangs_up_in_the_middle_leaves_nothing_behind(indexed, caplog):
    with serving(indexed) as (client, _):
        where = client.base_url
        with socket.create_connection((where.host, where.port)) as line:
            line.sendall(HALF)
            time.sleep(0.1)
        assert client.get("/api/health").status_code == 200
        time.sleep(0.2)
    assert "Traceback" not in caplog.text


def test_no_path_leads_outside(folder, tmp_path):
    (tmp_path / "secret.txt").write_text(SECRET)
    (page := tmp_path / "page").mkdir()
    (page / "index.html").write_text("<p>the page")
    (page / "link.txt").symlink_to(tmp_path / "secret.txt")
    asked = [*payloads(), "/link.txt", f"/{tmp_path}/secret.txt", f"//{tmp_path}/secret.txt"]
    assert len(asked) >= 500
    with serving(folder, static=page) as (client, _):
        for path in asked:
            told = raw(client, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            status = int(told.split()[1])
            assert status in (200, 400, 404, 405, 422), (path, told)
            assert SECRET.encode() not in told
            assert b"root:" not in told
            assert b"SQLite" not in told
            assert status != 200 or told.endswith(b"<p>the page"), path


def test_an_executor_refuses_what_it_cannot_take():
    executor, go = BoundedExecutor("test", settings.ExecutorSettings(1, 2, 0.2)), threading.Event()

    async def ask():
        first = asyncio.ensure_future(executor.run(go.wait))
        await asyncio.sleep(0.05)
        waiting = [asyncio.ensure_future(executor.run(lambda: 1)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(RefusedError) as full:
            await executor.run(lambda: 1)
        late = await asyncio.gather(first, *waiting, return_exceptions=True)
        go.set()
        await asyncio.sleep(0.05)
        return full.value, late, await executor.run(lambda: 2)

    full, late, after = asyncio.run(ask())
    assert (full.status, full.headers["Retry-After"]) == (503, "1")
    assert [each.status for each in late] == [504] * 3
    assert after == 2
    executor.close()


def test_a_full_queue_is_503_and_others_are_served(indexed, monkeypatch):
    go = threading.Event()
    from nearsight.server import service

    monkeypatch.setattr(service, "search_with_params", lambda *arguments: go.wait(20))
    with serving(indexed, search=settings.ExecutorSettings(1, 1, 20)) as (client, _):
        told = []

        def search():
            told.append(httpx.get(f"{client.base_url}{C}/search?id=1", timeout=30))

        threads = [threading.Thread(target=search) for _ in range(5)]
        for thread in threads:
            thread.start()
        while len(told) < 3:
            time.sleep(0.02)
        assert [(each.status_code, each.headers["retry-after"]) for each in told] == [(503, "1")] * 3
        assert client.get("/api/health").status_code == 200
        assert client.get(f"{C}/images/1/thumbnail").status_code == 200
        monkeypatch.undo()
        go.set()
        for thread in threads:
            thread.join()
