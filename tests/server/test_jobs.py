"""Bringing a collection up to date while it is served."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import pytest

from nearsight.files import LocalFileSystem
from nearsight.ingest.run import IngestProgress, IngestSummary
from nearsight.server import jobs
from nearsight.server.collections import ServedCollection
from nearsight.storage.lock import writer_lock
from tests.server.conftest import C, serving


def events(client, job):
    told = []
    with client.stream("GET", f"/api/jobs/{job}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("event: "):
                told.append([line.removeprefix("event: ")])
            elif line.startswith("data: "):
                told[-1].append(json.loads(line.removeprefix("data: ")))
    return told


@pytest.fixture
def endless(monkeypatch):
    """An ingest that goes on until it is cancelled."""

    class _Made(SimpleNamespace):
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

    def index(root, by, *, collection, watch):
        for done in range(10_000):
            watch(IngestProgress("describing", done, 10_000))
            time.sleep(0.01)
        return _Made(summary=IngestSummary())

    monkeypatch.setattr(jobs, "index", index)


def test_a_job_to_its_end(folder, random_image):
    with serving(folder) as (client, _):
        assert client.get(f"{C}/search", params={"id": 1, "by": "scene"}).status_code == 422
        random_image(folder / "new.jpg", 5)
        told = client.post(f"{C}/jobs", json={"by": ["scene"]})
        assert told.status_code == 202
        heard = events(client, told.json()["id"])
        assert {name for name, _ in heard[:-1]} == {"progress"}
        assert all(set(data) == {"step", "done", "total"} for _, data in heard[:-1])
        name, job = heard[-1]
        assert (name, job["state"], job["error"]) == ("done", "done", None)
        assert (job["summary"]["added"], job["summary"]["completed"]) == (1, 13)
        assert client.get(f"/api/jobs/{job['id']}").json() == job
        assert client.get(C).json()["images"] == 14
        assert client.get(f"{C}/search", params={"id": 1, "by": "scene"}).status_code == 200


def test_one_at_a_time_and_cancelled(folder, endless):
    with serving(folder) as (client, _):
        job = client.post(f"{C}/jobs", json={"by": []}).json()
        assert client.get(C).json()["job"]["id"] == job["id"]
        assert client.post(f"{C}/jobs", json={}).status_code == 409
        assert client.delete(f"/api/jobs/{job['id']}").status_code == 202
        assert events(client, job["id"])[-1][1]["state"] == "cancelled"
        assert client.get(C).json()["job"] is None
        assert client.post(f"{C}/jobs", json={}).status_code == 202


def test_a_collection_that_is_written_elsewhere(folder):
    with serving(folder) as (client, _), writer_lock(folder / ".nearsight", LocalFileSystem()):
        told = client.post(f"{C}/jobs", json={})
        assert told.status_code == 503
        assert "is being written by" in told.json()["error"]


def test_a_job_that_fails_says_why(folder):
    job = jobs.IndexJob(ServedCollection("my-photos", folder / ".nearsight"), ("smell",))
    job.run()
    assert (job.state, "smell" in job.error) == ("failed", True)
    (folder / ".nearsight" / "catalogue.sqlite").write_bytes(b"nothing" * 999)
    job = jobs.IndexJob(ServedCollection("my-photos", folder / ".nearsight"), ())
    job.run()
    assert job.state == "failed"
    assert str(folder) not in job.error


def test_unknown_senses_and_read_only(client, indexed):
    assert client.post(f"{C}/jobs", json={"by": ["smell"]}).status_code == 422
    assert client.post(f"{C}/jobs", content=b"{").status_code == 422
    missing = client.post(f"{C}/jobs")
    assert (missing.status_code, missing.json()["error"]) == (422, "body: Field required")
    with serving(indexed, readonly=True) as (reader, _):
        assert reader.get(C).json()["readonly"] is True
        assert reader.post(f"{C}/jobs", json={}).status_code == 403
        assert reader.delete("/api/jobs/1").status_code == 403
