"""The search base of two files: written, read back, searched; smaller than one file; damage is noticed."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

import nearsight as ns
from nearsight.applications.two_file_index import TwoFileIndex, two_file_paths
from nearsight.errors import DamagedError, FormatError, UsageError
from nearsight.indexes.flat import Flat
from tests.command import nearsight


@pytest.fixture
def photos(tmp_path, random_image):
    folder = tmp_path / "a collection of images"
    for number in range(24):
        place = folder / ("" if number < 3 else f"a rather long name of a folder {number % 3}/and another in it")
        place.mkdir(parents=True, exist_ok=True)
        name = b"odd \xff\n.jpg" if number == 7 else f"{number:02}.jpg".encode()
        random_image(place / os.fsdecode(name), number)
    with ns.index(folder, recipe=["phash | flat", "gist | flat"]) as opened:
        yield opened


@pytest.mark.parametrize("recipe", ["phash | flat", "gist | flat"])
def test_it_answers_as_the_collection(photos, tmp_path, recipe):
    sizes = photos.export_two_file(tmp_path / "base", recipe=recipe)
    opened = TwoFileIndex(tmp_path / "base")
    assert [os.fsencode(each) for each in opened.paths] == [image.path for image in photos.images()]
    assert [path.stat().st_size for path in two_file_paths(tmp_path / "base")] == [sizes.paths, sizes.hashes]
    for image in list(photos.images())[::5]:
        path = os.path.join(os.fsencode(photos.root), image.path)
        found = opened.search(os.fsdecode(path), k=24)
        hits = photos.search(os.fsdecode(path), recipe=recipe, k=24)
        assert found[0].path == os.fsdecode(image.path)
        assert sorted((each.distance, each.path) for each in found) == sorted((hit.distance, hit.path) for hit in hits)


def test_it_is_smaller_than_one_file(photos, tmp_path):
    sizes = photos.export_two_file(tmp_path / "base", recipe="phash | flat")
    whole = sum(4 + len(image.path) + 8 for image in photos.images())
    head = two_file_paths(tmp_path / "base")[1].read_bytes().index(b"\n") + 1
    assert sizes.one_file == head + whole
    assert sizes.paths + sizes.hashes < sizes.one_file


@pytest.mark.parametrize("which", [0, 1])
def test_damage_and_other_files_are_noticed(photos, tmp_path, which):
    photos.export_two_file(tmp_path / "base", recipe="phash | flat")
    path = two_file_paths(tmp_path / "base")[which]
    sound = path.read_bytes()
    rng = np.random.default_rng(which)
    start = sound.index(b"\n") + 1
    for at in rng.integers(start, len(sound), 40).tolist():
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 16]) + sound[at + 1 :])
        with pytest.raises(DamagedError):
            TwoFileIndex(tmp_path / "base")
    path.write_bytes(sound[:-3])
    with pytest.raises(DamagedError):
        TwoFileIndex(tmp_path / "base")
    path.write_bytes(sound.replace(b'"version": 1', b'"version": 9', 1))
    with pytest.raises(FormatError, match="update nearsight"):
        TwoFileIndex(tmp_path / "base")
    path.write_bytes(b"something else")
    with pytest.raises(FormatError, match="no file of"):
        TwoFileIndex(tmp_path / "base")
    path.unlink()
    with pytest.raises(UsageError, match="export --format two-file"):
        TwoFileIndex(tmp_path / "base")


@pytest.mark.parametrize(("which", "field"), [(0, "folders"), (1, "pictures"), (1, "recipe"), (1, "key")])
def test_a_first_line_that_lacks_something_says_what(photos, tmp_path, which, field):
    photos.export_two_file(tmp_path / "base", recipe="phash | flat")
    path = two_file_paths(tmp_path / "base")[which]
    line, _, body = path.read_bytes().partition(b"\n")
    for name in ("version", "crc", field):
        for changed in ({}, {name: [1]}):
            header = {key: value for key, value in json.loads(line).items() if key != name} | changed
            path.write_bytes(json.dumps(header).encode() + b"\n" + body)
            with pytest.raises(FormatError, match=f"first line lacks {name}; export it again"):
                TwoFileIndex(tmp_path / "base")
    if field in ("folders", "pictures"):
        path.write_bytes(json.dumps(json.loads(line) | {field: 1000}).encode() + b"\n" + body)
        with pytest.raises(DamagedError, match="export"):
            TwoFileIndex(tmp_path / "base")


def test_the_index_is_built_once(photos, tmp_path, monkeypatch):
    photos.export_two_file(tmp_path / "base", recipe="phash | flat")
    built, original = [], Flat.empty
    monkeypatch.setattr(Flat, "empty", lambda self, metric: built.append(metric) or original(self, metric))
    opened = TwoFileIndex(tmp_path / "base")
    for _ in range(2):
        assert opened.search(photos.root / "01.jpg", k=1)[0].path == "01.jpg"
    assert len(built) == 1


def test_the_commands(photos, tmp_path):
    done = nearsight(
        "export", "--in", photos.root, "--format", "two-file", "--recipe", "phash", "--out", tmp_path / "b"
    )
    assert done.returncode == 0, done.stderr
    assert "one file with full paths would take" in done.stdout
    done = nearsight("search", photos.root / "01.jpg", "--two-file", tmp_path / "b", "-k", "3", "--json")
    assert json.loads(done.stdout)["hits"][0]["path"] == "01.jpg"
    assert "01.jpg" in nearsight("search", photos.root / "01.jpg", "--two-file", tmp_path / "b").stdout
    assert nearsight("export", "--in", photos.root, "--format", "two-file").returncode == 2
    assert nearsight("search", "--two-file", tmp_path / "b").returncode == 2
