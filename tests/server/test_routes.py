"""Every route, as the page asks it."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from PIL import Image

from nearsight import __version__
from tests.server.conftest import C, send, serving


@pytest.fixture(scope="module")
def names(served):
    return {hit["path"]: hit for hit in served[0].get(f"{C}/search", params={"id": 1, "k": 50}).json()["hits"]}


def china(folder):
    return (folder / "china.jpg").read_bytes()


def crop(folder):
    """A copy of china.jpg, its middle, re-saved."""
    image = Image.open(folder / "china.jpg")
    out = io.BytesIO()
    image.crop((64, 42, 576, 384)).save(out, "JPEG", quality=70)
    return out.getvalue()


def pixels(response):
    return np.asarray(Image.open(io.BytesIO(response.content)).convert("RGB"), np.int64)


def test_health(client):
    assert client.get("/api/health").json() == {"status": "ok", "version": __version__}


def test_collections(client):
    (row,) = client.get("/api/collections").json()
    while row["job"] is not None and row["job"]["state"] == "running":  # that of a test before, on the same service
        time.sleep(0.05)
        (row,) = client.get("/api/collections").json()
    assert (row["id"], row["name"]) == ("my-photos", "My Photos")
    assert row["query_types"] == ["image", "colours", "words"]
    assert (row["images"], row["default_sense"], row["readonly"], row["job"]) == (13, "copy", False, None)
    assert [each["name"] for each in row["senses"]] == ["copy", "colour", "part", "words"]
    assert "same image, altered" in row["senses"][0]["description"]


def test_details_and_skipped(client):
    details = client.get(C).json()
    assert details["skipped"] == {"not-an-image": 1, "truncated": 1}
    assert details["bytes"] > 10_000
    assert details["generation"] >= 1
    every = client.get(f"{C}/skipped").json()
    assert (every["total"], [each["path"] for each in every["files"]]) == (2, ["broken.jpg", "notes.jpg"])
    some = client.get(f"{C}/skipped", params={"reason": "truncated", "limit": 1}).json()
    assert (some["total"], some["files"][0]["path"], some["files"][0]["reason"]) == (1, "broken.jpg", "truncated")
    assert client.get(f"{C}/skipped", params={"offset": 1}).json()["files"] == every["files"][1:]


def test_upload_is_named_by_content_and_made_anew(client, indexed):
    import hashlib

    data = china(indexed) + b"<script>alert(1)</script>"
    told = send(client, data).json()
    assert told == {"upload": hashlib.sha256(data).hexdigest()[:32], "width": 640, "height": 427}
    shown = client.get(f"/api/uploads/{told['upload']}")
    assert shown.headers["content-type"] == "image/jpeg"
    assert b"script" not in shown.content
    assert np.abs(pixels(shown) - np.asarray(Image.open(indexed / "china.jpg"), np.int64)).mean() < 4
    assert client.get(f"/api/uploads/{'0' * 32}").status_code == 404


def test_texts_need_a_collection_that_is_indexed_by_meaning(client):
    for asked in ({"text": "a red bicycle"}, {"text": ["snow", "trees"], "minus_text": "people"}):
        refused = client.get(f"{C}/search", params=asked)
        assert (refused.status_code, "meaning" in refused.json()["error"]) == (422, True)
    refused = client.get(f"{C}/search", params={"text": "snow", "by": "colour"})
    assert (refused.status_code, "takes no texts" in refused.text) == (422, True)
    assert client.get(f"{C}/search", params={"text": ["snow"] * 9}).status_code == 422
    assert client.get(f"{C}/search", params={"text": " "}).status_code == 422


def test_search_by_upload_finds_the_original_and_says_why(client, indexed):
    upload = send(client, crop(indexed)).json()["upload"]
    asked = {"upload": upload, "k": 3}
    answer = client.get(f"{C}/search", params=asked).json()
    first = answer["hits"][0]
    assert (answer["verdict"], answer["total"], len(answer["hits"])) == ("found", 13, 3)
    assert (first["path"], first["alike"], first["rank"]) == ("china.jpg", True, 1)
    assert (first["width"], first["height"]) == (640, 427)
    assert answer["query"] == {
        "upload": upload, "id": None, "words": "", "where": "", "by": None, "k": 3, "box": None, "colours": {},
        "histogram": None, "fuse": "reciprocal", "like": [], "unlike": [], "text": [], "minus_text": [],
    }  # fmt: skip
    assert [hit["labels"] for hit in answer["hits"]] == [[], [], []]
    assert set(answer["seconds"]) == {"decode", "search"}
    reason = client.get(f"{C}/explain", params={**asked, "hit": first["id"]}).json()
    assert reason["alike"] is True
    assert len(reason["query_points"]) == len(reason["hit_points"]) > 5
    mapped = np.c_[reason["query_points"], np.ones(len(reason["query_points"]))] @ np.array(reason["homography"]).T
    assert np.abs(mapped[:, :2] / mapped[:, 2:] - reason["hit_points"]).max() < 0.05
    corner = np.array(reason["homography"]) @ [0, 0, 1]
    assert corner[:2] / corner[2] == pytest.approx([64 / 640, 42 / 427], abs=0.02)


def test_a_box_is_asked_with_in_full_pixels_and_explained_on_the_whole(client, indexed):
    upload = send(client, china(indexed)).json()["upload"]
    asked = {"upload": upload, "box": "64,42,576,384", "k": 2}
    first = client.get(f"{C}/search", params=asked).json()["hits"][0]
    assert (first["path"], first["alike"]) == ("china.jpg", True)
    reason = client.get(f"{C}/explain", params={**asked, "hit": first["id"]}).json()
    assert np.abs(np.array(reason["query_points"]) - reason["hit_points"]).max() < 0.05  # the same image
    assert np.array(reason["homography"]) / reason["homography"][2][2] == pytest.approx(np.eye(3), abs=0.05)


def written_over(folder):
    """A copy of china.jpg with a black bar in its sky."""
    image = Image.open(folder / "china.jpg").convert("RGB")
    image.paste((0, 0, 0), (320, 213, 448, 256))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_a_changed_area_is_said_in_units_of_both_images(client, indexed):
    upload = send(client, written_over(indexed)).json()["upload"]
    bar = pytest.approx([0.5, 0.5, 0.7, 0.6], abs=0.06)
    asked = {"upload": upload, "k": 2}
    first = client.get(f"{C}/search", params=asked).json()["hits"][0]
    assert (first["path"], first["verdict"]) == ("china.jpg", "edited copy")
    [change] = first["changes"]
    assert (change["query_box"], change["hit_box"]) == (bar, bar)
    assert change["share"] == pytest.approx(0.03, abs=0.02)
    asked |= {"box": "64,43,576,384"}  # a tenth less at each side
    first = client.get(f"{C}/search", params=asked).json()["hits"][0]
    assert first["changes"][0]["query_box"] == pytest.approx([0.5, 0.5, 0.75, 0.62], abs=0.08)
    [change] = client.get(f"{C}/explain", params={**asked, "hit": first["id"]}).json()["changes"]
    assert (change["query_box"], change["hit_box"]) == (bar, bar)


def test_the_same_file_and_the_same_pixels_are_said(client, indexed):
    upload = send(client, china(indexed)).json()["upload"]
    first = client.get(f"{C}/search", params={"upload": upload, "k": 1}).json()["hits"][0]
    assert (first["path"], first["verdict"]) == ("china.jpg", "identical file")
    out = io.BytesIO()
    Image.open(indexed / "coffee.png").convert("RGB").save(out, "BMP")
    upload = send(client, out.getvalue()).json()["upload"]
    first = client.get(f"{C}/search", params={"upload": upload, "k": 1}).json()["hits"][0]
    assert (first["path"], first["verdict"]) == ("coffee.png", "identical image")


def test_where_nothing_is_alike_another_sense_is_named(client):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    asked = {"upload": send(client, out.getvalue()).json()["upload"]}
    answer = client.get(f"{C}/search", params=asked).json()
    assert answer["verdict"] == "nothing like it here"
    assert (answer["hint"]["sense"], answer["hint"]["looks_for"]) == ("object", "parts and other views")
    assert "--by object" in answer["hint"]["command"]
    assert client.get(f"{C}/search", params={**asked, "by": "colour"}).json()["hint"] is None


def test_search_by_id(client, names):
    asked = names["china.jpg"]["id"]
    answer = client.get(f"{C}/search", params={"id": asked, "by": "colour"}).json()
    assert answer["hits"][0]["id"] == asked
    boxed = client.get(f"{C}/search", params={"id": asked, "box": "100,100,500,400"}).json()
    assert boxed["hits"][0]["id"] == asked


def test_several_senses_are_fused_as_the_library_does(client, indexed, names):
    import nearsight as ns

    asked = names["china.jpg"]["id"]
    answer = client.get(f"{C}/search", params={"id": asked, "by": ["copy", "colour"], "fuse": "scores"}).json()
    with ns.open(indexed) as photos:
        expected = photos.search(like=asked, by=["copy", "colour"], fuse="scores")
    assert [hit["id"] for hit in answer["hits"]] == [hit.id for hit in expected]
    assert (answer["query"]["by"], answer["query"]["fuse"]) == ("copy,colour", "scores")
    assert {hit["metric"] for hit in answer["hits"]} == {"scores"}
    wrong = client.get(f"{C}/search", params={"id": asked, "by": ["copy", "scene"]})
    assert wrong.status_code == 422


def test_marks_are_those_of_the_library(client, indexed, names):
    import nearsight as ns

    asked, liked, unliked = (names[name]["id"] for name in ("china.jpg", "coffee.png", "flower.jpg"))
    params = {"id": asked, "by": "colour", "like": str(liked), "unlike": f"{unliked},"}
    answer = client.get(f"{C}/search", params=params).json()
    with ns.open(indexed) as photos:
        expected = photos.search(like=[asked, liked], unlike=[unliked], by="colour")
    assert [hit["id"] for hit in answer["hits"]] == [hit.id for hit in expected]
    assert unliked not in {hit["id"] for hit in answer["hits"]}
    assert (answer["query"]["like"], answer["query"]["unlike"]) == ([liked], [unliked])


@pytest.mark.parametrize(
    "asked", ["words=x&unlike=1", "colours=c33&like=one", "colours=c33&unlike=9999", "colours=c33&fuse=average"]
)
def test_marks_and_fusions_that_cannot_be_are_said(client, asked):
    told = client.get(f"{C}/search?{asked}")
    assert told.status_code == 422, told.text
    assert told.json()["error"]


def test_a_similar_image_alone_is_the_query(client, names):
    asked = names["china.jpg"]["id"]
    answers = [client.get(f"{C}/search?words=jpg&{way}={asked}").json()["hits"] for way in ("like", "id")]
    assert [hit["path"] for hit in answers[0]] == [hit["path"] for hit in answers[1]]
    assert answers[0][0]["path"] == "china.jpg"
    assert all(hit["path"].endswith("jpg") for hit in answers[0])


def test_search_by_a_histogram(client, indexed):
    import nearsight as ns

    row = ns.describe([indexed / "china.jpg"], "colour_histogram")[0]
    said = ",".join(f"{value:.5g}" for value in row)
    answer = client.get(f"{C}/search", params={"histogram": said, "k": 3}).json()
    assert (answer["hits"][0]["path"], answer["hits"][0]["metric"]) == ("china.jpg", "jensen_shannon")
    assert len(answer["query"]["histogram"]) == 256
    for wrong in ("1,2,3", "a,b", "1,nan", ",".join(["0"] * 256), ",".join(["-1"] * 256)):
        assert client.get(f"{C}/search", params={"histogram": wrong}).status_code == 422
    assert client.get(f"{C}/search", params={"histogram": said, "by": "copy"}).status_code == 422


def test_search_by_colours(client):
    answer = client.get(f"{C}/search", params={"colours": "000:.9,fff:.1", "k": 3}).json()
    assert "colour_histogram" in answer["recipe"]
    assert answer["query"]["colours"] == {"#000": 0.9, "#fff": 0.1}
    assert answer["hits"][0]["path"] == "hubble_deep_field.jpg"
    assert client.get(f"{C}/search", params={"colours": "c33", "by": "copy"}).status_code == 422
    assert client.get(f"{C}/search", params={"colours": "c33", "id": 1}).status_code == 422


def flag(width, height):
    """The left third red, the rest white, with one black pixel in the middle of the white."""
    image = np.full((height, width, 3), 255, np.uint8)
    image[:, : width // 3] = (200, 30, 30)
    image[height // 2, width * 2 // 3] = 0
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


def rgb(colour):
    return np.frombuffer(bytes.fromhex(colour[1:]), np.uint8).astype(int)


def test_colours_of_an_upload_are_those_of_the_library(client):
    import nearsight as ns

    data = flag(60, 40)
    place = f"/api/uploads/{send(client, data).json()['upload']}/colours"
    for points in ([(5, 5)], [(40, 20)], [(0, 0), (59, 39), (41, 21), (5, 30)]):
        told = client.get(place, params={"at": [f"{x},{y}" for x, y in points]}).json()["colours"]
        assert list(told.items()) == list(ns.colours(data, points).items())
    assert client.get(place, params={"at": "40,20"}).json() == {"colours": {"#f5f5f5": 1.0}}
    assert client.get(place, params={"count": 2}).json()["colours"] == ns.colours(data, n_colours=2)
    assert client.get(place).json()["colours"] == ns.colours(data)
    asked = {"colours": ",".join(f"{colour[1:]}:{share}" for colour, share in ns.colours(data).items())}
    assert client.get(f"{C}/search", params=asked).status_code == 200


def test_points_are_pixels_of_the_full_image(client):
    place = f"/api/uploads/{send(client, flag(6000, 900)).json()['upload']}/colours"
    for point, wanted in (("1980,890", (200, 30, 30)), ("2020,10", (255,) * 3), ("5999,899", (255,) * 3)):
        (told,) = client.get(place, params={"at": point}).json()["colours"]
        assert np.abs(rgb(told) - wanted).max() <= 4
    refused = client.get(place, params={"at": "6000,10"})
    assert (refused.status_code, "6000 x 900 pixels; got 6000,10" in refused.json()["error"]) == (422, True)


def test_colours_of_an_image_of_the_collection(client, indexed, names):
    import nearsight as ns

    for name in ("china.jpg", "sub/astronaut.png"):
        place = names[name]["image"].partition("?")[0] + "/colours"
        (told,) = client.get(place, params={"at": "200,100"}).json()["colours"]
        (wanted,) = ns.colours(indexed / name, [(200, 100)])
        assert np.abs(rgb(told) - rgb(wanted)).max() <= 4
        main = client.get(place, params={"count": 5}).json()["colours"]
        assert sum(main.values()) == pytest.approx(1)
        assert list(main.values()) == pytest.approx(list(ns.colours(indexed / name).values()), abs=0.05)


HOSTILE = "<img src=x onerror=alert(1)> & </script><b>storm</b>"


def test_hits_tell_what_sidecars_say(folder):
    import json

    import nearsight as ns

    said = {"china.jpg": {"captions": ["A temple.", "Two roofs."], "tags": ["storm & rain", "gold"]}}
    said |= {"sub/brick.png": {"caption": HOSTILE}}
    (folder / "captions.json").write_text(json.dumps(said))
    (folder / "china.xmp").write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<r:Description xmlns:d="http://purl.org/dc/elements/1.1/"><d:subject><r:Bag><r:li>gold</r:li>'
        "<r:li>roof</r:li></r:Bag></d:subject></r:Description></r:RDF></x:xmpmeta>"
    )
    ns.index(folder).close()
    with serving(folder) as (client, _):
        hits = client.get(f"{C}/search", params={"words": "storm"}).json()["hits"]
        told = {each["path"]: (each["caption"], each["tags"]) for each in hits}
        assert told == {
            "china.jpg": ("A temple.\nTwo roofs.", ["storm & rain", "gold", "roof"]),
            "sub/brick.png": (HOSTILE, []),
        }
        (hit,) = client.get(f"{C}/search", params={"where": "name = 'coffee.png'"}).json()["hits"]
        assert (hit["caption"], hit["tags"]) == ("", [])


@pytest.mark.parametrize("by", ["", "words"])
def test_search_by_words(client, by):
    answer = client.get(f"{C}/search", params={"words": "astro", "by": by}).json()
    assert (answer["recipe"], [each["path"] for each in answer["hits"]]) == ("words", ["sub/astronaut.png"])
    hit = answer["hits"][0]["id"]
    assert "astro" in client.get(f"{C}/explain", params={"words": "astro", "hit": hit}).json()["sentence"]
    among = client.get(f"{C}/search", params={"words": "sub", "id": 5, "by": "colour"}).json()
    assert {each["path"] for each in among["hits"]} == {"sub/astronaut.png", "sub/brick.png"}


def test_the_map_is_that_of_the_library(client, indexed):
    import nearsight as ns

    answer = client.get(f"{C}/map", params={"by": "colour"}).json()
    with ns.open(indexed) as photos:
        found = photos.map("colour")
    assert {name: answer[name] for name in found.summary()} == found.summary()
    assert (answer["total"], [each["id"] for each in answer["images"]]) == (13, found.ids.tolist())
    assert [each["path"] for each in answer["images"]] == list(found.paths)
    assert np.array([(each["x"], each["y"]) for each in answer["images"]]) == pytest.approx(found.positions)
    first = answer["images"][0]
    with Image.open(indexed / first["path"]) as opened:
        assert opened.size == (first["width"], first["height"])
    assert max(pixels(client.get(first["thumbnail"])).shape) == 256


def test_a_map_is_filtered_cut_and_made_once(client, service, monkeypatch):
    from nearsight.api.collection import Collection

    some = client.get(f"{C}/map", params={"where": "folder like 'sub%'", "limit": 1}).json()
    assert (some["total"], len(some["images"]), some["metric"]) == (2, 1, "l2")
    assert client.get(f"{C}/map", params={"where": "width > 99999"}).json()["images"] == []
    monkeypatch.setattr(Collection, "map", None)
    again = client.get(f"{C}/map", params={"where": "folder like 'sub%'"}).json()
    assert {each["path"] for each in again["images"]} == {"sub/astronaut.png", "sub/brick.png"}


@pytest.mark.parametrize("asked", [{"by": "scene"}, {"by": "words"}, {"where": "width >"}, {"limit": 20_001}])
def test_a_map_that_cannot_be_made_is_said(client, asked):
    told = client.get(f"{C}/map", params=asked)
    assert told.status_code == 422
    assert told.json()["hint"]


def test_thumbnail_and_image_with_etags(client, names):
    hit = names["sub/astronaut.png"]
    for place, side in ((hit["thumbnail"], 256), (hit["image"], 512)):
        first = client.get(place)
        assert (first.status_code, first.headers["content-type"]) == (200, "image/jpeg")
        assert max(pixels(first).shape) == side
        assert "immutable" in first.headers["cache-control"]
        mark = first.headers["etag"]
        assert mark.startswith('"')
        again = client.get(place, headers={"If-None-Match": mark})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", mark)
        assert client.get(place, headers={"If-None-Match": '"other"'}).status_code == 200
        assert client.get(place.partition("?")[0]).headers["cache-control"] == "private, no-cache"
        for other in ("", "0", "0" * 12, place.partition("?v=")[2][:2]):
            former = client.get(place.partition("?")[0], params={"v": other})
            assert (former.status_code, former.headers["cache-control"]) == (200, "private, no-cache")


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("letter.jpg", "letter.jpg"),
        ("C:\\Users\\me\\letter.jpg", "letter.jpg"),
        ("/home/me/letter\x1b[31m.jpg", "letter [31m.jpg"),
        ("a" * 300, "a" * 100),
        ("blob", "the query image"),
        ("/", "the query image"),
    ],
)
def test_an_upload_that_is_no_image_is_called_by_its_name(client, name, called):
    told = send(client, b"Dear Sir", name)
    assert (told.status_code, told.json()["reason"]) == (422, "not-an-image")
    assert told.json()["error"].startswith(f"{called}: this is not an image (")


def test_a_cut_upload_and_a_cut_image_are_said_in_plain_words(folder):
    path = folder / "china.jpg"
    with serving(folder) as (client, _):
        ident = client.get(f"{C}/search", params={"where": "name = 'china.jpg'"}).json()["hits"][0]["id"]
        path.write_bytes(path.read_bytes()[:5000])
        said = "china.jpg: the image is cut short: its end is missing"
        for told in (send(client, path.read_bytes(), "china.jpg"), client.get(f"{C}/images/{ident}")):
            assert (told.status_code, told.json()["error"], told.json()["reason"]) == (422, said, "truncated")


def test_an_image_whose_file_is_gone(folder):
    with serving(folder) as (client, _):
        hit = client.get(f"{C}/search", params={"id": 3, "k": 1}).json()["hits"][0]
        (folder / hit["path"]).unlink()
        told = client.get(hit["image"])
        assert told.status_code == 410
        assert "is gone" in told.json()["error"]
        assert client.get(hit["thumbnail"]).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/collections/none", 404),
        ("/api/none", 404),
        ("/api/", 404),
        (f"{C}/search", 422),
        (f"{C}/search?id=0", 422),
        (f"{C}/search?id=99999", 404),
        (f"{C}/search?id=9223372036854775808", 422),
        (f"{C}/search?id=1&k=0", 422),
        (f"{C}/search?id=1&by=smell", 422),
        (f"{C}/search?id=1&by=scene", 422),
        (f"{C}/search?id=1&by=%ff%00", 422),
        (f"{C}/search?id=1&upload={'0' * 32}", 422),
        (f"{C}/search?upload={'0' * 32}", 404),
        (f"{C}/search?upload=../../etc/passwd", 422),
        (f"{C}/search?id=1&box=1,2,3", 422),
        (f"{C}/search?id=1&box=nan,0,5,5", 422),
        (f"{C}/search?id=1&box=5,5,1,1", 422),
        (f"{C}/search?id=1&box=0,0,1e9,1e9", 422),
        (f"{C}/search?box=0,0,1,1&words=a", 422),
        (f"{C}/search?id=1&by=words", 422),
        (f"{C}/search?words=%2a%22%00", 422),
        (f"{C}/search?colours=blue", 422),
        (f"{C}/search?colours=c33:-1", 422),
        (f"{C}/search?colours=c33:inf", 422),
        (f"{C}/explain?id=1&k=1&hit=99999", 404),
        (f"{C}/images/99999", 404),
        (f"{C}/images/99999/thumbnail", 404),
        (f"{C}/images/x/thumbnail", 422),
        (f"{C}/images/99999/colours", 404),
        (f"{C}/images/1/colours?count=0", 422),
        (f"{C}/images/1/colours?at=1", 422),
        (f"{C}/images/1/colours?at=1,2,3", 422),
        (f"{C}/images/1/colours?at=a,b", 422),
        (f"{C}/images/1/colours?at=nan,1", 422),
        (f"{C}/images/1/colours?at=-1,1", 422),
        (f"{C}/images/1/colours?{'&'.join(['at=1,1'] * 65)}", 422),
        (f"/api/uploads/{'0' * 32}/colours", 404),
        ("/api/uploads/x/colours", 422),
        ("/api/jobs/none", 404),
        ("/api/jobs/none/events", 404),
    ],
)
def test_what_cannot_be_served_is_said(client, path, status):
    told = client.get(path)
    assert told.status_code == status, told.text
    assert told.json()["error"]
    assert told.json()["hint"]


def test_the_scale_of_a_box():
    from nearsight.server.params import scale_box_param

    assert scale_box_param((400, 300, 800, 600), (4000, 3000), (2048, 1536)) == pytest.approx(
        (204.8, 153.6, 409.6, 307.2)
    )


def test_several_folders_have_names_of_their_own(indexed, tmp_path):
    import shutil

    from nearsight.server.collections import make_slugs

    homes = [tmp_path / place / "Fotos Ü" / ".nearsight" for place in "ab"]
    assert len(set(make_slugs(homes))) == 2
    assert make_slugs(homes)[0] == make_slugs([homes[1], homes[0]])[1]
    assert make_slugs([homes[0]]) == ["fotos"]
    other = shutil.copytree(indexed, tmp_path / "Other")
    with serving(indexed, other) as (client, _):
        assert [each["id"] for each in client.get("/api/collections").json()] == ["my-photos", "other"]
        assert client.get("/api/collections/other/search", params={"id": 1}).json()["total"] == 13


def test_a_damaged_collection_is_503_and_the_others_go_on(folder, indexed, tmp_path):
    import shutil

    from nearsight.api.indexing import repair

    other = shutil.copytree(indexed, tmp_path / "Other")
    for segment in (folder / ".nearsight" / "segments").glob("*.seg"):
        data = bytearray(segment.read_bytes())
        data[len(data) // 2] ^= 255
        segment.write_bytes(data)
    with serving(folder, other) as (client, _):
        told = client.get(f"{C}/search", params={"id": 1})
        assert told.status_code == 503, told.text
        assert "repair" in told.json()["error"] + told.json()["hint"]
        assert str(folder) not in told.text
        assert client.get("/api/collections/other/search", params={"id": 1}).status_code == 200
        repair(folder)
        assert client.get(f"{C}/search", params={"id": 3}).status_code in (200, 404)
        (folder / ".nearsight" / "catalogue.sqlite").write_bytes(b"nothing" * 1000)
    with serving(folder, other) as (client, _):
        rows = client.get("/api/collections").json()
        assert rows[0]["problem"]
        assert not rows[1]["problem"]
        assert client.get(C).status_code == 503


def test_the_page_or_a_line_instead(indexed, tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<p>the page")
    (tmp_path / "assets" / "main-1a.js").write_text("1")
    with serving(indexed, static=tmp_path) as (client, _):
        assert client.get("/").text == client.get("/some/view").text == "<p>the page"
        assert client.head("/").status_code == 200
        script = client.get("/assets/main-1a.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert "immutable" in script.headers["cache-control"]
        again = client.get("/assets/main-1a.js", headers={"If-None-Match": script.headers["etag"]})
        assert again.status_code == 304
        assert client.get("/assets/none.js").status_code == 404
    with serving(indexed, static=tmp_path / "none") as (client, _):
        assert "not built" in client.get("/").text


def test_openapi_has_examples_and_no_page_from_elsewhere(client):
    told = client.get("/api/openapi.json").json()
    assert told["components"]["schemas"]["UploadResponse"]["example"]["width"] == 4000
    assert {"/api/uploads", "/api/collections/{collection}/search"} <= set(told["paths"])
    assert client.get("/api/docs").status_code == 404
