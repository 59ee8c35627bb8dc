"""Images and questions made to do harm."""

from __future__ import annotations

import gc
import os
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

import psutil
import pytest
import schemathesis
from schemathesis import checks

from nearsight.server import decoder
from nearsight.server.decoder import Decoder, Source
from nearsight.server.recent import RecentCache
from nearsight.workers.pool import WorkerLimits
from tests.images.hostile import generate
from tests.server.conftest import C, send, serving

MIB = 1 << 20


def held():
    gc.collect()
    return psutil.Process().memory_info().rss / MIB


def hurt(client, images):
    """Upload them all; what was answered, by status."""
    statuses = {}
    for path in images:
        told = send(client, path.read_bytes())
        assert told.status_code in (200, 413, 422), (path, told.text)
        if told.status_code == 422:
            assert told.json()["reason"]
        statuses.setdefault(told.status_code, []).append(path.name)
    return statuses


def spread(images, count):
    images = sorted(images)
    return images[:: max(1, len(images) // count)][:count]


def real():
    folder = os.environ.get("NEARSIGHT_DATA")
    found = Path(folder, "hostile").rglob("*") if folder else []
    return [path for path in found if path.is_file() and path.stat().st_size < 64 * MIB]


def upload_all(indexed, folder, count):
    generate(folder)
    images = spread(folder.iterdir(), count * 2 // 3) + spread(real(), count // 3)
    with serving(indexed, uploads=8) as (client, _):
        for _ in range(2):
            hurt(client, [folder / "ok.jpg", folder / "ok.png", folder / "bomb-50k.png"])
        before = held()
        statuses = hurt(client, images)
        assert held() - before < 80
        assert {200, 422} <= set(statuses)
        assert client.get(f"{C}/search", params={"id": 1}).status_code == 200


def test_hostile_uploads(indexed, tmp_path):
    upload_all(indexed, tmp_path / "hostile", 42)


@pytest.mark.slow
def test_many_hostile_uploads(indexed, tmp_path):
    upload_all(indexed, tmp_path / "hostile", 200)


class Kills(decoder.RenderJob):
    """A decoder that is killed, hangs or fills the memory, as the image says."""

    def prepare(self, source):
        if source.data == b"crash":
            os.kill(os.getpid(), 11)
        if source.data == b"hang":
            import time

            time.sleep(60)
        if source.data == b"fill":
            return bytearray(4 << 30)
        return super().prepare(source)


@pytest.mark.parametrize(
    ("data", "reason"), [(b"crash", "decoder-crashed"), (b"hang", "timeout"), (b"fill", "out-of-memory")]
)
def test_what_a_decoder_dies_of_is_a_reason(indexed, monkeypatch, data, reason):
    monkeypatch.setattr(decoder, "RenderJob", Kills)
    monkeypatch.setattr(Decoder.__init__, "__defaults__", (None, WorkerLimits(seconds=0.5)))
    with serving(indexed) as (client, _):
        told = send(client, data)
        assert (told.status_code, told.json()["reason"]) == (422, reason)
        assert send(client, (indexed / "china.jpg").read_bytes()).status_code == 200


def test_a_decoder_whose_nursery_is_gone_is_replaced(indexed):
    from nearsight.errors import NearsightError

    made = Decoder(1)
    data = (indexed / "china.jpg").read_bytes()
    assert made.render(Source(data)).width == 640
    made._idle.queue[0]._fork_server.close()
    for pid in made._idle.queue[0].pids:
        with pytest.raises(psutil.NoSuchProcess):
            psutil.Process(pid).wait(5) or psutil.Process(pid)
    with pytest.raises(NearsightError):
        made.render(Source(data))
    assert made.render(Source(data)).width == 640
    made.close()


def test_uploads_are_forgotten_in_turn(indexed, tmp_path):
    with serving(indexed, uploads=2) as (client, _):
        names = [send(client, (indexed / name).read_bytes()).json()["upload"] for name in ("china.jpg", "flower.jpg")]
        assert client.get(f"/api/uploads/{names[0]}").status_code == 200  # now the most recent
        send(client, (indexed / "coffee.png").read_bytes())
        assert [client.get(f"/api/uploads/{name}").status_code for name in names] == [200, 404]


def test_what_is_kept_is_bounded_by_size_too():
    kept = RecentCache(9, 100, len)
    for key in range(5):
        kept.put(key, bytes(40))
    assert [key for key in range(5) if kept.get(key)] == [3, 4]
    kept.put(9, bytes(500))
    assert len(kept) == 1
    assert kept.get(9) == bytes(500)


def test_what_is_kept_is_bounded_by_number_and_the_least_recent_goes():
    for kept in (RecentCache(3), RecentCache(3, 1000, len)):
        for key in range(3):
            kept.put(key, bytes(1))
        assert kept.get(0) == bytes(1)
        kept.put(3, b"new")
        assert [kept.get(key) for key in range(4)] == [bytes(1), None, bytes(1), b"new"]


def test_threads_use_what_is_kept_one_after_the_other():
    begun, go_on = Event(), Event()

    def size(value):
        begun.set()
        assert go_on.wait(10)
        return len(value)

    kept = RecentCache(3, 100, size)
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(kept.put, 1, b"one")
        assert begun.wait(10)
        others = [threads.submit(kept.get, 1), threads.submit(kept.put, 2, b"two")]
        assert not wait(others, 0.2).done
        go_on.set()
        assert first.result(10) is others[1].result(10) is None
        assert others[0].result(10) == b"one"
    assert kept.get(2) == b"two"


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"files": {"other": b"x"}},
        {"data": {"image": "text"}},
        {"content": b"--x"},
        {"json": {}},
        {"files": [("image", b"1"), ("image", b"2")]},
    ],
)
def test_broken_forms(client, form):
    told = client.post("/api/uploads", **form)
    assert told.status_code in (400, 422)
    assert told.json()["error"]


@pytest.fixture(scope="module")
def described(served):
    return schemathesis.openapi.from_dict(served[0].get("/api/openapi.json").json())


def test_questions_that_nobody_would_ask(served, described):
    """A slice of what schemathesis makes of the OpenAPI: never 5xx, and answers of the shape that is promised."""
    from hypothesis import HealthCheck, Phase, given, settings

    client, asked = served[0], 0
    base = str(client.base_url).rstrip("/")
    for result in described.get_all_operations():
        operation = result.ok()
        if operation.path.endswith("/events"):
            continue

        @given(case=operation.as_strategy())
        @settings(
            max_examples=12,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case):
            nonlocal asked
            if "collection" in (case.path_parameters or {}):
                case.path_parameters["collection"] = "my-photos"
            told = case.call(base_url=base)
            asked += 1
            assert told.status_code < 500, (case.as_curl_command(), told.text)
            case.validate_response(
                told, checks=[checks.not_a_server_error, checks.CHECKS.get_one("response_schema_conformance")]
            )

        while client.get("/api/collections/my-photos").json()["job"]:  # what writes meanwhile is told to try again
            time.sleep(0.05)
        ask()
    assert asked >= 60
