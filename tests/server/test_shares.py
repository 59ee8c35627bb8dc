"""Which places make the score, over HTTP: of uploads, of boxes, of images of the collection."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from tests.models.network import convolving
from tests.server.conftest import send, serving

C = "/api/collections/images"
CELLS = "feature_map(model=cells, output=map, side=192) | average | flat"
MAXIMA = "feature_map(model=cells, output=map, side=192) | rmac | flat"
WEIGHTS = np.random.default_rng(3).normal(size=(16, 3, 8, 8)).astype(np.float32)


@pytest.fixture
def client(tmp_path, monkeypatch, random_image):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NEARSIGHT_MODELS", str(convolving(tmp_path / "models", WEIGHTS)))
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in range(6):
        random_image(folder / f"{seed}.jpg", seed, side=160)
    ns.index(folder, recipe=[CELLS, MAXIMA]).close()
    with serving(folder) as (client, _):
        client.folder = folder
        yield client


def sums(reason):
    return [np.sum(reason[name]) for name in ("query_shares", "hit_shares")]


def test_the_places_of_both_images_sum_to_the_score(client):
    upload = send(client, (client.folder / "2.jpg").read_bytes()).json()["upload"]
    asked = {"upload": upload, "by": CELLS}
    for hit in client.get(f"{C}/search", params=asked).json()["hits"]:
        reason = client.get(f"{C}/explain", params={**asked, "hit": hit["id"]}).json()
        assert np.shape(reason["query_shares"]) == np.shape(reason["hit_shares"]) == (20, 20)
        assert sums(reason) == pytest.approx([1 - hit["distance"]] * 2, abs=0.01)  # hits are made anew as JPEG
        assert sums(reason)[0] == pytest.approx(1 - hit["distance"], abs=1e-5)


def test_a_box_has_places_of_its_own(client):
    upload = send(client, (client.folder / "2.jpg").read_bytes()).json()["upload"]
    asked = {"upload": upload, "by": CELLS, "box": "16,32,112,96"}
    hit = client.get(f"{C}/search", params=asked).json()["hits"][1]
    reason = client.get(f"{C}/explain", params={**asked, "hit": hit["id"]}).json()
    assert np.shape(reason["query_shares"]) == (8, 12)
    assert sums(reason)[0] == pytest.approx(1 - hit["distance"], abs=1e-5)


def test_an_image_of_the_collection_and_one_whose_file_is_gone(client):
    asked = {"id": 1, "by": CELLS}
    hit = client.get(f"{C}/search", params=asked).json()["hits"][2]
    reason = client.get(f"{C}/explain", params={**asked, "hit": hit["id"]}).json()
    assert sums(reason) == pytest.approx([1 - hit["distance"]] * 2, abs=0.01)
    (client.folder / hit["path"]).unlink()
    again = client.get(f"{C}/explain", params={**asked, "hit": hit["id"]}).json()
    assert again["query_shares"] == reason["query_shares"]
    assert sums(again) == pytest.approx([1 - hit["distance"]] * 2, abs=0.02)


def test_looking_at_hits_leaves_uploads_where_they_are(client):
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(9).integers(0, 256, (90, 120, 3), np.uint8)).save(out, "PNG")
    upload = send(client, out.getvalue()).json()["upload"]
    asked = {"upload": upload, "by": CELLS}
    for hit in client.get(f"{C}/search", params=asked).json()["hits"]:
        assert client.get(f"{C}/explain", params={**asked, "hit": hit["id"]}).status_code == 200
    assert client.get(f"/api/uploads/{upload}").status_code == 200


def test_what_is_no_sum_of_places_has_none(client):
    asked = {"id": 1, "by": MAXIMA}
    hit = client.get(f"{C}/search", params=asked).json()["hits"][1]
    reason = client.get(f"{C}/explain", params={**asked, "hit": hit["id"]}).json()
    assert (reason["query_shares"], reason["hit_shares"]) == (None, None)
