"""Every command as its user runs it: output, JSON, exit codes, the page."""

from __future__ import annotations

import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from nearsight.cli import demo
from nearsight.cli.main import load_app
from nearsight.search.results import SUMMARY_FIELDS
from nearsight.senses import COMPARING, SENSES
from tests.command import nearsight
from tests.images.hostile import saved

COMMANDS = (
    "index",
    "train",
    "search",
    "info",
    "verify",
    "repair",
    "remove",
    "recipes",
    "describe",
    "match",
    "duplicates",
    "check",
    "colours",
    "export",
    "demo",
    "models",
    "annotate",
    "serve",
    "evaluate",
    "compare",
    "map",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from tests.conftest import PHOTOGRAPHS

    made = tmp_path_factory.mktemp("cli") / "images"
    made.mkdir()
    from importlib.resources import files

    for package, name in PHOTOGRAPHS[3:8]:
        (made / name).write_bytes(files(package).joinpath(name).read_bytes())
    (made / "notes.txt").write_text("no image")
    assert nearsight("index", made).returncode == 0
    return made


@pytest.fixture(scope="module")
def crop(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("query") / "crop.jpg"
    with Image.open(folder / "coffee.png") as image:
        image.convert("RGB").crop((60, 40, 560, 380)).save(path, quality=60)
    return path


def test_help_lists_every_command_and_each_ends_with_an_example():
    listed = nearsight("--help").stdout
    for command in COMMANDS:
        assert re.search(rf"^\s+{command}\s", listed, re.M)
        assert "Example: nearsight" in helped(command)
    for inner in ("list", "get", "add", "verify"):
        assert f"Example: nearsight models {inner}" in helped("models", inner)


def helped(*command):
    """The help of a command, printed by this process."""
    return CliRunner().invoke(load_app(), [*command, "--help"], env={"COLUMNS": "160"}).stdout


def test_index_tells_what_it_did(folder):
    done = nearsight("index", folder)
    assert done.returncode == 0
    assert "5 unchanged" in done.stdout
    assert "skipped 1 file:\n       1  notes.txt: this is not an image (" in done.stdout
    assert "searchable by copy, colour" in done.stdout
    found = json.loads(nearsight("index", folder, "--json").stdout)
    assert (found["images"], found["skipped"], found["unchanged"]) == (5, {"not-an-image": 1}, 5)


def test_index_drops_recipes_and_says_how_much_that_freed(tmp_path, random_image, here):
    made = tmp_path / "images"
    made.mkdir()
    for number in range(3):
        random_image(made / f"{number}.jpg", number)
    assert nearsight("index", made, "--by", "copy,colour", "--recipe", "phash | flat").returncode == 0

    def stored():
        return sum(path.stat().st_size for path in (made / ".nearsight" / "segments").iterdir())

    before = stored()
    done = nearsight("index", made, "--drop", "colour")
    assert f"dropped colour: {before - stored():,} bytes freed\n" in done.stdout
    assert "searchable by copy, phash | flat, part\n" in done.stdout
    before = stored()
    found = json.loads(nearsight("index", made, "--drop", "phash|flat", "--json").stdout)
    assert found["dropped"] == {"recipes": ["phash | flat"], "bytes": before - stored()}
    assert found["dropped"]["bytes"] > 0
    assert (list(found["recipes"]), found["unusable"]) == (["copy", "part"], {})
    assert json.loads(nearsight("index", made, "--json").stdout)["dropped"] == {"recipes": [], "bytes": 0}
    for drop, said in (("copy", "keeps one recipe at least"), ("colour", "is indexed by copy")):
        done = nearsight("index", made, "--drop", drop)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    verified = json.loads(nearsight("verify", "--in", made, "--json").stdout)
    assert verified == {"clean": True, "problems": [], "unusable": {}}


def test_search_by_several_senses_and_with_marks(folder, crop):
    done = nearsight("search", crop, "--in", folder, "--by", "copy,", "--by", " colour", "--fuse", "scores", "--json")
    found = json.loads(done.stdout)
    assert (found["query"]["by"], found["hits"][0]["metric"]) == ("copy,colour", "scores")
    assert found["hits"][0]["path"].endswith("coffee.png")
    second, third = (hit for hit in found["hits"][1:3])
    marks = ("--like", second["path"], "--unlike", str(third["id"]))
    marked = json.loads(nearsight("search", crop, "--in", folder, "--by", "colour", *marks, "--json").stdout)
    assert third["id"] not in {hit["id"] for hit in marked["hits"]}
    assert (marked["query"]["like"], marked["query"]["unlike"]) == ([second["path"]], [third["id"]])
    wrong = nearsight("search", crop, "--in", folder, "--by", "copy,colour", "--fuse", "both")
    assert (wrong.returncode, "reciprocal or scores" in wrong.stderr) == (2, True)


def test_search_prints_a_table_and_json(folder, crop):
    done = nearsight("search", crop, "--in", folder)
    assert done.returncode == 0
    first = done.stdout.split("\n")[1]
    assert "coffee.png" in first
    assert "part" in first
    assert "the query is 71 % of this image" in done.stdout
    found = json.loads(nearsight("search", crop, "--in", folder, "--json", "-k", "3").stdout)
    assert set(found) == {"query", "recipe", "verdict", "hint", "hits"}
    assert found["verdict"] == "found"
    assert found["recipe"].startswith("gist(")
    assert len(found["hits"]) == 3
    of_the_hit = {"rank", "score", "distance", "metric", "verdict", "alike", "why", "changes", "labels"}
    assert set(found["hits"][0]) == of_the_hit | set(SUMMARY_FIELDS)
    assert found["hits"][0]["format"] == "PNG"
    assert (found["hits"][0]["path"], found["hits"][0]["verdict"]) == ("coffee.png", "part")


def test_words_that_no_image_holds_are_no_match_without_an_empty_table(folder):
    done = nearsight("search", "--words", "nowhere", "--in", folder)
    assert (done.returncode, done.stdout) == (1, 'no image holds the words "nowhere"; 5 images searched\n')
    found = json.loads(nearsight("search", "--words", "nowhere", "--in", folder, "--json").stdout)
    assert (found["verdict"], found["hits"]) == ("no image matches", [])


def test_in_defaults_to_the_collection_that_holds_the_current_folder(folder, crop):
    below = folder / "below"
    below.mkdir(exist_ok=True)
    done = nearsight("search", crop, "--by", "colour", "--json", cwd=below)
    assert json.loads(done.stdout)["hits"][0]["path"] == "coffee.png"


def test_colours_and_words_ask_without_an_image(folder, tmp_path):
    page = tmp_path / "page.html"
    found = json.loads(nearsight("search", "--words", "cof", "--in", folder, "--json", "--html", page).stdout)
    assert [hit["path"] for hit in found["hits"]] == ["coffee.png"]
    assert "coffee.png" in page.read_text("utf8")
    assert "<h1>Images with cof</h1>" in page.read_text("utf8")
    asked = ("search", "--colour", "#a02a13:.6,200803:.9", "--in", folder, "--json", "--html", page)
    found = json.loads(nearsight(*asked).stdout)
    assert found["hits"][0]["path"] == "coffee.png"
    assert "background: rgb(160, 42, 19); width: 40.00%" in page.read_text("utf8")
    assert nearsight("search", "--colour", "red", "--in", folder).returncode == 2
    assert nearsight("search", "--in", folder).returncode == 2


def test_nothing_found_is_exit_code_one(folder, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)).save(tmp_path / "noise.png")
    done = nearsight("search", tmp_path / "noise.png", "--in", folder)
    assert done.returncode == 1
    assert "nothing like it here" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("search", "{crop}", "--in", "{empty}"), 2, "nearsight index"),
        (("search", "{empty}/no.jpg", "--in", "{folder}"), 2, "nearsight: {empty}/no.jpg: no such file\n"),
        (
            ("search", "{folder}/notes.txt", "--in", "{folder}"),
            2,
            "{folder}/notes.txt: this is not an image (not one of JPEG, PNG, WebP, GIF, BMP, TIFF, HEIF, AVIF, ",
        ),
        (("search", "{folder}", "--in", "{folder}"), 2, "nearsight: {folder}: this is no file (a folder)\n"),
        (("describe", "{crop}", "{empty}/b.jpg", "--recipe", "gist"), 2, "nearsight: {empty}/b.jpg: no such file\n"),
        (("match", "{crop}", "{empty}/b.jpg"), 2, "nearsight: {empty}/b.jpg: no such file\n"),
        (("search", "--sketch", "{empty}/d.png", "--in", "{folder}", "--by", "copy"), 2, "{empty}/d.png: no such file"),
        (
            ("search", "{crop}", "--minus", "{empty}/m.png", "--in", "{folder}", "--by", "colour"),
            2,
            "m.png: no such file",
        ),
        (("search", "{crop}", "--in", "{folder}", "--by", "scene"), 2, "--by scene"),
        (("search", "{crop}", "--in", "{folder}", "--box", "1,2,3"), 2, "x0,y0,x1,y1"),
        (("search", "{crop}", "--in", "{folder}", "--recipe", "gits"), 2, "^^^^"),
        (
            (
                "index",
                "{empty}/nowhere",
            ),
            2,
            "not a folder",
        ),
        (("index", "{empty}", "--by", "color"), 2, 'did you mean "colour"'),
        (("recipes", "gits"), 2, 'did you mean "gist"'),
        (("verify", "--collection", "{empty}"), 2, "no collection"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_two(arguments, code, says, folder, crop, tmp_path):
    given = [each.format(folder=folder, crop=crop, empty=tmp_path) for each in arguments]
    done = nearsight(*given)
    assert done.returncode == code
    assert says.format(folder=folder, crop=crop, empty=tmp_path) in done.stderr
    assert done.stderr.startswith("nearsight: ")


def test_an_image_that_is_cut_short_is_named_as_it_was_typed(folder, tmp_path):
    whole = saved(Image.effect_noise((400, 300), 90).convert("RGB"), "JPEG")
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    done = nearsight("search", "cut.jpg", "--in", folder, cwd=tmp_path)
    assert done.stderr == "nearsight: cut.jpg: the image is cut short: its end is missing\n"


def test_the_page_is_self_contained_and_shows_the_matches(folder, crop, tmp_path):
    page = tmp_path / "page.html"
    assert nearsight("search", crop, "--in", folder, "--html", page).returncode == 0
    text = page.read_text("utf8")
    assert "coffee.png" in text
    assert "with the points that match" in text
    addresses = re.findall(r'(?:src|href)\s*=\s*"([^"]*)"|url\(([^)]*)\)', text)
    assert len(addresses) >= 6
    assert all(src.startswith("data:image/jpeg;base64,") for src, _ in addresses)
    assert "<script" not in text


def test_names_are_inert_on_the_page_and_the_terminal(tmp_path, random_image, here):
    folder = tmp_path / "p"
    folder.mkdir()
    evil = "<img src=x onerror=alert(1)>\x1b[31m.jpg"
    random_image(folder / evil, 1)
    random_image(folder / "b.jpg", 2)
    assert nearsight("index", folder, "--by", "copy").returncode == 0
    done = nearsight("search", folder / evil, "--in", folder, "--html", tmp_path / "page.html")
    assert "\x1b[31m" not in done.stdout
    assert "<img src=x" not in (tmp_path / "page.html").read_text("utf8")
    assert nearsight("map", folder, "--html", tmp_path / "map.html").returncode == 0
    assert "<img src=x" not in (tmp_path / "map.html").read_text("utf8")
    assert "\x1b[31m" not in nearsight("map", folder).stdout


def test_match_draws_and_judges(folder, crop, tmp_path):
    out = tmp_path / "drawn.png"
    done = nearsight("match", crop, folder / "coffee.png", "--out", out)
    assert done.returncode == 0
    assert done.stdout.startswith("part: ")
    with Image.open(out) as drawn:
        assert drawn.width > 800
    done = nearsight("match", crop, folder / "chelsea.png", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdict"] == "not a copy"
    done = nearsight("match", folder / "coffee.png", crop, "--by", "object", "--box", "100,50,500,350", "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["verdict"] == "the same thing"
    assert len(found["a"]) == len(found["b"]) > 15
    assert np.shape(found["homography"]) == (3, 3)


def test_describe_gives_rows(folder, tmp_path):
    rows = tmp_path / "rows.npy"
    assert nearsight("describe", folder / "coffee.png", folder / "moon.png", "--out", rows).returncode == 0
    assert np.load(rows).shape == (2, 960)
    found = json.loads(nearsight("describe", folder / "coffee.png", "--recipe", "phash", "--json").stdout)
    assert len(found[0]["row"]) == 8


def test_remove_says_how_many_and_what_matched_nothing(tmp_path, random_image, here):
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        random_image(folder / f"{number}.jpg", number)
    assert nearsight("index", folder, "--recipe", "tiny | flat").returncode == 0
    done = nearsight("remove", "no.jpg", "none", "--in", folder)
    assert (done.returncode, done.stdout) == (1, "0 images removed: no image matches no.jpg, none\n")
    done = nearsight("remove", "0.jpg", "1.jpg", "--in", folder)
    assert (done.returncode, done.stdout) == (0, "2 images removed; the files are untouched\n")
    done = nearsight("remove", "0.jpg", "--in", folder, "--undo")
    assert (done.returncode, done.stdout) == (0, "1 image restored; included by the next index\n")
    done = nearsight("remove", "2.jpg", "--in", folder, "--undo")
    assert (done.returncode, done.stdout) == (1, "0 images restored: no removed image matches 2.jpg\n")


def test_verify_counts_the_problems_and_names_the_next_step(tmp_path, random_image, here):
    folder = tmp_path / "images"
    folder.mkdir()
    random_image(folder / "a.jpg", 1)
    assert nearsight("index", folder, "--recipe", "tiny | flat").returncode == 0
    assert nearsight("verify", "--in", folder).stdout == "clean\n"
    segment = min((folder / ".nearsight" / "segments").iterdir())
    data = bytearray(segment.read_bytes())
    data[-1] ^= 1
    segment.write_bytes(data)
    done = nearsight("verify", "--in", folder)
    assert (done.returncode, done.stderr) == (3, "1 problem found; run nearsight repair\n")


def test_recipes_lists_every_method_with_its_source():
    rows = {row["name"]: row for row in json.loads(nearsight("recipes", "--json").stdout)}
    assert rows["gist"]["output"] == "960 float32"
    assert rows["gist"]["parameters"][0]["name"] == "orientations"
    assert all(row["source"] for row in rows.values())
    text = nearsight("recipes").stdout
    assert all(name in text for name in rows)
    assert "Examples" in nearsight("recipes", "gist").stdout
    assert "gist | gistis | verify" in nearsight("recipes", "copy").stdout


def test_export_writes_what_is_known(folder):
    rows = list(csv.DictReader(io.StringIO(nearsight("export", "--in", folder).stdout)))
    assert {row["path"] for row in rows} == {p.name for p in folder.iterdir() if p.suffix in (".png", ".jpg")}
    assert all(len(row["sha256"]) == 64 for row in rows)
    skipped = json.loads(nearsight("export", "--in", folder, "--skipped", "--format", "json").stdout)
    assert [(row["path"], row["reason"]) for row in skipped] == [("notes.txt", "not-an-image")]


def test_info_has_what_is_promised(folder):
    found = json.loads(nearsight("info", "--in", folder, "--json").stdout)
    assert (found["images"], found["skipped"]) == (5, {"not-an-image": 1})
    assert set(found["recipes"]) == {"copy", "colour", "part"}
    assert found["bytes"] > 10_000
    assert "5 images" in nearsight("info", "--in", folder).stdout


def test_verify_repair_and_remove(folder):
    assert nearsight("verify", "--in", folder).stdout == "clean\n"
    segment = sorted((folder / ".nearsight" / "segments").iterdir())[0]
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    done = nearsight("verify", "--in", folder, "--json")
    assert done.returncode == 3
    assert not json.loads(done.stdout)["clean"]
    assert nearsight("repair", "--in", folder).returncode == 0
    assert nearsight("verify", "--in", folder).returncode == 0
    assert "1 image removed" in nearsight("remove", "moon.png", "--in", folder).stdout
    assert nearsight("remove", "nothing.png", "--in", folder).returncode == 1
    assert "1 image restored" in nearsight("remove", "moon.png", "--undo", "--in", folder).stdout
    assert nearsight("index", folder).returncode == 0


def test_demo_finds_the_originals_of_some_kinds(tmp_path, monkeypatch, capsys, here):
    some = {package: names[::2] for package, names in demo.PHOTOGRAPHS.items()}
    monkeypatch.setattr(demo, "ATTACKS", ("jpeg20", "mirror"))
    monkeypatch.setattr(demo, "PHOTOGRAPHS", some)
    monkeypatch.setattr(demo, "NEGATIVES", {"skimage.data": ("grass.png", "moon.png")})
    demo.demo_command(tmp_path / "demo", json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["kinds"] == {kind: {"asked": 7, "first": 7, "accepted": 7} for kind in ("jpeg20", "mirror")}
    assert found["false"] == 0
    assert (tmp_path / "demo" / "result.html").stat().st_size > 50_000


@pytest.mark.slow
def test_demo_finds_the_originals(tmp_path):
    done = nearsight("demo", "--folder", tmp_path / "demo", "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    light = ("jpeg20", "half", "crop10", "bright+20", "bright-20")
    asked, first, accepted = (sum(found["kinds"][kind][of] for kind in light) for of in ("asked", "first", "accepted"))
    assert first >= 0.95 * asked
    assert accepted >= 0.9 * asked
    assert found["false"] == 0
    assert (tmp_path / "demo" / "result.html").stat().st_size > 50_000


def test_gps_files_are_exported_as_their_index_says(data, tmp_path):
    home = tmp_path / "home"
    assert nearsight("index", data / "gps", "--collection", home, "--recipe", "tiny | flat").returncode == 0
    rows = {row["path"]: row for row in json.loads(nearsight("export", "--collection", home, "--json").stdout)}
    skips = json.loads(nearsight("export", "--collection", home, "--json", "--skipped").stdout)
    reasons = {row["path"]: row["reason"] for row in skips}
    known = json.loads((data / "gps" / "index.json").read_text())
    heif = [each["file"] for each in known if reasons.get(each["file"]) == "needs-heif-extra"]
    assert len(heif) <= 3
    read = [each for each in known if each["file"] not in heif]
    assert len(read) >= 55
    for each in read:
        assert float(rows[each["file"]]["latitude"]) == pytest.approx(each["lat"], abs=2e-5), each
        assert float(rows[each["file"]]["longitude"]) == pytest.approx(each["lon"], abs=2e-5), each
    for row in rows.values():
        day, model = _said_by_pillow(data / "gps" / row["path"])
        if day is not None:
            assert (row["taken"] or "").replace("-", ":").replace("T", " ") == day, row
        assert (model or "").strip("\0 ") in (row["camera"] or ""), row
    assert sum(bool(row["taken"]) for row in rows.values()) >= 20


def _said_by_pillow(path):
    """Date and model by Pillow itself; None for what this simple reading does not find."""
    try:
        with Image.open(path) as image:
            exif = image.getexif()
            about = exif.get_ifd(0x8769)
    except OSError:
        return None, None
    day = next((each for each in (about.get(36867), about.get(36868)) if each), None)
    usual = isinstance(day, str) and re.fullmatch(r"(19|20)\d\d:\d\d:\d\d \d\d:\d\d:\d\d", day)
    return (day if usual else None), exif.get(272)


@pytest.mark.parametrize("command", ["index", "search", "map", "evaluate", "compare"])
def test_the_help_of_by_lists_every_sense_that_there_is(command):
    told = " ".join(CliRunner().invoke(load_app(), [command, "--help"], env={"COLUMNS": "200"}).output.split())
    assert ", ".join(SENSES) in told


def test_the_help_of_match_lists_what_it_takes():
    told = " ".join(CliRunner().invoke(load_app(), ["match", "--help"], env={"COLUMNS": "200"}).output.split())
    assert "; ".join(f"{sense}: {line}" for sense, line in COMPARING.items()) in told
    assert COMPARING.keys() <= SENSES.keys()
