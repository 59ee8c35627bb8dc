"""Answers line by line while hits are judged: what they hold, how they fail, and that they end when nobody is left."""

from __future__ import annotations

import json
import time

import pytest

from nearsight.errors import DamagedError
from nearsight.rerankers import verify
from nearsight.rerankers.verify import Verify
from nearsight.server.settings import ExecutorSettings
from tests.server.conftest import C, serving

LINES = {"Accept": "application/x-ndjson"}


@pytest.fixture(autouse=True)
def judged(monkeypatch):
    """The ids of the hits as they are judged: four in a group, two at once, each after a moment."""
    ids, prove = [], Verify._prove

    def slow(self, query, image_id, *more):
        ids.append(image_id)
        time.sleep(0.1)
        return prove(self, query, image_id, *more)

    monkeypatch.setattr(verify.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(Verify, "_prove", slow)
    return ids


@pytest.fixture
def client(indexed):
    """A service of which nobody has asked anything."""
    with serving(indexed) as (client, _):
        yield client


def streamed(client, **asked):
    response = client.get(f"{C}/search", params=asked, headers=LINES)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["cache-control"] == "no-store"
    assert response.text.endswith("\n")
    return [json.loads(line) for line in response.text.splitlines()]


def test_each_line_is_an_answer_and_the_last_is_the_ordinary_one(client):
    *provisional, last = streamed(client, id=3)
    ordinary = client.get(f"{C}/search", params={"id": 3}).json()
    assert last.pop("seconds").keys() == ordinary.pop("seconds").keys() == {"decode", "search"}
    assert last == ordinary
    assert last["final"] is True
    counts = [sum(bool(hit["verdict"]) for hit in line["hits"]) for line in provisional]
    assert counts[0] == 0
    assert counts == sorted(counts)
    assert len(set(counts)) > 2
    assert all(line.keys() == {*last, "seconds"} for line in provisional)
    assert {(line["final"], line["hint"]) for line in provisional} == {(False, None)}
    assert {line["verdict"] for line in provisional} <= {"", "found"}
    assert {hit["why"] for hit in provisional[0]["hits"]} == {"not judged yet"}


def test_lines_come_as_they_are_made(client):
    with client.stream("GET", f"{C}/search", params={"id": 3}, headers=LINES) as response:
        times = [time.monotonic() for _ in response.iter_lines()]
    assert times[-1] - times[0] > 0.3


@pytest.mark.parametrize("asked", [{"id": 3, "by": "colour"}, {"words": "coffee"}, {"where": "folder = sub"}])
def test_what_is_not_judged_is_one_line(client, asked):
    [only] = streamed(client, **asked)
    assert only["final"] is True
    assert only["hits"]


def test_an_answer_that_is_known_is_one_line(client):
    assert len(streamed(client, id=3)) > 2
    assert [line["final"] for line in streamed(client, id=3)] == [True]


def test_the_ordinary_answer_is_final(client, judged):
    answer = client.get(f"{C}/search", params={"id": 3}, headers={"Accept": "application/json"}).json()
    assert answer["final"] is True
    assert len(judged) == 13


@pytest.mark.parametrize(
    ("asked", "status"), [({"upload": "0" * 32}, 404), ({"id": 999}, 404), ({}, 422), ({"id": 3, "by": "scenery"}, 422)]
)
def test_an_error_before_the_first_line_is_an_ordinary_one(client, asked, status):
    refused = client.get(f"{C}/search", params=asked, headers=LINES)
    assert (refused.status_code, refused.headers["content-type"]) == (status, "application/json")
    assert set(refused.json()) == {"error", "hint"}


def test_a_token_is_asked_for(indexed):
    with serving(indexed, token="secret") as (client, _):
        assert client.get(f"{C}/search", params={"id": 3}, headers=LINES).status_code == 401
        allowed = client.get(f"{C}/search", params={"id": 3}, headers={**LINES, "Authorization": "Bearer secret"})
        assert json.loads(allowed.text.splitlines()[-1])["final"] is True


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DamagedError, "/bytes of 7 differ"),
        (RuntimeError, "internal error: RuntimeError"),
    ],
)
def test_an_error_after_the_first_line_is_the_last_one(client, indexed, monkeypatch, caplog, error, said):
    def fail(self, query, image_id, *more):
        time.sleep(0.2)
        raise error(f"{indexed}/bytes of 7 differ")

    monkeypatch.setattr(Verify, "_prove", fail)
    first, last = streamed(client, id=3)
    assert first["final"] is False
    assert set(last) == {"error", "hint"}
    assert last["error"].endswith(said)
    assert str(indexed.parent) not in last["error"]
    assert ("RuntimeError" in caplog.text) == (error is RuntimeError), "what is a mistake of ours is in the log"


def judged_in_the_end(judged):
    """How many hits were judged once no more are: a group takes longer on a busy machine."""
    seen = -1
    while seen != len(judged):
        seen = len(judged)
        time.sleep(1)
    return seen


def test_when_the_client_is_gone_judging_ends(client, judged):
    with client.stream("GET", f"{C}/search", params={"id": 3}, headers=LINES) as response:
        next(response.iter_lines())
    assert judged_in_the_end(judged) < 13
    assert streamed(client, id=3)[-1]["final"] is True, "half an answer is not kept"


def test_past_the_deadline_the_last_line_says_so_and_judging_ends(indexed, judged):
    with serving(indexed, search=ExecutorSettings(1, 1, 0.45)) as (client, _):
        *provisional, last = streamed(client, id=3)
        assert provisional
        assert "longer than 0.45 seconds" in last["error"]
        assert judged_in_the_end(judged) < 13
