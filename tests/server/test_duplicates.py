"""The copies of a served collection: found by a job, listed in groups, decided about, and undone."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.server.conftest import C, serving
from tests.server.test_jobs import events


@pytest.fixture
def copies(folder):
    """The folder with the same file twice, and a third time as another file."""
    shutil.copy(folder / "china.jpg", folder / "again.jpg")
    return folder


def found(client, **request):
    started = client.post(f"{C}/duplicates", json=request)
    assert started.status_code == 202
    assert started.json()["kind"] == "duplicates"
    return events(client, started.json()["id"])


def groups(client, **params):
    told = client.get(f"{C}/duplicates", params=params)
    assert told.status_code == 200
    return told.json()


def test_groups_are_found_decided_and_undone(copies):
    with serving(copies) as (client, _):
        assert groups(client)["found"] is False
        heard = found(client)
        assert heard[-1][1]["state"] == "done", heard[-1]
        assert all(set(data) == {"step", "done", "total"} for name, data in heard if name == "progress")
        listed = groups(client)
        assert (listed["found"], listed["total"], listed["n_open"], listed["n_decided"]) == (True, 1, 1, 0)
        (group,) = listed["groups"]
        assert {each["path"] for each in group["members"]} == {"china.jpg", "again.jpg"}
        (kept,) = (each for each in group["members"] if each["keep"])
        (other,) = (each for each in group["members"] if not each["keep"])
        assert other["same_as_kept"]
        assert client.get(other["image"]).headers["content-type"] == "image/jpeg"
        pair = {"image": other["id"], "other": kept["id"]}
        assert client.post(f"{C}/decisions", json={"decisions": [{"decision": "duplicate", **pair}]}).status_code == 204
        assert groups(client)["groups"] == []
        (group,) = groups(client, state="decided")["groups"]
        assert {each["path"]: each["decision"] for each in group["members"]} == {
            kept["path"]: "kept",
            other["path"]: "duplicate",
        }
        decided = client.get(f"{C}/decisions").json()
        assert (decided["total"], decided["decisions"][0]["path"]) == (1, other["path"])
        (undone,) = client.delete(f"{C}/decisions/last").json()
        assert undone["other_path"] == kept["path"]
        assert groups(client)["n_open"] == 1
        assert client.delete(f"{C}/decisions/last").status_code == 422


def test_what_is_no_decision_is_refused_and_none_is_kept(copies):
    with serving(copies) as (client, _):
        found(client)
        first, second = (each["id"] for each in groups(client)["groups"][0]["members"])
        right = {"decision": "keep both", "image": first, "other": second}
        for wrong, status in (
            ({"decision": "away", "image": first, "other": second}, 422),
            ({"decision": "not a duplicate", "image": first, "other": second}, 422),
            ({"decision": "duplicate", "image": first, "other": first}, 422),
            ({"decision": "duplicate", "image": first, "other": 10**9}, 404),
            ({"decision": "duplicate", "image": 0, "other": first}, 422),
        ):
            told = client.post(f"{C}/decisions", json={"decisions": [right, wrong]})
            assert told.status_code == status, told.text
        assert client.get(f"{C}/decisions").json()["total"] == 0
        assert client.post(f"{C}/decisions", json={"decisions": []}).status_code == 422


def test_a_job_needs_verdicts_and_a_rule_that_there_are(copies):
    with serving(copies) as (client, _):
        for wrong in ({"verdicts": ["same scene"]}, {"verdicts": []}, {"keep": "best"}):
            assert client.post(f"{C}/duplicates", json=wrong).status_code == 422
        heard = found(client, keep="path:none*")
        assert heard[-1][1]["state"] == "failed"
        assert "no image's path fits none*" in heard[-1][1]["error"]
        assert str(copies) not in json.dumps(heard)


def test_an_image_that_was_removed_leaves_its_group(copies):
    with serving(copies) as (client, _):
        found(client)
        (copies / "again.jpg").unlink()
        client.post(f"{C}/jobs", json={})
        while client.get(C).json()["job"]:
            pass
        (group,) = groups(client)["groups"]
        assert [each["path"] for each in group["members"]] == ["china.jpg"]


def test_a_read_only_service_finds_and_decides_nothing(copies):
    with serving(copies, readonly=True) as (client, _):
        assert client.post(f"{C}/duplicates", json={}).status_code == 403
        decision = {"decisions": [{"decision": "keep both", "image": 1, "other": 2}]}
        assert client.post(f"{C}/decisions", json=decision).status_code == 403
        assert client.delete(f"{C}/decisions/last").status_code == 403
        assert groups(client)["found"] is False
