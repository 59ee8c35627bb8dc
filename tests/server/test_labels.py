"""Labels that somebody sets, confirms and drops over HTTP."""

from __future__ import annotations

import pytest

import nearsight as ns
from nearsight.files import LocalFileSystem
from nearsight.storage.lock import writer_lock
from tests.server.conftest import C, serving

LABELS = f"{C}/images/1/labels"


def said(response):
    assert response.status_code == 200, response.text
    return [(each["label"], each["confidence"], each["model"], each["state"]) for each in response.json()]


def found(client, words):
    return [hit["id"] for hit in client.get(f"{C}/search", params={"words": words}).json()["hits"]]


def test_labels_are_set_confirmed_and_dropped(folder):
    home = folder / ".nearsight"
    with serving(folder) as (client, _):
        assert said(client.put(LABELS, params={"label": " light house/№ 1 & <b> "})) == [
            ("light house/№ 1 & <b>", 1.0, "", "confirmed")
        ]
        both = said(client.put(LABELS, params={"label": "pier"}))
        assert [label for label, *_ in both] == ["light house/№ 1 & <b>", "pier"]
        assert found(client, "pier") == [1]
        (hit,) = client.get(f"{C}/search", params={"words": "pier"}).json()["hits"]
        assert [each["label"] for each in hit["labels"]] == ["light house/№ 1 & <b>", "pier"]
        assert said(client.delete(LABELS, params={"label": "light house/№ 1 & <b>"})) == [
            ("pier", 1.0, "", "confirmed")
        ]
        assert found(client, "house") == []
        assert found(client, "pier") == [1]
    with ns.open(collection=home) as photos:
        assert not photos.verify()
        assert [each.label for each in photos.labels(hit["path"])] == ["pier"]


@pytest.mark.parametrize(
    ("method", "where", "label", "status", "words"),
    [
        ("PUT", LABELS, "", 422, "label"),
        ("PUT", LABELS, "  ", 422, "a word or several"),
        ("PUT", LABELS, "a" * 201, 422, "200"),
        ("DELETE", LABELS, "pier", 422, 'not labelled "pier"; its labels are: none'),
        ("PUT", f"{C}/images/999/labels", "pier", 404, "not found: image 999"),
        ("PUT", "/api/collections/other/images/1/labels", "pier", 404, "not found: collection 'other'"),
    ],
)
def test_what_cannot_be_said_is_refused(client, method, where, label, status, words):
    told = client.request(method, where, params={"label": label})
    assert told.status_code == status
    assert words in told.json()["error"]


def test_who_only_reads_sets_no_label(folder):
    with serving(folder, readonly=True) as (client, _):
        for method in ("PUT", "DELETE"):
            assert client.request(method, LABELS, params={"label": "pier"}).status_code == 403


def test_a_page_from_elsewhere_sets_no_label(client):
    elsewhere = {"Origin": "http://elsewhere.example"}
    assert client.put(LABELS, params={"label": "pier"}, headers=elsewhere).status_code == 403


def test_while_another_writes_it_says_who(folder):
    with serving(folder) as (client, _), writer_lock(folder / ".nearsight", LocalFileSystem()):
        told = client.put(LABELS, params={"label": "pier"})
        assert told.status_code == 503
        assert "is being written by process" in told.json()["error"]
